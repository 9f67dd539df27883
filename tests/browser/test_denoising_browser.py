"""Lesson 02's widgets on a page without a kernel and in JupyterLab: moved by hand, read by their numbers."""

import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import write_notebook
from hands import drag, frame, number, numbers, shown
from jupyterlab_pages import PATIENCE_MS, ROOT, open_notebook, run_all, seen, serving, settings_of_its_own
from playwright.sync_api import Browser, Page, expect

from course_lib import viz
from course_lib.viz.widgets.alarm_stream import AlarmStream

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("denoising")
    clone = home / "clone"
    source = "from course_lib.viz import denoiser_field\n\ndenoiser_field()"
    write_notebook(clone / "notebooks" / "01_widget.ipynb", source, title="One")
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


def stream() -> AlarmStream:
    """Twelve stretches of which two have faults, and scores of two detectors."""
    generator = torch.Generator().manual_seed(4)
    signal = 0.2 * torch.randn(12, 32, generator=generator)
    faults = torch.zeros(12, 32, dtype=torch.bool)
    faults[3, 10:20] = faults[8, 4:] = True
    sharp = 0.1 + 0.3 * torch.rand(12, 4, generator=generator)
    sharp[3, 2], sharp[8, 1] = 5.0, 0.7
    blunt = torch.rand(12, 4, generator=generator)
    scores, limits = {"sharp": sharp, "blunt": blunt}, {"sharp": 1.0, "blunt": 0.8}
    return viz.alarm_stream(signal, faults, scores, [7, 15, 23, 31], limits)


def test_a_noisy_point_is_dragged_in_jupyterlab(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "01_widget.ipynb")
    run_all(page)
    widget = notebook.locator(".denoiser-field")
    expect(widget).to_have_attribute("data-score", re.compile("."), timeout=PATIENCE_MS)
    box = widget.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    assert 400 <= box["height"] <= 620
    before, answers = numbers(widget, "point"), []

    def look() -> None:
        frame(page)
        answers.append(widget.get_attribute("data-answer"))
        assert number(widget, "score") == pytest.approx(number(widget, "steepness"), rel=1e-2, abs=1e-2)

    drag(page, widget.locator(".noisy"), 90, 60, each=look)
    assert len(set(answers)) >= 15, "each move is drawn"
    assert numbers(widget, "point") != before
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-point", ", ".join(f"{v:.4f}" for v in before))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_field_follows_noise_keys_and_sliders(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 620}, color_scheme=scheme)
    page = context.new_page()
    widget = shown(page, viz.denoiser_field(), tmp_path)
    arrows = widget.locator(".field").first.get_attribute("d")
    widget.get_by_role("slider", name="Noise σ").fill("0.05")
    expect(widget).to_have_attribute("data-sigma", "0.0500")
    assert widget.locator(".field").first.get_attribute("d") != arrows
    assert number(widget, "after") < 0.03, "little noise: onto the curve"
    widget.get_by_role("slider", name="Noise σ").fill("0.7")
    expect(widget).to_have_attribute("data-sigma", "0.7000")
    assert number(widget, "after") > 0.1, "much noise: a mean of many points"
    widget.get_by_label("Denoise again and again").check()
    expect(widget).to_have_attribute("data-path", "shown")
    assert number(widget, "end") < 0.03
    x, y = numbers(widget, "point")
    widget.locator(".noisy").focus()
    page.keyboard.press("ArrowRight")
    expect(widget).to_have_attribute("data-point", f"{x + 0.03:.4f}, {y:.4f}")
    assert page.evaluate("window.chosen()[0]") == pytest.approx(x + 0.03, abs=1e-4)
    answer, point = numbers(widget, "answer"), numbers(widget, "point")
    assert number(widget, "length") == pytest.approx(math.dist(answer, point), abs=1e-3)
    seen(page, f"denoiser-field-{scheme}")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_threshold_is_dragged(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 620}, color_scheme=scheme)
    page = context.new_page()
    widget = shown(page, stream(), tmp_path)
    box = widget.bounding_box()
    assert box
    assert 400 <= box["height"] <= 620
    assert number(widget, "alarms") == number(widget, "found") == 1
    assert (number(widget, "precision"), number(widget, "delay")) == (1, 13)
    heights = []

    def look() -> None:
        frame(page)
        heights.append(number(widget, "height"))

    drag(page, widget.locator(".grip"), 0, 25, each=look)
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) >= 15, "each move is drawn"
    widget.get_by_role("slider", name="Threshold").fill("-0.2")
    expect(widget).to_have_attribute("data-found", "2")
    assert number(widget, "delay") == (13 + 11) / 2
    assert page.evaluate("window.chosen()") == pytest.approx(-0.2)
    page.get_by_label("Detector", exact=True).select_option("blunt")
    expect(widget).to_have_attribute("data-detector", "blunt")
    assert number(widget, "precision") < 1
    widget.get_by_role("button", name="Next fault").click()
    place = number(widget, "from")
    assert 0 <= place <= 6
    seen(page, f"alarm-stream-{scheme}")
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-height", "0.0000")
    widget.locator(".grip").focus()
    page.keyboard.press("ArrowUp")
    expect(widget).to_have_attribute("data-height", "0.0200")
    context.close()


@pytest.mark.parametrize("widget", ["field", "stream"])
def test_they_fit_a_telephone(browser: Browser, tmp_path: Path, widget: str) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 900}, has_touch=True)
    page = context.new_page()
    shown(page, viz.denoiser_field() if widget == "field" else stream(), tmp_path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
