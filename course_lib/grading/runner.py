"""Runs one rebuilt notebook with papermill, in a process of its own; started by ``run.py`` as a plain script.

In: the notebook and the limits as JSON on stdin. Out: one line of JSON per code cell on stdout, each written as soon as
the cell ends, so that what was reached is known however the run ends. A failing cell doesn't stop the rest. This script
imports no torch and nothing of the course: all it knows is cells. It shares its user with the learner's code, so what
it writes is a claim like everything else that comes from there.
"""

import ctypes
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import psutil
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async, run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from traitlets import CaselessStrEnum

MIME = "application/vnd.course.outputs+json"
_START = 120  # seconds that the kernel has to start, and our first cell to import: none of the learner's time
_GRACE = 5.0  # seconds that an interrupted cell has to give up
_TEXT = 2000  # characters of what a cell printed that are kept


class FileSocketKernelManager(AsyncKernelManager):
    """Kernels that listen on files in a private folder: no ports, hence no race for them."""

    transport = CaselessStrEnum(["tcp", "ipc"], default_value="ipc" if os.name == "posix" else "tcp", config=True)


class LimitedClient(PapermillNotebookClient):
    """papermill's client that runs every cell, counts what they put out, and reports each one."""

    def __init__(self, nb_man: Any, *, out: Any, max_output: int, **settings: Any) -> None:
        super().__init__(nb_man, **settings)
        self._out, self._left, self._flooded = out, max_output, False

    def execute(self, **kwargs: Any) -> Any:
        self.reset_execution_trackers()
        with self.setup_kernel(**kwargs):
            self.papermill_execute_cells()
        return self.nb

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            status, started = "ok", time.monotonic()
            try:
                self.nb_man.cell_start(cell, index)
                self.execute_cell(cell, index)
            except CellTimeoutError:
                status = "timeout" if self._revived() else "hung"
            except DeadKernelError:
                status = "flooded" if self._flooded else "died"
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)
            self._report(cell, index, status, time.monotonic() - started)
            if status not in ("ok", "timeout"):
                break

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] not in ("status", "execute_input"):
            self._left -= len(json.dumps(msg["content"], default=str))
        if self._left < 0:
            if not self._flooded:
                self._flooded = True
                os.kill(self.km.provisioner.pid, signal.SIGKILL)
            if msg["msg_type"] != "status":
                return None
        return super().process_message(msg, cell, cell_index)

    async def _async_revived(self) -> bool:
        """Interrupt the kernel; whether it answers again within the time of grace."""
        await ensure_async(self.km.interrupt_kernel())
        wanted, deadline = self.kc.kernel_info(), time.monotonic() + _GRACE
        while time.monotonic() < deadline:
            with suppress(Empty):
                message = await ensure_async(self.kc.shell_channel.get_msg(timeout=0.5))
                if message["parent_header"].get("msg_id") == wanted:
                    return True
        return False

    _revived = run_sync(_async_revived)

    def _report(self, cell: Any, index: int, status: str, seconds: float) -> None:
        line: dict[str, Any] = {"cell": index, "status": status, "seconds": round(seconds, 3)}
        text = ""
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                line |= {"status": "error" if status == "ok" else status}
                line |= {"error": f"{output.ename}: {output.evalue}"[:_TEXT].removesuffix(": ")}
            elif output.output_type == "stream":
                text += output.text[: _TEXT - len(text)]
            elif MIME in output.get("data", {}):
                line.setdefault("data", output.data[MIME])
        self._out.write(json.dumps(line | {"text": text}) + "\n")
        self._out.flush()
        cell.outputs = []


class LimitedEngine(Engine):
    """papermill's way in: an engine that runs notebooks with the client above."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> None:
        settings.pop("log_output", None)
        LimitedClient(nb_man, kernel_name=kernel_name, **settings).execute()


def set_limits(memory_mb: int) -> None:
    """Limits that this process and all it starts inherit; none on systems without them."""
    try:
        import resource
    except ImportError:
        return
    for kind, value in (("RLIMIT_DATA", memory_mb << 20), ("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 256 << 20)):
        with suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, kind), (value, value))


def adopt_orphans() -> None:
    """Make processes that lose their parent children of this one, so that none escapes (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def kill_descendants(pid: int | None = None) -> None:
    """End every process below ``pid`` (this one); stopped first, so that none can fork away meanwhile."""
    for _ in range(50):
        with suppress(psutil.Error):
            children = psutil.Process(pid).children(recursive=True)
            for send in (signal.SIGSTOP, signal.SIGKILL):
                for child in children:
                    with suppress(psutil.Error, OSError):
                        child.send_signal(send)
            psutil.wait_procs(children, timeout=0.2)
            if children:
                continue
        return


def main() -> None:
    out = os.fdopen(os.dup(1), "w")  # not inherited by the kernel, unlike 1 and 2, which now lead nowhere
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    job = json.load(sys.stdin)
    os.dup2(nowhere, 0)
    adopt_orphans()
    set_limits(job["memory_mb"])
    notebook = nbformat.from_dict(job["notebook"])
    notebook.metadata["papermill"] = {}  # where papermill's notebook manager keeps its times
    papermill_engines.register("course", LimitedEngine)
    try:
        papermill_engines.execute_notebook_with_engine(
            "course",
            notebook,
            kernel_name="python3",
            progress_bar=False,
            out=out,
            max_output=job["output_bytes"],
            timeout_func=lambda cell: (
                _START if "ours" in cell.metadata.get("course", {}) else job["seconds_per_cell"]
            ),
            startup_timeout=_START,
            allow_errors=True,
            raise_on_iopub_timeout=False,
            shutdown_kernel="immediate",
            kernel_manager_class=FileSocketKernelManager,
            extra_arguments=["--HistoryManager.enabled=False"],
            resources={"metadata": {"path": str(Path.cwd())}},
        )
        out.write(json.dumps({"end": "done"}) + "\n")
    except Exception as error:
        out.write(json.dumps({"end": f"{type(error).__name__}: {error}"[:_TEXT]}) + "\n")
    out.flush()
    kill_descendants()
    os._exit(0)


if __name__ == "__main__":
    main()
