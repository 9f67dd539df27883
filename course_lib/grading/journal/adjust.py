"""What is added to the grader's marks: penalties for lateness, marks and comments by hand."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from course_lib.grading.journal.journal import Journal, now
from course_lib.grading.names import meant
from course_lib.grading.results import Adjustment, Record
from course_lib.grading.spreadsheets import read_sheet

_AUTO = "auto"


@dataclass(frozen=True)
class Late:
    """``percent`` of the most points an exercise gives is taken off for each day begun after it was due.

    ``due``: when, by exercise; the empty name stands for all that aren't named.
    """

    percent: float
    due: Mapping[str, datetime] = field(default_factory=dict)

    def days(self, record: Record) -> int:
        """Days begun since it was due; 0 if it was in time, or if either time isn't known."""
        due = self.due.get(record.exercise) or self.due.get("")
        if due is None or not record.submitted:
            return 0
        seconds = (datetime.fromisoformat(record.submitted) - due).total_seconds()
        return max(0, math.ceil(seconds / 86400))

    def points(self, record: Record) -> float:
        """What is taken off; never more than the exercise gives."""
        return round(min(1.0, self.percent / 100 * self.days(record)) * record.max_score, 6)


def read_due(text: str) -> dict[str, datetime]:
    """When exercises are due: one moment (ISO 8601) for all, or a table with the columns exercise and due.

    A moment without an offset is in this machine's time zone; a date alone means its end. Raises ``ValueError`` for
    anything else, ``FileNotFoundError`` if a table is named that isn't there.
    """
    if not text.lower().endswith(".csv"):
        return {"": _moment(text)}
    due = {}
    for line, row in _rows(Path(text), ("exercise", "due")):
        try:
            due[row["exercise"].strip()] = _moment(row["due"])
        except ValueError as error:
            raise ValueError(f"{text}, line {line}: {error}") from None
    return due


def apply_late(journal: Journal, late: Late, by: str) -> list[tuple[str, str]]:
    """Bring each record's penalty up to date; what was noted before stays in the history.

    Returns learner and exercise of those that are due and for which nothing can be worked out, as nothing tells when
    they were handed in.
    """
    changed, untimed = [], []
    for record in journal:
        if not record.submitted and record.exercise and (late.due.get(record.exercise) or late.due.get("")):
            untimed.append((record.learner, record.exercise))
        before = sum(a.points for a in record.adjustments if a.kind == "late")
        points = late.points(record)
        if points != before:
            days = late.days(record)
            comment = (
                f"{days} {'day' if days == 1 else 'days'} late, {late.percent:g} % a day" if points else "in time"
            )
            changed.append((record, Adjustment("late", "", points, comment, by, now())))
    for record, adjustment in changed:
        journal.adjust(record, adjustment, withdrawn=not adjustment.points)
    return untimed


def merge_marks(journal: Journal, table: Path, by: str) -> int:
    """Take in marks and comments given by hand; how many were new.

    ``table`` has the columns learner, exercise, task, points, comment. Points replace the task's, or are added to the
    exercise's where no task is named; empty: the row is a comment; ``auto``: the grader's mark counts again. All rows
    are taken or, with a ``ValueError`` that names each wrong one, none.
    """
    records = {(record.learner, record.exercise): record for record in journal}
    learners = {learner for learner, _ in records}
    wrong, new = [], []
    for line, row in _rows(table, ("learner", "exercise", "task", "points", "comment")):
        cell = {name: value.strip() for name, value in row.items()}
        cell["points"] = re.sub(
            r"^(-?[0-9]*),([0-9]{1,2})$", r"\1.\2", cell["points"]
        )  # as half of the world writes it
        names = (cell["learner"], cell["learner"].removeprefix("'"))  # as in gradebook.csv
        found = (records.get((meant(name, learners), cell["exercise"])) for name in names)
        record = next(filter(None, found), None)
        problem = _problem(cell, record)
        if problem or record is None:
            wrong.append(f"line {line}: {problem}")
        elif (adjustment := _adjustment(cell, record, by)) is not None:
            new.append((record, adjustment, cell["points"] == _AUTO))
    if wrong:
        raise ValueError(f"nothing was taken from {table}:\n" + "\n".join(wrong))
    with journal.transaction():
        for record, adjustment, withdrawn in new:
            journal.adjust(record, adjustment, withdrawn=withdrawn)
    return len(new)


def _problem(cell: Mapping[str, str], record: Record | None) -> str:
    if record is None:
        return f"nothing graded of {cell['learner']!r} for {cell['exercise']!r}; both as in gradebook.csv"
    if cell["task"] and cell["task"] not in record.points:
        return f"no task {cell['task']!r} in it; there are: {', '.join(record.points)}"
    if not cell["points"] and not cell["comment"]:
        return "neither points nor a comment"
    if cell["points"] not in ("", _AUTO):
        try:
            points = float(cell["points"])
        except ValueError:
            points = math.nan
        if not math.isfinite(points) or (points < 0 and cell["task"]):
            return f"points should be a number, {_AUTO!r} or nothing, but are {cell['points']!r}"
        most = {verdict.task: verdict.max_points for verdict in record.result.verdicts}
        if points > most.get(cell["task"], math.inf):
            return (
                f"{cell['task']} gives at most {most[cell['task']]:g} points, not {points:g}; a row without a task "
                "adds more"
            )
    return ""


def _adjustment(cell: Mapping[str, str], record: Record, by: str) -> Adjustment | None:
    """The row as an adjustment, unless it says what is in force already."""
    kind: Literal["manual", "comment"] = "manual" if cell["points"] else "comment"
    points = float(cell["points"]) if cell["points"] not in ("", _AUTO) else 0.0
    in_force = {(a.kind, a.task): (a.points, a.comment) for a in record.adjustments}
    if in_force.get((kind, cell["task"])) == (None if cell["points"] == _AUTO else (points, cell["comment"])):
        return None
    return Adjustment(kind, cell["task"], points, cell["comment"], by, now())


def _rows(table: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table with at least these columns, each with its line."""
    sheet = read_sheet(table)
    absent = [name for name in columns if name not in sheet.head]
    if absent:
        raise ValueError(f"{table} should have the columns {', '.join(columns)}; not there: {', '.join(absent)}")
    cells = (dict(zip(sheet.head, row, strict=False)) for row in sheet.rows[1:])
    return [
        (line, {name: str(row.get(name, "")) for name in columns})
        for line, row in zip(sheet.lines[1:], cells, strict=True)
    ]


def _moment(text: str) -> datetime:
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date or time such as 2026-10-31 or 2026-10-31T18:00+01:00") from None
    if len(text) <= 10:
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment.astimezone(UTC)
