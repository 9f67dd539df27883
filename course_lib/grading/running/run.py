"""Runs a rebuilt notebook with papermill: the client is here, the kernel in the sandbox.

What comes back is what each cell did, and why the run was ended early, if it was: by the clock, by the watcher in the
sandbox, by too much output, or by the code itself.
"""

import threading
import time
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import psutil
from nbformat import NotebookNode
from papermill.engines import Engine, papermill_engines

from course_lib.exercises.exercise import Exercise
from course_lib.grading.running.client import CellOutcome, LimitedClient
from course_lib.grading.sandbox import Kernel, Limits, Sandbox

_GROWTH = 1 << 30  # bytes by which this process may grow while a notebook runs
_START = 120  # seconds that our own first cell has to import: none of the learner's time


@dataclass(frozen=True)
class NotebookRun:
    """What became of each cell, by its index, and why the run was ended early (empty if it wasn't)."""

    cells: dict[int, CellOutcome] = field(default_factory=dict)
    stopped: str = ""
    seconds: float = 0.0


class _LimitedEngine(Engine):
    """papermill's way in: an engine that runs notebooks with the client it is given."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> None:
        settings.pop("log_output", None)
        clients = settings.pop("clients")
        clients.append(LimitedClient(nb_man, kernel_name=kernel_name, **settings))
        clients[0].execute()


papermill_engines.register("course", _LimitedEngine)


def run_notebook(notebook: NotebookNode, limits: Limits, sandbox: Sandbox, exercise: Exercise) -> NotebookRun:
    """Run ``notebook`` in a kernel of ``sandbox`` that has what ``exercise`` needs.

    Raises ``SandboxError`` if there is no kernel to be had, and whatever else kept the first cell from running.
    """
    started = time.monotonic()
    clients: list[LimitedClient] = []
    failure, late, heavy, done = "", threading.Event(), threading.Event(), threading.Event()
    notebook.metadata["papermill"] = {}  # where papermill's notebook manager keeps its times
    with sandbox.kernel(exercise, limits) as kernel:
        watch = threading.Thread(target=_watch, args=(kernel, limits, late, heavy, done), daemon=True)
        watch.start()
        try:
            papermill_engines.execute_notebook_with_engine(
                "course",
                notebook,
                kernel_name="python3",
                progress_bar=False,
                clients=clients,
                km=kernel.manager,
                kill=kernel.kill,
                max_output=limits.output_bytes,
                timeout_func=lambda cell: (
                    _START if "ours" in cell.metadata.get("course", {}) else limits.seconds_per_cell
                ),
                startup_timeout=_START,
                allow_errors=True,
                raise_on_iopub_timeout=False,
                shutdown_kernel="immediate",
            )
        except Exception as error:
            if not (clients and clients[0].outcomes):
                raise  # it never came to the learner's code
            failure = f"{type(error).__name__}: {error}"[:500]
        finally:
            done.set()
            watch.join()
        reason = kernel.reason()
    cells = clients[0].outcomes if clients else {}
    stopped = _reason(cells, failure, "flooded" if heavy.is_set() else reason, late.is_set(), limits)
    return NotebookRun(cells, stopped, time.monotonic() - started)


def _watch(kernel: Kernel, limits: Limits, late: Event, heavy: Event, done: Event) -> None:
    """End the kernel when its time is up, or when what it sends fills this process: a message's size isn't known
    before all of it has come."""
    this, started = psutil.Process(), time.monotonic()
    before = this.memory_info().rss
    while not done.wait(0.1):
        if time.monotonic() - started > limits.seconds_per_submission:
            late.set()
        elif this.memory_info().rss > before + _GROWTH:
            heavy.set()
        else:
            continue
        kernel.kill()
        return


def _reason(cells: dict[int, CellOutcome], failure: str, reason: str, late: bool, limits: Limits) -> str:
    """Why the notebook was ended before its end, for the learner; nothing if it wasn't."""
    if late:
        return f"The whole notebook took longer than {limits.seconds_per_submission:g} s."
    match reason:
        case "memory":
            return f"The notebook's processes used more than {limits.memory_mb} MB of memory together."
        case "processes":
            return f"The notebook started more than {limits.processes} processes."
        case "cpu":
            return f"The notebook used more than {limits.seconds_per_submission:g} s of processor time."
    match reason or (cells[max(cells)].status if cells else ""):
        case "died":
            return "The kernel died. Something ended its process, or it ran out of memory."
        case "flooded":
            return f"The notebook put out more than {limits.output_bytes >> 20} MB. Is there a print without end?"
        case "garbled":
            return "The kernel answered with something that is no message. Leave its own modules as they are."
        case "hung":
            return f"A cell took longer than {limits.seconds_per_cell:g} s and could not be interrupted."
    return f"The run ended early. {failure}" if failure else ""
