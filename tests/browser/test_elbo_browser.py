"""Lesson 03's widgets in JupyterLab and on a page without a kernel: dragged, moved by keys, read by their numbers."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import write_notebook
from hands import drag, frame, number
from jupyterlab_pages import PATIENCE_MS, ROOT, open_notebook, run_all, seen, serving, settings_of_its_own
from playwright.sync_api import Browser, Locator, Page, expect
from widget_page import write_page

from course_lib import viz

LESSON = ROOT / "notebooks" / "03_latent_variables_elbo.ipynb"
# What stands in data-<attribute> after the frame that follows each move of a pressed pointer.
WATCH_MOVES = """(root, attribute) => {
  [window.drawn, window.watched] = [[], attribute];
  if (root.watched) return;
  root.watched = true;
  root.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const before = root.dataset[window.watched];
    const look = () => window.drawn.push([before, root.dataset[window.watched]]);
    requestAnimationFrame(() => requestAnimationFrame(look));
  }, { capture: true });
}"""

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on the concept's widget alone, and on the lesson as committed."""
    home = tmp_path_factory.mktemp("elbo")
    clone = home / "clone"
    write_notebook(
        clone / "notebooks" / "01_widget.ipynb",
        "from course_lib.viz import one_latent\n\none_latent()",
        title="One",
    )
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


def check_sum(widget: Locator) -> None:
    """ELBO and divergence add up to log p(x), and the ELBO is reconstruction minus price."""
    assert number(widget, "elbo") + number(widget, "kl") == pytest.approx(number(widget, "evidence"), abs=2e-3)
    price = number(widget, "reconstruction") - number(widget, "to-prior")
    assert price == pytest.approx(number(widget, "elbo"), abs=2e-3)
    assert number(widget, "kl") >= 0


def test_one_latent_is_moved_by_hand(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "01_widget.ipynb")
    run_all(page)
    widget = notebook.locator(".one-latent")
    expect(widget).to_have_attribute("data-elbo", re.compile("."), timeout=PATIENCE_MS)
    box = widget.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    assert 400 <= box["height"] <= 620
    before = seen(widget, "one-latent-before")
    check_sum(widget)

    evidence = number(widget, "evidence")
    for handle, attribute, across, down in (
        ("mean", "mean", 60, 0),
        ("width", "width", -30, 0),
        ("x", "x", 0, -60),
    ):
        value, elbo = number(widget, attribute), number(widget, "elbo")
        widget.evaluate(WATCH_MOVES, attribute)
        drag(page, widget.locator(f".grab.{handle}"), across, down, each=lambda: frame(page))
        moves: list[Any] = page.evaluate("window.drawn")
        assert len(moves) >= 15
        assert all(old != new for old, new in moves), "each move is drawn"
        assert number(widget, attribute) != value
        assert number(widget, "elbo") != elbo
        check_sum(widget)
        if handle != "x":
            assert number(widget, "evidence") == evidence, "q doesn't move log p(x)"
    assert number(widget, "evidence") != evidence

    mean = number(widget, "mean")
    widget.locator(".grab.mean").focus()
    page.keyboard.press("ArrowRight")
    expect(widget).to_have_attribute("data-mean", f"{mean + 0.05:.4f}")
    after = seen(widget, "one-latent-after")
    assert (before[:400] != after[:400]).any()
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-evidence", f"{evidence:.4f}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_latent_needs_no_kernel_and_climbs_to_one_of_two_peaks(
    browser: Browser, tmp_path: Path, scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 760}, color_scheme=scheme)
    page = context.new_page()
    page.goto(write_page(viz.one_latent(), tmp_path / "widget.html").as_uri())
    widget = page.locator("#widget")
    widget.get_by_role("slider", name="Observation x").fill("4")
    widget.get_by_role("slider", name="Mean of q").fill("-1")
    expect(widget).to_have_attribute("data-mean", "-1.0000")
    elbo = number(widget, "elbo")
    widget.get_by_role("button", name="Climb").click()
    expect(widget).not_to_have_attribute("data-mean", "-1.0000")
    assert number(widget, "elbo") > elbo
    assert number(widget, "mean") == pytest.approx(-1.96, abs=0.02)
    assert number(widget, "kl") == pytest.approx(0.693, abs=0.02), "log 2: one of two peaks"
    assert page.evaluate("window.chosen()[1]") == pytest.approx(number(widget, "mean"), abs=1e-4)
    check_sum(widget)
    seen(page, f"one-latent-{scheme}")
    context.close()


def test_one_latent_fits_a_telephone_and_follows_a_finger(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 900}, has_touch=True)
    page = context.new_page()
    page.goto(write_page(viz.one_latent(), tmp_path / "widget.html").as_uri())
    widget = page.locator("#widget")
    box = widget.locator(".grip").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] / 3, box["y"] + 4)
    expect(widget).not_to_have_attribute("data-x", "1.5000")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
