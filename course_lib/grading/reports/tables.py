"""Two tables for the instructor: a row per submission, and a row per task."""

from collections.abc import Iterable
from pathlib import Path

from course_lib.grading.names import visible
from course_lib.grading.reports.text import new_table
from course_lib.grading.results import Record, TaskVerdict

_SUBMISSIONS = ("learner", "exercise", "score", "max_score", "status", "seconds")
_TASKS = ("learner", "exercise", "task", "points", "max_points", "verdict", "message")


def write_tables(out: Path, records: Iterable[Record]) -> None:
    """``gradebook.csv`` and ``tasks.csv`` (whose task is empty if unknown), with the marks as they stand now."""
    with new_table(out / "gradebook.csv", _SUBMISSIONS) as add, new_table(out / "tasks.csv", _TASKS) as add_task:
        for record in records:
            key, result = (visible(record.learner), record.exercise), record.result
            add((*key, f"{record.score:g}", f"{record.max_score:g}", result.status, f"{result.seconds:.1f}"))
            points = record.points
            for verdict in result.verdicts or (TaskVerdict("", 0, 0, "missing", result.reason),):
                marks = (f"{points.get(verdict.task, 0):g}", f"{verdict.max_points:g}")
                add_task((*key, verdict.task, *marks, verdict.verdict, verdict.message))
