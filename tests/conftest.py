"""What several test files need: a small clone of the course, and the `course` command called in this process."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from course_lib.grading.intake.submission import Submission

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side
if "MUTANT_UNDER_TEST" in os.environ:  # what torch's first optimiser imports, once for all forked processes
    import torch._dynamo  # noqa: F401

    # what says nothing of a formula, and what traces code that the mutation tool has wrapped
    collect_ignore_glob = ["library/test_viz*", "library/test_data_files*", "library/test_training_accelerate*"]
READERS_DATA = os.environ.get("COURSE_DATA")
for name in ("COURSE_SMOKE", "COURSE_DATA"):  # a reader's settings must not change what is tested
    os.environ.pop(name, None)

Course = Callable[..., tuple[int, str]]
HERE = re.compile(r"(data:|blob:|file:|(http|ws)://127\.0\.0\.1[:/])")  # what a page may ask for

# in CI such a test runs or fails; .ci/run installs what it needs
needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None and not (os.environ.get("CI") and sys.platform == "linux"),
    reason="no bubblewrap: on Linux, sudo apt install bubblewrap",
)
needs_node = pytest.mark.skipif(
    shutil.which("node") is None and not os.environ.get("CI"),
    reason="no node: the widgets' functions are tested in it; sudo apt install nodejs",
)

PARAMETERS = "NUM_STEPS = 3\nDATASET = 'glyphs'"
REPORT = "import os\nprint(NUM_STEPS, DATASET, os.environ.get('COURSE_DATA'), os.getcwd())"


def write_notebook(path: Path, *sources: str, title: str = "A lesson") -> Path:
    """A notebook of a title, a parameters cell and code cells with these sources."""
    v4 = nbformat.v4
    cells = [
        v4.new_markdown_cell(f"# {title}"),
        v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *map(v4.new_code_cell, sources),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    from course_lib.lessons.doctor import chromium

    program = chromium()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on a machine that must have one; .ci/run installs it")
        pytest.skip("no Chromium here; 'course doctor' says how to get it")
    quiet = ["background-networking", "component-update", "sync", "gpu"]
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=arguments)
        yield running
        running.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A window of a small laptop's size, with settings of its own, patient with a busy machine.

    What it shows neither complains nor asks another machine for anything.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(60_000)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if HERE.match(request.url) else faults.append(request.url))
    yield page
    context.close()
    assert not faults


def read(submission: "Submission") -> str:
    """What was handed in, or why that can't be read."""
    from course_lib.grading.intake.read import SubmissionError

    try:
        return submission.read().decode()
    except SubmissionError as error:
        return f"! {error}"


@pytest.fixture(params=["folder", "zip", "wrapped zip"])
def how(request: pytest.FixtureRequest) -> str:
    """The ways that a class's files come."""
    return str(request.param)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What one worker has to do alone, such as the hostile submissions, is given to one: in two they meet."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if getattr(session.config.option, "loadgroup", False) and any("@" not in item.nodeid for item in grouped):
        raise pytest.UsageError(
            "pytest-xdist doesn't group tests with this pytest; install what constraints.txt pins"
        )


@pytest.fixture
def course_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's own folder of data, for the few tests of real files; skips where there is none."""
    if not READERS_DATA:
        pytest.skip("the environment variable COURSE_DATA names no folder with the real files")
    monkeypatch.setenv("COURSE_DATA", READERS_DATA)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that the commands take for a clone: two lessons and an exercise, none of them run."""
    root = tmp_path / "clone"
    write_notebook(root / "notebooks" / "05_variational_autoencoder.ipynb", REPORT)
    write_notebook(root / "notebooks" / "09_vae_gan.ipynb", "1 + 1")
    write_notebook(root / "exercises" / "05_variational_autoencoder.ipynb", "2 + 2")
    (root / "pyproject.toml").touch()
    return root


@pytest.fixture
def course(clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Course:
    """``course("run", "05")`` → exit code and all that was printed; the working folder is the small clone."""
    from course_lib.cli import common, main

    monkeypatch.chdir(clone)
    monkeypatch.setattr(common.console, "width", 200)  # whatever the terminal that the tests run in
    monkeypatch.setattr(common.errors, "width", 200)

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["course", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 1 if stopped.code else 0
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call
