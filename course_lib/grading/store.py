"""An SQLite file that survives whoever writes it: whole transactions, and one grader at a time.

WAL mode, synced at each commit: what was committed is there after a SIGKILL or a power cut. Deleted rows are
overwritten with zeros. A grader holds the file under a lease that names its process; the lease of a process that is
gone, or of another machine's that has run out, counts for nothing.
"""

import errno
import os
import secrets
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HELD: set[str] = set()  # the leases of this process
_LEASE = """
CREATE TABLE IF NOT EXISTS lease (
    only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    born REAL NOT NULL, expires REAL NOT NULL
);
"""


class JournalError(RuntimeError):
    """The journal can't be used; the message says why and what to do."""


class DiskFullError(JournalError):
    """There is no room to write; what was written before is kept."""


class Store:
    """The file at ``path``, made with the tables of ``schema`` if it isn't there.

    Raises ``JournalError`` if it can't be opened or is of another version, ``DiskFullError`` if there is no room.
    """

    def __init__(self, path: Path, schema: str, version: int) -> None:
        self.path = path
        self._lease = ""
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, timeout=30, isolation_level=None)
            try:
                self._open(schema, version)
            except BaseException:
                self.db.close()
                raise

    def _open(self, schema: str, version: int) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            self.db.execute(f"PRAGMA {pragma}").fetchall()
        (found,) = self.db.execute("PRAGMA user_version").fetchone()
        if found not in (0, version):
            raise JournalError(
                f"{self.path} has layout {found}, but this version of the course reads layout {version}: grade into "
                "another folder, or use the version that made it"
            )
        if not found:
            self.db.executescript(f"BEGIN IMMEDIATE; {_LEASE} {schema} PRAGMA user_version = {version}; COMMIT;")

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is written inside, or nothing. A grader that has lost its lease writes nothing more."""
        with explained(self.path):
            if self.db.in_transaction:
                yield self.db
                return
            self.db.execute("BEGIN IMMEDIATE")
            try:
                if self._lease:
                    self._renew()
                yield self.db
                self.db.execute("COMMIT")
            finally:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")

    @contextmanager
    def lease(self, seconds: float = 600) -> Iterator[str]:
        """Hold the file as the one who writes, for ``seconds`` after each transaction; gives the lease's name.

        Raises ``JournalError`` if somebody else holds it.
        """
        with self.transaction() as db:
            held = db.execute("SELECT id, host, pid, born, expires FROM lease").fetchone()
            if held and _alive(*held):
                _, host, pid, _, _ = held
                raise JournalError(
                    f"process {pid} on {host} writes to {self.path.parent}: wait until it has ended"
                )
            name, self._seconds = secrets.token_hex(8), seconds
            born = psutil.Process().create_time()
            row = (name, socket.gethostname(), os.getpid(), born, time.time() + seconds)
            db.execute("DELETE FROM lease")
            db.execute("INSERT INTO lease VALUES (1, ?, ?, ?, ?, ?)", row)
        self._lease = name
        _HELD.add(name)
        try:
            yield name
        finally:
            self._lease = ""
            _HELD.remove(name)
            with self.transaction() as db:
                db.execute("DELETE FROM lease WHERE id = ?", (name,))

    def _renew(self) -> None:
        until = time.time() + self._seconds
        if not self.db.execute("UPDATE lease SET expires = ? WHERE id = ?", (until, self._lease)).rowcount:
            raise JournalError(
                f"another process took over {self.path.parent} while this one slept; it goes on there"
            )

    def wipe(self) -> None:
        """Leave nothing of deleted rows in the file and the log beside it. Raises ``JournalError`` if it is read."""
        with explained(self.path):
            self.db.execute("VACUUM")
            (busy, _, _) = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise JournalError(f"{self.path} is being read by another process: end that, then run this again")


def _alive(name: str, host: str, pid: int, born: float, expires: float) -> bool:
    if host != socket.gethostname():
        return time.time() < expires
    if pid == os.getpid():
        return name in _HELD
    try:
        return abs(psutil.Process(pid).create_time() - born) < 1
    except psutil.Error:
        return False


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says of a full disk or a broken file into a ``JournalError`` with a way out."""
    full = f"there is no room to write {path.parent}. What was graded is kept: make room and start again"
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise DiskFullError(f"{full} ({error})") from error
        raise JournalError(f"{path} can't be used: {error}") from error
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise DiskFullError(f"{full} ({error.strerror})") from error
        raise
