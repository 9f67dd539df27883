"""What tests do with a widget: read its numbers and its pictures, and move it by hand."""

import base64
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Locator, Page
from widget_page import write_page

from course_lib.viz.widgets.host import Widget


def shown(page: Page, widget: Widget, folder: Path) -> Locator:
    """The widget on a page without a kernel."""
    page.goto(write_page(widget, folder / "widget.html").as_uri())
    return page.locator("#widget")


def numbers(widget: Locator, name: str) -> list[float]:
    """The numbers in ``data-<name>``."""
    text = widget.get_attribute(f"data-{name}")
    assert text is not None, f"no data-{name}"
    return [float(number) for number in text.split(",")]


def number(widget: Locator, name: str) -> float:
    """The only number in ``data-<name>``."""
    (found,) = numbers(widget, name)
    return found


def pixels(canvas: Locator) -> str:
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def grey_levels(canvas: Locator) -> torch.Tensor:
    """(H, W), in [0, 1]."""
    png = base64.b64decode(pixels(canvas).partition(",")[2])
    return torch.from_numpy(np.array(Image.open(BytesIO(png)).convert("L"))) / 255


def drag(
    page: Page,
    handle: Locator,
    across: float,
    down: float = 0.0,
    *,
    steps: int = 20,
    each: Callable[[], object] = lambda: None,
) -> None:
    """From the middle of ``handle`` by so many pixels; ``each`` is called after every move."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, steps + 1):
        page.mouse.move(x + across * step / steps, y + down * step / steps)
        each()
    page.mouse.up()
    page.wait_for_timeout(300)


def frame(page: Page) -> None:
    """Wait until what was asked for has been drawn: two frames, one to draw it in and one after it."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
