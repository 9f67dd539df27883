"""What the journal says: the current submission of each learner, and all that happened to one."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from course_lib.grading.results import Adjustment, Record, Result, TaskVerdict

# A learner may have put an exercise into several places, and into each several times. In each place the newest hand-in
# that has been run counts (so an older one, until the newest has been run), and then the newest of each exercise.
CURRENT = """
SELECT h.id, h.learner, h.content, h.attempt, h.submitted, r.exercise, r.result, r.answers, r.settings
FROM handed_in h JOIN runs r ON r.id = h.run
WHERE h.id = (
    SELECT max(x.id) FROM handed_in x JOIN runs y ON y.id = x.run
    WHERE x.learner = h.learner AND y.exercise = r.exercise AND x.id = (
        SELECT max(id) FROM handed_in z WHERE z.learner = x.learner AND z.place = x.place AND z.run NOT NULL
    )
)
"""


# The newest that was run of each other place where the same learner handed in the same exercise.
ELSEWHERE = """
SELECT r.result FROM handed_in h JOIN runs r ON r.id = h.run
WHERE h.learner = ? AND r.exercise = ? AND r.exercise != '' AND h.place != (SELECT place FROM handed_in WHERE id = ?)
AND h.id = (SELECT max(id) FROM handed_in z WHERE z.learner = h.learner AND z.place = h.place AND z.run NOT NULL)
"""


def select(db: sqlite3.Connection, condition: str = "", *values: object) -> Iterator[tuple[int, Record]]:
    """The current submissions that fulfil ``condition``, each with the id of its hand-in. Write nothing meanwhile."""
    for row in db.execute(CURRENT + condition, values):
        yield row[0], _record(db, row)


def settings_of(db: sqlite3.Connection, learner: str, exercise: str) -> dict[str, str]:
    """What a learner's current submission was graded with; empty if there is none."""
    row = db.execute(
        f"SELECT s.described FROM ({CURRENT} AND h.learner = ? AND r.exercise = ?) c "
        "JOIN settings s ON s.id = c.settings",
        (stored(learner), exercise),
    ).fetchone()
    return dict(json.loads(row[0])) if row else {}


def history_of(db: sqlite3.Connection, learner: str) -> list[tuple[str, str]]:
    """All that happened to a learner's work, in order: the moment (ISO 8601, UTC), and the event in words."""
    key = (stored(learner),)
    events = [
        (at, f"handed in for {place or '(which?)'}, attempt {attempt}, content {content[:12]}")
        for place, attempt, content, at in db.execute(
            "SELECT place, attempt, content, at FROM handed_in WHERE learner = ? ORDER BY id", key
        )
    ]
    for exercise, state, content, at, result in db.execute(
        "SELECT coalesce(exercise, place), state, content, at, result FROM runs WHERE learner = ? ORDER BY id", key
    ):
        score = f", {_result(json.loads(result)).score:g} points" if result else ""
        events.append((at, f"run {state} for {exercise or '(which?)'}, content {content[:12]}{score}"))
    for exercise, kind, task, points, comment, by, at in db.execute(
        "SELECT exercise, kind, task, points, comment, by, at FROM adjustments WHERE learner = ? ORDER BY id", key
    ):
        amount = "withdrawn" if points is None else f"{points:g}" if kind != "comment" else ""
        words = (exercise, task, kind, amount, f"by {by}:", comment)
        events.append((at, " ".join(word for word in words if word)))
    return sorted(events, key=lambda event: event[0])


def stored(name: str) -> str | bytes:
    """A name as it is stored: text, or bytes where a file name wasn't Unicode."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
    return name


def read(name: str | bytes) -> str:
    """A name as :func:`stored` stored it."""
    return name if isinstance(name, str) else name.decode("utf-8", "surrogatepass")


def _record(db: sqlite3.Connection, row: tuple[Any, ...]) -> Record:
    number, learner, content, attempt, submitted, exercise, result, answers, _ = row
    # a penalty for lateness is for the attempt that was late, all else for the exercise whatever is handed in later
    rows = db.execute(
        "SELECT kind, task, points, comment, by, at FROM adjustments WHERE learner = ? AND exercise = ? "
        "AND (kind != 'late' OR attempt = ?) ORDER BY id",
        (learner, exercise, attempt),
    )
    last = {(kind, task): (kind, task, *rest) for kind, task, *rest in rows}
    in_force = tuple(Adjustment(*values) for values in last.values() if values[2] is not None)  # None: withdrawn
    others = db.execute(ELSEWHERE, (learner, exercise, number)).fetchall()
    elsewhere = tuple(_result(json.loads(other)).score for (other,) in others)
    return Record(
        _result(json.loads(result)), json.loads(answers), content, attempt, submitted, in_force, elsewhere
    )


def _result(fields: dict[str, Any]) -> Result:
    verdicts = tuple(
        TaskVerdict(**verdict | {"figures": tuple((name, x) for name, x in verdict.get("figures", ()))})
        for verdict in fields.pop("verdicts")
    )
    cells = tuple((name, seconds) for name, seconds in fields.pop("cells"))
    return Result(**fields | {"verdicts": verdicts, "cells": cells, "notes": tuple(fields["notes"])})


def settings_id(settings: Mapping[str, str]) -> str:
    """A short name for a group of settings: equal if and only if they are."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
