"""A folder of submissions in, marks and feedback out, several notebooks at a time.

Each submission is graded in a worker process that stays for the next; a worker that dies takes only the submissions
that were running with it, and those are tried again one by one.
"""

import multiprocessing
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch

from course_lib.grading.grade import grade_bytes
from course_lib.grading.masters import load_masters
from course_lib.grading.read import MAX_BYTES, SubmissionError
from course_lib.grading.report import feedback_html, feedback_path, write_tables
from course_lib.grading.results import Result, Status, Summary, TaskVerdict
from course_lib.grading.run import Limits
from course_lib.grading.runner import adopt_orphans, kill_descendants
from course_lib.grading.submissions import Submission, find_submissions
from course_lib.tasks.registry import tasks_of


@dataclass(frozen=True)
class _Settings:
    """What is the same for every submission of a batch."""

    secret: bytes
    limits: Limits
    solutions: Path | None


def grade_folder(
    submissions: Path,
    out: Path,
    *,
    workers: int = 2,
    seconds_per_cell: float = Limits.seconds_per_cell,
    seconds_per_submission: float = Limits.seconds_per_submission,
    memory_mb: int = Limits.memory_mb,
    solutions: Path | None = None,
    secret: Path | None = None,
    progress: Callable[[Result], None] | None = None,
    total: Callable[[int], None] | None = None,
) -> Summary:
    """Grade every notebook in ``submissions`` (layouts: ``submissions.py``); write marks and feedback into ``out``.

    Hidden inputs follow from the file ``secret``, made at first use (by default beside ``out``, named ``OUT.secret``,
    readable by its owner only): keep it for a regrade, show it to nobody. ``solutions``: where the masters are.
    ``total`` is told the number of submissions first, ``progress`` each result as it comes.

    Raises ``FileNotFoundError`` if there is no notebook or no master, ``ValueError`` for limits that aren't any.
    """
    started = time.monotonic()
    if workers < 1 or min(seconds_per_cell, seconds_per_submission, memory_mb) <= 0:
        raise ValueError("workers, seconds and memory must be above 0")
    load_masters(solutions)
    found = find_submissions(submissions, out)
    out.mkdir(parents=True, exist_ok=True)
    key = _secret(secret or out.with_name(out.name + ".secret"))
    settings = _Settings(key, Limits(seconds_per_cell, seconds_per_submission, memory_mb), solutions)
    if total is not None:
        total(len(found))
    results: list[Result] = []
    try:
        for result, page in _grade_all(found, workers, settings):
            results.append(result)
            path = feedback_path(out, result)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page, encoding="utf-8")
            if progress is not None:
                progress(result)
    finally:
        results.sort(key=lambda result: (result.learner, result.exercise))
        write_tables(out, results)
    return Summary(tuple(results), out, time.monotonic() - started)


def _grade_all(found: list[Submission], workers: int, settings: _Settings) -> Iterator[tuple[Result, str]]:
    """Every submission's result and feedback page, as they come."""
    waiting = deque(found)
    while waiting:
        suspects = yield from _until_broken(waiting, workers, settings)
        for suspect in suspects:
            if (yield from _until_broken(deque([suspect]), 1, settings)):
                reason = "The run ended the grader's own process, twice. Look at this notebook by hand."
                yield _page(_not_run(suspect, "failed", reason, settings), {})


def _until_broken(
    waiting: deque[Submission], workers: int, settings: _Settings
) -> Generator[tuple[Result, str], None, list[Submission]]:
    """Grade those ``waiting``; if a worker dies, returns the submissions that were running then."""
    running: dict[Future[tuple[Result, str]], Submission] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(waiting)), context, _start_worker) as pool:
        while waiting or running:
            while waiting and len(running) < workers:
                submission = waiting.popleft()
                try:
                    running[pool.submit(_grade_one, submission, settings)] = submission
                except BrokenProcessPool:
                    return [submission, *running.values()]
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    yield future.result()
                except BrokenProcessPool:
                    return list(running.values())
                del running[future]
    return []


def _start_worker() -> None:
    adopt_orphans()
    torch.set_num_threads(1)


def _grade_one(submission: Submission, settings: _Settings) -> tuple[Result, str]:
    """One submission in a worker: whatever it holds, a result and a page come out, and no process is left."""
    answers: dict[str, str] = {}
    try:
        if submission.problem:
            raise SubmissionError(submission.problem)
        with submission.path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        result, answers = grade_bytes(
            data,
            submission.learner,
            submission.exercise,
            secret=settings.secret,
            limits=settings.limits,
            solutions=settings.solutions,
        )
    except SubmissionError as error:
        result = _not_run(submission, "rejected", str(error), settings)
    except Exception as error:
        reason = f"The grader failed, through no fault of the learner ({type(error).__name__}: {error})."
        result = _not_run(submission, "failed", reason, settings)
    finally:
        kill_descendants()
    return _page(result, answers)


def _page(result: Result, answers: dict[str, str]) -> tuple[Result, str]:
    return result, feedback_html(result, answers)


def _not_run(submission: Submission, status: Status, reason: str, settings: _Settings) -> Result:
    known = submission.exercise in load_masters(settings.solutions)
    tasks = tasks_of(submission.exercise) if known else ()
    verdicts = tuple(TaskVerdict(task.name, 0, task.points, "missing", reason) for task in tasks)
    return Result(submission.learner, submission.exercise, status, verdicts, reason=reason)


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
