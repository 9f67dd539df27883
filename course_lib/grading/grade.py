"""Grades one notebook: read, rebuild, run, judge. A pure function of its bytes, the secret and the masters."""

from pathlib import Path

from course_lib.grading.judge import cases_of, hidden_seed, mark
from course_lib.grading.masters import load_masters
from course_lib.grading.read import read_submission
from course_lib.grading.rebuild import rebuild, recognise
from course_lib.grading.results import Result, Status, TaskVerdict
from course_lib.grading.run import Limits, run_notebook
from course_lib.tasks.registry import exercises, tasks_of

_AT_HOME = Limits(seconds_per_cell=180, seconds_per_submission=900)


def grade_bytes(
    data: bytes,
    learner: str,
    exercise: str = "",
    *,
    secret: bytes | None,
    limits: Limits,
    solutions: Path | None = None,
) -> tuple[Result, dict[str, str]]:
    """Grade a notebook handed in for ``exercise`` (or, if empty, for the one whose answer cells it holds).

    Without ``secret`` only the public inputs are run. Returns the result, and the learner's code by task. Raises
    ``SubmissionError`` with a reason for what isn't that exercise.
    """
    masters = load_masters(solutions)
    cells = read_submission(data)
    exercise = recognise(cells, masters, exercise)
    tasks = tasks_of(exercise)
    cases = {
        task.name: cases_of(task, None if secret is None else hidden_seed(secret, learner, exercise, task.name))
        for task in tasks
    }
    rebuilt = rebuild(masters[exercise], cells, tasks, {name: [*a, *b] for name, (a, b) in cases.items()})
    run = run_notebook(rebuilt.notebook, limits)
    verdicts = mark(tasks, cases, rebuilt, run, limits)
    status: Status = "stopped" if run.stopped else "graded"
    result = Result(learner, exercise, status, verdicts, run.seconds, run.stopped, tuple(rebuilt.notes))
    return result, rebuilt.answers


def self_check(notebook: Path, *, limits: Limits = _AT_HOME) -> list[TaskVerdict]:
    """The public checks on a learner's own notebook: read, rebuilt and run as a submission is.

    Raises ``SubmissionError`` with a reason if it isn't an exercise, ``FileNotFoundError`` if it isn't there.
    """
    named = notebook.stem if notebook.stem in exercises() else ""
    return list(grade_bytes(notebook.read_bytes(), "", named, secret=None, limits=limits)[0].verdicts)
