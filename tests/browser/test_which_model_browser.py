"""Lesson 10's widgets on a page without a kernel: rulers fooled by hand, models ranked by what is asked for."""

from pathlib import Path
from typing import Any

import pytest
from hands import drag, frame, number, numbers, shown
from jupyterlab_pages import seen
from playwright.sync_api import Browser, Page, expect

from course_lib import viz
from course_lib.viz.widgets.fooled_rulers import LIMITS

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]
BOARD = {
    "vae": {"frechet": [200.0, 240.0], "sharpness": [0.9, 0.8], "error": [5.2, 5.1], "nll": [77.0, 76.5]},
    "vae_gan": {"frechet": [80.0, 170.0], "sharpness": [0.2, 0.3], "error": [7.0, 6.9]},
    "gan": {"frechet": [60.0, 90.0], "sharpness": [0.25, 0.2]},
}


def page_of(browser: Browser, scheme: Any, faults: list[str]) -> Page:
    page = browser.new_context(viewport={"width": 700, "height": 800}, color_scheme=scheme).new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_cheat_is_noticed_by_some_rulers_and_not_by_others(
    browser: Browser, tmp_path: Path, scheme: Any
) -> None:
    faults: list[str] = []
    page = page_of(browser, scheme, faults)
    widget = shown(page, viz.fooled_rulers(), tmp_path)
    box = widget.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    assert 400 <= box["height"] <= 620
    expect(widget).to_have_attribute("data-noticed", "")
    fresh = number(widget, "frechet")
    for name, noticed in [
        ("one Gaussian", "kernel precision coverage"),
        ("copies", "copies"),
        ("one heap, one far out", "frechet kernel coverage"),
    ]:
        widget.get_by_role("button", name=name, exact=True).click()
        expect(widget).to_have_attribute("data-noticed", noticed)
        seen(page, f"fooled-{name.replace(' ', '-').replace(',', '')}-{scheme}")
    assert number(widget, "recall") > LIMITS["recall"], "one far point recalls two heaps that are missing"
    widget.get_by_label("What is drawn").select_option("fake")
    expect(widget).to_have_attribute("data-view", "fake")
    seen(page, f"fooled-balls-{scheme}")
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-noticed", "")

    found = []

    def look() -> None:
        frame(page)
        found.append(widget.get_attribute("data-frechet"))

    drag(page, widget.locator("svg.plane"), 60, 30, each=look)
    assert len(set(found)) == 20, "each move is drawn"
    assert number(widget, "frechet") > fresh + 0.3
    assert page.evaluate("window.chosen().shift") == pytest.approx(numbers(widget, "shift"), abs=1e-3)
    widget.locator("svg.plane").focus()
    shift = numbers(widget, "shift")
    page.keyboard.press("ArrowUp")
    frame(page)
    assert numbers(widget, "shift")[1] > shift[1]
    widget.get_by_role("slider", name="Heaps left out").fill("2")
    expect(widget).to_have_attribute("data-dropped", "2")
    widget.get_by_role("button", name="Other draw").click()
    expect(widget).to_have_attribute("data-draw", "1")
    assert not faults
    page.set_viewport_size({"width": 400, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_models_are_ranked_by_what_is_asked_for(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    faults: list[str] = []
    page = page_of(browser, scheme, faults)
    widget = shown(page, viz.model_advice(BOARD), tmp_path)
    expect(widget).to_have_attribute("data-order", "gan vae_gan vae")
    expect(widget.locator(".verdict")).to_contain_text("Take the GAN")
    widget.get_by_label("a likelihood").check()
    expect(widget).to_have_attribute("data-order", "vae")
    expect(widget.locator(".verdict")).to_have_text("Only the VAE has what you need.")
    widget.get_by_role("button", name="codes for images").click()
    expect(widget).to_have_attribute("data-order", "vae vae_gan")
    assert page.evaluate("window.chosen().needs") == ["encode"]
    seen(page, f"advice-{scheme}")
    slider = widget.get_by_role("slider", name="Faithful")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(widget).to_have_attribute("data-weights", "")
    expect(widget.locator(".verdict")).to_contain_text("Give a weight")
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-weights", "frechet 2, sharpness 1")
    assert not faults
    page.set_viewport_size({"width": 400, "height": 1400})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.context.close()
