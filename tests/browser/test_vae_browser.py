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
from hands import drag, frame, numbers, pixels
from jupyterlab_pages import PATIENCE_MS, ROOT, open_notebook, run_all, seen, serving, settings_of_its_own
from playwright.sync_api import Page, expect

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
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


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
        moves: list[str] = []

        def drawn(moves: list[str] = moves) -> None:
            frame(page)
            moves.append(f"{maps.get_attribute('data-point')}: {maps.get_attribute('data-vae-sum')}")

        drag(page, maps.locator(f".{name} svg.plane"), 60, -80, steps=12, each=drawn)
        assert len(set(moves)) == len(moves) == 12, "each move is drawn"
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
