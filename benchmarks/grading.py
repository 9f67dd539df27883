"""How fast are submissions graded, beside ``nbgrader autograde``? One exercise, the same submissions, in turns.

    python benchmarks/grading.py [--submissions 20] [--rounds 3] [--quick] [--nbgrader PYTHON]

The exercise is 05_variational_autoencoder as shipped: five tasks, the last of which trains a small network. One
submission in five is wrong (classroom.py). Each contestant is a command as an instructor types it, timed from its start
to its end: interpreter, imports, reading, running, judging, marks; ours writes the feedback pages too, nbgrader's
``generate_feedback`` isn't timed. Each nbgrader process has a course and a database of its own and an equal share of
the submissions. nbgrader is spared the last cell, which shows pictures, isn't marked, and isn't run by our grader.
One thread for each process. Every round times each contestant once; ratios are taken within a round and given as median
(lowest to highest). "Deserved" counts the submissions with full marks if right and less if wrong; "others" is how many
cores were busy just before and after with work that wasn't the contestant's.

Then where our time goes, one submission after another in one process (grading_split.py).
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import classroom
import grading_split
import nbformat
from machine import Clock, machine
from nbformat import NotebookNode

_CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "course"\nc.ExecutePreprocessor.timeout = 60\n'
_SCORES = """
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    for done in book.assignment_submissions("%s"):
        print(done.student.id, done.score)
"""


@dataclass
class Round:
    seconds: float
    others: float  # cores
    deserved: int


Contestant = Callable[[Path, int], Round]


def ours(workers: int) -> Contestant:
    """``course grade`` with so many workers."""

    def run(folder: Path, number: int) -> Round:
        classroom.hand_in(folder / "in", range(number))
        clock = Clock()
        subprocess.run(**command(folder, workers), check=True)
        seconds, others = clock.stop()
        with (folder / "out" / "gradebook.csv").open(newline="", encoding="utf-8") as file:
            scores = {row["learner"]: float(row["score"]) for row in csv.DictReader(file)}
        return Round(seconds, others, classroom.deserved(scores, range(number)))

    return run


def command(folder: Path, workers: int) -> dict[str, Any]:
    """``course grade`` from ``folder/in`` to ``folder/out``, for :mod:`subprocess`."""
    course = [sys.executable, "-c", "from course_lib.cli import main; main()"]
    places = [str(folder / "in"), "--out", str(folder / "out")]
    return {
        "args": [*course, "grade", *places, "--workers", str(workers), "--quiet"],
        "env": environment(sys.executable),
    }


def nbgrader(python: str, processes: int) -> Contestant:
    """``nbgrader autograde`` in so many processes, by an interpreter that has nbgrader."""

    def run(folder: Path, number: int) -> Round:
        courses = [folder / str(i) for i in range(processes)]
        master = nbformat.read(classroom.SOLUTION, as_version=4)
        master.cells.pop()
        for i, course in enumerate(courses):
            make_course(python, course, {classroom.EXERCISE: master})
            share = range(i * number // processes, (i + 1) * number // processes)
            classroom.hand_in(course / "submitted", share, shown=False)
        clock = Clock()
        command = [python, "-m", "nbgrader", "autograde", classroom.EXERCISE, "--log-level=CRITICAL"]
        running = [
            subprocess.Popen(command, cwd=course, env=environment(python), stderr=subprocess.DEVNULL)
            for course in courses
        ]
        for process in running:
            process.wait()
        seconds, others = clock.stop()
        scores: dict[str, float] = {}
        for course in courses:
            printed = subprocess.run(
                [python, "-c", _SCORES % classroom.EXERCISE],
                cwd=course,
                env=environment(python),
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            scores |= {name: float(score) for name, score in map(str.split, printed.splitlines())}
        return Round(seconds, others, classroom.deserved(scores, range(number)))

    return run


def make_course(python: str, course: Path, notebooks: Mapping[str, NotebookNode]) -> None:
    """A course with these exercises released, as ``nbgrader generate_assignment`` makes them from our solutions."""
    course.mkdir(parents=True)
    (course / "nbgrader_config.py").write_text(_CONFIG)
    for exercise, notebook in notebooks.items():
        source = course / "source" / exercise / f"{exercise}.ipynb"
        source.parent.mkdir(parents=True)
        nbformat.write(notebook, source)
        command = [python, "-m", "nbgrader", "generate_assignment", exercise, "--create"]
        made = subprocess.run(command, cwd=course, env=environment(python), capture_output=True, text=True)
        if made.returncode:
            raise RuntimeError(f"nbgrader could not release {exercise}: {made.stderr[-2000:]}")


def environment(python: str) -> dict[str, str]:
    """One thread for each process; compiled files kept, for each kernel would compile PyTorch's optimisers again; the
    programs beside ``python`` first (nbgrader calls alembic)."""
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
    return os.environ | {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "",
        "PATH": path,
    }


def report(rounds: dict[str, list[Round]], number: int) -> None:
    """A table in Markdown: medians over rounds, and each nbgrader's time over our two workers' in the same round."""
    print("\n| | submissions an hour | time against 2 workers | deserved | others |\n|---|---|---|---|---|")
    first = next(iter(rounds.values()))
    for name, times in rounds.items():
        ratios = sorted(time.seconds / mine.seconds for time, mine in zip(times, first, strict=True))
        rate = 3600 * number / statistics.median(time.seconds for time in times)
        spread = f"{statistics.median(ratios):.2f}× ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        deserved = f"{min(time.deserved for time in times)} of {number}"
        print(f"| {name} | {rate:,.0f} | {spread} | {deserved} | {max(t.others for t in times):.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="6 submissions, 1 round: mostly start-up")
    parser.add_argument(
        "--nbgrader", default="", metavar="PYTHON", help="an interpreter that has nbgrader, if not this"
    )
    options = parser.parse_args()
    if options.quick:
        options.submissions, options.rounds = 6, 1
    number = options.submissions
    contestants = {"ours, 2 workers": ours(2), "ours, 1 worker": ours(1)}
    if options.nbgrader or find_spec("nbgrader"):
        python = options.nbgrader or sys.executable
        contestants |= {"nbgrader, 2 processes": nbgrader(python, 2), "nbgrader, 1 process": nbgrader(python, 1)}
    else:
        print("nbgrader isn't installed, so it isn't timed: `make bench` installs it into .venv-bench")
    print(f"{machine(1)}; {number} submissions of {classroom.EXERCISE}, {options.rounds} rounds")
    rounds: dict[str, list[Round]] = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, run in contestants.items():
            with tempfile.TemporaryDirectory(prefix="grading-") as folder:
                rounds[name].append(run(Path(folder), number))
            last = rounds[name][-1]
            print(f"{name}: {last.seconds:.1f} s, {last.deserved} deserved, others {last.others:.2f}", flush=True)
    report(rounds, number)
    grading_split.report(number)


if __name__ == "__main__":
    main()
