"""JupyterLab as a learner sees it, in a real browser: the first lesson opens, and a slider moves its picture.

Screenshots are kept in build/screenshots/ to be looked at. On a continuous-integration machine (CI=true) these tests
run or fail; elsewhere they are skipped where there is no Chromium.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import write_notebook
from jupyterlab_pages import (
    COURSE,
    PATIENCE_MS,
    ROOT,
    TOKEN,
    open_notebook,
    ready,
    run_all,
    seen,
    serving,
    settings_of_its_own,
)
from playwright.sync_api import Page, expect

from course_lib.lessons.find import notebooks_in

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
    env = settings_of_its_own(home)
    subprocess.run([COURSE, "run", "99", "--in-place"], cwd=clone, env=env, check=True, capture_output=True)
    (clone / "workspace" / "notebooks").mkdir(parents=True)
    shutil.move(clone / "notebooks" / "99_read.ipynb", clone / "workspace" / "notebooks")  # copies have no outputs
    with serving(clone, env) as address:
        yield address


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


def test_a_slider_moves_its_picture(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "98_slider.ipynb")
    run_all(page)
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
