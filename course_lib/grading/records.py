"""What the journal tells: the current submission of each learner, what it was graded with, and its history."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.grading.results import Adjustment, Record, Result, TaskVerdict
from course_lib.grading.store import Store

_SCHEMA = """
CREATE TABLE settings (id TEXT PRIMARY KEY, described TEXT NOT NULL);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, learner NOT NULL, place NOT NULL, content TEXT NOT NULL,
    settings TEXT NOT NULL REFERENCES settings,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')), lease TEXT, expires REAL,
    reason TEXT NOT NULL DEFAULT '', exercise, result TEXT, answers TEXT, at TEXT NOT NULL
);
CREATE INDEX runs_by_key ON runs (learner, place, content, settings);
CREATE TABLE handed_in (
    id INTEGER PRIMARY KEY, learner NOT NULL, place NOT NULL, content TEXT NOT NULL, attempt INTEGER NOT NULL,
    submitted TEXT NOT NULL, run INTEGER REFERENCES runs, stale INTEGER NOT NULL DEFAULT 1, at TEXT NOT NULL
);
CREATE INDEX handed_in_by_learner ON handed_in (learner, place);
CREATE INDEX handed_in_stale ON handed_in (stale) WHERE stale;
CREATE TABLE adjustments (
    id INTEGER PRIMARY KEY, learner NOT NULL, exercise NOT NULL, attempt INTEGER NOT NULL, kind TEXT NOT NULL,
    task TEXT NOT NULL, points REAL, comment TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX adjustments_by_learner ON adjustments (learner, exercise);
"""
# of each place the newest hand-in that was run, and of these the newest for each exercise
_CURRENT = """
SELECT h.id, h.learner, h.content, h.attempt, h.submitted, r.exercise, r.result, r.answers, r.settings
FROM handed_in h JOIN runs r ON r.id = h.run
WHERE h.id = (
    SELECT max(x.id) FROM handed_in x JOIN runs y ON y.id = x.run
    WHERE x.learner = h.learner AND y.exercise = r.exercise AND x.id = (
        SELECT max(id) FROM handed_in z WHERE z.learner = x.learner AND z.place = x.place AND z.run NOT NULL
    )
)
"""


class Records(Store):
    """The reading half of :class:`~course_lib.grading.journal.Journal`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA, 1)

    def __iter__(self) -> Iterator[Record]:
        """:meth:`records`, one at a time. Write nothing meanwhile."""
        for row in self.db.execute(_CURRENT + " ORDER BY h.learner, r.exercise"):
            yield self._record(row)

    def records(self) -> list[Record]:
        """The current submission of each learner for each exercise, in the order of both."""
        return list(self)

    def stale(self) -> list[tuple[int, Record]]:
        """Up to a hundred records that changed since their page was written, and what to tell :meth:`written`."""
        rows = self.db.execute(_CURRENT + " AND h.stale ORDER BY h.id LIMIT 100").fetchall()
        return [(row[0], self._record(row)) for row in rows]

    def of(self, learner: str) -> list[Record]:
        """A learner's current submissions."""
        rows = self.db.execute(_CURRENT + " AND h.learner = ? ORDER BY r.exercise", (stored(learner),)).fetchall()
        return [self._record(row) for row in rows]

    def settings(self, learner: str, exercise: str) -> dict[str, str]:
        """What a learner's current submission was graded with: versions, secret id, sandbox, limits."""
        found = self.db.execute(
            f"SELECT s.described FROM ({_CURRENT} AND h.learner = ? AND r.exercise = ?) c "
            "JOIN settings s ON s.id = c.settings",
            (stored(learner), exercise),
        ).fetchone()
        return dict(json.loads(found[0])) if found else {}

    def history(self, learner: str) -> list[tuple[str, str]]:
        """All that happened to a learner's work: when (ISO 8601, UTC), and what."""
        who = stored(learner)
        told = [
            (at, f"handed in for {place or '(which?)'}, attempt {attempt}, content {content[:12]}")
            for place, attempt, content, at in self.db.execute(
                "SELECT place, attempt, content, at FROM handed_in WHERE learner = ? ORDER BY id", (who,)
            )
        ]
        for exercise, state, content, at, result in self.db.execute(
            "SELECT coalesce(exercise, place), state, content, at, result FROM runs WHERE learner = ? ORDER BY id",
            (who,),
        ):
            score = f", {_result(json.loads(result)).score:g} points" if result else ""
            told.append((at, f"run {state} for {exercise or '(which?)'}, content {content[:12]}{score}"))
        for exercise, kind, task, points, comment, by, at in self.db.execute(
            "SELECT exercise, kind, task, points, comment, by, at FROM adjustments WHERE learner = ? ORDER BY id",
            (who,),
        ):
            what = "withdrawn" if points is None else f"{points:g}" if kind != "comment" else ""
            told.append((at, " ".join(x for x in (exercise, task, kind, what, f"by {by}:", comment) if x)))
        return sorted(told, key=lambda entry: entry[0])

    def _record(self, row: tuple[Any, ...]) -> Record:
        _, who, content, attempt, submitted, exercise, result, answers, _ = row
        found = self.db.execute(
            "SELECT kind, task, points, comment, by, at FROM adjustments WHERE learner = ? AND exercise = ? "
            "AND (kind != 'late' OR attempt = ?) ORDER BY id",
            (who, exercise, attempt),
        )
        last = {(kind, task): (kind, task, *rest) for kind, task, *rest in found}
        adjustments = tuple(Adjustment(*values) for values in last.values() if values[2] is not None)
        return Record(_result(json.loads(result)), json.loads(answers), content, attempt, submitted, adjustments)


def stored(name: str) -> str | bytes:
    """A name as it is stored: text, or bytes where a file name wasn't Unicode."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
    return name


def _result(stored: dict[str, Any]) -> Result:
    verdicts = tuple(TaskVerdict(**verdict) for verdict in stored.pop("verdicts"))
    cells = tuple((name, seconds) for name, seconds in stored.pop("cells"))
    return Result(**stored | {"verdicts": verdicts, "cells": cells, "notes": tuple(stored["notes"])})
