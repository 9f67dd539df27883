"""The jobs of a batch on a Dask cluster: submissions travel as bytes, and are graded in processes beside its workers.

A Dask worker runs tasks in threads, and a submission wants a process: so each thread keeps one, as ``pool.py`` does,
with a sandbox of its own. Only the caller writes the journal, each job once. The scheduler gives the jobs of a worker
that died to another. A worker that would mark by other rules than the caller is refused.
"""

import atexit
import multiprocessing
import secrets
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from course_lib.grading.batch.pool import JOBS, Worker, WorkerError, failure_of, ready_of
from course_lib.grading.batch.rules import rules
from course_lib.grading.batch.worker import Graded, Job, grade_one, not_run

if TYPE_CHECKING:
    from distributed import Client, Future

_START = 60.0  # seconds to find the scheduler and a first worker
_WITHOUT = 300.0  # seconds to wait for workers when all have gone
_AHEAD = 2  # jobs for each thread of the cluster: one runs, one is there when it ends
_WARM = 60.0  # seconds that a process may wait for a next job of its batch while others are graded
_TWICE = "The run ended the grader's own process, or held it up, twice. Look at this notebook by hand."

# the grading processes of this Dask worker that have no job: their batch, and since when
_spare: dict[Worker, tuple[str, float]] = {}
_lock = threading.Lock()


class ClusterError(RuntimeError):
    """The cluster can't be used; the message says why and what to do."""


def grade_on_cluster(jobs: Iterable[Job], address: str, seconds: float) -> Generator[tuple[Job, Graded]]:
    """Each job with what came of it, each within ``seconds``; ``address``: the scheduler's, as ``tcp://host:8786``.

    Raises ``ClusterError`` if the scheduler or all workers are missing, or a worker marks by other rules.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("--dask needs the extra 'cluster': pip install -e '.[cluster]'") from None
    try:
        client = Client(address, timeout=_START, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"there is no Dask scheduler at {address} ({error}); start one: dask scheduler"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_START)
        except TimeoutError:
            raise ClusterError(f"no worker is at {address}; start some: {_how(address)}") from None
        batch = secrets.token_hex(8)
        try:
            yield from _grade(client, iter(jobs), address, seconds, batch)
        finally:
            with suppress(OSError, TimeoutError):
                client.run(_end_spare, batch)


def _grade(
    client: "Client", waiting: Iterator[Job], address: str, seconds: float, batch: str
) -> Generator[tuple[Job, Graded]]:
    from distributed import wait

    running: dict[Future, Job] = {}
    while True:
        room = max(1, _AHEAD * sum(client.nthreads().values()))
        while len(running) < room and (job := next(waiting, None)) is not None:
            task = client.submit(_grade_there, job, batch, seconds, _rules(job), pure=False)
            running[task] = job
        if not running:
            return
        try:
            with client.as_current():
                done, _ = wait(list(running), timeout=_WITHOUT, return_when="FIRST_COMPLETED")
        except TimeoutError:
            if client.nthreads():
                continue
            raise ClusterError(
                f"all workers of {address} have gone; start some ({_how(address)}) and call again"
            ) from None
        for task in done:
            job = running.pop(task)
            yield job, _answer(task, job, address)


def _answer(task: "Future", job: Job, address: str) -> Graded:
    from distributed import KilledWorker

    try:
        answer: Graded = task.result()
        return answer
    except KilledWorker:
        return not_run(job, "failed", _TWICE), {}
    except ClusterError:
        raise
    except Exception as error:
        raise ClusterError(
            f"the cluster at {address} gave up ({type(error).__name__}: {error}); call again"
        ) from error


def _grade_there(job: Job, batch: str, seconds: float, wanted: dict[str, str]) -> Graded:
    """Grade a job in a process of this Dask worker's; runs in a thread of it."""
    from distributed import get_worker

    try:
        found = _rules(job)
        if found != wanted:
            unlike = ", ".join(
                f"{k} {found.get(k)!r} instead of {v!r}" for k, v in wanted.items() if found.get(k) != v
            )
            raise ClusterError(f"it has {unlike}; install there what is here")
        for _ in range(2):
            worker = _take(batch) or _new()
            try:
                answer = _graded(worker, job, seconds)
            except (EOFError, OSError):
                worker.end()
            else:
                _give_back(worker, batch)
                return answer
        return not_run(job, "failed", _TWICE), {}
    except (ClusterError, WorkerError, OSError) as error:
        raise ClusterError(f"the worker {get_worker().address} can't grade: {error}") from None


def _graded(worker: Worker, job: Job, seconds: float) -> Graded:
    """What a process makes of a job. Raises ``EOFError`` or ``OSError`` if it dies or is late."""
    worker.begin(job, seconds)
    while True:
        ready_of([worker])
        answer = worker.answer()
        if answer is not None:
            return answer


def _rules(job: Job) -> dict[str, str]:
    s = job.settings
    with _lock:  # importing an instructor's code, once
        return rules(job.exercise, s.catalogue(), s.secret, s.sandbox, s.limits)


def _new() -> Worker:
    """Another process. Raises ``WorkerError`` if it can't start."""
    multiprocessing.current_process().daemon = False  # below a nanny it is one, which may have no children
    worker = Worker(grade_one)
    try:
        ready_of([worker])
        worker.answer()
    except (EOFError, OSError):
        raise WorkerError(failure_of(worker)) from None
    return worker


def _take(batch: str) -> Worker | None:
    """A spare process of this batch. Those that another batch left behind are ended."""
    late = time.monotonic() - _WARM
    with _lock:
        left = [worker for worker, (whose, since) in _spare.items() if whose != batch and since < late]
        found = next((worker for worker, (whose, _) in _spare.items() if whose == batch), None)
        for worker in [*left, *([found] if found else [])]:
            del _spare[worker]
    for worker in left:
        worker.end()
    return found


def _give_back(worker: Worker, batch: str) -> None:
    if worker.done > JOBS:
        worker.end()
        return
    with _lock:
        _spare[worker] = (batch, time.monotonic())


@atexit.register
def _end_spare(batch: str = "") -> None:
    """End the spare processes of a batch, or all."""
    with _lock:
        left = [worker for worker, (whose, _) in _spare.items() if batch in ("", whose)]
        for worker in left:
            del _spare[worker]
    for worker in left:
        worker.end()


def _how(address: str) -> str:
    return f"dask worker {address} --nthreads 1 --nworkers N"
