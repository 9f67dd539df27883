"""A folder of submissions in, marks and feedback out, several notebooks at a time.

What is found is noted in the journal of ``out``; what is new or was graded by other rules is run; tables and pages are
made from the journal. Killed at any moment and called again, it goes on where it was.
"""

import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from course_lib.exercises.catalogue import catalogue_of
from course_lib.grading.batch.cluster import grade_on_cluster
from course_lib.grading.batch.pool import grade_all
from course_lib.grading.batch.rules import rules, still_hold
from course_lib.grading.batch.worker import Job, Settings, not_run, said
from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.intake.submissions import Submission, find_submissions
from course_lib.grading.journal import JOURNAL, Journal, explained
from course_lib.grading.journal.adjust import Late, apply_late
from course_lib.grading.names import composed, visible, writable
from course_lib.grading.reports.publish import Pages, Tables, publish
from course_lib.grading.results import Result, Status
from course_lib.grading.sandbox import Limits, require

_UNWRITABLE = (ValueError, TypeError, RecursionError, sqlite3.InterfaceError)  # of one row, not of the journal
_MARGIN = 180.0  # seconds that reading, starting and judging may take besides a submission's own


@dataclass(frozen=True)
class Summary:
    """A batch: where everything is, how many were graded in it, how many hadn't changed, and how long it took.

    ``skipped``: what lay there and is no submission, each with the reason. ``untimed``: learners and exercises for
    which no lateness could be worked out; ``said_late``: those of them that the LMS calls late.
    """

    out: Path
    graded: int
    unchanged: int
    seconds: float
    skipped: tuple[str, ...] = ()
    untimed: tuple[tuple[str, str], ...] = ()
    said_late: tuple[tuple[str, str], ...] = ()

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """All results that the journal holds, also of earlier batches, in the order of learner and exercise."""
        with Journal(self.out / JOURNAL) as journal:
            return tuple(record.result for record in journal)

    def count(self, status: Status) -> int:
        """How many submissions ended that way."""
        return sum(result.status == status for result in self.results)


def grade_folder(
    submissions: Path,
    out: Path,
    *,
    workers: int = 2,
    dask: str = "",
    seconds_per_cell: float = Limits.seconds_per_cell,
    seconds_per_submission: float = Limits.seconds_per_submission,
    memory_mb: int = Limits.memory_mb,
    solutions: Path | None = None,
    variants: Path | None = None,
    secret: Path | None = None,
    sandbox: str = "auto",
    only: str = "",
    regrade: bool = False,
    late: Late | None = None,
    progress: Callable[[Result], None] | None = None,
    total: Callable[[int], None] | None = None,
) -> Summary:
    """Grade the notebooks in ``submissions`` (layouts: ``submissions.py``); marks, feedback and journal go to ``out``.

    Not run again, unless ``regrade``, is what hasn't changed since it was graded: the notebook, its exercise, the
    grader, its libraries, the secret, the sandbox, the limits. ``only``: one learner's. ``dask``: the address of a
    Dask scheduler whose workers grade, in place of ``workers`` here.

    Hidden inputs follow from the file ``secret``, made at first use (by default beside ``out``, named ``OUT.secret``,
    readable by its owner only): keep it for a regrade, show it to nobody. ``solutions``: the exercises' sources.
    ``variants``: a folder of an instructor's own exercises (``course_lib/exercises/variants.py``).
    ``total`` is told first how many submissions will be run, ``progress`` each result as it comes.

    Raises ``FileNotFoundError`` if there is no notebook or no master, ``ValueError`` for limits that aren't any,
    ``JournalError`` if another grader is at work in ``out``, ``DiskFullError`` when there is no room to go on,
    ``SandboxError`` where nothing holds learners' code, ``ClusterError`` if the cluster can't be used.
    """
    started = time.monotonic()
    if workers < 1 or min(seconds_per_cell, seconds_per_submission, memory_mb) <= 0:
        raise ValueError("workers, seconds and memory must be above 0")
    if dask and sandbox == "none":
        raise ValueError(
            "without a sandbox a notebook could reach the cluster, which runs anybody's code: no dask then"
        )
    variants = variants and variants.resolve()
    exercises = catalogue_of(solutions, variants).names
    if late is not None and (unknown := sorted(set(late.due) - {"", *exercises})):
        raise ValueError(f"no exercise {', '.join(unknown)} to be due; there are: {', '.join(exercises)}")
    handed_in = find_submissions(submissions, exercises, out)
    found = [
        s
        for s in handed_in.submissions
        if only in ("", s.learner, visible(s.learner)) or composed(only) == s.learner
    ]
    if not found:
        raise FileNotFoundError(f"{submissions} holds no notebook of a learner called {only!r}")
    found.sort(key=lambda submission: (submission.exercise, submission.learner))
    with explained(out / JOURNAL):
        out.mkdir(parents=True, exist_ok=True)
        key = _secret(secret or out.with_name(out.name + ".secret"))
    limits = Limits(seconds_per_cell, seconds_per_submission, memory_mb)
    settings = Settings(key, limits, solutions, sandbox, variants)
    patience = seconds_per_submission + _MARGIN
    with Journal(out / JOURNAL) as journal, journal.grading(), explained(journal.path):
        batch = _Batch(journal, settings)
        todo = batch.note(found, again=regrade)
        if todo and not dask:
            require(sandbox)
        if total is not None:
            total(len(todo))
        pages, tables = Pages(journal, out), Tables(journal, out)
        untimed: list[tuple[str, str]] = []
        try:
            jobs = batch.jobs(todo)
            if dask and todo:
                grading = grade_on_cluster(jobs, dask, patience)
            else:
                grading = grade_all(jobs, min(workers, len(todo)), patience)
            with closing(grading) as graded:
                for job, (result, answers) in graded:
                    result = batch.finish(job, result, answers)
                    pages.write()
                    tables.now_and_then()
                    if progress is not None:
                        progress(result)
        finally:
            if late is not None:
                untimed = apply_late(journal, late, "course grade --late")
            publish(journal, out)
    skipped = (*handed_in.skipped, *batch.skipped)
    called_late = {(one.learner, one.exercise) for one in found if one.late}
    said_late = [(learner, name) for learner, name in untimed if {(learner, name), (learner, "")} & called_late]
    seconds = time.monotonic() - started
    return Summary(out, len(todo), len(found) - len(todo), seconds, skipped, tuple(untimed), tuple(said_late))


class _Batch:
    """Submissions on their way into the journal and to the workers. ``skipped``: those that could not be noted."""

    def __init__(self, journal: Journal, settings: Settings) -> None:
        self._journal, self._settings = journal, settings
        self.skipped: list[str] = []
        self._catalogue = catalogue = settings.catalogue()
        self._rules = cache(
            lambda exercise: rules(exercise, catalogue, settings.secret, settings.sandbox, settings.limits)
        )

    def note(self, found: Sequence[Submission], *, again: bool) -> list[tuple[int, Submission]]:
        """Put what was found into the journal; the runs to do, in the order of ``found``."""
        known = {composed(learner): learner for learner in self._journal.learners()}
        found = [replace(one, learner=known.get(one.learner, one.learner)) for one in found]
        with self._journal.transaction():
            runs = [(self._note(submission, _hash(*_data(submission)), again), submission) for submission in found]
        return [(run, submission) for run, submission in runs if run is not None]

    def _note(self, submission: Submission, content: str, again: bool) -> int | None:
        """The run to do for a submission, if any; one that the journal can't take stops no other."""
        learner, place, at = submission.learner, submission.exercise, submission.submitted
        exercise = place or self._journal.recognised(learner, place, content)
        rules = self._rules(exercise)
        try:
            return self._journal.hand_in(
                learner,
                place,
                content,
                at,
                rules,
                again=again,
                same=lambda old: self._still_hold(old, rules, exercise),
            )
        except _UNWRITABLE as error:
            self.skipped.append(f"{learner} {submission.name}: it can't be noted ({said(error)})")
            return None

    def _still_hold(self, old: Mapping[str, str], rules: Mapping[str, str], exercise: str) -> bool:
        known = exercise in self._catalogue.names
        return known and still_hold(old, rules, list(self._catalogue.versions(exercise)))

    def finish(self, job: Job, result: Result, answers: Mapping[str, str]) -> Result:
        """Put a result into the journal, under the rules of the exercise that it is of; what was put there.

        A result that the journal can't take is a fault of the grader's on this submission, and stops no other.
        """
        known = job.exercise or not result.exercise
        rules = None if known else self._rules(result.exercise)
        try:
            self._journal.finish(job.run, result, answers, rules)
        except _UNWRITABLE as error:
            result = not_run(job, "failed", f"The result could not be recorded ({said(error)}).")
            self._journal.finish(job.run, result, {})
        return result

    def jobs(self, todo: Sequence[tuple[int, Submission]]) -> Iterator[Job]:
        """The jobs, each read and marked as running when it is asked for."""
        for run, submission in todo:
            data, problem = _data(submission)
            if not self._journal.start(run, _hash(data, problem)):  # changed since it was found
                now = self._note(submission, _hash(data, problem), again=True)
                if now is None or not self._journal.start(now, _hash(data, problem)):
                    continue
                run = now
            yield Job(run, submission.learner, submission.exercise, data, problem, submission.note, self._settings)


def _data(submission: Submission) -> tuple[bytes, str]:
    """The bytes of a submission, or why there are none."""
    try:
        return submission.read(), ""
    except SubmissionError as error:
        return b"", writable(str(error))
    except OSError as error:
        return b"", f"The file could not be read ({error.strerror})."


def _hash(data: bytes, problem: str) -> str:
    return hashlib.sha256(data or problem.encode("utf-8", "surrogatepass")).hexdigest()


def _secret(path: Path) -> bytes:
    """The secret in a file, made with mode 0600 if it isn't there."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes().strip()
        if len(key) < 16:
            raise ValueError(f"{path} should hold a secret of at least 16 bytes, but holds {len(key)}") from None
        return key
    with os.fdopen(handle, "wb") as file:
        key = secrets.token_hex(32).encode()
        file.write(key + b"\n")
    return key
