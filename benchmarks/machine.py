"""The line that stands above every table: what was measured on what."""

import platform
from pathlib import Path

import torch


def machine() -> str:
    """CPU, threads, Python and torch, in words."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    cpu = names[0] if names else platform.processor() or platform.machine()
    return (
        f"{cpu}, {torch.get_num_threads()} threads, Python {platform.python_version()}, torch {torch.__version__}"
    )
