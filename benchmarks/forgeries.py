"""Submissions that forge marks, graded by ``course grade`` and by ``nbgrader autograde``: who gives points for them?

    python benchmarks/forgeries.py [--all] [--nbgrader PYTHON]

The payloads are those of tests/grading/hostile that attack nothing but marks (nbgrader_forgeries.py says which); --all
takes all of these, else some of each kind. Points count only for tasks that a submission didn't answer rightly.
nbgrader has no sandbox: run this where nothing can be lost. PYTHON: that of .venv-bench, which `make bench` makes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from grading import command, environment, make_course
from machine import machine

from course_lib.grading.sandbox.processes import kill_descendants

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "grading"))
from hostile import nbgrader_forgeries as forgeries  # noqa: E402

_PATIENCE = 150  # seconds; nbgrader gives a cell 60
_SCORES = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from hostile import nbgrader_forgeries as forgeries
print(json.dumps(forgeries.nbgrader_scores(Path("gradebook.db").resolve(), forgeries.forgeries(sys.argv[2] == "all"))))
"""


def autograde(python: str, course: Path, one: forgeries.Submission) -> bool:
    """Let nbgrader grade one submission, which a hold-up of the others shouldn't spoil; whether it came to an end."""
    wanted = [python, "-m", "nbgrader", "autograde", one.exercise, f"--student={one.name}", "--log-level=CRITICAL"]
    process = subprocess.Popen(
        wanted, cwd=course, env=environment(python), stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(_PATIENCE)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        kill_descendants(process.pid)
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every payload")
    parser.add_argument(
        "--nbgrader", default=sys.executable, metavar="PYTHON", help="an interpreter that has nbgrader"
    )
    options = parser.parse_args()
    python = options.nbgrader
    if subprocess.run([python, "-c", "import nbgrader"], capture_output=True, check=False).returncode:
        parser.error(f"{python} has no nbgrader: `make bench` makes .venv-bench, whose python has it")
    with tempfile.TemporaryDirectory(prefix="forgeries-") as name:
        folder, course = Path(name), Path(name) / "course"
        chosen = forgeries.write_submitted(folder / "in", options.all)
        print(f"{machine(1)}; {len(chosen)} forgeries", flush=True)
        subprocess.run(**command(folder, 2), check=False)
        exercises = sorted({one.exercise for one in chosen})
        solutions = {e: nbformat.read(ROOT / "solutions" / f"{e}.ipynb", as_version=4) for e in exercises}
        make_course(python, course, solutions)
        forgeries.write_submitted(course / "submitted", options.all)
        held_up = [one.name for one in chosen if not autograde(python, course, one)]
        scores = [python, "-c", _SCORES, str(ROOT / "tests" / "grading"), "all" if options.all else "short"]
        printed = subprocess.run(
            scores, cwd=course, env=environment(python), check=True, capture_output=True, text=True
        )
        ours = forgeries.our_scores(folder / "out" / "tasks.csv")
        print()
        print(forgeries.comparison(ours, json.loads(printed.stdout), chosen))
        print(f"\nHeld up nbgrader for more than {_PATIENCE} s: {', '.join(held_up) or 'none'}.")


if __name__ == "__main__":
    main()
