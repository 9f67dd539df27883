"""The widgets of lesson 05 in JupyterLab: dragged, moved by keys, read by their numbers; the lesson's own width.

Screenshots are kept in build/screenshots/.
"""

import re
import shutil
from collections.abc import Iterator

import nbformat
import numpy as np
import pytest
import torch
from conftest import write_notebook
from jupyterlab_pages import PATIENCE_MS, ROOT, open_notebook, run_all, seen, serving, settings_of_its_own
from playwright.sync_api import Locator, Page, expect

from course_lib.models import ConvVAE
from course_lib.models.weights import load_weights

LESSON = ROOT / "notebooks" / "05_variational_autoencoder.ipynb"

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on the lesson's first widget alone, on a scrubber, and on the lesson as committed."""
    home = tmp_path_factory.mktemp("vae")
    clone = home / "clone"
    cells = [cell.source for cell in nbformat.read(LESSON, as_version=4).cells if cell.cell_type == "code"]
    (first,) = [source for source in cells if re.search(r"^two_maps\(", source, re.MULTILINE)]
    write_notebook(
        clone / "notebooks" / "01_maps.ipynb", f"from course_lib.viz import two_maps\n\n{first}", title="Two maps"
    )
    frames = (
        "import torch\nfrom course_lib.viz import scrubber\n\nscrubber(torch.rand(5, 8, 8), labels=list('abcde'))"
    )
    write_notebook(clone / "notebooks" / "02_scrubber.ipynb", frames, title="A scrubber")
    (clone / "workspace" / "notebooks").mkdir(parents=True)
    shutil.copy(LESSON, clone / "workspace" / "notebooks" / "committed.ipynb")
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page that doesn't complain."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    assert not faults


def numbers(widget: Locator, name: str) -> list[float]:
    """The numbers in ``data-<name>``."""
    text = widget.get_attribute(f"data-{name}")
    assert text is not None, f"no data-{name}"
    return [float(number) for number in text.split(",")]


def drag(page: Page, handle: Locator, across: float, down: float, steps: int = 12) -> list[str]:
    """From the middle of ``handle`` by so many pixels; the point that the widget showed after each move."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    root = handle.locator("xpath=ancestor::*[contains(@class, 'course-widget')]")
    page.mouse.move(x, y)
    page.mouse.down()
    shown = []
    for step in range(1, steps + 1):
        page.mouse.move(x + across * step / steps, y + down * step / steps)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        shown.append(f"{root.get_attribute('data-point')}: {root.get_attribute('data-vae-sum')}")
    page.mouse.up()
    return shown


def pixels(canvas: Locator) -> str:
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def test_two_maps_share_a_cross_and_each_decodes_it(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "01_maps.ipynb")
    run_all(page)
    maps = notebook.locator(".two-maps")
    expect(maps).to_have_attribute("data-covering", re.compile("."), timeout=PATIENCE_MS)
    box = maps.bounding_box()
    assert box
    assert 400 <= box["width"] <= 620
    assert box["height"] >= 400
    before = seen(maps, "two-maps-before")
    start, sums = numbers(maps, "point"), [numbers(maps, f"{name}-sum") for name in ("autoencoder", "vae")]
    images = [maps.locator("canvas").nth(i) for i in (0, 1)]
    painted = [pixels(image) for image in images]
    for name in ("autoencoder", "vae"):  # from the middle of either plane
        shown = drag(page, maps.locator(f".{name} svg.plane"), 60, -80)
        assert len(set(shown)) == len(shown), "each move is drawn"
        x, y = numbers(maps, "point")
        assert x > 0.3
        assert y > 0.3
        assert [numbers(maps, f"{n}-sum") for n in ("autoencoder", "vae")] != sums
    assert all(pixels(image) != old for image, old in zip(images, painted, strict=True))

    model = ConvVAE(latent_dim=2)
    load_weights("plane_vae", model)
    image = torch.sigmoid(model.decode(torch.tensor([numbers(maps, "point")])))
    assert numbers(maps, "vae-sum") == pytest.approx([image.sum().item()], abs=0.1)

    page.keyboard.press("ArrowUp")  # the drag left the focus on the map
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert numbers(maps, "point")[0] < x
    assert numbers(maps, "point")[1] > y
    maps.get_by_label("z₁").fill("1")
    maps.get_by_label("z₂").fill("-1")
    page.wait_for_timeout(200)
    assert numbers(maps, "point") == pytest.approx([1, -1], abs=0.05)

    clouds, dots = maps.locator(".clouds"), maps.locator(".vae .scatter")
    expect(clouds).to_have_attribute("visibility", "visible")
    maps.get_by_label("clouds, to two standard deviations").uncheck()
    expect(maps).to_have_attribute("data-clouds", "hidden")
    expect(clouds).to_have_attribute("visibility", "hidden")
    expect(dots).to_have_attribute("visibility", "visible")
    points = []
    for number in (1, 2, 3):
        maps.get_by_role("button", name="Draw z").click()
        expect(maps).to_have_attribute("data-draws", str(number))
        points.append(maps.get_attribute("data-point"))
    assert len(set(points)) == 3
    assert np.abs(seen(maps, "two-maps-after")[: len(before)] - before[: len(before)]).max() > 100
    maps.get_by_role("button", name="Reset").click()
    expect(maps).to_have_attribute("data-clouds", "shown")
    page.wait_for_timeout(200)
    assert numbers(maps, "point") == start
    assert [numbers(maps, f"{name}-sum") for name in ("autoencoder", "vae")] == sums


def test_the_frames_of_beta_are_found_by_slider_and_buttons(lab: str, page: Page) -> None:
    notebook = open_notebook(page, lab, "02_scrubber.ipynb")
    run_all(page)
    scrubber = notebook.locator(".scrubber")
    expect(scrubber).to_have_attribute("data-frame", "0", timeout=PATIENCE_MS)
    first = scrubber.locator("img").get_attribute("src")
    scrubber.get_by_label("Frame", exact=True).fill("3")
    expect(scrubber).to_have_attribute("data-frame", "3")
    expect(scrubber.locator("output")).to_have_text("d")
    assert scrubber.locator("img").get_attribute("src") != first


# What can be scrolled sideways in a cell, once JupyterLab has rendered it: [what, pixels too many].
OVERFLOWS = """async cell => {
  cell.scrollIntoView({ block: "center" });
  const frame = () => new Promise(requestAnimationFrame);
  for (let i = 0; i < 200 && !cell.querySelector(".cm-line, .jp-RenderedHTMLCommon"); i++) await frame();
  for (let i = 0; i < 5; i++) await frame();
  return [...cell.querySelectorAll("*")]
    .filter(node => node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0)
    .filter(node => ["auto", "scroll"].includes(getComputedStyle(node).overflowX))
    .map(node => [node.className, node.scrollWidth - node.clientWidth]);
}"""


@pytest.mark.parametrize("width", [1280, 1024])
def test_nothing_in_the_lesson_scrolls_sideways(lab: str, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 860})
    notebook = open_notebook(page, lab, "committed.ipynb")
    cells = notebook.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(len(nbformat.read(LESSON, as_version=4).cells), timeout=PATIENCE_MS)
    found = [
        f"cell {index}: {what}, {excess} pixels"
        for index in range(cells.count())
        for what, excess in cells.nth(index).evaluate(OVERFLOWS)
    ]
    seen(page, f"lesson-05-{width}")
    assert not found, "\n".join(found)
