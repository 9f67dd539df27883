"""The journal as the grader and the reports use it: what is written, what is read, and who may write."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from course_lib.grading.journal.errors import JournalError, explained
from course_lib.grading.journal.lock import locked
from course_lib.grading.journal.reading import history_of, read, select, settings_id, settings_of, stored
from course_lib.grading.journal.schema import connect
from course_lib.grading.names import writable
from course_lib.grading.results import Adjustment, Record, Result

JOURNAL = "journal.sqlite"  # its name in the folder of results


class Journal:
    """The journal in the file ``path`` (``OUT/journal.sqlite``), made if it isn't there.

    Raises ``JournalError`` if it can't be used, ``DiskFullError`` if there is no room; so does each method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with explained(path):
            self.db = connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is written inside, or nothing."""
        with explained(self.path):
            if self.db.in_transaction:
                yield self.db
                return
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            finally:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")

    @contextmanager
    def grading(self) -> Iterator[None]:
        """Hold the journal as its one grader. What runs when a grader dies or ends is queued again.

        Raises ``JournalError`` if another grader is at work.
        """
        with explained(self.path), locked(self.path.with_suffix(".lock")):
            self._requeue()
            try:
                yield
            finally:
                self._requeue()

    def _requeue(self) -> None:
        with self.transaction() as db:  # under the lock: no other grader is alive
            db.execute("UPDATE runs SET state = 'queued' WHERE state = 'running'")

    def hand_in(
        self,
        learner: str,
        place: str,
        content: str,
        submitted: str,
        settings: Mapping[str, str],
        *,
        again: bool = False,
        same: Callable[[Mapping[str, str]], bool] = lambda settings: False,
    ) -> int | None:
        """Note a submission; the run to do for it, or nothing if it is done, unless ``again``.

        ``place``: the exercise as its place says, or empty. ``content``: its SHA-256. ``same``: whether other settings,
        as an earlier version of the course wrote them, mean these. A run that failed is done again.
        """
        name, key = stored(learner), settings_id(settings)
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (key, json.dumps(settings)))
            last = db.execute(
                "SELECT id, content, attempt FROM handed_in WHERE learner = ? AND place = ? ORDER BY id DESC LIMIT 1",
                (name, place),
            ).fetchone()
            if last is None or last[1] != content:
                attempt = last[2] + 1 if last else 1
                last = (self._new_hand_in(name, place, content, attempt, submitted),)
            # The run may have been made for an older hand-in: whoever hands in the first file again after a second one
            # has a third attempt, with the result of the first. Likewise, under settings that had been changed and are
            # as before, the result from before counts again.
            run = db.execute(
                "SELECT id, state FROM runs WHERE learner = ? AND place = ? AND content = ? AND settings = ? "
                "ORDER BY id DESC LIMIT 1",
                (name, place, content, key),
            ).fetchone()
            run = run or self._taken_over(name, place, content, key, same)
            if run and run[1] == "done" and not again:
                # only if it wasn't the hand-in's run already (IS NOT, as it may be NULL): its page stays as it is then
                db.execute(
                    "UPDATE handed_in SET run = ?, stale = 1 WHERE id = ? AND run IS NOT ?",
                    (run[0], last[0], run[0]),
                )
                return None
            if run and run[1] in ("queued", "running"):
                return int(run[0])
            added = db.execute(
                "INSERT INTO runs (learner, place, content, settings, state, at) VALUES (?, ?, ?, ?, 'queued', ?)",
                (name, place, content, key, now()),
            )
            return added.lastrowid

    def _taken_over(
        self, name: str | bytes, place: str, content: str, key: str, same: Callable[[Mapping[str, str]], bool]
    ) -> tuple[int, str] | None:
        """The newest run that is done under settings that mean the same, which has these from now on."""
        runs = self.db.execute(
            "SELECT r.id, s.described FROM runs r JOIN settings s ON s.id = r.settings WHERE r.learner = ? "
            "AND r.place = ? AND r.content = ? AND r.state = 'done' ORDER BY r.id DESC",
            (name, place, content),
        ).fetchall()
        for run, described in runs:
            if same(json.loads(described)):
                self.db.execute("UPDATE runs SET settings = ? WHERE id = ?", (key, run))
                return run, "done"
        return None

    def recognised(self, learner: str, place: str, content: str) -> str:
        """The exercise that the last run of this content found it to be of; empty if there was none."""
        found = self.db.execute(
            "SELECT exercise FROM runs WHERE learner = ? AND place = ? AND content = ? AND state = 'done' "
            "ORDER BY id DESC LIMIT 1",
            (stored(learner), place, content),
        ).fetchone()
        return str(found[0] or "") if found else ""

    def _new_hand_in(
        self, name: str | bytes, place: str, content: str, attempt: int, submitted: str
    ) -> int | None:
        added = self.db.execute(
            "INSERT INTO handed_in (learner, place, content, attempt, submitted, at) VALUES (?, ?, ?, ?, ?, ?)",
            (name, place, content, attempt, submitted, now()),
        )
        return added.lastrowid

    def start(self, run: int, content: str) -> bool:
        """A run begins; false, and it doesn't, if it is for other content."""
        with self.transaction() as db:
            begun = db.execute(
                "UPDATE runs SET state = 'running', at = ? WHERE id = ? AND content = ?", (now(), run, content)
            )
            return bool(begun.rowcount)

    def finish(
        self, run: int, result: Result, answers: Mapping[str, str], settings: Mapping[str, str] | None = None
    ) -> None:
        """A run has ended: from now on its result is that of the hand-in it was for.

        ``settings``: those of the exercise that it turned out to be of, if it wasn't known before.
        """
        state = "failed" if result.status == "failed" else "done"
        texts = (json.dumps(asdict(result)), json.dumps(dict(answers)))
        with self.transaction() as db:
            db.execute(
                "UPDATE runs SET state = ?, reason = ?, exercise = ?, result = ?, answers = ?, at = ? WHERE id = ?",
                (state, writable(result.reason), result.exercise, *texts, now(), run),
            )
            if settings is not None:
                key = settings_id(settings)
                db.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (key, json.dumps(settings)))
                db.execute("UPDATE runs SET settings = ? WHERE id = ?", (key, run))
            # the newest hand-in of the run's content, which may be older than the learner's newest: something else may
            # have been handed in while this ran
            db.execute(
                "UPDATE handed_in SET run = ?, stale = 1 WHERE id = (SELECT max(h.id) FROM handed_in h JOIN runs r ON "
                "r.learner = h.learner AND r.place = h.place AND r.content = h.content WHERE r.id = ?)",
                (run, run),
            )
            # a page tells of the same exercise at another place
            db.execute(
                "UPDATE handed_in SET stale = 1 WHERE learner = (SELECT learner FROM runs WHERE id = ?) "
                "AND run IN (SELECT id FROM runs WHERE exercise = ?)",
                (run, result.exercise),
            )

    def adjust(self, record: Record, adjustment: Adjustment, *, withdrawn: bool = False) -> None:
        """Add to a record's history. The last one of each kind and task counts, ``late`` only for its attempt."""
        points = None if withdrawn else adjustment.points
        said = (writable(adjustment.comment), writable(adjustment.by))
        row = (adjustment.kind, adjustment.task, points, *said, adjustment.at)
        name = stored(record.learner)
        with self.transaction() as db:
            db.execute(
                "INSERT INTO adjustments (learner, exercise, attempt, kind, task, points, comment, by, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (name, record.exercise, record.attempt, *row),
            )
            db.execute("UPDATE handed_in SET stale = 1 WHERE learner = ?", (name,))

    def forget(self, learner: str) -> int:
        """Delete all there is of a learner, in the file and in its log; returns the number of rows deleted.

        Raises ``JournalError`` if somebody reads the journal, whose log then can't be emptied.
        """
        with self.transaction() as db:
            rows = [
                db.execute(f"DELETE FROM {table} WHERE learner = ?", (stored(learner),)).rowcount
                for table in ("handed_in", "runs", "adjustments")
            ]
        with explained(self.path):
            self.db.execute("VACUUM")
            (busy, _, _) = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise JournalError(f"{self.path} is being read by another process: end that, then run this again")
        return sum(rows)

    def __iter__(self) -> Iterator[Record]:
        """:meth:`records`, one at a time. Write nothing meanwhile."""
        return (record for _, record in select(self.db, " ORDER BY h.learner, r.exercise"))

    def records(self) -> list[Record]:
        """The current submission of each learner for each exercise, in the order of both."""
        return list(self)

    def learners(self) -> list[str]:
        """Everybody who has handed in anything, as they are called here."""
        rows = self.db.execute("SELECT DISTINCT learner FROM handed_in").fetchall()
        return [read(name) for (name,) in rows]

    def of(self, learner: str) -> list[Record]:
        """A learner's current submissions."""
        rows = select(self.db, " AND h.learner = ? ORDER BY r.exercise", stored(learner))
        return [record for _, record in rows]

    def stale(self) -> list[tuple[int, Record]]:
        """Up to a hundred records that changed since their page was written; :meth:`written` takes their numbers."""
        return list(select(self.db, " AND h.stale ORDER BY h.id LIMIT 100"))

    def written(self, pages: Iterable[int]) -> None:
        """Note that the pages with these numbers are as the records are."""
        with self.transaction() as db:
            db.executemany("UPDATE handed_in SET stale = 0 WHERE id = ?", [(page,) for page in pages])

    def settings(self, learner: str, exercise: str) -> dict[str, str]:
        """What a learner's current submission was graded with: versions, secret id, sandbox, limits."""
        return settings_of(self.db, learner, exercise)

    def history(self, learner: str) -> list[tuple[str, str]]:
        """All that happened to a learner's work, in order: the moment (ISO 8601, UTC), and the event in words."""
        return history_of(self.db, learner)


def now() -> str:
    """This moment, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
