"""The widgets of lesson 04: moved on a page without a kernel and in JupyterLab, and read by their numbers."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_notebook
from hands import drag, numbers, shown
from jupyterlab_pages import PATIENCE_MS, ROOT, open_notebook, run_all, seen, serving, settings_of_its_own
from playwright.sync_api import Browser, Locator, Page, expect

from course_lib import viz

LESSON = ROOT / "notebooks" / "04_reparameterization.ipynb"
CELLS = (
    "from course_lib.viz import draw_and_gradient\ndraw = draw_and_gradient()\ndraw",
    "from course_lib.viz import gumbel_triangle\ngumbel_triangle()",
)

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


def drag_each(page: Page, widget: Locator, handle: Locator, across: float, name: str) -> None:
    """Eight moves to the side, each of which is drawn: it changes ``data-name``."""
    last = ""

    def drawn() -> None:
        nonlocal last
        expect(widget).not_to_have_attribute(f"data-{name}", last)
        last = str(widget.get_attribute(f"data-{name}"))

    drag(page, handle, across, steps=8, each=drawn)


def test_a_draw_is_moved_with_its_noise_or_without(page: Page, tmp_path: Path) -> None:
    widget = shown(page, viz.draw_and_gradient(), tmp_path)
    (eps,), (z,) = numbers(widget, "eps"), numbers(widget, "z")
    drag_each(page, widget, widget.locator(".handle.mu"), 60, "mu")
    assert numbers(widget, "eps") == [eps]
    (mu,), (sigma,) = numbers(widget, "mu"), numbers(widget, "sigma")
    assert mu > -0.5
    assert numbers(widget, "z") == pytest.approx([mu + sigma * eps], abs=1e-3)

    (z,) = numbers(widget, "z")
    widget.get_by_label("When μ or σ moves, keep").select_option("z")
    drag_each(page, widget, widget.locator(".handle.mu"), -50, "mu")
    assert numbers(widget, "z") == pytest.approx([z], abs=1e-3)
    assert numbers(widget, "eps") != [eps]
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-eps", f"{eps:.4f}")

    drag_each(page, widget, widget.locator(".handle.sigma"), 30, "sigma")
    assert numbers(widget, "sigma")[0] > 1
    before = numbers(widget, "pathwise")
    widget.get_by_label("Noise ε").fill("-1.5")
    expect(widget).to_have_attribute("data-eps", "-1.5000")
    assert numbers(widget, "pathwise") != before
    draw = widget.locator(".handle.z")
    draw.focus()
    page.keyboard.press("ArrowRight")
    expect(widget).not_to_have_attribute("data-eps", "-1.5000")
    assert page.evaluate("window.chosen()")["eps"] == pytest.approx(numbers(widget, "eps")[0], abs=1e-3)


@pytest.mark.parametrize("cost", ["bowl", "wave", "step"])
@pytest.mark.parametrize("wrt", ["mu", "sigma"])
def test_means_of_many_draws_come_to_the_true_gradient_but_for_the_step(
    page: Page, tmp_path: Path, cost: str, wrt: str
) -> None:
    widget = shown(page, viz.draw_and_gradient(), tmp_path)
    widget.get_by_label("The cost f is").select_option(cost)
    widget.get_by_label("Gradient with respect to").select_option(wrt)
    for label, value in {"Mean μ": "0.7", "Width σ": "0.5", "Number of draws N": "9"}.items():
        widget.get_by_label(label).fill(value)
    expect(widget).to_have_attribute("data-draws", "512")
    expect(widget).to_have_attribute("data-sigma", "0.5000")
    (true,), (path, score) = numbers(widget, "truth"), numbers(widget, "means")
    errors = [4 * deviation / 512**0.5 for deviation in numbers(widget, "deviations")]
    assert score == pytest.approx(true, abs=errors[1])
    assert path == (0 if cost == "step" else pytest.approx(true, abs=errors[0]))
    assert abs(true) > 0.1, "a test of nothing"


def test_cold_draws_lie_in_the_corners_and_warm_ones_in_the_middle(page: Page, tmp_path: Path) -> None:
    widget = shown(page, viz.gumbel_triangle(), tmp_path)
    counts, (true,) = numbers(widget, "counts"), numbers(widget, "exact")
    sharp, off, spread = [], [], []
    for power in ("-1", "0", "1"):
        widget.get_by_label("Temperature τ").fill(power)
        expect(widget).to_have_attribute("data-temperature", f"{10 ** float(power):.4f}")
        sharp += numbers(widget, "sharpness")
        off.append(abs(numbers(widget, "means")[0] - true))
        spread.append(numbers(widget, "deviations")[0])
        assert numbers(widget, "counts") == counts, "the temperature doesn't change what is drawn"
    assert sharp[0] > 0.9 > sharp[1] > sharp[2]
    assert sharp[2] < 0.5
    assert off[1] < off[2]
    assert spread[0] > spread[1] > spread[2]
    assert page.evaluate("window.chosen()") == pytest.approx(10)
    widget.get_by_label("Logit of C").fill("2")
    expect(widget).to_have_attribute("data-logits", "0.5000, 0.0000, 2.0000")
    shares = torch.tensor([0.5, 0.0, 2.0]).softmax(0)
    assert numbers(widget, "counts") == pytest.approx((400 * shares).tolist(), abs=40)
    widget.get_by_role("button", name="Reset").click()
    expect(widget).to_have_attribute("data-counts", ", ".join(f"{count:.0f}" for count in counts))


def test_both_fit_a_telephone_in_light_and_in_dark(browser: Browser, tmp_path: Path) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 400, "height": 900}, has_touch=True, color_scheme=scheme)
        page = context.new_page()
        for name, widget in {"draw": viz.draw_and_gradient(), "triangle": viz.gumbel_triangle()}.items():
            root = shown(page, widget, tmp_path)
            expect(root.get_by_role("button", name="Reset")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            picture = seen(root, f"{name}-{scheme}")
            assert (np.median(picture) > 128) == (scheme == "light")
        context.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on the two widgets' cells, and on the lesson as committed."""
    home = tmp_path_factory.mktemp("draws")
    clone = home / "clone"
    cells = [*CELLS, "print('chosen', draw.value['mu'])"]
    write_notebook(clone / "notebooks" / "04_widgets.ipynb", *cells, title="Two widgets")
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


def test_the_widgets_work_in_jupyterlab(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "04_widgets.ipynb")
    run_all(page)
    draw, triangle = notebook.locator(".draw-and-gradient"), notebook.locator(".gumbel-triangle")
    expect(triangle).to_have_attribute("data-counts", re.compile("."), timeout=PATIENCE_MS)
    drag_each(page, draw, draw.locator(".handle.z"), 40, "eps")
    for widget, name in ((draw, "draw-lab"), (triangle, "triangle-lab")):
        box = widget.bounding_box()
        assert box
        assert 400 <= box["width"] <= 620
        widget.scroll_into_view_if_needed()
        seen(widget, name)
