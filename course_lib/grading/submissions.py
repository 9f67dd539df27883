"""Finds the notebooks in a folder of submissions. Names come from strangers: nothing is made of them here but text.

Two layouts, which may be mixed:

- nbgrader's: ``LEARNER/EXERCISE/EXERCISE.ipynb``, where a single notebook of another name is taken too; also
  ``LEARNER/EXERCISE.ipynb``;
- flat: ``LEARNER__EXERCISE.ipynb`` or ``LEARNER.ipynb``.

Where EXERCISE is no exercise's name (``LEARNER/week3/answers.ipynb``), the answer cells tell which one it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from course_lib.tasks.registry import exercises


@dataclass(frozen=True)
class Submission:
    """One notebook to grade. ``exercise``: as its place says, or empty. ``problem``: why it can't be graded."""

    learner: str
    exercise: str
    path: Path
    problem: str = ""


def find_submissions(folder: Path, out: Path | None = None) -> list[Submission]:
    """The notebooks in ``folder``, in order, without those in ``out``.

    Two of one learner for one exercise become one submission with a problem. Raises ``FileNotFoundError`` if there is
    none.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; name the one that holds the submissions")
    found: dict[tuple[str, str], Submission] = {}
    for submission in _walk(folder, out):
        key = (submission.learner, submission.exercise)
        if key in found:
            both = f"{found[key].path.name} and {submission.path.name}"
            submission = replace(
                submission, problem=f"There are two notebooks for one exercise: {both}. Keep one."
            )
        found[key] = submission
    if not found:
        raise FileNotFoundError(
            f"no notebook in {folder}; it should hold LEARNER/EXERCISE/EXERCISE.ipynb or LEARNER__EXERCISE.ipynb"
        )
    return list(found.values())


def _walk(folder: Path, out: Path | None) -> Iterator[Submission]:
    for entry in _visible(folder):
        if entry.is_symlink():
            if entry.suffix == ".ipynb":
                yield Submission(*_names(entry.stem), entry, "This is a link, not a notebook.")
        elif entry.is_dir():
            if out is None or entry.resolve() != out.resolve():
                yield from _learners(entry)
        elif entry.suffix == ".ipynb":
            yield Submission(*_names(entry.stem), entry)


def _learners(folder: Path) -> Iterator[Submission]:
    for entry in _visible(folder):
        if entry.is_dir() and not entry.is_symlink():
            notebooks = [path for path in _visible(entry) if path.suffix == ".ipynb"]
            named = [path for path in notebooks if path.stem == entry.name]
            path = (named or notebooks or [entry / f"{entry.name}.ipynb"])[0]
            problem = ""
            if len(notebooks) > 1 and not named:
                problem = f"There are {len(notebooks)} notebooks; one of them should be called {entry.name}.ipynb."
            elif not path.is_file() or path.is_symlink():
                problem = f"There is no notebook {path.name}."
            yield Submission(folder.name, _exercise(entry.name) or _exercise(path.stem), path, problem)
        elif entry.suffix == ".ipynb":
            problem = "" if entry.is_file() and not entry.is_symlink() else "This is a link, not a notebook."
            yield Submission(folder.name, _exercise(entry.stem), entry, problem)


def _names(stem: str) -> tuple[str, str]:
    """The learner and the exercise in the name of a flat file."""
    learner, _, exercise = stem.partition("__")
    return learner, _exercise(exercise)


def _exercise(name: str) -> str:
    return name if name in exercises() else ""


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
