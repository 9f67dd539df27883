"""Gradescope: the results of one submission, and the autograder that makes them there.

Fields and files follow https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

from course_lib.grading.reports.pages import what_changed
from course_lib.grading.reports.text import clean
from course_lib.grading.results import Record

_LONGEST = 20_000  # characters of a test's output

_SETUP = """#!/usr/bin/env bash
# Installs the course, its grader and the sandbox into the image; Gradescope runs it once, as root.
set -euo pipefail
cd /autograder/source
apt-get update
apt-get install -y --no-install-recommends bubblewrap make python3 python3-venv
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then  # Ubuntu 22.04 has 3.10
  apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi
make setup TORCH=cpu PYTHON="$python"
chmod 600 secret
"""

_RUN = """#!/usr/bin/env bash
# Grades /autograder/submission and writes /autograder/results/results.json; Gradescope runs it for each submission.
cd /autograder
exec source/.venv/bin/python source/run_autograder.py
"""

_RUN_PYTHON = '''"""Grades the one notebook in /autograder/submission; whatever happens, a results.json is written."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path("/autograder")
COURSE = str(Path(sys.executable).with_name("course"))


def main() -> None:
    metadata = json.loads((HERE / "submission_metadata.json").read_text(encoding="utf-8"))
    learner = "-".join(str(user["id"]) for user in metadata["users"])  # hidden inputs follow from it
    notebooks = sorted(path for path in (HERE / "submission").rglob("*.ipynb") if not path.is_symlink())
    if len(notebooks) != 1:
        return fail(f"Hand in one notebook; there are {len(notebooks)}.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "in" / learner
        place.mkdir(parents=True)
        shutil.copyfile(notebooks[0], place / "EXERCISE.ipynb")
        out = Path(folder) / "out"
        graded = [COURSE, "grade", str(place.parent), "--out", str(out), "--quiet"]
        graded += ["--secret", str(HERE / "source" / "secret"), "--solutions", str(HERE / "source" / "solutions")]
        done = subprocess.run(graded, cwd=HERE / "source", check=False)
        report = [COURSE, "report", str(out), "--format", "gradescope", "--to", str(out / "reports")]
        if done.returncode == 0:
            done = subprocess.run(report, cwd=HERE / "source", check=False)
        results = sorted((out / "reports").rglob("*.json"))
        if done.returncode != 0 or len(results) != 1:
            return fail("The autograder failed, through no fault of yours. Your instructor sees why.")
        shutil.copyfile(results[0], HERE / "results" / "results.json")


def fail(reason: str) -> None:
    results = {"score": 0, "output": reason, "output_format": "text", "stdout_visibility": "hidden"}
    (HERE / "results" / "results.json").write_text(json.dumps(results), encoding="utf-8")


main()
'''


def results_json(record: Record) -> str:
    """A record as ``results.json``: a test for each task, and a score that holds late penalties and manual marks."""
    result = record.result
    lines = [line for line in (result.reason, *result.notes) if line]
    for a in record.adjustments:
        lines.append(" ".join(filter(None, (a.task and f"{a.task}:", what_changed(a), a.comment))))
    tests: list[dict[str, Any]] = [
        {
            "name": verdict.task,
            "number": str(number),
            "score": record.points[verdict.task],
            "max_score": verdict.max_points,
            "status": "passed" if verdict.verdict == "right" else "failed",
            "output": clean(verdict.message, _LONGEST),
            "visibility": "visible",
        }
        for number, verdict in enumerate(result.verdicts, 1)
    ]
    results = {
        "score": record.score,
        "execution_time": round(result.seconds, 1),
        "output": clean("\n".join(lines), _LONGEST),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return json.dumps(results, indent=1, allow_nan=False)


def write_autograder(path: Path, root: Path, secret: bytes, exercise: str) -> None:
    """The zip that Gradescope takes for an assignment: the grader of ``exercise``, the course at ``root``, the secret.

    Whoever has the zip has the secret. Raises ``FileNotFoundError`` if ``root`` is no clone of the course.
    """
    needed = [root / name for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE")]
    for file in (*needed, root / "solutions" / f"{exercise}.ipynb"):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing: the autograder is made from a clone of the course")
    folders = (root / "course_lib", root / "solutions")
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if _belongs(file)]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", _SETUP, 0o755)
        _add(archive, "run_autograder", _RUN, 0o755)
        _add(archive, "run_autograder.py", _RUN_PYTHON.replace("EXERCISE", exercise), 0o644)
        _add(archive, "secret", secret.decode() + "\n", 0o600)
        for file in (*needed, *files):
            archive.write(file, file.relative_to(root).as_posix())
    unfinished.chmod(0o600)
    unfinished.replace(path)


def _belongs(file: Path) -> bool:
    return file.is_file() and not file.is_symlink() and "__pycache__" not in file.parts


def _add(archive: zipfile.ZipFile, name: str, text: str, mode: int) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.external_attr = (stat.S_IFREG | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)
