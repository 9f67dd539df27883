"""The widget of lesson 02's concept: a noisy point, the curve it may come from, and the best denoiser's arrow."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.data.toy2d import spiral
from course_lib.viz.style import BLACK, BLUE, DPI, GREY, SKY, VERMILION, styled
from course_lib.viz.widgets.host import Widget

_START, _SIGMA = (-0.55, 0.75), 0.2
_STILLS = (0.1, 0.2, 0.5)  # noise levels
_CAPTION = (
    "Points on a spiral (blue), a noisy point (orange), and what the best denoiser answers (light diamond), at three "
    "noise levels; grey, its arrows everywhere. Little noise: straight to the nearest arm. Much noise: to a mean "
    "between the arms, where no data lie."
)


class DenoiserField(Widget):
    """What :func:`denoiser_field` returns; ``value`` is the noisy point [x, y]."""


def denoiser_field() -> DenoiserField:
    """The best denoiser of points on a spiral, in closed form: its answer to a noisy point, and the field around it.

    The point and the noise are moved by hand. Beside the drawing stand the arrow's length divided by the noise's
    variance and the slope of the noisy points' log-density, which are equal (Miyasawa 1961).
    """
    curve = spiral(turns=1.25, std=0.01, num_centers=96)
    data = {
        "x": [-1.3, 1.3],
        "y": [-1.3, 1.3],
        "names": ["x₁", "x₂"],
        "centers": curve.centers.double().numpy().round(5).tolist(),
        "std": curve.std,
        "start": list(_START),
        "sigma": _SIGMA,
        "sigmas": [0.03, 0.8],
    }
    return DenoiserField("denoiser_field", data, data["start"], lambda: _still(data), _CAPTION)


def _denoised(y: np.ndarray, data: dict[str, Any], sigma: float) -> np.ndarray:
    centers, variance = np.array(data["centers"]), data["std"] ** 2 + sigma**2
    logs = -((y[:, None] - centers) ** 2).sum(2) / (2 * variance)
    shares = np.exp(logs - logs.max(1, keepdims=True))
    mean = shares @ centers / shares.sum(1, keepdims=True)
    return y + sigma**2 / variance * (mean - y)


@styled
def _still(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7.6, 2.9), dpi=DPI, layout="constrained")
    ticks = np.linspace(-1.2, 1.2, 13)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=2).reshape(-1, 2)
    start = np.array(data["start"])
    for axes, sigma in zip(figure.subplots(1, len(_STILLS), sharey=True), _STILLS, strict=True):
        arrows = _denoised(grid, data, sigma) - grid
        arrows *= np.minimum(1, 0.16 / np.linalg.norm(arrows, axis=1, keepdims=True))
        axes.quiver(*grid.T, *arrows.T, angles="xy", scale_units="xy", scale=1, color=GREY, width=0.005)
        axes.plot(*np.array(data["centers"]).T, "o", color=BLUE, markersize=2.5)
        answer = _denoised(start[None], data, sigma)[0]
        axes.annotate("", answer, start, arrowprops={"arrowstyle": "-|>", "color": BLACK})
        axes.plot(*start, "o", color=VERMILION, markersize=8)
        axes.plot(*answer, "D", color=SKY, markersize=7, markeredgecolor=BLACK)
        axes.set(xlim=data["x"], ylim=data["y"], aspect="equal", title=f"σ = {sigma:g}", xlabel="$x_1$")
        axes.grid(visible=False)
    figure.axes[0].set_ylabel("$x_2$")
    return figure
