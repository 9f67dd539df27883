"""nbval, made strict: nothing hangs, nothing passes by being skipped, and a kernel's memory has a bound.

- a cell after a time-out fails (nbval reports xfail, which a reader takes for fine);
- a kernel that dies fails its cell at once (nbval waits for the whole cell time-out);
- the last test of each notebook is its kernel's peak memory;
- a claim of a lesson that doesn't hold fails its cell (course_lib/claims.py);
- with COURSE_SMOKE=1 outputs aren't compared: sizes are not the ones that the committed outputs come from.
"""

import os
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import nbval.kernel
import nbval.plugin
import pytest
from jupyter_client.manager import KernelManager

from course_lib.lessons.execute import peak_memory_mb, sockets

MEMORY_LIMIT_MB = float(os.environ.get("COURSE_KERNEL_MB", "2000"))
SANITIZE = Path(__file__).with_name("sanitize.cfg")


class KernelDiedError(Exception):
    pass


class WatchedKernel(nbval.kernel.RunningKernel):
    def get_message(self, stream: str, timeout: float | None = None) -> Any:
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return super().get_message(stream, timeout=max(0.0, min(1.0, end - time.monotonic())))
            except Empty:
                if not self.is_alive():
                    raise KernelDiedError("the kernel died in this cell") from None
                if time.monotonic() >= end:
                    raise

    def peak_mb(self) -> float | None:
        pid = getattr(self.km.provisioner, "pid", None) if self.is_alive() else None
        return peak_memory_mb(pid) if pid else None


class StrictCell(nbval.plugin.IPyNbCell):
    def setup(self) -> None:
        if os.environ.get("COURSE_SMOKE", "0") not in ("", "0"):
            self.options["check"] = False

    def runtest(self) -> None:
        if self.parent.timed_out:
            pytest.fail("an earlier cell of this notebook timed out", pytrace=False)
        super().runtest()


class PeakMemory(pytest.Item):
    def runtest(self) -> None:
        peak = self.parent.kernel.peak_mb()
        if peak is None:
            if sys.platform == "linux":
                pytest.fail("no kernel left to ask for its memory", pytrace=False)
            pytest.skip("this system doesn't tell a process's peak memory")
        self.user_properties.append(("peak_mb", peak))
        if peak > MEMORY_LIMIT_MB:
            pytest.fail(f"the kernel took {peak:,.0f} MB, more than {MEMORY_LIMIT_MB:,.0f}", pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}::peak memory"


class StrictNotebook(nbval.plugin.IPyNbFile):
    def collect(self) -> Iterator[pytest.Item]:
        for cell in super().collect():
            yield StrictCell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=cell.options
            )
        yield PeakMemory.from_parent(self, name="peak memory")


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("COURSE_STRICT", "1")
    nbval.kernel.KernelManager = lambda **settings: KernelManager(**(sockets() | settings))
    nbval.plugin.RunningKernel = WatchedKernel
    config.option.nbval_sanitize_with = config.option.nbval_sanitize_with or str(SANITIZE)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, list[Any], list[Any]]:
    collectors = yield
    return [
        StrictNotebook.from_parent(parent, path=file_path) if isinstance(found, nbval.plugin.IPyNbFile) else found
        for found in collectors
    ]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line a notebook: how long its cells took, and its kernel's peak memory."""
    seconds: dict[str, float] = {}
    memory: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                notebook = report.nodeid.split("::")[0]
                seconds[notebook] = seconds.get(notebook, 0.0) + report.duration
                memory.update((notebook, value) for key, value in report.user_properties if key == "peak_mb")
    for notebook in sorted(seconds):
        peak = f"{memory[notebook]:6,.0f} MB" if notebook in memory else "   no end"
        terminalreporter.write_line(f"{seconds[notebook]:6.0f} s  {peak}  {notebook}")
