"""A grader to be killed: ``course grade`` as it is, or with a quick stand-in for the run of a notebook.

    python grader.py IN OUT --workers 2 [--fake] [--room BYTES]

``--room``: no file may grow beyond, which is how a full disk looks from inside. Exit codes as of ``course grade``.
"""

import argparse
import hashlib
import random
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from course_lib.cli import main
from course_lib.grading.batch import folder as batches
from course_lib.grading.batch.pool import grade_all
from course_lib.grading.batch.worker import Graded, Job, not_run
from course_lib.grading.results import Result, TaskVerdict

EXERCISE = "05_variational_autoencoder"


def stand_in(job: Job) -> Graded:
    """A result that follows from the bytes, after a moment; some are rejected, some stopped."""
    time.sleep(random.random() / 5)
    digest = hashlib.sha256(job.learner.encode() + job.data).digest()
    if digest[0] < 25:
        return not_run(job, "rejected", "The file is not a notebook."), {}
    verdicts = tuple(
        TaskVerdict(f"task_{i}", digest[i] % 3, 2, "right" if digest[i] % 3 == 2 else "wrong", digest.hex())
        for i in (1, 2, 3)
    )
    status = "stopped" if digest[0] > 230 else "graded"
    answers = {verdict.task: job.data.decode() for verdict in verdicts}
    return Result(job.learner, job.exercise or EXERCISE, status, verdicts, random.random()), answers


def quickly(jobs: Iterable[Job], workers: int, seconds: float) -> Iterator[tuple[Job, Graded]]:
    yield from grade_all(jobs, workers, seconds, stand_in)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("submissions", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--fake", action="store_true")
    parser.add_argument("--room", type=int)
    asked = parser.parse_args()
    if asked.fake:
        batches.grade_all = quickly
        batches.require = lambda kind: None
    if asked.room:
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked.room, most))
    solutions = str(Path(__file__).parents[3] / "solutions")
    where = ["grade", str(asked.submissions), "--out", str(asked.out), "--solutions", solutions]
    sys.argv = ["course", *where, "--workers", asked.workers]
    main()
