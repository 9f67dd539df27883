"""The journal's file: SQLite in WAL mode, synced at each commit, so that what was committed outlives a power cut.

Deleted rows are overwritten with zeros.
"""

import sqlite3
from pathlib import Path

from course_lib.grading.journal.errors import JournalError

VERSION = 2
# Layout 1 had columns ``lease`` and ``expires`` in ``runs`` and a table ``lease``, all of which may be left empty:
# such a file is used as it is.
_READABLE = (1, 2)
# ``place``: the exercise as the submission's place says, or empty; ``exercise``: as its content says. Names are text,
# or bytes where a file's name wasn't Unicode, so their columns have no type.
_TABLES = """
CREATE TABLE settings (id TEXT PRIMARY KEY, described TEXT NOT NULL);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, learner NOT NULL, place NOT NULL, content TEXT NOT NULL,
    settings TEXT NOT NULL REFERENCES settings,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
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


def connect(path: Path) -> sqlite3.Connection:
    """The file at ``path``, made if it isn't there. Raises ``JournalError`` if it is of an unknown version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, *_READABLE):
            raise JournalError(
                f"{path} has layout {version}, but this version of the course reads layout {VERSION}: grade into "
                "another folder, or use the version that made it"
            )
        if not version:
            db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db
