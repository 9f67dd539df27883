"""The widgets of lesson 00: on a page without a kernel, and in JupyterLab, where what was chosen is Python's too."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from conftest import write_notebook
from hands import drag, grey_levels, numbers, shown
from jupyterlab_pages import PATIENCE_MS, ROOT, open_notebook, run_all, seen, serving, settings_of_its_own
from playwright.sync_api import Browser, Locator, Page, expect

from course_lib import viz
from course_lib.data.glyphs import FACES, RANGES
from course_lib.training.recipes import shipped
from course_lib.viz.widgets.glyph_factors import drawn
from course_lib.viz.widgets.three_models import point_of

LESSON = ROOT / "notebooks" / "00_start_here.ipynb"
WIDGETS = ("three_models", "glyph_factors")
CHOSEN = "print('point', explorer.value['point'], 'turned by', glyph.value['rotation'])"
START = {"data-point": "0.0000, 0.0000", "data-factors": "0.0000, 0.9000, 0.0000, 0.0000, 0.0000"}

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


# Each time the root's numbers change, whether the pictures of that moment are others than before.
WATCH = """root => {
  const look = () => [...root.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL()).join();
  let before = look();
  window.moves = [];
  new MutationObserver(([{ attributeName, oldValue }]) => {
    if (root.getAttribute(attributeName) === oldValue) return;
    const now = look();
    window.moves.push(now !== before);
    before = now;
  }).observe(root, { attributeFilter: ["data-sums", "data-sum"], attributeOldValue: true });
}"""


def every_move_was_drawn(page: Page) -> bool:
    page.wait_for_function("window.moves.length > 3")
    return all(page.evaluate("window.moves"))


def as_torch_draws(widget: Locator, plane: int) -> None:
    """What stands in the widget's numbers and on its canvases is what the networks draw in torch."""
    x, y = numbers(widget, "point")
    z = point_of(plane, x, y)
    assert np.allclose(numbers(widget, "z"), z, atol=1e-3)
    for i, name in enumerate(("vae", "gan", "vae_gan")):
        network: Any = shipped(name)[0]
        image = network.sample(1, z=z[None])[0, 0]
        assert numbers(widget, "sums")[i] == pytest.approx(image.sum().item(), abs=0.1)
        assert torch.allclose(grey_levels(widget.locator("canvas").nth(i)), image, atol=0.01)


def test_three_networks_draw_the_point_under_the_pointer(page: Page, tmp_path: Path) -> None:
    models = shown(page, viz.three_models(), tmp_path)
    expect(models).to_have_attribute("data-point", "0.0000, 0.0000")
    as_torch_draws(models, 0)
    models.evaluate(WATCH)
    plane = models.get_by_role("application")
    drag(page, plane, 80, -60)
    expect(models).not_to_have_attribute("data-point", "0.0000, 0.0000")
    assert every_move_was_drawn(page)
    as_torch_draws(models, 0)
    x, y = numbers(models, "point")
    assert x > 0.5
    assert y > 0.5
    page.keyboard.press("ArrowLeft")  # the drag left the focus on the pad
    page.keyboard.press("Shift+ArrowUp")
    expect(models).to_have_attribute("data-point", f"{x - 0.06:.4f}, {y + 0.3:.4f}")
    models.get_by_role("button", name="Another plane").click()
    expect(models).to_have_attribute("data-plane", "1")
    as_torch_draws(models, 1)
    models.get_by_label("across").fill("-1.5")
    expect(models).to_have_attribute("data-point", re.compile(r"^-1\.5"))
    as_torch_draws(models, 1)
    chosen = page.evaluate("window.chosen()")
    assert chosen["plane"] == 1
    assert chosen["point"] == pytest.approx(numbers(models, "point"), abs=1e-4)
    models.get_by_role("button", name="Reset").click()
    expect(models).to_have_attribute("data-plane", "0")
    expect(models).to_have_attribute("data-point", "0.0000, 0.0000")
    for _ in range(12):
        models.get_by_role("button", name="Another plane").click()
    expect(models).to_have_attribute("data-plane", "0")  # and round again


def as_the_data_set_draws(widget: Locator, factors: dict[str, Any]) -> None:
    image = drawn(factors)[0, 0]
    assert numbers(widget, "sum")[0] == pytest.approx(image.sum().item(), abs=0.05)
    assert torch.allclose(grey_levels(widget.locator("canvas")), image, atol=0.01)


def test_each_factor_of_a_glyph_has_its_control(page: Page, tmp_path: Path) -> None:
    widget = viz.glyph_factors()
    start = widget.data["start"]
    glyph = shown(page, widget, tmp_path)
    expect(glyph).to_have_attribute("data-changed", "0")
    as_the_data_set_draws(glyph, start)
    labels = {"Rotation": -7.5, "Scale": 0.8, "Shear": 0.1, "Shift right": 1.2, "Shift down": -0.6}
    factors = dict(start)
    for (label, value), name in zip(labels.items(), RANGES, strict=True):
        before = glyph.get_attribute("data-factors")
        glyph.get_by_label(label).fill(str(value))
        expect(glyph).not_to_have_attribute("data-factors", str(before))
        factors[name] = numbers(glyph, "factors")[list(RANGES).index(name)]
        assert factors[name] == pytest.approx(value, abs=0.01)
        as_the_data_set_draws(glyph, factors)
    glyph.get_by_role("button", name="digit 7").click()
    expect(glyph).to_have_attribute("data-character", "7")
    factors["character"] = 7
    glyph.get_by_label("bold").check()
    expect(glyph).to_have_attribute("data-face", "DejaVuSerif-Bold")
    expect(glyph.locator(".note")).to_have_text("No training image has this face.")
    glyph.get_by_label("Face").select_option("Computer Modern")
    expect(glyph).to_have_attribute("data-face", "cmb10")
    expect(glyph.locator(".note")).to_have_text("")
    glyph.get_by_label("slanted").check()
    expect(glyph).to_have_attribute("data-face", "cmti10")  # it has no face that is both
    expect(glyph.get_by_label("bold")).not_to_be_checked()
    factors["face"] = FACES.index("cmti10")
    as_the_data_set_draws(glyph, factors)
    changed = int((drawn(factors) - drawn(start)).abs().gt(0.05).sum())
    assert numbers(glyph, "changed")[0] == pytest.approx(changed, abs=2)
    chosen = page.evaluate("window.chosen()")
    assert {name: chosen[name] for name in ("character", "face")} == {
        "character": 7,
        "face": FACES.index("cmti10"),
    }


def test_a_glyph_is_shifted_by_hand_and_stays_within_its_range(page: Page, tmp_path: Path) -> None:
    widget = viz.glyph_factors()
    glyph = shown(page, widget, tmp_path)
    picture = glyph.get_by_role("application")
    glyph.evaluate(WATCH)
    drag(page, picture, 9, -4.5)  # nine screen pixels to one of the image
    expect(glyph).to_have_attribute("data-factors", "0.0000, 0.9000, 0.0000, 1.0000, -0.5000")
    assert every_move_was_drawn(page)
    as_the_data_set_draws(glyph, widget.data["start"] | {"shift_x": 1.0, "shift_y": -0.5})
    picture.press("ArrowLeft")
    picture.press("Shift+ArrowDown")
    expect(glyph).to_have_attribute("data-factors", "0.0000, 0.9000, 0.0000, 0.9000, 0.0000")
    drag(page, picture, 100, 100)
    expect(glyph).to_have_attribute("data-factors", "0.0000, 0.9000, 0.0000, 1.5000, 1.5000")
    for _ in range(5):
        glyph.get_by_role("button", name="Draw one at random").click()
        page.wait_for_timeout(60)
        for value, (low, high) in zip(numbers(glyph, "factors"), RANGES.values(), strict=True):
            assert low <= value <= high
        expect(glyph.locator(".note")).to_have_text("")  # drawn as training images are
    glyph.get_by_role("button", name="Reset").click()
    expect(glyph).to_have_attribute("data-changed", "0")


def test_both_fit_a_telephone_and_a_finger_moves_them(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 900}, has_touch=True)
    page = context.new_page()
    for make, numbers_of in ((viz.three_models, "data-point"), (viz.glyph_factors, "data-factors")):
        widget = shown(page, make(), tmp_path)
        area = widget.get_by_role("application")
        box = area.bounding_box()
        assert box
        page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"])
        area.press("ArrowRight")  # a tap alone shifts no glyph
        expect(widget).not_to_have_attribute(numbers_of, START[numbers_of])
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on the lesson's own cells of its widgets, a cell that reads them, and the lesson as committed."""
    home = tmp_path_factory.mktemp("start-here")
    clone = home / "clone"
    cells = [cell.source for cell in nbformat.read(LESSON, as_version=4).cells if cell.cell_type == "code"]
    own = [next(source for source in cells if f"{name}()" in source) for name in WIDGETS]
    write_notebook(clone / "notebooks" / "01_widgets.ipynb", *own, CHOSEN, title="Two widgets")
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


def test_both_work_in_a_notebook(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "01_widgets.ipynb")
    run_all(page)
    models, glyph = notebook.locator(".three-models"), notebook.locator(".glyph-factors")
    expect(models).to_have_attribute("data-sums", re.compile("."), timeout=PATIENCE_MS)
    expect(glyph).to_have_attribute("data-sum", re.compile("."), timeout=PATIENCE_MS)
    models.evaluate(WATCH)
    drag(page, models.get_by_role("application"), 60, 50)
    assert every_move_was_drawn(page)
    as_torch_draws(models, 0)
    seen(models, "three-models")
    glyph.scroll_into_view_if_needed()
    glyph.get_by_label("Rotation").fill("9")
    expect(glyph).to_have_attribute("data-factors", re.compile(r"^9\.0"))
    seen(glyph, "glyph-factors")
    reading = notebook.locator(".jp-CodeCell").last
    reading.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    output = reading.locator(".jp-OutputArea-output")
    expect(output).to_have_text(re.compile("turned by 9"), timeout=PATIENCE_MS)
    said = [float(number) for number in re.findall(r"-?\d+\.\d+", output.inner_text())]
    assert said[:2] == pytest.approx(numbers(models, "point"), abs=1e-3)
