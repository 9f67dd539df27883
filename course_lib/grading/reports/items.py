"""The item analysis: a page for the instructor on how hard the tasks were and what went wrong, without any name.

Messages of errors are learners' text, which is escaped; no script may run in the page, and it loads nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from course_lib.grading.reports.pages import exercise_title
from course_lib.grading.reports.plots import outcome_bars, score_histogram, seconds_histogram, svg
from course_lib.grading.reports.rendering import render
from course_lib.grading.reports.statistics import FEWEST, ExerciseStatistics, TaskStatistics, statistics
from course_lib.grading.results import Record

_SHOWN = 10
_LOW = 0.2


def items_html(records: Sequence[Record]) -> str:
    """The page on all exercises in the records."""
    return render(
        "items",
        learners=len({record.learner for record in records}),
        submissions=len(records),
        fewest=FEWEST,
        exercises=[_exercise(one) for one in statistics(records)],
    )


def _exercise(one: ExerciseStatistics) -> dict[str, Any]:
    graded = len(one.scores)
    numbers: list[tuple[str, object]] = [
        ("graded", graded),
        ("could not be run", one.rejected),
        ("failed in the grader", one.failed),
    ]
    shown: dict[str, Any] = {"title": exercise_title(one.exercise), "numbers": numbers, "scores": ""}
    if not graded:
        return shown
    mean, median = np.mean(one.scores), np.median(one.scores)
    numbers[1:1] = [
        (f"mean of {one.max_score:g}", f"{mean:.1f}"),
        ("median", f"{median:.1f}"),
        ("attempts, mean", f"{np.mean(one.attempts):.1f}"),
    ]
    seconds = np.median(one.seconds)
    return shown | {
        "scores": _plot(score_histogram(one.scores, one.max_score), f"{one.exercise} scores"),
        "scores_alt": f"Histogram of the scores: mean {mean:.1f}, median {median:.1f} of {one.max_score:g}",
        "tasks": [_task(task) for task in one.tasks],
        "outcomes": _plot(outcome_bars(one.tasks), f"{one.exercise} outcomes"),
        "outcomes_alt": "Bars: for each task of the table above, the share of answers by outcome",
        "misconceptions": _most([(n, task.task, text) for task in one.tasks for text, n in task.misconceptions]),
        "errors": _most([(n, task.task, text) for task in one.tasks for text, n in task.errors]),
        "seconds": _plot(seconds_histogram(one.seconds), f"{one.exercise} seconds"),
        "seconds_alt": f"Histogram of the seconds that submissions ran: median {seconds:.1f}",
    }


def _task(task: TaskStatistics) -> dict[str, Any]:
    number = sum(task.outcomes.values())
    return {
        "name": task.task,
        "points": f"{task.max_points:g}",
        "difficulty": f"{100 * task.difficulty:.0f} %",
        "discrimination": "undefined" if task.discrimination is None else f"{task.discrimination:.2f}",
        "low": task.discrimination is not None and task.discrimination < _LOW,
        "right": f"{task.outcomes.get('right', 0)} of {number}",
        "untouched": task.outcomes.get("untouched", 0),
    }


def _most(rows: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    return sorted(rows, key=lambda row: (-row[0], row[1], row[2]))[:_SHOWN]


def _plot(figure: Any, name: str) -> Markup:
    return Markup(svg(figure, name))  # made here of numbers and task names, which matplotlib escapes
