"""The process that grades one submission after another for a batch, and the one function that it calls for each.

``grade_one`` depends on its job only, so that any process on any machine can do it. A worker ends with the process that
started it, and takes all that it started along.
"""

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from course_lib.exercises.catalogue import Catalogue, catalogue_of
from course_lib.grading.grade import grade_bytes
from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.results import Result, Status, TaskVerdict
from course_lib.grading.sandbox import Limits
from course_lib.grading.sandbox.processes import adopt_orphans, kill_descendants

_MEMORY = 6 << 30  # bytes of a worker's own data: libraries, a submission's arrays, what a reference makes of them


@dataclass(frozen=True)
class Settings:
    """What is the same for every submission of a batch. ``secret``: the key of the hidden inputs. ``variants``: the
    instructor's folder, absolute."""

    secret: bytes
    limits: Limits = field(default_factory=Limits)
    solutions: Path | None = None
    sandbox: str = "auto"
    variants: Path | None = None

    def catalogue(self) -> Catalogue:
        """The exercises in these folders, as this machine has them; raises as :class:`Catalogue` does."""
        return catalogue_of(self.solutions, self.variants)


@dataclass(frozen=True)
class Job:
    """One submission to grade: its row in the journal, whose it is, its bytes (or why there are none), and how.

    ``note``: what the learner should know of how it was found.
    """

    run: int
    learner: str
    exercise: str
    data: bytes
    problem: str
    note: str
    settings: Settings


Graded = tuple[Result, dict[str, str]]


def grade_one(job: Job) -> Graded:
    """The result and the learner's code by task: whatever the job holds, these come out."""
    settings = job.settings
    try:
        if job.problem:
            raise SubmissionError(job.problem)
        result, answers = grade_bytes(
            job.data,
            job.learner,
            settings.catalogue(),
            job.exercise,
            secret=settings.secret,
            limits=settings.limits,
            sandbox=settings.sandbox,
        )
        return (replace(result, notes=(job.note, *result.notes)) if job.note else result), answers
    except SubmissionError as error:
        return not_run(job, "rejected", str(error)), {}
    except Exception as error:
        return not_run(job, "failed", f"The grader failed, through no fault of the learner ({said(error)})."), {}
    finally:
        if settings.sandbox == "none":  # a jail is for the next one too, and leaves nothing of this one
            kill_descendants()


def not_run(job: Job, status: Status, reason: str) -> Result:
    """The result of a submission that wasn't run."""
    try:
        tasks = job.settings.catalogue().exercise(job.exercise).tasks
    except (OSError, ValueError, KeyError):  # no exercise is named, or this machine hasn't got it
        tasks = ()
    verdicts = tuple(TaskVerdict(task.name, 0, task.points, "missing", reason) for task in tasks)
    return Result(job.learner, job.exercise, status, verdicts, reason=reason)


def work(pipe: Connection, grade: Callable[[Job], Graded], folder: str) -> None:
    """Grade what comes through ``pipe`` until its other end is closed. Says ``None`` when ready to begin.

    ``folder``: for temporary files; who started this process, or this one if that is gone, removes it.
    """
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the process that started this one
    tempfile.tempdir = folder
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    adopt_orphans()
    limit_worker()
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        pipe.send(None)
        while True:
            pipe.send(grade(pipe.recv()))


def limit_worker() -> None:
    """Bound the memory that judging may take. What the worker starts has limits of its own."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, most))


def _end_with_parent(folder: str) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        kill_descendants()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)


def said(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}"
