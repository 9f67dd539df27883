"""The widgets on a page without a kernel or a server: the same modules and data as in a notebook, and nothing else."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hands import grey_levels, numbers, shown
from playwright.sync_api import Browser, Page, expect

from course_lib import viz
from course_lib.models import ConvAutoencoder
from course_lib.models.weights import load_weights

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page that neither complains nor asks for any other file."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type != "debug" else None)
    page.on("request", lambda request: faults.append(request.url) if request.url[:5] == "http:" else None)
    page.set_default_timeout(20_000)
    yield page
    assert not faults


@pytest.fixture(scope="module")
def network() -> ConvAutoencoder:
    model = ConvAutoencoder(latent_dim=2)
    load_weights("plane", model)
    return model.eval().requires_grad_(False)


def test_the_code_map_decodes_and_encodes_as_torch_does(
    page: Page, tmp_path: Path, network: ConvAutoencoder
) -> None:
    code_map = shown(page, viz.code_map(), tmp_path)
    decoded, digit, reconstruction = (code_map.locator(".row canvas").nth(i) for i in range(3))
    for z in ([1.0, -0.4], [-2.1, 2.2]):
        code_map.get_by_label("z₁").fill(str(z[0]))
        code_map.get_by_label("z₂").fill(str(z[1]))
        expect(code_map).to_have_attribute("data-point", re.compile(f"^{z[0]:.1f}.*, {z[1]:.1f}"))
        at = torch.tensor([numbers(code_map, "point")])
        image = network.decode(at)[0, 0]
        assert numbers(code_map, "decoded-sum") == pytest.approx([image.sum().item()], abs=0.1)
        assert torch.allclose(grey_levels(decoded), image.clamp(0, 1), atol=0.01)
    assert page.evaluate("window.chosen()") == pytest.approx(at[0].tolist(), abs=1e-4)
    for name in ("digit 4", "shift up", "shift right"):
        code_map.get_by_role("button", name=name).click()
    expect(code_map).to_have_attribute("data-shift", "1, -1")
    x = grey_levels(digit)[None, None]
    z_hat = network.encode(x)
    x_hat = network.decode(z_hat)
    assert numbers(code_map, "code") == pytest.approx(z_hat[0].tolist(), abs=1e-3)
    assert numbers(code_map, "error") == pytest.approx([((x - x_hat) ** 2).sum().item()], rel=1e-3)
    assert torch.allclose(grey_levels(reconstruction), x_hat[0, 0].clamp(0, 1), atol=0.01)


def test_the_best_line_is_where_no_other_loses_less(page: Page, tmp_path: Path) -> None:
    widget = viz.cloud_and_line()
    cloud = shown(page, widget, tmp_path)
    points = np.array(widget.data["points"]) @ np.array(widget.data["arrows"])
    least = len(points) * np.linalg.eigvalsh(np.cov(points.T, bias=True))[0]
    assert numbers(cloud, "least") == pytest.approx([least], abs=1e-3)
    assert numbers(cloud, "spread") == pytest.approx([(points**2).sum()], abs=1e-2)
    for degrees in (-60, 10, 75):
        cloud.get_by_label("Angle of your line").fill(str(degrees))
        expect(cloud).to_have_attribute("data-angle", f"{degrees:.4f}")
        normal = np.array([-np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])
        assert numbers(cloud, "lost") == pytest.approx([((points @ normal) ** 2).sum()], abs=1e-2)
        assert numbers(cloud, "lost") > numbers(cloud, "least")
    assert page.evaluate("window.chosen()") == 75
    (best,) = numbers(cloud, "best-angle")
    cloud.get_by_label("Angle of your line").fill(str(round(best)))
    expect(cloud).to_have_attribute("data-angle", f"{round(best):.4f}")
    assert numbers(cloud, "lost")[0] == pytest.approx(least, rel=0.02)
    cloud.get_by_text("handles as numbers").click()
    cloud.get_by_label("Handle 1, x₁").fill("0.5")
    page.wait_for_timeout(100)
    assert numbers(cloud, "spread")[0] < (points**2).sum()
    cloud.get_by_label("Marked point").fill("5")
    expect(cloud).to_have_attribute("data-chosen", "4")


def test_a_finger_moves_the_cross_and_a_reader_is_told_its_name(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    page = context.new_page()
    pad = shown(page, viz.pad(names=("width", "height"), x=(0, 10), y=(0, 1)), tmp_path)
    area = pad.get_by_role("application", name="A pad for width and height")
    box = area.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"])
    expect(pad).not_to_have_attribute("data-point", "5.0000, 0.5000")
    x, y = numbers(pad, "point")
    assert (x, y) == (pytest.approx(7.9, abs=0.3), pytest.approx(0.71, abs=0.05))
    area.press("Shift+ArrowLeft")
    expect(pad).to_have_attribute("data-point", f"{x - 0.5:.4f}, {y:.4f}")
    pad.get_by_role("slider", name="height").fill("0.25")
    expect(pad).to_have_attribute("data-point", f"{x - 0.5:.4f}, 0.2500")
    for key in ("ArrowRight",) * 30:
        area.press(f"Shift+{key}")
    expect(pad).to_have_attribute("data-point", "10.0000, 0.2500")  # and not beyond
    pad.get_by_role("button", name="Reset").click()
    expect(pad).to_have_attribute("data-point", "5.0000, 0.5000")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400, "it fits a telephone"
    context.close()


def test_a_scrubber_plays_pauses_and_steps(page: Page, tmp_path: Path) -> None:
    widget = viz.scrubber(torch.rand(4, 1, 8, 8), labels=["a", "b", "c", "d"], frames_per_second=20)
    scrubber = shown(page, widget, tmp_path)
    picture = scrubber.get_by_role("img")
    expect(picture).to_have_attribute("alt", "a")
    scrubber.get_by_role("button", name="one frame forward").click()
    expect(scrubber).to_have_attribute("data-frame", "1")
    first = base64.b64decode(str(picture.get_attribute("src")).partition(",")[2])
    assert first == base64.b64decode(widget.data["frames"][1])
    scrubber.get_by_role("button", name="one frame back").click()
    expect(scrubber.get_by_role("button", name="one frame back")).to_be_disabled()
    scrubber.get_by_role("button", name="Play").click()
    expect(scrubber).to_have_attribute("data-frame", "3")
    expect(scrubber).to_have_attribute("data-playing", "false")  # it stops at the end
    scrubber.get_by_label("Frame", exact=True).fill("2")
    expect(picture).to_have_attribute("alt", "c")
    assert page.evaluate("window.chosen()") == 2
    scrubber.get_by_role("button", name="Reset").click()
    scrubber.get_by_role("button", name="Play").click()
    scrubber.get_by_role("button", name="Pause").click()
    expect(scrubber).to_have_attribute("data-playing", "false")
    assert numbers(scrubber, "frame")[0] < 3
