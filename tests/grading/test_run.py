"""A run is ended from outside: by the clock, and by what its messages make of the grader's own memory."""

import os
import threading
import time
from copy import deepcopy
from pathlib import Path
from threading import Event

import pytest
from conftest import needs_bubblewrap
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.exercises.catalogue import Catalogue
from course_lib.grading.running import run
from course_lib.grading.running.run import _reason, _watch
from course_lib.grading.sandbox import Limits, Sandbox


class Kernel:
    def __init__(self) -> None:
        self.killed = Event()

    def kill(self) -> None:
        self.killed.set()


def watched(limits: Limits) -> tuple[Kernel, Event, Event, Event]:
    kernel, late, heavy, done = Kernel(), Event(), Event(), Event()
    threading.Thread(target=_watch, args=(kernel, limits, late, heavy, done), daemon=True).start()
    return kernel, late, heavy, done


def test_the_clock_ends_a_kernel() -> None:
    kernel, late, heavy, _ = watched(Limits(seconds_per_submission=0.3))
    assert kernel.killed.wait(30)
    assert (late.is_set(), heavy.is_set()) == (True, False)


def test_growth_of_the_grader_ends_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_GROWTH", 100 << 20)
    kernel, late, heavy, _ = watched(Limits())
    time.sleep(0.5)
    assert not kernel.killed.is_set()
    held = b"x" * (200 << 20)
    assert kernel.killed.wait(30)
    assert (late.is_set(), heavy.is_set()) == (False, True)
    assert len(held) == 200 << 20


def test_a_kernel_that_is_done_is_let_go() -> None:
    kernel, _, _, done = watched(Limits(seconds_per_submission=0.5))
    done.set()
    assert not kernel.killed.wait(1.5)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts in /proc")
@pytest.mark.parametrize("kind", ["none", pytest.param("forked", marks=needs_bubblewrap)])
def test_nothing_is_left_of_a_run(kind: str) -> None:
    """Each of a thousand notebooks that one process runs must give back its threads, sockets and files."""
    notebook = new_notebook(cells=[new_code_cell("print('hello')", metadata={"course": {"task": "t"}})])

    def held() -> tuple[int, int]:
        """Threads and open files, the least of half a second: one that has ended may be in /proc a moment longer."""
        counts = []
        for _ in range(10):
            counts.append([sum(1 for _ in Path("/proc/self", name).iterdir()) for name in ("task", "fd")])
            time.sleep(0.05)
        return min(threads for threads, _ in counts), min(files for _, files in counts)

    exercise = Catalogue().exercise("05_variational_autoencoder")
    with Sandbox(kind) as sandbox:
        counts = []
        for _ in range(4):
            outcome = run.run_notebook(deepcopy(notebook), Limits(), sandbox, exercise)
            assert [cell.status for cell in outcome.cells.values()] == ["ok"]
            counts.append(held())
    assert counts[1] == counts[2] == counts[3], counts


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_kernel_in_no_sandbox_has_its_limits_and_whoever_starts_it_keeps_its_own(monkeypatch) -> None:
    """A grader that has used more memory or processor time than a submission may would end itself otherwise."""
    import resource

    def never(*_: object) -> None:
        raise AssertionError("the limits of this process were touched")

    monkeypatch.setattr(resource, "setrlimit", never)
    ask = "import resource as r; print([r.getrlimit(k)[0] for k in (r.RLIMIT_DATA, r.RLIMIT_CPU, r.RLIMIT_CORE)])"
    notebook = new_notebook(cells=[new_code_cell(ask, metadata={"course": {"task": "t"}})])
    exercise = Catalogue().exercise("05_variational_autoencoder")
    with Sandbox("none") as sandbox:
        result = run.run_notebook(notebook, Limits(memory_mb=1700, seconds_per_submission=90), sandbox, exercise)
    assert result.cells[0].text.strip() == str([1700 << 20, 96, 0])


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("memory", "used more than 7 MB of memory"),
        ("processes", "more than 5 processes"),
        ("cpu", "more than 3 s of processor time"),
        ("flooded", "put out more than 24 MB"),
        ("", ""),
    ],
)
def test_the_reason_is_told(reason: str, says: str) -> None:
    limits = Limits(seconds_per_submission=3, memory_mb=7, processes=5)
    assert says in _reason({}, "", reason, False, limits)
    assert "took longer than 3 s" in _reason({}, "", reason, True, limits)
