"""The widget of lesson 03's concept: one latent number with its prior, likelihood, posterior, and a guess at it."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz.style import BLACK, BLUE, DPI, GREEN, GREY, PURPLE, VERMILION, styled
from course_lib.viz.widgets.host import Widget

_NOISE = 0.5  # the standard deviation of x around z squared
_STILLS = ((-0.5, 0.0, 0.5), (1.5, 0.0, 1.0), (4.0, 1.955, 0.128))  # x, and q's mean and width
_GRID = np.linspace(-12, 12, 4801)
_CAPTION = (
    "One latent number z behind one observation x = z² + noise, at three x: prior, likelihood, posterior, and a guess "
    "q; below, the bar: green the ELBO, orange KL(q ‖ posterior), which ends at log p(x). A negative x leaves one peak "
    "around 0; a large one leaves two, and a Gaussian q can stand on one of them only."
)


class OneLatent(Widget):
    """What :func:`one_latent` returns; ``value`` is [x, q's mean, q's width]."""


def one_latent() -> OneLatent:
    """A latent variable model small enough to draw: z is standard normal, x is z squared plus noise.

    The observation x, and the mean and the width of a guess q at the posterior, are moved by hand. The ELBO and the
    divergence from q to the posterior stand beside the curves, stacked up to log p(x), which only x can move.
    """
    data = {
        "noise": _NOISE,
        "z": [-3.2, 3.2],
        "x": [-1.5, 6.0],
        "density": [0.0, 2.6],
        "means": [-3.0, 3.0],
        "widths": [0.05, 1.5],
        "nats": [-12, 0],
        "start": [1.5, -0.4, 0.9],
    }
    return OneLatent("one_latent", data, data["start"], lambda: _still(data), _CAPTION)


@styled
def _still(data: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7.6, 3.6), dpi=DPI, layout="constrained")
    panels, bars = figure.subplots(2, len(_STILLS), sharey="row", height_ratios=(8, 1))
    for axes, bar, (x, mean, width) in zip(panels, bars, _STILLS, strict=True):
        log_likelihood = _log_normal(x, _GRID**2, _NOISE)
        log_joint = _log_normal(_GRID, 0, 1) + log_likelihood
        evidence = np.log(np.trapezoid(np.exp(log_joint), _GRID))
        log_q = _log_normal(_GRID, mean, width)
        elbo = np.trapezoid(np.exp(log_q) * (log_joint - log_q), _GRID)
        posterior = np.exp(log_joint - evidence)
        axes.fill_between(_GRID, posterior, color=PURPLE, alpha=0.32, label="posterior p(z|x)")
        axes.plot(_GRID, np.exp(_log_normal(_GRID, 0, 1)), ":", color=GREY, label="prior p(z)")
        scaled = 0.9 * np.exp(log_likelihood - log_likelihood.max())
        axes.plot(_GRID, scaled, "--", color=BLUE, label="likelihood p(x|z), scaled")
        axes.plot(_GRID, np.exp(log_q), color=GREEN, label="q(z)")
        axes.set_title(
            f"x = {x:g}: ELBO {elbo:.2f}\n+ KL {evidence - elbo:.2f} = log p(x) {evidence:.2f}", fontsize=9
        )
        axes.set(xlim=data["z"], ylim=(0, 3.3), xlabel="latent number z")
        low, high = data["nats"]
        bar.barh(0, elbo - low, left=low, height=0.9, color=GREEN)
        bar.barh(0, evidence - elbo, left=elbo, height=0.9, color=VERMILION)
        bar.axvline(evidence, color=BLACK, linewidth=2.5)
        bar.set(xlim=(low, high), ylim=(-0.7, 0.7), yticks=[], xlabel="nats")
        bar.grid(visible=False)
    panels[0].set_ylabel("density")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _log_normal(value: Any, mean: Any, std: float) -> Any:
    return -0.5 * ((value - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
