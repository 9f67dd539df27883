"""Grades one notebook: read, recognise, rebuild, run, judge.

The marks follow from its bytes, the secret and the exercise that it is of.
"""

from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from course_lib.exercises.catalogue import Catalogue, catalogue_of
from course_lib.exercises.exercise import Exercise
from course_lib.grading.intake.read import SubmissionError, read_submission
from course_lib.grading.intake.recognise import recognise
from course_lib.grading.marking import cases_of, hidden_seed, mark
from course_lib.grading.results import Result, Status, TaskVerdict
from course_lib.grading.running.rebuild import rebuild
from course_lib.grading.running.run import NotebookRun, run_notebook
from course_lib.grading.sandbox import Limits, SandboxError, shared_sandbox

_AT_HOME = Limits(seconds_per_cell=180, seconds_per_submission=900)


def grade_bytes(
    data: bytes,
    learner: str,
    catalogue: Catalogue,
    expected: str = "",
    *,
    secret: bytes | None,
    limits: Limits,
    sandbox: str,
) -> tuple[Result, dict[str, str]]:
    """Grade a notebook handed in for the exercise ``expected`` (or, if empty, for the one whose answers it holds).

    Without ``secret`` only the public inputs are run. ``sandbox``: its kind (:class:`Sandbox`); the process keeps one
    of each. Returns the result, and the learner's code by task. Raises ``SubmissionError`` with a reason for what
    isn't that exercise, ``SandboxError`` if no kernel can be had.
    """
    handed = read_submission(data)
    exercise, notes = recognise(handed, catalogue, expected)
    cases = {
        task.name: cases_of(
            task, None if secret is None else hidden_seed(secret, learner, exercise.name, task.name)
        )
        for task in exercise.tasks
    }
    rebuilt = rebuild(exercise, handed.cells, {name: [*a, *b] for name, (a, b) in cases.items()})
    run = _run(rebuilt.notebook, limits, sandbox, exercise)
    verdicts = mark(exercise.tasks, cases, rebuilt, run, limits)
    status: Status = "stopped" if run.stopped else "graded"
    result = Result(
        learner,
        exercise.name,
        status,
        verdicts,
        run.seconds,
        run.stopped,
        (
            *notes,
            *rebuilt.notes,
            *_interrupted(rebuilt.notebook, run, limits),
            *_stopped_above(rebuilt.notebook, run, verdicts),
        ),
        sandbox=shared_sandbox(sandbox).name,
        cells=tuple((_name(rebuilt.notebook, i), cell.seconds) for i, cell in run.cells.items()),
    )
    return result, rebuilt.answers


def _run(notebook: NotebookNode, limits: Limits, kind: str, exercise: Exercise) -> NotebookRun:
    """Run it, once more if the sandbox itself fails: it may have been ended by something else."""
    sandbox = shared_sandbox(kind)
    try:
        return run_notebook(notebook, limits, sandbox, exercise)
    except SandboxError:
        sandbox.close()
        return run_notebook(notebook, limits, sandbox, exercise)


def _interrupted(notebook: NotebookNode, run: NotebookRun, limits: Limits) -> list[str]:
    """A note for each cell that took too long; what it had defined by then was used."""
    return [
        f"Interrupted after {limits.seconds_per_cell:g} s: {_name(notebook, index)}."
        for index, cell in run.cells.items()
        if cell.status == "timeout"
    ]


def _stopped_above(notebook: NotebookNode, run: NotebookRun, verdicts: Sequence[TaskVerdict]) -> list[str]:
    """A note for each right answer whose cell stopped; what it defines was taken all the same."""
    right = {verdict.task for verdict in verdicts if verdict.verdict == "right"}
    return [
        f"The cell of {_name(notebook, index)} stopped with {cell.error}{cell.line and f' in {cell.line}'}. "
        "What it defines was taken all the same."
        for index, cell in run.cells.items()
        if cell.status == "error" and notebook.cells[index].metadata.get("course", {}).get("answer") in right
    ]


def _name(notebook: NotebookNode, index: int) -> str:
    """What a cell of the rebuilt notebook is, for a person."""
    match notebook.cells[index].metadata.get("course", {}):
        case {"answer": name}:
            return str(name)
        case {"collects": name}:
            return f"{name} called"
        case {"ours": True}:
            return "imports"
    return f"cell {index + 1}"


def self_check(notebook: Path, *, variants: Path | None = None, limits: Limits = _AT_HOME) -> list[TaskVerdict]:
    """The public checks on a learner's own notebook: read, rebuilt and run as a submission is.

    ``variants``: an instructor's folder of exercises to find it in, too.
    Raises ``SubmissionError`` with a reason if it isn't an exercise, ``FileNotFoundError`` if it isn't there.
    """
    catalogue = catalogue_of(variants=variants)
    data = notebook.read_bytes()
    version = read_submission(data).version
    if version and not any(version in catalogue.versions(name) for name in catalogue.names):
        raise SubmissionError(
            f"Version {version} of this exercise isn't known here. If your instructor wrote it, the checks are with "
            "them; if it is the course's, update the course."
        )
    expected = notebook.stem if notebook.stem in catalogue.names else ""
    return list(grade_bytes(data, "", catalogue, expected, secret=None, limits=limits, sandbox="none")[0].verdicts)
