"""Where the grader's time goes: the functions that ``grade_bytes`` is made of, timed from outside in one process."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import classroom
import torch

from course_lib.exercises.catalogue import catalogue_of
from course_lib.grading import grade as grading
from course_lib.grading.running.run import Limits, NotebookRun

# what each part of an hour goes into, and the functions that do it
PARTS = {
    "reading": ("read_submission", "recognise"),
    "hidden inputs": ("cases_of",),
    "rebuilding": ("rebuild",),
    "running": ("run_notebook",),
    "judging": ("mark",),
}


def split(number: int, sandbox: str) -> dict[str, list[float]]:
    """Seconds of each part for each of so many submissions, and of the cells of each; the first one warms up."""
    originals = {name: getattr(grading, name) for names in PARTS.values() for name in names}
    spent: dict[str, float] = defaultdict(float)
    runs: list[NotebookRun] = []

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            result = function(*args, **kwargs)
            spent[name] += time.perf_counter() - started
            if isinstance(result, NotebookRun):
                runs.append(result)
            return result

        return call

    seconds: dict[str, list[float]] = defaultdict(list)
    try:
        for name, function in originals.items():
            setattr(grading, name, timed(name, function))
        for i in range(number + 1):
            data = classroom.text(i).encode()
            spent.clear()
            started = time.perf_counter()
            grading.grade_bytes(
                data,
                classroom.learner(i),
                catalogue_of(),
                classroom.EXERCISE,
                secret=b"split" * 4,
                limits=Limits(),
                sandbox=sandbox,
            )
            whole = time.perf_counter() - started
            if i == 0:
                continue
            for part, names in PARTS.items():
                seconds[part].append(sum(spent[name] for name in names))
            seconds["of that, cells"].append(sum(cell.seconds for cell in runs[-1].cells.values()))
            seconds["all of it"].append(whole)
    finally:
        for name, function in originals.items():
            setattr(grading, name, function)
    return seconds


def report(number: int, sandbox: str = "forked") -> None:
    """Print the medians."""
    torch.set_num_threads(1)
    seconds = split(number, sandbox)
    whole = statistics.median(seconds["all of it"])
    print(f"\nOne submission in one process, sandbox {sandbox}; median of {number} after one to warm up:\n")
    print("| | ms | share |\n|---|---|---|")
    for part, values in seconds.items():
        median = statistics.median(values)
        print(f"| {part} | {1000 * median:.0f} | {median / whole:.0%} |")
