"""One grader at a time: a lock of the operating system's, which ends with the process that holds it, however it ends.

On a network drive graders of several machines exclude each other where the drive's own locks do (NFS from version 4,
SMB).
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from course_lib.grading.journal.errors import JournalError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``. Raises ``JournalError`` if another process holds it, or if it can't be written."""
    holder = path.with_suffix(".holder")  # a file of its own: Windows lets nobody read one that is locked
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise JournalError(f"{_name(holder)} writes to {path.parent}: wait until it has ended") from None
    except PermissionError as error:
        raise JournalError(
            f"{path} can't be locked ({error.strerror}): ask its owner for leave to write"
        ) from error
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _name(holder: Path) -> str:
    """Who holds the lock, as far as is known: a file that a killed grader left is soon overwritten by the next one."""
    with suppress(OSError, UnicodeError):
        return holder.read_text(encoding="utf-8") or "another process"
    return "another process"
