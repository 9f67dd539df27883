"""What a batch says of its tasks: how hard each is, how well it tells learners apart, and what goes wrong.

- Difficulty of a task: the mean share of its points.
- Discrimination: the correlation (Pearson) of a task's points with the points of the exercise's other tasks, the
  corrected item-total correlation (Nunnally and Bernstein, Psychometric Theory, 1994). It is undefined where one of
  the two is the same for everybody, where there is one task only, and for fewer than three learners.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.grading.reports.text import clean
from course_lib.grading.results import Record
from course_lib.tasks.core import Outcome

FEWEST = 3  # learners for a correlation


@dataclass(frozen=True)
class TaskStatistics:
    """One task over all who were graded. ``discrimination`` is None where it is undefined."""

    task: str
    max_points: float
    difficulty: float
    discrimination: float | None
    outcomes: dict[Outcome, int]
    misconceptions: list[tuple[str, int]]
    errors: list[tuple[str, int]]


@dataclass(frozen=True)
class ExerciseStatistics:
    """One exercise: ``scores`` and ``seconds`` of those graded, and how many could not be."""

    exercise: str
    scores: list[float]
    max_score: float
    seconds: list[float]
    attempts: list[int]
    rejected: int
    failed: int
    tasks: list[TaskStatistics]


def statistics(records: Sequence[Record]) -> list[ExerciseStatistics]:
    """The statistics of each exercise in the records, in order; submissions of no known exercise are left out."""
    exercises = sorted({record.exercise for record in records if record.exercise})
    return [_exercise(name, [record for record in records if record.exercise == name]) for name in exercises]


def discrimination(points: Sequence[float], others: Sequence[float]) -> float | None:
    """The correlation of a task's points with those of the other tasks, or None where it is undefined."""
    x, y = np.asarray(points, float), np.asarray(others, float)
    if len(x) < FEWEST or np.ptp(x) < 1e-9 or np.ptp(y) < 1e-9:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _exercise(name: str, records: Sequence[Record]) -> ExerciseStatistics:
    graded = [record for record in records if record.result.status in ("graded", "stopped")]
    tasks = list(dict.fromkeys(verdict.task for record in graded for verdict in record.result.verdicts))
    return ExerciseStatistics(
        name,
        scores=[record.score for record in graded],
        max_score=max((record.max_score for record in graded), default=0.0),
        seconds=[record.result.seconds for record in graded],
        attempts=[record.attempt for record in graded],
        rejected=sum(record.result.status == "rejected" for record in records),
        failed=sum(record.result.status == "failed" for record in records),
        tasks=[_task(task, graded) for task in tasks],
    )


def _task(task: str, records: Sequence[Record]) -> TaskStatistics:
    with_it = [record for record in records if task in record.points]
    verdicts = [verdict for record in with_it for verdict in record.result.verdicts if verdict.task == task]
    points = [record.points[task] for record in with_it]
    others = [sum(record.points.values()) - record.points[task] for record in with_it]
    most = max(verdict.max_points for verdict in verdicts)
    hints = Counter(clean(verdict.hint) for verdict in verdicts if verdict.hint)
    errors = Counter(error_line(v.message) for v in verdicts if v.verdict in ("error", "missing") and v.message)
    return TaskStatistics(
        task,
        most,
        difficulty=float(np.mean(points)) / most if most else math.nan,
        discrimination=discrimination(points, others),
        outcomes=dict(Counter(verdict.verdict for verdict in verdicts)),
        misconceptions=hints.most_common(),
        errors=errors.most_common(5),
    )


_NAMED = re.compile(
    r"(?:The cell itself: It stopped with )?([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)\b.*)"
)


def error_line(message: str) -> str:
    """The line of a message that names the error, without the numbers by which one learner's differs from another's."""
    lines = [line.strip() for line in clean(message).splitlines() if line.strip()]
    named = [found[1] for line in lines if (found := _NAMED.match(line))]
    line = (named or lines or [""])[-1 if named else 0]
    return clean(re.sub(r"(?:(?<![A-Za-z_])|(?<=\dx))\d+(\.\d+)?", "…", line), 160)
