"""papermill's client for code that nobody trusts: every cell runs, its outputs are counted, each one is reported.

A failing cell doesn't stop the rest. What a kernel says is a claim: it is bounded here, and judged elsewhere.
"""

import json
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

from course_lib.tasks.transport import MIME

_GRACE = 5.0  # seconds that an interrupted cell has to give up
_TEXT = 2000  # characters of what a cell printed or failed with that are kept


@dataclass
class CellOutcome:
    """What became of a cell: ``ok``, ``error``, ``timeout``, ``hung``, ``died`` or ``flooded``.

    ``data``: the grader's message that it displayed, if any. ``error``: the exception it stopped with.
    """

    status: str
    seconds: float
    error: str = ""
    text: str = ""
    data: Any = field(default=None, repr=False)


class LimitedClient(PapermillNotebookClient):
    """Runs a notebook; ``outcomes`` has an entry for each cell that was reached, by its index.

    ``kill`` ends the kernel with all it started. ``max_output``: bytes of messages that are taken.
    """

    def __init__(self, nb_man: Any, *, kill: Callable[[], None], max_output: int, **settings: Any) -> None:
        super().__init__(nb_man, **settings)
        self.outcomes: dict[int, CellOutcome] = {}
        self._kill_kernel, self._left, self._flooded = kill, max_output, False
        self.km.context.setsockopt(zmq.MAXMSGSIZE, max_output)

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
            self.outcomes[index] = _outcome(cell, status, time.monotonic() - started)
            cell.outputs = []
            if status not in ("ok", "timeout"):
                break

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] not in ("status", "execute_input"):
            self._left -= len(json.dumps(msg["content"], default=str))
        if self._left < 0:
            if not self._flooded:
                self._flooded = True
                self._kill_kernel()
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


def _outcome(cell: Any, status: str, seconds: float) -> CellOutcome:
    result = CellOutcome(status, round(seconds, 3))
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            result.status = "error" if status == "ok" else status
            result.error = f"{output.ename}: {output.evalue}"[:_TEXT].removesuffix(": ")
        elif output.output_type == "stream":
            result.text += str(output.text)[: _TEXT - len(result.text)]
        elif result.data is None and MIME in output.get("data", {}):
            result.data = output.data[MIME]
    return result
