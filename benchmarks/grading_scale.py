"""What a submission costs, and what memory the grader takes, as classes get larger.

    python benchmarks/grading_scale.py [--long] [--quick] [--shipped] [--workers 2]

Batches of 10, 100 and 1,000 submissions of exercise 05 (``--long``: and 5,000; ``--quick``: 4 and 8), each a
``course grade`` of its own into a new folder. The last task is left unwritten, so that what counts is the grader and
not a second of training (``--shipped``: it is written). "More" is the cost of a submission beyond those of the row
above, without what every batch costs at its start.

Memory is the proportional set size (pages that processes share are counted once), sampled every five seconds: the
process that holds the journal, the workers that judge, and all that runs learners' code. Given are the median of the
last tenth of the batch, and for the first two the largest resident set of one process.
"""

import argparse
import csv
import statistics
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import classroom
import psutil
from grading import command
from machine import Clock, machine

ROLES = ("parent", "workers", "sandboxes")
_PAUSE = 5.0  # seconds between two looks at the memory, each of which takes a twentieth of one


@dataclass
class Memory:
    """MB by role: the proportional set size of all, the resident set of the largest."""

    shared: dict[str, float]
    largest: dict[str, float]


def memory_of(parent: psutil.Process) -> Memory:
    """What a ``course grade`` and all below it take now."""
    memory = Memory(dict.fromkeys(ROLES, 0.0), dict.fromkeys(ROLES, 0.0))
    workers = {child.pid for child in parent.children() if _is_worker(child)}
    for process in [parent, *parent.children(recursive=True)]:
        role = "parent" if process.pid == parent.pid else "workers" if process.pid in workers else "sandboxes"
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
            kilobytes = {name.rstrip(":"): int(value) for name, value, *_ in map(str.split, lines[1:])}
            memory.shared[role] += kilobytes.get("Pss", 0) / 1024
            memory.largest[role] = max(memory.largest[role], kilobytes.get("Rss", 0) / 1024)
    return memory


def _is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline())
    return False


@dataclass
class Batch:
    number: int
    seconds: float
    others: float
    memory: Memory


def grade(number: int, workers: int, trained: bool) -> Batch:
    """A batch of so many; checks that everybody got what they deserve."""
    with tempfile.TemporaryDirectory(prefix="grading-") as name:
        folder = Path(name)
        classroom.hand_in(folder / "in", range(number), trained=trained)
        clock = Clock()
        process = subprocess.Popen(**command(folder, workers))
        samples: list[Memory] = []
        parent = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.Error):
                samples.append(memory_of(parent))
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PAUSE)
        seconds, others = clock.stop()
        if process.returncode:
            raise RuntimeError(f"course grade ended with exit code {process.returncode}")
        with (folder / "out" / "gradebook.csv").open(newline="", encoding="utf-8") as file:
            scores = {row["learner"]: float(row["score"]) for row in csv.DictReader(file)}
        right = classroom.deserved(scores, range(number))
        if right != number:
            raise RuntimeError(f"{number - right} of {number} got marks that they don't deserve")
        last = [s for s in samples if s.shared["workers"]][-max(4, len(samples) // 10) :]
        memory = Memory(
            {role: statistics.median(s.shared[role] for s in last) for role in ROLES},
            {role: max(s.largest[role] for s in samples) for role in ROLES},
        )
        return Batch(number, seconds, others, memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="5,000, too")
    parser.add_argument("--quick", action="store_true", help="4 and 8")
    parser.add_argument("--shipped", action="store_true", help="with the task that trains a network")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    numbers = [4, 8] if options.quick else [10, 100, 1000, *([5000] if options.long else [])]
    last = "written" if options.shipped else "unwritten"
    print(f"{machine(1)}; {classroom.EXERCISE}, its last task {last}, {options.workers} workers")
    print(
        "\n| submissions | an hour | seconds each | more, each | parent | workers | sandboxes | largest | others |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    before: Batch | None = None
    for number in numbers:
        batch = grade(number, options.workers, options.shipped)
        more = "–"
        if before:
            more = f"{(batch.seconds - before.seconds) / (batch.number - before.number):.3f}"
        shares = " | ".join(f"{batch.memory.shared[role]:.0f} MB" for role in ROLES)
        largest = " / ".join(f"{batch.memory.largest[role]:.0f}" for role in ROLES[:2])
        print(
            f"| {number:,} | {3600 * number / batch.seconds:,.0f} | {batch.seconds / number:.3f} | {more} | {shares} "
            f"| {largest} MB | {batch.others:.2f} |",
            flush=True,
        )
        before = batch


if __name__ == "__main__":
    main()
