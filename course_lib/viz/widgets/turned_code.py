"""The widget of lesson 06's concept: a code of two numbers, turned against the factors that it holds."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz.style import BLACK, DPI, RAMP, styled
from course_lib.viz.widgets.host import Widget, packed

_VALUES, _REPEATS, _BINS, _NARROW = 10, 12, 20, 0.15
_LIMIT = 3.0
_START = {"angle": 0.0, "ratio": 1.0}
_STILLS = ((0.0, 1.0), (45.0, 1.0), (45.0, 3.0))  # angle, and the width of y / that of x
_CAPTION = (
    "A code of two numbers that holds the shifts x and y, coloured by x: as it is, turned by 45 degrees, and turned "
    "where y is known three times as coarsely. Black: the q with independent numbers; dashed: the posterior."
)


class TurnedCode(Widget):
    """What :func:`turned_code` returns; ``value`` holds the ``angle`` in degrees and the ``ratio`` of the widths."""


def turned_code() -> TurnedCode:
    """A code of two numbers for images with ten values of two shifts each, turned by hand.

    Beside it stand what each number says of each shift, the mutual information gap (20 bins), the rate, and what the
    ELBO loses since q has independent numbers and the turned posterior may not.
    """
    factors, noise = _drawn()
    data = {
        "x": [-_LIMIT, _LIMIT],
        "y": [-_LIMIT, _LIMIT],
        "factors": packed(factors.astype(np.uint8)),
        "noise": packed(noise),
        "values": _VALUES,
        "bins": _BINS,
        "narrow": _NARROW,
        "start": _START,
    }
    return TurnedCode("turned_code", data, dict(_START), lambda: _still(factors, noise), _CAPTION)


def _drawn() -> tuple[np.ndarray, np.ndarray]:
    """Both shifts of images (N, 2), whole numbers, every pair equally often, in shuffled order, and noise (N, 2)."""
    random = np.random.default_rng(0)
    pairs = np.stack(np.meshgrid(np.arange(_VALUES), np.arange(_VALUES)), axis=-1).reshape(-1, 2)
    factors = random.permutation(np.tile(pairs, (_REPEATS, 1)))
    return factors, random.standard_normal(factors.shape).astype(np.float32)


@styled
def _still(factors: np.ndarray, noise: np.ndarray) -> Figure:
    figure = Figure(figsize=(7.6, 3.0), dpi=DPI, layout="constrained")
    panels: Any = figure.subplots(1, len(_STILLS), sharey=True)
    unit = math.sqrt((_VALUES**2 - 1) / 12)
    around = np.linspace(0, 2 * np.pi, 100)
    circle = 2 * np.stack([np.cos(around), np.sin(around)])
    for axes, (degrees, ratio) in zip(panels, _STILLS, strict=True):
        angle, along = math.radians(degrees), np.array([_NARROW, _NARROW * ratio])
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        widths = 1 / np.sqrt((turn**2) @ along**-2.0)
        codes = ((factors - (_VALUES - 1) / 2) / unit) @ turn.T + widths * noise
        axes.scatter(*codes[:400].T, s=6, c=factors[:400, 0], cmap=RAMP, linewidths=0)
        axes.plot(*(widths[:, None] * circle), color=BLACK, linewidth=1.8)
        axes.plot(*(turn @ (along[:, None] * circle)), "--", color=BLACK, linewidth=1.3)
        lost = -np.log(widths).sum() + np.log(along).sum()
        axes.set(xlim=(-_LIMIT, _LIMIT), ylim=(-_LIMIT, _LIMIT), aspect="equal", xlabel="$z_1$")
        axes.set_title(f"turned by {degrees:g}°, y / x {ratio:g}:\nELBO lost {abs(lost):.2f} nats", fontsize=9)
    panels[0].set_ylabel("$z_2$")
    return figure
