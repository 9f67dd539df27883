"""Lesson 06's widgets, on a page without a kernel: moved by pointer, keys and sliders, and read by their numbers."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hands import drag, frame, grey_levels, number, numbers, pixels, shown
from jupyterlab_pages import seen
from playwright.sync_api import Page, expect

from course_lib import viz
from course_lib.training.latent_recipes import shipped_shapes_vaes

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


def test_ten_sliders_are_decoded_as_torch_does(page: Page, tmp_path: Path) -> None:
    widget = shown(page, viz.traversal_sliders(), tmp_path)
    expect(widget).to_have_attribute("data-sum", re.compile("."))
    box = widget.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    before = seen(widget, "traversal-before")
    decoded, start = widget.locator("canvas").nth(1), numbers(widget, "z")
    assert len(start) == 10
    networks = list(shipped_shapes_vaes().values())
    for name, value in (("z4", "1.5"), ("z10", "-1")):
        picture = pixels(decoded)
        widget.get_by_label(name, exact=True).fill(value)
        frame(page)
        assert pixels(decoded) != picture
        image = networks[2].sample(1, z=torch.tensor([numbers(widget, "z")]))[0, 0]
        assert torch.allclose(grey_levels(decoded), image, atol=0.01)
        assert number(widget, "sum") == pytest.approx(image.sum().item(), abs=0.1)
    assert page.evaluate("window.chosen()")["z"][3] == 1.5
    widget.get_by_label("Network").select_option("0")
    expect(widget).to_have_attribute("data-network", "0")
    image = networks[0].sample(1, z=torch.tensor([numbers(widget, "z")]))[0, 0]
    assert torch.allclose(grey_levels(decoded), image, atol=0.01)
    widget.get_by_role("button", name="Another image").click()
    frame(page)
    other = numbers(widget, "z")
    widget.get_by_label("z1", exact=True).fill("2")
    widget.get_by_role("button", name="This image's code").click()
    frame(page)
    assert numbers(widget, "z") == other
    seen(widget, "traversal-after")
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-network", "2")
    assert numbers(widget, "z") == start
    assert before.size


def test_a_code_is_turned_by_hand(page: Page, tmp_path: Path) -> None:
    widget = shown(page, viz.turned_code(), tmp_path)
    expect(widget).to_have_attribute("data-mig", re.compile("."))
    box = widget.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    seen(widget, "turned-code-before")
    straight, rate = number(widget, "mig"), number(widget, "rate")
    moves: list[str | None] = []

    def drawn() -> None:
        frame(page)
        moves.append(widget.get_attribute("data-angle"))

    drag(page, widget.locator(".grip"), -60, -110, steps=12, each=drawn)
    assert len(set(moves)) > 6
    assert 20 < number(widget, "angle") < 70
    assert number(widget, "mig") < 0.5 * straight
    assert number(widget, "rate") == pytest.approx(rate, abs=1e-3)
    assert number(widget, "lost") == pytest.approx(0, abs=1e-3)
    angle = number(widget, "angle")
    page.keyboard.press("ArrowUp")  # the drag left the focus on the handle
    frame(page)
    assert number(widget, "angle") == angle + 1
    widget.get_by_label("Turned by").fill("45")
    widget.get_by_label("Widths, y / x").fill("3")
    frame(page)
    assert number(widget, "lost") == pytest.approx(np.log((3 + 1 / 3) / 2), abs=1e-3)
    seen(widget, "turned-code-after")
    widget.get_by_role("button", name="Reset").click()
    frame(page)
    assert number(widget, "mig") == straight
