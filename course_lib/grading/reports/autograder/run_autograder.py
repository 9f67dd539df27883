"""Grades the one notebook in /autograder/submission; whatever happens, a results.json is written."""

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
    exercise = (HERE / "source" / "exercise").read_text(encoding="utf-8").strip()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "in" / learner
        place.mkdir(parents=True)
        shutil.copyfile(notebooks[0], place / f"{exercise}.ipynb")
        out = Path(folder) / "out"
        graded = [COURSE, "grade", str(place.parent), "--out", str(out), "--quiet"]
        graded += ["--secret", str(HERE / "source" / "secret"), "--solutions", str(HERE / "source" / "solutions")]
        ended = subprocess.run(graded, cwd=HERE / "source", check=False)
        report = [COURSE, "report", str(out), "--format", "gradescope", "--to", str(out / "reports")]
        if ended.returncode == 0:
            ended = subprocess.run(report, cwd=HERE / "source", check=False)
        results = sorted((out / "reports").rglob("*.json"))
        if ended.returncode != 0 or len(results) != 1:
            return fail("The autograder failed, through no fault of yours. Your instructor sees why.")
        shutil.copyfile(results[0], HERE / "results" / "results.json")


def fail(reason: str) -> None:
    results = {"score": 0, "output": reason, "output_format": "text", "stdout_visibility": "hidden"}
    (HERE / "results" / "results.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
