"""Worker processes on this machine: jobs in, results out as they come, whatever becomes of a worker.

A worker that dies, or takes longer than a job may, loses that job only. The job is tried once more, alone, when the
others are done; if that fails too, the grader has failed on it.
"""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path

from course_lib.grading.batch.worker import Graded, Job, grade_one, not_run, work
from course_lib.grading.sandbox.processes import kill_descendants

_START = 300.0  # seconds that a worker has to import what it needs
_END = 10.0  # seconds that one without work has to end by itself
JOBS = 300  # after so many a worker makes room for a fresh one


class WorkerError(RuntimeError):
    """A worker process could not even start."""


class Worker:
    """One process and the pipe to it; ``job`` is what it grades now."""

    def __init__(self, grade: Callable[[Job], Graded]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.folder = tempfile.mkdtemp(prefix="course-")
        Path(self.folder).chmod(0o711)  # to be passed through, not read, by the user that kernels may run as
        self.process = context.Process(target=work, args=(theirs, grade, self.folder))
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.ready = False
        self.deadline = time.monotonic() + _START
        self.done = 0

    def begin(self, job: Job, seconds: float) -> None:
        self.job, self.ready, self.deadline = job, False, time.monotonic() + seconds
        with suppress(OSError):  # it has died: its sentinel tells
            self.pipe.send(job)

    def answer(self) -> Graded | None:
        """What it has to say. Raises ``EOFError`` or ``OSError`` if it is dead or late."""
        if not self.pipe.poll() and time.monotonic() > self.deadline:
            raise EOFError
        answer: Graded | None = self.pipe.recv()
        self.job, self.ready, self.done = None, True, self.done + 1
        return answer

    def end(self) -> None:
        """End it and all that it started; by itself if it has nothing to do."""
        self.pipe.close()
        if self.ready:
            self.process.join(_END)
        with suppress(OSError):
            if self.process.pid and self.process.is_alive():
                os.kill(self.process.pid, getattr(signal, "SIGSTOP", signal.SIGTERM))
                kill_descendants(self.process.pid)
        self.process.kill()
        self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def grade_all(
    jobs: Iterable[Job], workers: int, seconds: float, grade: Callable[[Job], Graded] = grade_one
) -> Generator[tuple[Job, Graded]]:
    """Each job with what came of it, ``workers`` at a time; a job is taken when a worker is free, and has ``seconds``.

    Raises ``WorkerError`` if a worker can't start.
    """
    lost: list[Job] = []
    yield from _grade(jobs, workers, seconds, grade, lost)
    for job in lost:
        again: list[Job] = []
        yield from _grade([job], 1, seconds, grade, again)
        if again:
            reason = "The run ended the grader's own process, or held it up, twice. Look at this notebook by hand."
            yield job, (not_run(job, "failed", reason), {})


def _grade(
    jobs: Iterable[Job], workers: int, seconds: float, grade: Callable[[Job], Graded], lost: list[Job]
) -> Generator[tuple[Job, Graded]]:
    waiting = iter(jobs)
    team = [Worker(grade) for _ in range(workers)]
    try:
        while team:
            for worker in ready_of(team):
                job = worker.job
                try:
                    answer = worker.answer()
                except (EOFError, OSError):
                    if not worker.done:
                        raise WorkerError(failure_of(worker)) from None
                    if job is not None:
                        lost.append(job)
                    team[team.index(worker)] = Worker(grade)
                    worker.end()
                    continue
                if worker.done > JOBS:
                    team[team.index(worker)] = Worker(grade)
                    worker.end()
                if job is not None and answer is not None:
                    yield job, answer
            for worker in [worker for worker in team if worker.ready]:
                job = next(waiting, None)
                if job is None:
                    team.remove(worker)
                    worker.end()
                else:
                    worker.begin(job, seconds)
    finally:
        for worker in team:
            worker.end()


def ready_of(team: list[Worker]) -> list[Worker]:
    """Wait for the first of: an answer, a death, the end of somebody's time; who is concerned."""
    left = min(worker.deadline for worker in team) - time.monotonic()
    ready = wait([handle for w in team for handle in (w.pipe, w.process.sentinel)], max(0.0, left))
    now = time.monotonic()
    return [w for w in team if w.pipe in ready or w.process.sentinel in ready or now > w.deadline]


def failure_of(worker: Worker) -> str:
    """What to say of a worker that couldn't start."""
    worker.process.join(1)
    code = worker.process.exitcode
    return f"a grading process ended before it could start (exit code {code}); what it printed above tells why"
