"""What can go wrong with the journal, in sentences that say what to do."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class JournalError(RuntimeError):
    """The journal can't be used; the message says why and what to do."""


class DiskFullError(JournalError):
    """There is no room to write; what was written before is kept."""


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
