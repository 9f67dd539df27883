"""A 2-D pad: a point of the plane, chosen by hand, and what Python draws for it."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from course_lib.viz.display import close, png
from course_lib.viz.images import image_grid
from course_lib.viz.style import BLACK, as_array, new_figure, styled
from course_lib.viz.widgets.host import Widget

Point = tuple[float, float]
_SIDE = 168  # screen pixels of a small image


class Pad(Widget):
    """What :func:`pad` returns; ``value`` is the point [x, y] where the cross is."""

    def __init__(self, draw: Callable[[float, float], Any] | None, data: dict[str, Any], caption: str) -> None:
        self._draw = draw
        x, y = start = data["start"]
        if draw is not None:
            first = draw(x, y)
            data = data | {
                "picture": {"at": start, "png": picture(first)},
                "beside": not isinstance(first, Figure),
            }
        super().__init__("pad", data, start, self._still_figure, caption)
        if draw is not None:
            self.observe(self._redraw, names="value")

    def _redraw(self, _change: Any = None) -> None:
        x, y = at = list(self.value)
        assert self._draw is not None
        try:
            drawn = {"png": picture(self._draw(x, y))}
        except Exception as error:  # what would only be logged is said where the learner looks
            drawn = {"error": f"The picture failed at ({x:.2f}, {y:.2f}): {type(error).__name__}: {error}"}
        self.send({"kind": "picture", "at": at, **drawn})

    def _still_figure(self) -> Figure:
        if self._draw is not None:
            drawn = self._draw(*self.value)
            return drawn if isinstance(drawn, Figure) else image_grid(torch.as_tensor(_levels(drawn))[None])
        return _cross(self.data, self.value)


def pad(
    draw: Callable[[float, float], Any] | None = None,
    caption: str = "A point of the plane, moved by hand.",
    *,
    x: tuple[float, float] = (-3.0, 3.0),
    y: tuple[float, float] = (-3.0, 3.0),
    names: tuple[str, str] = ("z₁", "z₂"),
    start: Point | None = None,
) -> Pad:
    """A pad of two numbers from ``x`` and ``y`` (low, high), moved by pointer, touch, arrow keys or two sliders.

    ``draw(x, y)`` returns what is shown beneath: a figure, or an image (1, H, W) or (H, W) of grey levels in [0, 1]. It
    runs in the kernel; while it does, points that are passed by are dropped. ``start``: the middle, if not given. Let
    the pad be the last expression of a cell; where its cross is, ``.value`` says.

        pad(lambda z1, z2: model.decode(torch.tensor([[z1, z2]]))[0])

    Raises ``ValueError`` for an empty range, or a start outside.
    """
    for name, (low, high) in {"x": x, "y": y}.items():
        if not low < high:
            raise ValueError(f"{name} must run from low to high, got {(low, high)}")
    middle = (sum(x) / 2, sum(y) / 2) if start is None else start
    if not (x[0] <= middle[0] <= x[1] and y[0] <= middle[1] <= y[1]):
        raise ValueError(f"start must lie in x {x} and y {y}, got {start}")
    label = f"A pad for {names[0]} and {names[1]}: drag, or use the arrow keys"
    settings = {"x": list(x), "y": list(y), "names": list(names), "start": list(middle), "label": label}
    return Pad(draw, settings, caption)


def picture(drawn: Any) -> str:
    """A figure, or an image (1, H, W) or (H, W) of grey levels in [0, 1], as PNG in base64; a figure is closed.

    Small images are enlarged by a whole factor, so that each pixel stays a square.
    """
    if isinstance(drawn, Figure):
        content = png(drawn)
        close(drawn)
    else:
        levels = _levels(drawn)
        grey = np.round(255 * np.clip(levels, 0, 1)).astype(np.uint8)
        zoom = max(1, _SIDE // max(grey.shape))
        buffer = io.BytesIO()
        Image.fromarray(grey.repeat(zoom, axis=0).repeat(zoom, axis=1)).save(buffer, format="png")
        content = buffer.getvalue()
    return base64.b64encode(content).decode()


def _levels(image: Any) -> np.ndarray:
    """Grey levels (H, W)."""
    levels = as_array(image)
    levels = levels[0] if levels.ndim == 3 and len(levels) == 1 else levels
    if levels.ndim != 2 or 0 in levels.shape:
        raise ValueError(f"an image must have the shape (1, H, W) or (H, W), got {tuple(as_array(image).shape)}")
    return levels.astype(float)


@styled
def _cross(data: dict[str, Any], point: Point) -> Figure:
    figure, axes = new_figure(4.2, 4.2)
    axes.plot(*point, marker="+", markersize=18, markeredgewidth=2.5, color=BLACK)
    axes.set(xlim=data["x"], ylim=data["y"], xlabel=data["names"][0], ylabel=data["names"][1])
    return figure
