"""Lesson 08's game of two weights, on a page without a kernel: its start dragged, its rules changed, numbers read."""

import math
from pathlib import Path
from typing import Any

import pytest
from hands import drag, frame, number, numbers, shown
from jupyterlab_pages import seen
from playwright.sync_api import Browser, expect

from course_lib import viz

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_start_is_dragged_and_a_penalty_turns_the_circle_into_a_spiral(
    browser: Browser, tmp_path: Path, scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 640}, color_scheme=scheme)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    game = shown(page, viz.dirac_game(), tmp_path)
    box = game.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    assert 400 <= box["height"] <= 620
    assert numbers(game, "eigenvalues") == [0, 0.5, 0, -0.5]
    assert number(game, "after") > number(game, "before"), "steps at once lead outwards"
    assert number(game, "averaged") < 0.3 * number(game, "before"), "the average lies near the middle"
    seen(page, f"dirac-minimax-{scheme}")
    ends = []

    def look() -> None:
        frame(page)
        ends.append(game.get_attribute("data-end"))

    drag(page, game.locator("svg.plane"), 60, 40, each=look)
    assert len(set(ends)) == 20, "each move is drawn"
    assert page.evaluate("window.chosen()") == pytest.approx(numbers(game, "point"), abs=1e-4)

    game.get_by_label("Game").select_option("r1")
    expect(game).to_have_attribute("data-game", "r1")
    assert numbers(game, "eigenvalues")[0] == pytest.approx(-0.25)
    assert number(game, "after") < 0.05
    game.get_by_role("slider", name="R1 strength").fill("2")
    expect(game).to_have_attribute("data-strength", "2")
    assert numbers(game, "eigenvalues") == pytest.approx(
        [-1 + math.sqrt(0.75), 0, -1 - math.sqrt(0.75), 0], abs=1e-4
    )
    seen(page, f"dirac-r1-{scheme}")
    game.get_by_label("Game").select_option("penalty")
    expect(game).to_have_attribute("data-eigenvalues", "none")
    seen(page, f"dirac-penalty-{scheme}")
    game.get_by_label("Game").select_option("wasserstein")
    at_once = number(game, "after")
    game.get_by_label("Steps are taken").select_option("alternating")
    expect(game).to_have_attribute("data-alternating", "true")
    assert number(game, "after") < at_once
    game.locator("svg.plane").focus()
    point = numbers(game, "point")
    page.keyboard.press("ArrowRight")
    expect(game).to_have_attribute("data-point", f"{point[0] + 0.04:.4f}, {point[1]:.4f}")
    game.get_by_role("button", name="Reset").click()
    expect(game).to_have_attribute("data-point", "1.0000, 0.6000")
    expect(game).to_have_attribute("data-alternating", "false")
    assert not faults
    page.set_viewport_size({"width": 400, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
