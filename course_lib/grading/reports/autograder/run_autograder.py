"""Grades what lies in /autograder/submission and writes results.json.

What the learner can mend (no notebook, several) is in it, with a score of 0. A fault of the grader's leaves none and
ends with an error: Gradescope then says that the autograder failed, and gives no mark.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from course_lib.grading.intake.listing import in_folder

HERE = Path("/autograder")
COURSE = str(Path(sys.executable).with_name("course"))
FAULT = "no mark: the autograder failed, through no fault of the learner. What it printed above tells why."


def main() -> None:
    metadata = json.loads((HERE / "submission_metadata.json").read_text(encoding="utf-8"))
    learner = "-".join(str(user["id"]) for user in metadata["users"])  # hidden inputs follow from it
    exercise = (HERE / "source" / "exercise").read_text(encoding="utf-8").strip()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "in" / learner / exercise
        place.mkdir(parents=True)
        lay_out(HERE / "submission", place)
        out = Path(folder) / "out"
        graded = [COURSE, "grade", str(Path(folder) / "in"), "--out", str(out), "--quiet"]
        graded += ["--secret", str(HERE / "source" / "secret"), "--solutions", str(HERE / "source" / "solutions")]
        report = [COURSE, "report", str(out), "--format", "gradescope", "--to", str(out / "reports")]
        for command in (graded, report):
            if subprocess.run(command, cwd=HERE / "source", check=False).returncode != 0:
                sys.exit(FAULT)
        results = sorted((out / "reports").rglob("*.json"))
        if len(results) != 1:
            sys.exit(FAULT)
        unfinished = HERE / "results" / "unfinished"
        shutil.copyfile(results[0], unfinished)
        unfinished.replace(HERE / "results" / "results.json")


def lay_out(submission: Path, place: Path) -> None:
    """The notebooks, wherever they lie in an upload, in one folder, as `course grade` takes them; of all other files
    the names, so that it can say what isn't graded. No hidden file, none that macOS added, no link."""
    files = [entry for entry in in_folder(submission) if not entry.folder and not entry.problem]
    times = Counter(entry.parts[-1] for entry in files)
    for entry in files:
        name = entry.parts[-1] if times[entry.parts[-1]] == 1 else "-".join(entry.parts)
        if entry.suffix in (".ipynb", ".zip"):
            shutil.copyfile(entry.path, place / name)
        else:
            (place / name).touch()


if __name__ == "__main__":
    main()
