"""The journal of a course: who handed in what, what was run for it and how it ended, and each mark given by hand.

Nothing in it is overwritten but a run's progress: a new hand-in, a new run, a changed mark is a new row. All tables and
pages are made from it. It holds no hidden input and no secret.

A run is queued, then running under its grader's lease, then done, or failed through the grader's fault. Its key is
learner, place, content and settings (``versions.py``); a run that is done isn't done again for the same key.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Self

from course_lib.grading.records import Records, stored
from course_lib.grading.results import Adjustment, Record, Result

JOURNAL = "journal.sqlite"  # its name in the folder of results


class Journal(Records):
    """The journal in the file ``path`` (``OUT/journal.sqlite``), made if it isn't there.

    Raises ``JournalError`` if it can't be used, ``DiskFullError`` if there is no room; so does each method.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def grading(self, seconds: float = 600) -> Iterator[None]:
        """Hold the journal as its one grader. What runs when a grader dies or ends is queued again.

        Raises ``JournalError`` if another grader is at work.
        """
        with self.lease(seconds):
            self._requeue()
            try:
                yield
            finally:
                self._requeue()

    def _requeue(self) -> None:
        with self.transaction() as db:  # under the lease: no other grader is alive
            db.execute("UPDATE runs SET state = 'queued', lease = NULL, expires = NULL WHERE state = 'running'")

    def hand_in(
        self,
        learner: str,
        place: str,
        content: str,
        submitted: str,
        settings: Mapping[str, str],
        *,
        again: bool = False,
    ) -> int | None:
        """Note what was found; the run to do for it, or nothing if it is done, unless ``again``.

        ``place``: the exercise as its place says, or empty. ``content``: its SHA-256. A run that failed is done again.
        """
        who, key = stored(learner), settings_id(settings)
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (key, json.dumps(settings)))
            last = db.execute(
                "SELECT id, content, attempt FROM handed_in WHERE learner = ? AND place = ? ORDER BY id DESC LIMIT 1",
                (who, place),
            ).fetchone()
            if last is None or last[1] != content:
                attempt = last[2] + 1 if last else 1
                last = (self._new_hand_in(who, place, content, attempt, submitted),)
            run = db.execute(
                "SELECT id, state FROM runs WHERE learner = ? AND place = ? AND content = ? AND settings = ? "
                "ORDER BY id DESC LIMIT 1",
                (who, place, content, key),
            ).fetchone()
            if run and run[1] == "done" and not again:
                db.execute(
                    "UPDATE handed_in SET run = ?, stale = 1 WHERE id = ? AND run IS NOT ?",
                    (run[0], last[0], run[0]),
                )
                return None
            if run and run[1] in ("queued", "running"):
                return int(run[0])
            row = (who, place, content, key, now())
            added = db.execute(
                "INSERT INTO runs (learner, place, content, settings, state, at) VALUES (?, ?, ?, ?, 'queued', ?)",
                row,
            )
            return added.lastrowid

    def _new_hand_in(self, who: str | bytes, place: str, content: str, attempt: int, submitted: str) -> int | None:
        added = self.db.execute(
            "INSERT INTO handed_in (learner, place, content, attempt, submitted, at) VALUES (?, ?, ?, ?, ?, ?)",
            (who, place, content, attempt, submitted, now()),
        )
        return added.lastrowid

    def start(self, run: int, content: str, seconds: float) -> bool:
        """A run begins and should end within ``seconds``; false, and it doesn't, if it is for other content."""
        with self.transaction() as db:
            begun = db.execute(
                "UPDATE runs SET state = 'running', lease = ?, expires = ?, at = ? WHERE id = ? AND content = ?",
                (self._lease, time.time() + seconds, now(), run, content),
            )
            return bool(begun.rowcount)

    def finish(self, run: int, result: Result, answers: Mapping[str, str]) -> None:
        """A run has ended: from now on its result is that of the hand-in it was for."""
        state = "failed" if result.status == "failed" else "done"
        row = (
            state,
            result.reason,
            result.exercise,
            json.dumps(asdict(result)),
            json.dumps(dict(answers)),
            now(),
            run,
        )
        with self.transaction() as db:
            db.execute(
                "UPDATE runs SET state = ?, lease = NULL, expires = NULL, reason = ?, exercise = ?, result = ?, "
                "answers = ?, at = ? WHERE id = ?",
                row,
            )
            db.execute(
                "UPDATE handed_in SET run = ?, stale = 1 WHERE id = (SELECT max(h.id) FROM handed_in h JOIN runs r ON "
                "r.learner = h.learner AND r.place = h.place AND r.content = h.content WHERE r.id = ?)",
                (run, run),
            )

    def written(self, pages: Iterable[int]) -> None:
        """Their pages are as the records are."""
        with self.transaction() as db:
            db.executemany("UPDATE handed_in SET stale = 0 WHERE id = ?", [(page,) for page in pages])

    def adjust(self, record: Record, adjustment: Adjustment, *, withdrawn: bool = False) -> None:
        """Add to a record's history. Of each kind and task the last one counts, ``late`` only for its attempt."""
        points = None if withdrawn else adjustment.points
        row = (adjustment.kind, adjustment.task, points, adjustment.comment, adjustment.by, adjustment.at)
        who = stored(record.learner)
        with self.transaction() as db:
            db.execute(
                "INSERT INTO adjustments (learner, exercise, attempt, kind, task, points, comment, by, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (who, record.exercise, record.attempt, *row),
            )
            db.execute("UPDATE handed_in SET stale = 1 WHERE learner = ?", (who,))

    def forget(self, learner: str) -> int:
        """Delete all there is of a learner, in the file and in its log; how many rows that were."""
        with self.transaction() as db:
            rows = [
                db.execute(f"DELETE FROM {table} WHERE learner = ?", (stored(learner),)).rowcount
                for table in ("handed_in", "runs", "adjustments")
            ]
        self.wipe()
        return sum(rows)


def settings_id(settings: Mapping[str, str]) -> str:
    """A short name for a group of settings: equal if and only if they are."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def now() -> str:
    """This moment, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
