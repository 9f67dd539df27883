"""JupyterLab as a learner sees it, in a real browser: the first lesson opens, and a slider moves its picture.

Screenshots are kept in build/screenshots/ to be looked at. On a continuous-integration machine (CI=true) these tests
run or fail; elsewhere they are skipped where there is no Chromium.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import write_notebook
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from course_lib.grading.sandbox.processes import kill_descendants
from course_lib.lessons.find import notebooks_in

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
TOKEN = "a-token-for-tests"
PATIENCE_MS = 60_000  # for a kernel to start on a busy machine

SLIDER = """\
from matplotlib.figure import Figure
from course_lib.viz import slider_figure

def bar(height=1.0):
    figure = Figure(figsize=(4, 2.5), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.bar(["height"], [height])
    axes.set(ylim=(0, 4), ylabel="height in units")
    return figure

slider_figure(bar, "A bar as high as the slider says.", height=(0.0, 4.0, 0.5))"""

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]  # one server for all of them


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``course lab`` on a copy of the lessons, with a widget notebook among them, settings untouched."""
    home = tmp_path_factory.mktemp("lab")
    clone = home / "clone"
    (clone / "notebooks").mkdir(parents=True)
    for lesson in notebooks_in(ROOT / "notebooks"):
        shutil.copy(lesson, clone / "notebooks")
    shutil.copy(ROOT / "pyproject.toml", clone)
    write_notebook(clone / "notebooks" / "98_slider.ipynb", SLIDER, title="A slider")
    write_notebook(clone / "notebooks" / "99_read.ipynb", SLIDER, title="A slider that was run before")
    program = Path(sys.executable).with_name("course")
    folders = {"JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_RUNTIME_DIR"}
    env = os.environ | {name: str(home / name.lower()) for name in folders}
    subprocess.run([program, "run", "99", "--in-place"], cwd=clone, env=env, check=True, capture_output=True)
    (clone / "workspace" / "notebooks").mkdir(parents=True)
    shutil.move(clone / "notebooks" / "99_read.ipynb", clone / "workspace" / "notebooks")  # copies have no outputs
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [program, "lab", "--no-browser", "--port", str(port), f"--IdentityProvider.token={TOKEN}"]
    log = home / "log"
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=clone, env=env, stdout=output, stderr=output)
        try:
            wait_for(f"{address}/api/status?token={TOKEN}", server, log)
            yield address
        finally:
            kill_descendants(server.pid, itself=True)
            server.wait()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):  # five minutes, on a loaded machine
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert server.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.25)
    pytest.fail(f"JupyterLab didn't answer: {log.read_text(encoding='utf-8')}")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    yield page
    context.close()


def seen(page: Page | Locator, name: str) -> np.ndarray:
    """What is on the screen, as RGB, also kept as a file."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    picture = page.screenshot(path=SCREENSHOTS / f"{name}.png")
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB")).astype(int)


def title_of(notebook: Path) -> str:
    first = nbformat.read(notebook, as_version=4).cells[0].source
    return re.sub(r"[#*`]", "", first.splitlines()[0]).strip()


def test_the_first_lesson_opens(lab: str, page: Page) -> None:
    lessons = notebooks_in(ROOT / "notebooks")
    assert lessons, "there is no lesson yet"
    page.goto(f"{lab}/?token={TOKEN}")
    notebook = page.locator(".jp-NotebookPanel")
    expect(notebook.get_by_role("heading", name=title_of(lessons[0])).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("tab", name=lessons[0].name).first).to_be_visible()
    ready(page)
    page.wait_for_timeout(2000)
    expect(page.get_by_role("alert")).to_have_count(0)  # nothing pops up and asks
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)  # to look at it is no change
    picture = seen(page, "first-lesson")
    middle = picture[200:700, 400:1200]
    assert len(np.unique(middle.reshape(-1, 3), axis=0)) > 20, "blank"
    assert 0.01 < (middle.min(axis=2) < 128).mean() < 0.6, "no text on the page, or nothing but ink"


def ready(page: Page) -> None:
    """Wait for the kernel; to run a cell before it is there brings up a question which one to take."""
    expect(page.get_by_text(re.compile(r"Python 3 .*Idle")).first).to_be_visible(timeout=PATIENCE_MS)


def open_notebook(page: Page, lab: str, name: str) -> Locator:
    page.goto(f"{lab}/lab/tree/notebooks/{name}?token={TOKEN}&reset")
    expect(page.get_by_role("tab", name=name).first).to_be_visible(timeout=PATIENCE_MS)
    ready(page)
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def test_a_slider_moves_its_picture(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "98_slider.ipynb")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    picture, readout, handle = (
        notebook.locator(f".{name}") for name in ("widget-image", "widget-readout", "noUi-handle")
    )
    expect(picture).to_be_visible(timeout=PATIENCE_MS)
    expect(readout).to_have_text("1.00")
    page.wait_for_timeout(500)
    low = seen(picture, "slider-low")
    shown, own = picture.evaluate("image => [image.width, image.naturalWidth]")
    assert shown == own == 400  # stretched it would blur

    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=6)
    page.mouse.move(x + 120, y, steps=6)
    page.mouse.up()
    expect(readout).not_to_have_text("1.00")
    page.wait_for_timeout(1000)
    height = float(readout.inner_text())
    high = seen(picture, "slider-high")
    seen(page, "slider-page")
    assert height > 1.5
    assert blue(high) / blue(low) == pytest.approx(height, rel=0.15)  # the bar grew as the number did

    handle.focus()
    for _ in range(round((height - 1.0) / 0.5)):
        page.keyboard.press("ArrowLeft")
    expect(readout).to_have_text("1.00")
    page.wait_for_timeout(1000)
    assert np.array_equal(seen(picture, "slider-back"), low)


def blue(picture: np.ndarray) -> int:
    """How many pixels the bar covers."""
    red, _, blue = picture.transpose(2, 0, 1)
    return int((blue - red > 60).sum())


def test_a_widget_shows_its_picture_before_it_is_run(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "99_read.ipynb")
    picture = notebook.locator(".jp-OutputArea img").first
    expect(picture).to_be_visible(timeout=PATIENCE_MS)
    assert blue(seen(picture, "slider-not-run")) > 500
    seen(page, "slider-not-run-page")
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
