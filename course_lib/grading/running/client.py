"""papermill's client for code that nobody trusts: every cell runs, its outputs are counted, each one is reported.

A failing cell doesn't stop the rest. What a kernel says is a claim: it is bounded here, and judged elsewhere.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

import zmq
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async, run_sync
from papermill.clientwrap import PapermillNotebookClient

from course_lib.probes.transport import MIME

_GRACE = 5.0  # seconds that an interrupted cell has to give up
_MESSAGE = 256 << 20  # bytes of a message; a larger one is lost, so a flood has to fit to be seen as one
_GARBLED = 10_000  # bytes that a message counts for which can't be read
_TEXT = 2000  # characters of what a cell printed or failed with that are kept


@dataclass
class CellOutcome:
    """What became of a cell: ``ok``, ``error``, ``timeout``, ``hung``, ``died``, ``flooded`` or ``garbled``.

    ``data``: the grader's message that it displayed, if any. ``error``: the exception it stopped with, and ``line`` the
    cell's own line where it did.
    """

    status: str
    seconds: float
    error: str = ""
    line: str = ""
    text: str = ""
    data: Any = field(default=None, repr=False)


def _line(traceback: Any) -> str:
    """The cell's line that IPython's traceback points at, as ``line 3: x.cuda()``; nothing if there is none."""
    text = "\n".join(str(part) for part in traceback[:100]) if isinstance(traceback, list) else ""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text[: 10 * _TEXT])
    _, cell, text = text.partition("Cell In[")
    pointed = re.search(r"^-+> *(\d+) (.*)", text, re.MULTILINE) if cell else None
    return f"line {pointed[1]}: {pointed[2].strip()}"[:200] if pointed else ""


class LimitedClient(PapermillNotebookClient):
    """Runs a notebook; ``outcomes`` has an entry for each cell that was reached, by its index.

    ``kill`` ends the kernel with all it started. ``max_output``: bytes of messages that are taken.
    """

    kc: Any

    def __init__(self, nb_man: Any, *, kill: Callable[[], None], max_output: int, **settings: Any) -> None:
        super().__init__(nb_man, **settings)
        self.outcomes: dict[int, CellOutcome] = {}
        self._now = CellOutcome("ok", 0.0)
        self._kill_kernel, self._bytes_left, self._flooded = kill, max_output, False
        self.km.context.setsockopt(zmq.MAXMSGSIZE, _MESSAGE)

    def execute(self, **kwargs: Any) -> Any:
        self.reset_execution_trackers()
        try:
            with self.setup_kernel(**kwargs):
                self.papermill_execute_cells()
        finally:
            self._release()
        return self.nb

    async def _async_release(self) -> None:
        """Give back what a run has opened; a manager that was given isn't cleaned up otherwise."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if self.kc is not None:
            self.kc.stop_channels()  # before the context that its sockets are on
            self.kc = None
        self._kill_kernel()
        deadline = time.monotonic() + _GRACE
        while await ensure_async(self.km.is_alive()) and time.monotonic() < deadline:
            await asyncio.sleep(0.002)  # the manager itself would look ten times a second
        await self._async_cleanup_kernel()

    _release = run_sync(_async_release)

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
            except Exception:
                status = "garbled"
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)
            outcome, self._now = self._now, CellOutcome("ok", 0.0)
            outcome.seconds = round(time.monotonic() - started, 3)
            if status != "ok":
                outcome.status = status
            self.outcomes[index] = outcome
            if status not in ("ok", "timeout"):
                break

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        """Take what the kernel publishes until it says that the cell is done; what nobody asked for counts too.

        Nothing is put into the notebook: no state of widgets or displays grows here, and no message has to be valid.
        """
        self._now = CellOutcome("ok", 0.0)
        while True:
            try:
                message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))
                size = len(json.dumps(message["content"], default=str))
                ours = message["parent_header"].get("msg_id") == parent_msg_id
                if ours and self._was_last(message["msg_type"], message["content"], size):
                    return
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self._count(_GARBLED)  # no message that a kernel sends by itself

    def _was_last(self, kind: str, content: dict[str, Any], size: int) -> bool:
        """Note one message of the running cell; whether it was its last."""
        if kind == "status":
            return bool(content["execution_state"] == "idle")
        if kind != "execute_input":
            self._count(size)
        if kind == "error":
            self._now.status = "error"
            self._now.error = f"{content['ename']}: {content['evalue']}"[:_TEXT].removesuffix(": ")
            self._now.line = _line(content.get("traceback"))
        elif kind == "stream":
            self._now.text += str(content["text"])[: _TEXT - len(self._now.text)]
        elif kind == "display_data" and self._now.data is None:
            self._now.data = content["data"].get(MIME)
        return False

    def _count(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0 and not self._flooded:
            self._flooded = True
            self._kill_kernel()

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
