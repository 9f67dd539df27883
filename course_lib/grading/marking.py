"""Marks for one submission: hidden inputs from a secret, outputs back as data, verdicts on them.

Runs in the grader's process and imports nothing of the submission.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from course_lib.grading.intake.code import called
from course_lib.grading.results import TaskVerdict
from course_lib.grading.running.client import CellOutcome
from course_lib.grading.running.rebuild import Rebuilt
from course_lib.grading.running.run import NotebookRun
from course_lib.grading.sandbox import Limits
from course_lib.probes.collect import received
from course_lib.probes.transport import TransportError
from course_lib.tasks.core import Case, Observation, Task, Verdict
from course_lib.tasks.judging import judge, kind_of


def hidden_seed(secret: bytes, learner: str, exercise: str, task: str) -> int:
    """The seed of a task's hidden inputs: fresh per learner, the same in a regrade, unknown without the secret."""
    message = "\0".join((learner, exercise, task))
    try:
        data = message.encode("utf-8", "surrogateescape")  # a name's bytes as they were
    except UnicodeEncodeError:
        data = message.encode("utf-8", "surrogatepass")  # half a pair, which other systems' file names may hold
    return int.from_bytes(hmac.digest(secret, data, hashlib.sha256)[:8], "big") >> 1


def cases_of(task: Task, seed: int | None) -> tuple[list[Case], list[Case]]:
    """The public and the hidden inputs to run; no hidden ones without a seed."""
    if seed is None:
        return task.public_cases(), []
    return (task.public_cases() if task.public_in_grading else []), task.cases(seed)


def mark(
    tasks: Sequence[Task],
    cases: Mapping[str, tuple[list[Case], list[Case]]],
    rebuilt: Rebuilt,
    run: NotebookRun,
    limits: Limits,
) -> tuple[TaskVerdict, ...]:
    """The verdict on each task, from what its collector sent or from why it sent nothing.

    An answer that fails and calls another that isn't right is told that, in place of a guess at a mistake of its own.
    """
    verdicts = []
    not_right: list[str] = []
    for task in tasks:
        verdict = _verdict(task, *cases[task.name], rebuilt, run, limits)
        if not verdict.passed:
            calls = called(rebuilt.answers.get(task.name, ""))
            of_it = [name for name in not_right if name in calls]
            if of_it and verdict.outcome != "untouched":
                names = " and ".join(of_it)
                aren_t = "isn't" if len(of_it) == 1 else "aren't"
                said = f"{verdict.message}\nIt calls {names}, which {aren_t} right yet: begin there."
                verdict = Verdict(verdict.outcome, said, figures=verdict.figures)
            not_right.append(task.name)
        points = task.points if verdict.passed else 0
        told = (verdict.outcome, str(verdict), verdict.hint, verdict.figures)
        verdicts.append(TaskVerdict(task.name, points, task.points, *told))
    return tuple(verdicts)


def _verdict(
    task: Task, public: list[Case], hidden: list[Case], rebuilt: Rebuilt, run: NotebookRun, limits: Limits
) -> Verdict:
    if task.name in rebuilt.missing:
        return Verdict("missing", rebuilt.missing[task.name])
    cell = _cell(rebuilt, run, "collects", task.name)
    if cell is None:
        return Verdict("missing", f"{task.name} was not reached. {run.stopped}".strip())
    if cell.data is None:
        by_itself = cell.error and cell.status != "timeout"
        why = f"When it was called {kind_of(cell.error)}." if by_itself else _why(cell, run, limits)
        return Verdict("missing", f"{task.name} gave no outputs. {why}".strip())
    try:
        observations = received(cell.data, task.name, len(public) + len(hidden))
    except TransportError as error:
        return Verdict("error", f"What {task.name} gave back could not be read: {error}.")
    verdict = _judged(task, public, hidden, observations)
    own = _cell(rebuilt, run, "answer", task.name)
    if verdict.outcome != "error" or own is None or own.status == "ok":
        return verdict
    return Verdict("error", f"{verdict.message}\nThe cell itself: {_why(own, run, limits)}")


def _judged(task: Task, public: list[Case], hidden: list[Case], observations: Sequence[Observation]) -> Verdict:
    """The verdict on what came back: one observation for each case, or a single one that says why there are none."""
    if len(observations) == 1 and (observations[0].error or observations[0].untouched):
        return judge(task, [], observations, reveal=True)
    verdict = judge(task, public, observations[: len(public)], reveal=True)
    if not verdict.passed or not hidden:
        return verdict
    verdict = judge(task, hidden, observations[len(public) :], reveal=False)
    if not verdict.passed and public:
        return replace(verdict, message=f"The public checks pass. {verdict.message}", case=None)
    return verdict


def _cell(rebuilt: Rebuilt, run: NotebookRun, role: str, name: str) -> CellOutcome | None:
    """What became of the cell that plays a role for a task."""
    for index, cell in enumerate(rebuilt.notebook.cells):
        if cell.metadata.get("course", {}).get(role) == name:
            return run.cells.get(index)
    return None


def _why(cell: CellOutcome, run: NotebookRun, limits: Limits) -> str:
    if cell.status == "timeout":
        return f"It took longer than {limits.seconds_per_cell:g} s."
    error = re.sub(
        r" \(\d+\.py, line (\d+)\)", r" (line \1 of the cell)", cell.error
    )  # the kernel's name for a cell
    where = f" in {cell.line}" if cell.line else ""
    return f"It stopped with {error}{where}" if error else run.stopped
