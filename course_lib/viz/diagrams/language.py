"""Boxes with shapes, arrows of data and arrows of gradients: what every drawing of a model is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Polygon

from course_lib.viz.style import BLACK, DPI, GREY, VERMILION, styled

Kind = Literal["tensor", "network", "encoder", "decoder", "loss"]
Flow = Literal["data", "gradient", "unused", "cut"]

INCH = 1.18  # from one column, or row, to the next
HALF_WIDTH = {"tensor": 0.30, "network": 0.42, "encoder": 0.42, "decoder": 0.42, "loss": 0.42}
HALF_HEIGHT = {"tensor": 0.23, "network": 0.36, "encoder": 0.36, "decoder": 0.36, "loss": 0.23}
_SLANT = 0.16  # how much lower the narrow end of an encoder or a decoder is
_ARROWS: dict[str, Any] = {
    "data": {"color": GREY, "linestyle": "-", "linewidth": 1.5},
    "gradient": {"color": VERMILION, "linestyle": (0, (4, 2)), "linewidth": 1.8},
    "unused": {"color": "#B8B8B8", "linestyle": (0, (1, 2)), "linewidth": 1.5},
    "cut": {"color": "#B8B8B8", "linestyle": (0, (1, 2)), "linewidth": 1.5},
}


@dataclass(frozen=True)
class Box:
    """Something with a place: ``at`` is (column, row), row 0 at the bottom.

    ``kind``: a ``tensor`` is a rounded box, an ``encoder`` narrows, a ``decoder`` widens, a ``loss`` has a dashed
    edge. ``text``: its name or symbol. ``shape``: what stands below it in small letters, such as its size.
    """

    at: tuple[float, float]
    text: str
    shape: str = ""
    kind: Kind = "tensor"
    color: str = BLACK


@dataclass(frozen=True)
class Arrow:
    """From one box to another, by their names. ``flow``: data, a gradient, a gradient that exists and isn't used, or
    one that is cut, with a cross on it.

    ``bend``: 0 is straight; 0.3 curves to the right of its way, -0.3 to the left.
    """

    start: str
    end: str
    text: str = ""
    flow: Flow = "data"
    bend: float = 0.0


@styled
def diagram(boxes: Mapping[str, Box], arrows: Sequence[Arrow], *, legend: bool = False) -> Figure:
    """The drawing of a model. ``legend``: say below what the kinds of arrows mean.

    Raises ``ValueError`` without boxes and for an arrow whose ends aren't among them.
    """
    if not boxes:
        raise ValueError('boxes must hold at least one, such as {"x": Box((0, 0), "$x$")}, got none')
    for arrow in arrows:
        missing = {arrow.start, arrow.end} - set(boxes)
        if missing:
            raise ValueError(f"arrows must join boxes ({', '.join(boxes)}), got {', '.join(sorted(missing))}")
    columns = [box.at[0] for box in boxes.values()]
    rows = [box.at[1] for box in boxes.values()]
    turns = [_middle(arrow, boxes)[1] for arrow in arrows]
    left, right = min(columns) - 0.5, max(columns) + 0.5
    bottom = min(min(rows) - 0.62, *(turn - 0.15 for turn in turns), min(rows))
    top = max(max(rows) + 0.48, *(turn + 0.15 for turn in turns), max(rows))
    size = (INCH * (right - left), INCH * (top - bottom) + 0.3 * legend)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.set_axis_off()
    patches = {name: _draw_box(axes, box) for name, box in boxes.items()}
    for arrow in arrows:
        _draw_arrow(axes, arrow, boxes, patches)
    if legend:
        names = {"data": "data", "gradient": "gradient that is used", "unused": "gradient that exists, not used"}
        names["cut"] = "no gradient"
        flows = [flow for flow in names if any(arrow.flow == flow for arrow in arrows)]
        handles = [axes.plot([], [], **_ARROWS[flow], label=names[flow])[0] for flow in flows]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(flows))
    return figure


def _draw_box(axes: Axes, box: Box) -> Patch:
    (x, y), width, height = box.at, HALF_WIDTH[box.kind], HALF_HEIGHT[box.kind]
    style: Any = {"facecolor": _tint(box.color), "edgecolor": box.color, "linewidth": 1.6, "zorder": 3}
    patch: Patch
    if box.kind in ("encoder", "decoder"):
        slant = _SLANT if box.kind == "encoder" else -_SLANT  # the right end is lower, or the left one is
        from_left, from_right = height + min(slant, 0), height - max(slant, 0)
        corners = [(x - width, y - from_left), (x - width, y + from_left)]
        corners += [(x + width, y + from_right), (x + width, y - from_right)]
        patch = Polygon(corners, closed=True, joinstyle="round", **style)
    else:
        rounding = "round,pad=0,rounding_size=0.12" if box.kind == "tensor" else "square,pad=0"
        line = "--" if box.kind == "loss" else "-"
        corner = (x - width, y - height)
        patch = FancyBboxPatch(corner, 2 * width, 2 * height, boxstyle=rounding, linestyle=line, **style)
    axes.add_patch(patch)
    size = 13 if box.text.startswith("$") else 10
    axes.text(x, y, box.text, ha="center", va="center", fontsize=size, zorder=4)
    axes.text(x, y - height - 0.05, box.shape, ha="center", va="top", fontsize=9, color=GREY, zorder=4)
    return patch


def _draw_arrow(axes: Axes, arrow: Arrow, boxes: Mapping[str, Box], patches: Mapping[str, Patch]) -> None:
    start, end = boxes[arrow.start].at, boxes[arrow.end].at
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            patchA=patches[arrow.start],
            patchB=patches[arrow.end],
            shrinkA=2,
            shrinkB=2,
            arrowstyle="-|>",
            mutation_scale=13,
            connectionstyle=f"arc3,rad={arrow.bend}",
            zorder=2,
            **_ARROWS[arrow.flow],
        )
    )
    if arrow.flow == "cut":
        cross: Any = {"marker": "x", "markersize": 11, "markeredgewidth": 3, "color": VERMILION}
        axes.plot(*([value] for value in _middle(arrow, boxes)), **cross, zorder=3)
    if arrow.text:
        color = _ARROWS[arrow.flow]["color"] if arrow.flow == "gradient" else GREY
        plate = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
        axes.text(
            *_middle(arrow, boxes),
            arrow.text,
            ha="center",
            va="center",
            fontsize=9,
            color=color,
            bbox=plate,
            zorder=2.5,
        )


def _middle(arrow: Arrow, boxes: Mapping[str, Box]) -> tuple[float, float]:
    """Half-way along an arrow, its bend included."""
    (x, y), (x_end, y_end) = boxes[arrow.start].at, boxes[arrow.end].at
    across = arrow.bend / 2
    return (x + x_end) / 2 + across * (y_end - y), (y + y_end) / 2 - across * (x_end - x)


def _tint(color: str) -> str:
    """The colour, as on paper that took one part in seven of it."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) / 7):02x}" for part in (red, green, blue))
