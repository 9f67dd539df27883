"""`make bench`: a part whose needs are missing says so in one line, and the rest goes on."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import run

from course_lib.grading.sandbox import SandboxError

GRADING = {"grading.py", "grading_scale.py", "grading_parent.py"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scripts that are started, none of which does anything; memory.py fails."""
    scripts: list[str] = []

    def start(command: list, **_: object) -> subprocess.CompletedProcess:
        scripts.append(Path(command[1]).name)
        return subprocess.CompletedProcess(command, int(scripts[-1] == "memory.py"))

    monkeypatch.setattr(subprocess, "run", start)
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick"])
    monkeypatch.setenv("COURSE_DATA", "somewhere")
    monkeypatch.setattr(run, "require", lambda kind: None)
    monkeypatch.setattr(run, "chromium", lambda: "chromium")
    run.without_sandbox.cache_clear()
    return scripts


def test_every_part_is_run_and_a_failed_one_stops_none(started: list[str], capsys) -> None:
    assert run.main() == 1
    assert started == [script for script, *_ in run.QUICK]
    assert "Failed: memory.py" in capsys.readouterr().out


def test_without_a_sandbox_the_rest_goes_on(started: list[str], capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(kind: str) -> None:
        raise SandboxError("bubblewrap isn't installed: sudo apt install bubblewrap\nElsewhere: …")

    monkeypatch.setattr(run, "require", refuse)
    monkeypatch.delenv("COURSE_DATA")
    run.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Left out: ")]
    reason = "Left out: bubblewrap isn't installed: sudo apt install bubblewrap"
    assert lines.count(reason) == len(GRADING)
    assert len(lines) == len(GRADING) + 1
    assert "COURSE_DATA" in lines[0]
    assert started == [script for script, *_ in run.QUICK if script not in GRADING | {"speedrun.py"}]


def test_without_a_browser_the_rest_goes_on(started: list[str], capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "chromium", lambda: None)
    run.main()
    assert "Left out: it needs playwright" in capsys.readouterr().out
    assert started == [script for script, *_ in run.QUICK if script != "widgets.py"]


def test_all_that_needs_something_is_a_part() -> None:
    assert set(run.NEEDS) <= {script for script, *_ in run.QUICK} & {script for script, *_ in run.FULL}
    assert all((run.HERE / script).is_file() for script, *_ in run.QUICK + run.FULL)


@pytest.mark.skipif(find_spec("nbgrader") is not None, reason="nbgrader is installed here")
def test_forgeries_without_nbgrader_end_with_a_sentence() -> None:
    command = [sys.executable, str(run.HERE / "forgeries.py"), "--nbgrader", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        "has no nbgrader: `make bench` makes .venv-bench, whose python has it"
    )
