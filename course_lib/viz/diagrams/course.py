"""The lessons of the course as a map: the core path from left to right, and below it what goes deeper."""

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from course_lib.viz.diagrams.language import INCH, Arrow, Box, diagram
from course_lib.viz.style import BLUE, GREY

_WRAP = 16  # letters in a line below a box
_COLUMN, _ROW = 1.25, 1.3
_TITLES = 0.3  # what titles of more than one line need below the last row, in rows


@dataclass(frozen=True)
class Stop:
    """A lesson on the map: its number ("05"), its title, the minutes it takes to read."""

    number: str
    title: str
    minutes: int


def course_diagram(core: Sequence[Stop], deep: Mapping[str, Sequence[Stop]]) -> Figure:
    """``core``: the lessons of the core path, in order. ``deep``: by a core lesson's number, those that deepen it.

    Raises ``ValueError`` for a number in ``deep`` that is on no core path.
    """
    numbers = [stop.number for stop in core]
    if lost := sorted(set(deep) - set(numbers)):
        raise ValueError(f"deep must hang on core lessons ({', '.join(numbers)}), got {', '.join(lost)}")
    boxes, arrows = {}, []
    for column, stop in enumerate(core):
        boxes[stop.number] = _box(stop, column * _COLUMN, 0.0, BLUE)
        below = deep.get(stop.number, ())
        for i, other in enumerate(below):
            boxes[other.number] = _box(other, (column + i - (len(below) - 1) / 2) * _COLUMN, -_ROW, GREY)
            arrows.append(Arrow(stop.number, other.number))
    arrows += [Arrow(before, after) for before, after in itertools.pairwise(numbers)]
    figure = diagram(boxes, arrows)
    axes = figure.axes[0]
    for text in axes.texts:  # an arrow passes behind a title, not through it
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1} if text.get_color() == GREY else None)
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom - _TITLES, top)
    figure.set_figheight(figure.get_figheight() + INCH * _TITLES)
    return figure


def _box(stop: Stop, x: float, y: float, color: str) -> Box:
    below = "\n".join([*textwrap.wrap(stop.title, _WRAP, break_long_words=False), f"{stop.minutes} min"])
    return Box((x, y), stop.number, below, color=color)
