"""Notebooks as tests: what must fail does fail, and without hanging. Tried on notebooks of a few cells."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]


def notebook(path: Path, *sources: str, outputs: dict[int, str] | None = None) -> Path:
    cells = [nbformat.v4.new_code_cell(source, execution_count=1) for source in sources]
    for index, text in (outputs or {}).items():
        cells[index].outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def run(path: Path, *options: str, **environment: str) -> tuple[int, dict[str, int], str]:
    """Exit code, counts of the closing line, and all that was printed."""
    config = ROOT / "tests" / "notebooks" / "nbval" / "pytest.ini"
    command = [sys.executable, "-m", "pytest", "-c", config, "--rootdir", path.parent, "-p", "no:cacheprovider"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COURSE_"))}
    done = subprocess.run(
        [*command, *options, path],
        capture_output=True,
        text=True,
        env=env | environment,
        timeout=240,
        cwd=path.parent,
    )
    text = done.stdout + done.stderr
    counts = {
        word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|x\w+ed|skipped|error)", text)
    }
    return done.returncode, counts, text


def test_a_good_notebook_passes_and_tells_its_memory(tmp_path: Path) -> None:
    good = notebook(tmp_path / "01_good.ipynb", "x = 1", "# NBVAL_CHECK_OUTPUT\nprint(x)", outputs={1: "1\n"})
    code, counts, text = run(good)
    assert (code, counts) == (0, {"passed": 3}), text
    assert re.search(r"\d+ MB  01_good\.ipynb", text), text
    assert [path.name for path in tmp_path.iterdir()] == ["01_good.ipynb"]  # no sockets, no caches


def test_cells_after_a_time_out_fail(tmp_path: Path) -> None:
    slow = notebook(tmp_path / "01_slow.ipynb", "x = 1", "import time\ntime.sleep(60)", "x", "raise ValueError")
    code, counts, text = run(slow, "--nbval-cell-timeout=2")
    assert code == 1, text
    assert counts == {"passed": 2, "failed": 3}, text  # the cell before, and the memory


def test_a_kernel_that_dies_fails_at_once(tmp_path: Path) -> None:
    dying = notebook(tmp_path / "01_dying.ipynb", "x = 1", "import os\nos._exit(1)", "x")
    code, counts, text = run(dying, "--nbval-cell-timeout=1000")  # run() itself stops after less
    assert code == 1, text
    assert counts == {"passed": 1, "failed": 3}, text
    assert "the kernel died in this cell" in text


def test_too_much_memory_fails(tmp_path: Path) -> None:
    big = notebook(tmp_path / "01_big.ipynb", "x = b'1' * 300_000_000", "del x")
    code, counts, text = run(big, COURSE_KERNEL_MB="250")
    assert (code, counts) == (1, {"passed": 2, "failed": 1}), text
    assert "more than 250" in text


@pytest.mark.parametrize(("smoke", "failed"), [("0", 1), ("1", 0)])
def test_a_marked_output_is_compared_unless_everything_is_small(tmp_path: Path, smoke: str, failed: int) -> None:
    other = notebook(
        tmp_path / "01_other.ipynb", "# NBVAL_CHECK_OUTPUT\nprint(41)", "print(41)", outputs={0: "42\n", 1: "42\n"}
    )
    code, counts, text = run(other, COURSE_SMOKE=smoke)
    assert (code, counts.get("failed", 0)) == (failed, failed), text


def test_what_differs_between_machines_is_not_compared(tmp_path: Path) -> None:
    here = "# NBVAL_CHECK_OUTPUT\nprint('12.3 s on cuda:0 at 0x7f00aa11bb22, 1999-12-31 23:59')"
    there = "45 s on cpu at 0x7f99cc33dd44, 2030-01-02 03:04\n"
    code, _, text = run(notebook(tmp_path / "01_m.ipynb", here, outputs={0: there}))
    assert code == 0, text
