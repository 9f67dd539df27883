"""What the one process costs that reads submissions, keeps the journal, writes pages and tables: the rest scales out.

    python benchmarks/grading_parent.py [--long] [--quick]

One submission of exercise 05 is graded for real; then that result stands in for every other one, so that ``course
grade`` on 1,000 and 10,000 submissions (``--long``: and 100,000; ``--quick``: 100) runs nothing. Printed are the
submissions an hour that this one process can take in, whatever the number of workers; the time of a second call that
finds nothing to do; bytes on the disk for each; the peak of its resident memory; and the bytes that a job and its
result have on their way to a worker and back.
"""

import argparse
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import classroom
import psutil
from machine import Clock, machine

from course_lib.grading import grade_folder
from course_lib.grading.batch import folder as batches
from course_lib.grading.batch.worker import Graded, Job, Settings, grade_one
from course_lib.grading.journal import JOURNAL


def stand_in(graded: Graded) -> None:
    """Let ``grade_folder`` take every submission's result from this one."""
    result, answers = graded

    def grade_all(jobs: Iterable[Job], *_: object) -> Iterator[tuple[Job, Graded]]:
        for job in jobs:
            yield job, (replace(result, learner=job.learner), answers)

    batches.grade_all = grade_all


def one_batch(folder: Path, number: int) -> str:
    """A row of the table; in a process of its own, for its memory."""
    clock = Clock()
    grade_folder(folder / "in", folder / "out")
    seconds, others = clock.stop()
    started = time.perf_counter()
    grade_folder(folder / "in", folder / "out")
    again = time.perf_counter() - started
    journal = sum(path.stat().st_size for path in folder.glob(f"out/{JOURNAL}*")) / number
    pages = sum(path.stat().st_size for path in folder.glob("out/feedback/**/*.html")) / number
    memory = psutil.Process().memory_info().rss / 2**20
    sizes = f"{journal / 1000:.1f} kB | {pages / 1000:.1f} kB"
    rate = f"{3600 * number / seconds:,.0f} | {again:.1f} s"
    return f"| {number:,} | {rate} | {sizes} | {memory:.0f} MB | {others:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="100,000, too")
    parser.add_argument("--quick", action="store_true", help="100")
    parser.add_argument("--batch", help=argparse.SUPPRESS)
    options = parser.parse_args()
    numbers = [100] if options.quick else [1000, 10_000, *([100_000] if options.long else [])]
    if options.batch:
        folder = Path(options.batch)
        stand_in(pickle.loads((folder / "graded").read_bytes()))
        print(one_batch(folder, len(list((folder / "in").iterdir()))))
        return
    data = classroom.text(0).encode()
    whose = {"learner": classroom.learner(0), "exercise": classroom.EXERCISE, "problem": "", "note": ""}
    job = Job(run=1, data=data, settings=Settings(b"secret" * 4), **whose)
    graded = grade_one(job)
    if graded[0].score != graded[0].max_score:
        raise RuntimeError(f"a right submission got {graded[0]}")
    away, back = len(pickle.dumps(job)), len(pickle.dumps(graded))
    print(f"{machine(1)}; a job has {away:,} bytes, its result {back:,}")
    print("\n| submissions | an hour | called again | journal, each | page, each | memory | others |")
    print("|---|---|---|---|---|---|---|")
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="grading-") as name:
            (Path(name) / "graded").write_bytes(pickle.dumps(graded))
            classroom.hand_in(Path(name) / "in", range(number))
            command = [sys.executable, __file__, "--batch", name]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


if __name__ == "__main__":
    main()
