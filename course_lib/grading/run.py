"""Starts the process that runs a rebuilt notebook, watches it from outside, and reads what it wrote.

This is the place where a sandbox goes: the process and all below it are ended by the wall clock, by the memory or the
number of its processes, or by their own end. Linux only in full; elsewhere memory isn't limited and a process that
detaches itself may outlive the run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from nbformat import NotebookNode

from course_lib.grading.runner import kill_descendants

_RUNNER = Path(__file__).with_name("runner.py")
_POLL = 0.1
_MAX_PROCESSES = 64
_MAX_RECORD = 64 << 20


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Memory is per process, and twice that for all of its processes together."""

    seconds_per_cell: float = 60.0
    seconds_per_submission: float = 300.0
    memory_mb: int = 2048
    output_bytes: int = 24 << 20


@dataclass(frozen=True)
class Run:
    """What became of each cell, by its index, and why the run was ended early (empty if it wasn't)."""

    cells: dict[int, dict[str, Any]] = field(default_factory=dict)
    stopped: str = ""
    seconds: float = 0.0


def run_notebook(notebook: NotebookNode, limits: Limits) -> Run:
    """Run ``notebook`` in a process of its own, in an empty folder that is removed afterwards."""
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as job,
        tempfile.TemporaryFile() as record,
    ):
        job.write(json.dumps({"notebook": notebook, **limits.__dict__}).encode())
        job.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-I", str(_RUNNER)],
            stdin=job,
            stdout=record,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            stopped = _watch(process, limits, started)
        finally:
            kill_descendants(process.pid)
            process.kill()
            process.wait()
        cells, end = _records(record)
    if not stopped:
        stopped = _reason(cells, end, limits)
    return Run(cells, stopped, time.monotonic() - started)


def _watch(process: subprocess.Popen[bytes], limits: Limits, started: float) -> str:
    """Wait for the end; why it had to be stopped, or nothing."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
            return ""
        if time.monotonic() - started > limits.seconds_per_submission:
            return f"The whole notebook took longer than {limits.seconds_per_submission:g} s."
        with suppress(psutil.Error):
            family = psutil.Process(process.pid).children(recursive=True)
            if len(family) > _MAX_PROCESSES:
                return f"The notebook started more than {_MAX_PROCESSES} processes."
            used = 0
            for member in family:
                with suppress(psutil.Error):
                    used += member.memory_info().rss
            if used > 2 * limits.memory_mb << 20:
                return f"The notebook's processes used more than {2 * limits.memory_mb} MB of memory together."


def _environment(folder: str) -> dict[str, str]:
    """What the learner's process sees: no secrets of whoever grades, one thread, every folder its own."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ}
    own = (
        "HOME",
        "TMPDIR",
        "IPYTHONDIR",
        "MPLCONFIGDIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_CONFIG_DIR",
    )
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return (
        kept
        | dict.fromkeys(own, folder)
        | dict.fromkeys(threads, "1")
        | {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    )


def _records(record: IO[bytes]) -> tuple[dict[int, dict[str, Any]], str]:
    """The cells' lines, and how the runner says that it ended. A garbled line is as good as none."""
    record.seek(0)
    cells: dict[int, dict[str, Any]] = {}
    end = ""
    for line in record.read(_MAX_RECORD).splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and isinstance(entry.get("cell"), int):
            cells.setdefault(entry["cell"], entry)
        elif isinstance(entry, dict) and "end" in entry:
            end = str(entry["end"])
    return cells, end


def _reason(cells: dict[int, dict[str, Any]], end: str, limits: Limits) -> str:
    last = cells[max(cells)]["status"] if cells else ""
    match last:
        case "died":
            return "The kernel died. Something ended its process, or it ran out of memory."
        case "flooded":
            return f"The notebook put out more than {limits.output_bytes >> 20} MB. Is there a print without end?"
        case "hung":
            return f"A cell took longer than {limits.seconds_per_cell:g} s and could not be interrupted."
    if end == "done":
        return ""
    return f"The run ended early. {end}" if end else "The run ended early: its process was ended from inside."
