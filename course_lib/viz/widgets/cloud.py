"""The widget of lesson 01's concept: a cloud of points, and the line that loses least of it."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_figure, styled
from course_lib.viz.widgets.host import Widget

_NUM_POINTS = 28
_LIMIT = 4.0
_START_ANGLE = -35.0  # degrees, of the reader's line: far from the best
_ARROWS = ((1.5, 0.3), (0.5, 0.9))  # the columns of the linear map that makes the cloud of round points
_CAPTION = (
    "A cloud of points, a line through its mean, and the best such line (dashed). What the line loses of a point is "
    "the perpendicular; the best line loses the least in the sum of squares."
)


class CloudAndLine(Widget):
    """What :func:`cloud_and_line` returns; ``value`` is the angle of the reader's line in degrees."""


def cloud_and_line() -> CloudAndLine:
    """A cloud in the plane with a line through its mean, both to be moved: what does the line lose?

    Two handles stretch, turn and shear the cloud, single points can be moved, and the line turns about the mean. The
    sum of squared distances to the line stands beside the least possible one, which is shown when asked for.
    """
    points = _round_cloud()
    data = {
        "x": [-_LIMIT, _LIMIT],
        "y": [-_LIMIT, _LIMIT],
        "names": ["x₁", "x₂"],
        "points": points.round(4).tolist(),
        "arrows": [list(arrow) for arrow in _ARROWS],
        "angle": _START_ANGLE,
        "chosen": int(points[:, 1].argmax()),
    }
    return CloudAndLine("cloud_and_line", data, _START_ANGLE, lambda: _still(data), _CAPTION)


def _round_cloud() -> np.ndarray:
    """Points (N, 2) with mean zero and covariance one, the same each time."""
    points = np.random.default_rng(4).standard_normal((_NUM_POINTS, 2))
    points -= points.mean(0)
    return points @ np.linalg.inv(np.linalg.cholesky(points.T @ points / len(points))).T


@styled
def _still(data: dict[str, Any]) -> Figure:
    points = np.array(data["points"]) @ np.array(data["arrows"])
    mean = points.mean(0)
    variances, axes_of = np.linalg.eigh(np.cov(points.T, bias=True))
    angle = np.radians(data["angle"])
    yours, best = np.array([np.cos(angle), np.sin(angle)]), axes_of[:, -1]
    feet = mean + ((points - mean) @ yours)[:, None] * yours
    lost = ((points - feet) ** 2).sum()
    figure, axes = new_figure(4.6, 4.9)
    for point, foot in zip(points, feet, strict=True):
        axes.plot(*np.array([point, foot]).T, color=VERMILION, linewidth=1)
    for name, direction, style, color, loss in (
        ("a line", yours, "-", BLACK, lost),
        ("the best line", best, "--", GREEN, len(points) * variances[0]),
    ):
        ends = mean + np.outer([-12, 12], direction)
        axes.plot(*ends.T, style, color=color, label=f"{name}: {loss:.1f} left over")
    axes.plot(*points.T, "o", color=BLUE)
    chosen = np.array([points[data["chosen"]], feet[data["chosen"]]])
    axes.plot(*chosen.T, color=VERMILION, linewidth=4)
    axes.plot(*chosen[0], "o", color=ORANGE, markeredgecolor=BLACK, markersize=9)
    axes.set(xlim=data["x"], ylim=data["y"], xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
