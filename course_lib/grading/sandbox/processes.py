"""Processes that others start: found again, ended."""

import ctypes
import signal
import sys
from contextlib import suppress

import psutil


def adopt_orphans() -> None:
    """Make processes that lose their parent children of this one, so that none escapes (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def kill_descendants(pid: int | None = None, *, itself: bool = False) -> None:
    """End every process below ``pid`` (this one); stopped first, so that none can fork away meanwhile."""
    for _ in range(50):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            family = [*process.children(recursive=True), *([process] if itself else [])]
            for send in (signal.SIGSTOP, signal.SIGKILL):
                for member in family:
                    with suppress(psutil.Error, OSError):
                        member.send_signal(send)
            psutil.wait_procs(family, timeout=0.2)
            if family:
                continue
        return
