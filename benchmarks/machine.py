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
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    cpu = names[0] if names else platform.processor() or platform.machine()
    threads = num_threads or torch.get_num_threads()
    return f"{cpu}, {threads} threads, Python {platform.python_version()}, torch {torch.__version__}"


class Clock:
    """Wall-clock time, and how many cores' worth of work others did in it; ``stop`` gives both.

    Others' are all that was neither this process's nor that of a child that it waited for, and what a host took away.
    """

    def __init__(self) -> None:
        self._started, self._work = time.perf_counter(), _others()

    def stop(self) -> tuple[float, float]:
        seconds = time.perf_counter() - self._started
        return seconds, max(0.0, _others() - self._work) / seconds


def _others() -> float:
    """Seconds of work since the machine started, without this process and its children."""
    times, own = psutil.cpu_times(), psutil.Process().cpu_times()
    waiting = times.idle + getattr(times, "iowait", 0.0)
    return sum(times) - waiting - getattr(times, "guest", 0.0) - sum(own[:4])
