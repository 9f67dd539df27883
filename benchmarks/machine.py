"""The line that stands above every table: what was measured on what."""

import platform
from pathlib import Path

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
