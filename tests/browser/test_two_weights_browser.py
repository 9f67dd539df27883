"""Lesson 09's two weights, on a page without a kernel: moved by keys and sliders, and read by their numbers."""

import re
from pathlib import Path

import pytest
import torch
from hands import frame, grey_levels, number, pixels, shown
from jupyterlab_pages import seen
from playwright.sync_api import Page, expect

from course_lib import viz
from course_lib.data import load
from course_lib.training.hybrid_recipes import HYBRID_IMAGES, shipped_hybrids

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


def test_each_place_of_the_sliders_shows_its_network(page: Page, tmp_path: Path) -> None:
    widget = shown(page, viz.two_weights(), tmp_path)
    expect(widget).to_have_attribute("data-rate", re.compile("."))
    box = widget.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    seen(widget, "two-weights-before")
    networks = shipped_hybrids()
    y = load("glyphs", "test", HYBRID_IMAGES).y
    first = [int((y == label).nonzero()[0]) for label in range(10)]
    reconstructed = widget.locator("canvas").nth(1)

    def as_drawn(beta: float, gamma: float) -> None:
        assert (number(widget, "beta"), number(widget, "gamma")) == (beta, gamma)
        kept = networks[beta, gamma]
        strip = torch.cat(list(kept.images(kept.codes[first])[:, 0]), dim=1)
        assert torch.allclose(grey_levels(reconstructed), strip, atol=0.01)
        assert number(widget, "rate") == pytest.approx(kept.rate.item())

    as_drawn(0.02, 0.2)
    before = pixels(reconstructed)
    widget.get_by_label("β, the weight of the KL").fill("2")
    frame(page)
    as_drawn(0.5, 0.2)
    assert pixels(reconstructed) != before
    gamma = widget.get_by_label("γ, likeness against fooling")
    gamma.focus()
    page.keyboard.press("ArrowLeft")
    frame(page)
    as_drawn(0.5, 0.0)
    expect(gamma).to_have_attribute("aria-valuetext", "0")
    assert page.evaluate("window.chosen()") == {"beta": 2, "gamma": 0}
    seen(widget, "two-weights-after")
    widget.get_by_role("button", name="Reset").click()
    frame(page)
    as_drawn(0.02, 0.2)
    assert pixels(reconstructed) == before
