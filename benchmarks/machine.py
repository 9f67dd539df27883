"""The line that stands above every table: what was measured on what, and what else the machine did meanwhile."""

import platform
import time
from pathlib import Path

import psutil
import torch


def machine(num_threads: int | None = None) -> str:
    """CPU, threads (torch's own number unless given), Python and torch, in words."""
    info = Path("/proc/cpuinfo")
    names = (
        [
            line.split(":")[1].strip()
            for line in info.read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ]
        if info.exists()
        else []
    )
    cpu = names[0] if names else platform.processor() or platform.machine()
    threads = num_threads or torch.get_num_threads()
    return f"{cpu}, {threads} threads, Python {platform.python_version()}, torch {torch.__version__}"


class Clock:
    """Wall-clock time, and how many cores others kept busy; ``stop`` gives both.

    Others' work can't be told from that of children's children, so it is looked at in the second before and the second
    after, whichever is more; to this comes what a host took away meanwhile.
    """

    def __init__(self) -> None:
        self._busy = _busy_cores()
        self._started, self._stolen = time.perf_counter(), _stolen()

    def stop(self) -> tuple[float, float]:
        seconds = time.perf_counter() - self._started
        stolen = (_stolen() - self._stolen) / seconds
        return seconds, max(self._busy, _busy_cores()) + stolen


def _busy_cores() -> float:
    """Over one second, in which this process waits."""
    return float(psutil.cpu_percent(interval=1.0)) / 100 * (psutil.cpu_count() or 1)


def _stolen() -> float:
    """Seconds of processor time that a host has taken away since the machine started."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))
