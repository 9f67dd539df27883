"""Machines as they are met: other encodings, another Python's kernel, a user whom the system doesn't know."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Course, needs_bubblewrap, write_notebook
from torch import nn

from course_lib.cli.common import console, errors, print_anything
from course_lib.lessons.doctor import kernel
from course_lib.lessons.execute import execute
from course_lib.lessons.kernels import OwnPython
from course_lib.models.weights import load_weights, save_weights
from course_lib.training.checkpoint import load_checkpoint, save_checkpoint

PROGRAM = Path(sys.executable).with_name("course")


# terminals and pipes


@pytest.mark.situation(
    "Laptops",
    "a terminal or pipe in cp1252, cp932, ASCII or another encoding",
    "everything is printed, the nearest letter where one lacks",
)
@pytest.mark.parametrize(
    ("encoding", "prints"),
    [
        ("utf-8", "→ 3 × 4 … café “शर्मा” ?"),
        ("cp1252", "-> 3 × 4 … café “?????” ?"),
        ("cp932", "→ 3 × 4 … cafe “?????” ?"),
        ("ascii", '-> 3 x 4 ... cafe "?????" ?'),
        ("latin-1", '-> 3 × 4 ... café "?????" ?'),
    ],
)
def test_every_text_is_printed(encoding: str, prints: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, printer in (("stdout", console), ("stderr", errors)):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, name, stream)
        print_anything()
        printer.print("→ 3 × 4 … café “शर्मा” \udcff", markup=False)
        stream.flush()
        assert stream.buffer.getvalue().decode(encoding).strip() == prints  # type: ignore[attr-defined]


def test_a_command_goes_through_a_narrow_pipe() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([PROGRAM, "doctor"], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "-> " in done.stdout.decode("cp1252")


# a file that was read can be replaced: Windows refuses that for one that is still mapped into memory


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")
@pytest.mark.situation(
    "Laptops", "Windows, weights or a checkpoint that were loaded before", "can be replaced: no file stays open"
)
def test_files_that_were_read_are_let_go(tmp_path: Path) -> None:
    model = nn.Linear(300, 200)
    save_weights(tmp_path / "a.safetensors", model)
    load_weights(tmp_path / "a.safetensors", model)
    save_checkpoint(tmp_path / "b.pt", model.state_dict())
    kept = load_checkpoint(tmp_path / "b.pt")
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    assert "a.safetensors" not in maps
    assert "b.pt" not in maps
    assert not [fd for fd in Path("/proc/self/fd").iterdir() if fd.exists() and tmp_path in fd.resolve().parents]
    assert kept


# another Python bears the name python3


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel called python3 that is a Python of another environment, and ends at once."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    program = tmp_path / "other" / "bin" / "python3"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    spec = {"argv": [str(program), "-f", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return program


@pytest.mark.situation(
    "Laptops",
    "a kernel `python3` of another environment",
    "lessons run on the course's own; `course doctor` names the other",
)
def test_lessons_run_on_this_environments_python(foreign: Path, tmp_path: Path) -> None:
    lesson = write_notebook(tmp_path / "01_x.ipynb", f"import sys\nassert sys.executable == {sys.executable!r}")
    assert execute(lesson, tmp_path / "build", progress=False).error is None
    found = kernel(tmp_path)
    assert not found.ok
    assert str(foreign) in found.found
    assert str(tmp_path / "jupyter") in found.remedy


def test_own_and_nameless_kernels_are_not_foreign(foreign: Path, tmp_path: Path) -> None:
    path = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    for program in (sys.executable, "python", "python3"):
        path.write_text(json.dumps({"argv": [program], "display_name": "", "language": ""}), encoding="utf-8")
        assert kernel(tmp_path).ok


def test_jupyterlab_gets_the_same_kernel(foreign: Path) -> None:
    specs = OwnPython().get_all_specs()
    assert specs["python3"]["spec"]["argv"][0] == sys.executable


def test_a_kernel_that_cannot_start_is_a_row_of_the_table(
    foreign: Path, course: Course, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OwnPython, "get_kernel_spec", OwnPython.__mro__[1].get_kernel_spec)
    code, text = course("run", "05")
    assert code == 1
    assert "the kernel didn't start" in text
    assert "course doctor" in text


# a user without an entry in passwd


@pytest.fixture
def unknown() -> list[str]:
    """The words that run a command as user 12345, whom nobody knows."""
    same = ["--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-user", "--uid", "12345"]
    return ["bwrap", *same, "--unsetenv", "USER", "--unsetenv", "LOGNAME", "--unsetenv", "HOME"]


@pytest.mark.situation(
    "Laptops",
    "a user without a name or a home that can be written to, as in containers",
    "works; one line says where caches went",
)
@needs_bubblewrap
@pytest.mark.parametrize("home", ["unset", "/nowhere", "read-only"])
def test_an_unknown_user_can_run_lessons(unknown: list[str], clone: Path, tmp_path: Path, home: str) -> None:
    write_notebook(
        clone / "notebooks" / "05_variational_autoencoder.ipynb", "import pathlib; print(pathlib.Path.home())"
    )
    shut = tmp_path / "shut"
    shut.mkdir()
    if home == "read-only":
        unknown += ["--ro-bind", str(shut), str(shut), "--setenv", "HOME", str(shut)]
    elif home != "unset":
        unknown += ["--setenv", "HOME", home]
    done = subprocess.run([*unknown, PROGRAM, "run", "05"], cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "your home folder can't be written to" in done.stderr


@needs_bubblewrap
def test_marks_of_an_unknown_user_bear_the_number(unknown: list[str]) -> None:
    code = "from course_lib.cli.home import give_home; import getpass; give_home(); print(getpass.getuser())"
    done = subprocess.run([*unknown, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "12345"
