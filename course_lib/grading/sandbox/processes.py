"""Processes that others start: bounded, found again, ended."""

import ctypes
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

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


@contextmanager
def limited(limits: Mapping[str, int]) -> Iterator[None]:
    """What is started meanwhile inherits these limits (names such as ``DATA``), as far as the system has them."""
    try:
        import resource
    except ImportError:
        yield
        return
    before: dict[int, tuple[int, int]] = {}
    try:
        for name, value in limits.items():
            kind = getattr(resource, f"RLIMIT_{name}", None)
            if kind is not None and name != "NPROC":  # which counts all processes of whoever grades
                before[kind] = resource.getrlimit(kind)
                with suppress(ValueError, OSError):
                    resource.setrlimit(kind, (value, before[kind][1]))
        yield
    finally:
        for kind, both in before.items():
            resource.setrlimit(kind, both)
