"""The widget of lesson 07's concept: real and generated density on one axis, and the best judge between them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz.style import BLACK, BLUE, DPI, GREY, ORANGE, PURPLE, VERMILION, styled
from course_lib.viz.widgets.host import Widget

_START = (-1.0, 0.7, 1.0, 0.9)  # p's mean and width, q's mean and width
_STILLS = ((0.0, 0.7, 3.6, 0.7), (0.0, 0.7, 1.2, 0.9), (0.0, 0.7, 0.0, 0.7))
_PLACES = np.array([-1.7, -0.85, 0.0, 0.85, 1.7])  # of q's points, in standard deviations
_APART = np.array([0.24, 0.12, 0.0, -0.12, -0.24])  # up or down, so that arrows lie beside one another
_SCALE, _LONGEST = 0.4, 1.8  # how long a push of 1 is drawn, and the longest one
_GRID = np.linspace(-16, 16, 6401)
_CAPTION = (
    "Real density p (blue) and generated density q (orange), far apart, near, and equal; below, the best judge D* and "
    "the push on generated points by −log D (black) and log(1 − D) (light). Far apart, D* is 0 at q's points and only "
    "−log D pushes them. Where p and q are equal, D* is 1/2 everywhere and nothing pushes."
)


class BestJudge(Widget):
    """What :func:`best_judge` returns; ``value`` is [p's mean, p's width, q's mean, q's width]."""


def best_judge() -> BestJudge:
    """Two densities on a line, moved by hand, and the discriminator that tells them apart best (Goodfellow et al. 2014,
    proposition 1), in closed form.

    Beside the curves stand what it reaches, the Jensen-Shannon divergence in nats, and how hard each of the generator's
    two losses pushes generated points under it. p is one Gaussian or two.
    """
    data = {
        "x": [-5.0, 5.0],
        "density": [0.0, 0.8],
        "means": [-3.5, 3.5],
        "widths": [0.3, 1.5],
        "gap": 1.4,
        "two": False,
        "scale": _SCALE,
        "longest": _LONGEST,
        "start": list(_START),
    }
    return BestJudge("best_judge", data, data["start"], _still, _CAPTION)


@styled
def _still() -> Figure:
    figure = Figure(figsize=(7.6, 4.4), dpi=DPI, layout="constrained")
    panels = figure.subplots(3, len(_STILLS), sharex=True, sharey="row", height_ratios=(5, 3.5, 4.5))
    for column, (p_mean, p_std, q_mean, q_std) in enumerate(_STILLS):
        log_p, log_q = (_log_normal(_GRID, mean, std) for mean, std in ((p_mean, p_std), (q_mean, q_std)))
        top, middle, bottom = panels[:, column]
        for log_density, color, name in ((log_p, BLUE, "p(x), real"), (log_q, VERMILION, "q(x), generated")):
            top.fill_between(_GRID, np.exp(log_density), color=color, alpha=0.25)
            top.plot(_GRID, np.exp(log_density), color=color, label=name)
        top.set_title(f"JSD {_jsd(log_p, log_q):.3f} nats", fontsize=9)
        middle.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
        middle.plot(_GRID, _sigmoid(log_p - log_q), color=PURPLE, label="best judge D*")
        x = q_mean + _PLACES * q_std
        logit = _log_normal(x, p_mean, p_std) - _log_normal(x, q_mean, q_std)
        slope = (p_mean - x) / p_std**2 - (q_mean - x) / q_std**2
        middle.plot(x, _sigmoid(logit), "o", color=VERMILION, markersize=4)
        for height, share, color in ((1.5, _sigmoid(-logit), BLACK), (0.5, _sigmoid(logit), ORANGE)):
            length = np.clip(_SCALE * share * slope, -_LONGEST, _LONGEST)
            arrows: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.009, "minlength": 0.1}
            bottom.quiver(x, height + _APART, length, np.zeros(5), color=color, zorder=3, **arrows)
            bottom.plot(x, height + _APART, "o", color=VERMILION, markersize=4)
        bottom.set(xlim=(-3.2, 5.8), ylim=(0, 2.1), xlabel="point x")
        bottom.set_yticks([1.5, 0.5], ["−log D", "log(1 − D)"])
        bottom.grid(visible=False)
    panels[0, 0].set(ylabel="density", ylim=(0, 0.7))
    panels[1, 0].set(ylabel="D*", ylim=(-0.05, 1.05))
    panels[2, 0].set_ylabel("push")
    handles = [handle for axes in panels[:2, 0] for handle in axes.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _jsd(log_p: np.ndarray, log_q: np.ndarray) -> float:
    """The Jensen-Shannon divergence of two densities on the grid, in nats."""
    log_m = np.logaddexp(log_p, log_q) - np.log(2)
    return float(
        np.trapezoid(0.5 * np.exp(log_p) * (log_p - log_m) + 0.5 * np.exp(log_q) * (log_q - log_m), _GRID)
    )


def _log_normal(value: np.ndarray, mean: float, std: float) -> np.ndarray:
    return -0.5 * ((value - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logit))
