"""Lesson 07's widgets on a page without a kernel and in JupyterLab: played, moved by hand, read by their numbers."""

import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import write_notebook
from hands import drag, frame, number, numbers, pixels, shown
from jupyterlab_pages import PATIENCE_MS, ROOT, open_notebook, run_all, seen, serving, settings_of_its_own
from playwright.sync_api import Browser, Page, expect

from course_lib import viz

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("ring")
    clone = home / "clone"
    sources = (f"from course_lib.viz import {name}\n\n{name}()" for name in ("best_judge", "ring_game"))
    write_notebook(clone / "notebooks" / "01_widgets.ipynb", *sources, title="Two widgets")
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


def test_both_are_moved_by_hand_in_jupyterlab(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "01_widgets.ipynb")
    run_all(page)
    judge, game = notebook.locator(".best-judge"), notebook.locator(".ring-game")
    expect(game).to_have_attribute("data-turns-of-g", "0", timeout=PATIENCE_MS)
    for widget in (judge, game):
        box = widget.bounding_box()
        assert box
        assert 400 <= box["width"] <= 620
        assert 400 <= box["height"] <= 640

    for handle, attribute, across in (
        ("q.mean", "q-mean", -60),
        ("q.width", "q-width", 12),
        ("p.mean", "p-mean", 40),
    ):
        values = []

        def look(values: list[float] = values, attribute: str = attribute) -> None:
            frame(page)
            values.append(number(judge, attribute))

        drag(page, judge.locator(f".grab.{handle}"), across, each=look, steps=12)
        assert len(set(values)) == 12, "each move is drawn"
        assert number(judge, "value") == pytest.approx(2 * number(judge, "divergence") - 2 * math.log(2), abs=2e-4)

    before, places = numbers(game, "push"), []
    drag(
        page,
        game.locator(".mode").first,
        20,
        40,
        steps=12,
        each=lambda: (frame(page), places.append(pixels(game.locator("canvas")))),
    )
    assert len(set(places)) == 12, "each move is drawn"
    assert numbers(game, "centers")[:2] != [1, 0]
    game.get_by_role("button", name="Play").click()
    expect(game).not_to_have_attribute("data-turns-of-g", "0")
    game.get_by_role("button", name="Pause").click()
    assert numbers(game, "push") != before
    seen(page, "ring-game-lab")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_game_is_played_paused_and_taken_turn_by_turn(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 640}, color_scheme=scheme)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    game = shown(page, viz.ring_game(), tmp_path)
    seen(page, f"ring-game-start-{scheme}")
    first, push = numbers(game, "first"), numbers(game, "push")
    game.get_by_role("button", name="One turn of the discriminator").click()
    expect(game).to_have_attribute("data-turns-of-d", "1")
    assert numbers(game, "first") == first, "the generator waits"
    assert numbers(game, "push") != push, "and is pushed otherwise"
    game.get_by_role("button", name="One turn of the generator").click()
    expect(game).to_have_attribute("data-turns-of-g", "1")
    assert numbers(game, "first") != first
    game.get_by_label("Turns of D for one of G").fill("3")
    game.get_by_role("button", name="One turn of both").click()
    expect(game).to_have_attribute("data-turns-of-d", "4")
    assert page.evaluate("window.chosen().step") == 2
    game.get_by_label("Turns of D for one of G").fill("1")
    game.get_by_label("Speed").fill("240")
    game.get_by_role("button", name="Play").click()
    expect(game).to_have_attribute("data-modes", re.compile("[78]"), timeout=PATIENCE_MS)
    game.get_by_role("button", name="Pause").click()
    turns = number(game, "turns-of-g")
    assert page.evaluate("window.chosen().step") == turns
    game.get_by_label("warped grid").check()
    expect(game).to_have_attribute("data-grid", "shown")
    seen(page, f"ring-game-{scheme}")
    push = numbers(game, "push")
    game.get_by_label("detach").uncheck()
    expect(game).to_have_attribute("data-detach", "false")
    expect(game.get_by_text("2D − 1")).to_be_visible()
    assert numbers(game, "push") != push
    seen(page, f"ring-game-attached-{scheme}")
    game.get_by_label("Loss of G").select_option("saturating")
    expect(game).to_have_attribute("data-saturating", "true")
    mode = game.locator(".mode").first
    mode.focus()
    page.keyboard.press("ArrowUp")
    expect(game).to_have_attribute("data-centers", re.compile(r"^1\.000, 0\.050"))
    game.get_by_role("button", name="Reset").click()
    expect(game).to_have_attribute("data-first", ", ".join(f"{value:.4f}" for value in first))
    expect(game).to_have_attribute("data-detach", "true")
    game.get_by_role("button", name="New start").click()
    expect(game).not_to_have_attribute("data-first", ", ".join(f"{value:.4f}" for value in first))
    assert not faults
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_judge_is_torn_apart_and_brought_together(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 640}, color_scheme=scheme)
    page = context.new_page()
    judge = shown(page, viz.best_judge(), tmp_path)
    seen(page, f"best-judge-start-{scheme}")
    judge.get_by_role("slider", name="Mean of p").fill("-3.5")
    judge.get_by_role("slider", name="Mean of q").fill("3.5")
    expect(judge).to_have_attribute("data-q-mean", "3.5000")
    assert number(judge, "divergence") == pytest.approx(math.log(2), abs=1e-3)
    assert number(judge, "saturating") < 1e-3 < 1 < number(judge, "plain")
    seen(page, f"best-judge-{scheme}")
    for name, value in (("Mean of q", "-3.5"), ("Width of p", "0.9"), ("Width of q", "0.9")):
        judge.get_by_role("slider", name=name).fill(value)
    expect(judge).to_have_attribute("data-divergence", "0.0000")
    assert number(judge, "at-mean") == 0.5
    judge.get_by_label("p has two modes").check()
    expect(judge).to_have_attribute("data-modes", "2")
    assert number(judge, "divergence") > 0.1
    judge.locator(".grab.q.mean").focus()
    page.keyboard.press("ArrowRight")
    expect(judge).to_have_attribute("data-q-mean", "-3.4500")
    assert page.evaluate("window.chosen()[2]") == pytest.approx(-3.45)
    judge.get_by_role("button", name="Reset").click()
    expect(judge).to_have_attribute("data-modes", "1")
    context.close()


@pytest.mark.parametrize("name", ["best_judge", "ring_game"])
def test_they_fit_a_telephone(browser: Browser, tmp_path: Path, name: str) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 1100}, has_touch=True)
    page = context.new_page()
    shown(page, getattr(viz, name)(), tmp_path)
    seen(page, f"{name}-telephone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
