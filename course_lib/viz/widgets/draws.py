"""The widgets of lesson 04: one draw and its two gradients, and draws of categories that are softened."""

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz.style import BLACK, BLUE, CLASS_COLORS, DPI, GREY, SYMBOLS, VERMILION, new_figure, styled
from course_lib.viz.widgets.host import Widget, packed

_NUM_DRAWS = 512  # of the strips of estimates
_DRAW = {"mu": -1.0, "sigma": 0.8, "eps": 0.6}
_START = _DRAW | {"draws": 128, "cost": "bowl", "wrt": "mu", "keep": "eps"}  # all that is set in the widget
_DRAW_CAPTION = (
    "A normal density, a draw z, and a cost. Below, what single draws say of the gradient with respect to μ: by the "
    "path through z and by the score, beside the true one. Both are right on average; the score scatters more."
)
_LOGITS = (0.5, 0.0, -0.5)
_TASK = {"weights": [0.0, 1.0, 2.0], "target": 0.0}  # the cost of y is (weights . y - target)^2
_TEMPERATURE = 0.5
_STILLS = (0.1, 0.5, 2.0)
_NUM_POINTS = 400
_TRIANGLE_CAPTION = (
    "Relaxed draws of three categories at three temperatures, one point each, in the triangle of all mixtures. Cold "
    "ones lie in the corners, warm ones in the middle."
)


class DrawAndGradient(Widget):
    """What :func:`draw_and_gradient` returns; ``value`` holds ``mu``, ``sigma`` and ``eps``."""


class GumbelTriangle(Widget):
    """What :func:`gumbel_triangle` returns; ``value`` is the temperature."""


def draw_and_gradient() -> DrawAndGradient:
    r"""A draw :math:`z = \mu + \sigma\varepsilon` with its cost, moved by hand, and two estimates of the gradient.

    Mean, width and noise can be dragged. The pathwise and the score-function estimate of this draw, and those of up to
    512 draws more, stand beside the true gradient, for a smooth cost, one that waves, and a step.
    """
    random = np.random.default_rng(1)
    noise = random.standard_normal(_NUM_DRAWS).astype(np.float32)
    data = {
        "x": [-4.0, 4.0],
        "y": [-0.35, 3.2],
        "names": ["z", "density q(z) and cost f(z)"],
        "noise": packed(noise),
        "heights": random.random(_NUM_DRAWS).round(3).tolist(),
        "start": _START,
    }
    return DrawAndGradient("draw_and_gradient", data, _DRAW, lambda: _draw_still(noise), _DRAW_CAPTION)


def gumbel_triangle() -> GumbelTriangle:
    """Draws of three categories, relaxed at a temperature that is set by hand (Jang et al. 2017, arXiv:1611.01144).

    Beside them stands what they say of the gradient of a mean cost with respect to a logit, relaxed and
    straight-through, and what the score function says, against the gradient by enumeration. The noise is the same at
    all temperatures.
    """
    noise = np.random.default_rng(2).gumbel(size=(_NUM_POINTS, 3)).astype(np.float32)
    data = {"noise": packed(noise), "logits": list(_LOGITS), "temperature": _TEMPERATURE, "task": _TASK}
    return GumbelTriangle("gumbel_triangle", data, _TEMPERATURE, lambda: _triangle_still(noise), _TRIANGLE_CAPTION)


@styled
def _draw_still(noise: np.ndarray) -> Figure:
    mu, sigma, eps = _DRAW.values()
    z = mu + sigma * eps
    figure = Figure(figsize=(6.2, 5.0), dpi=DPI, layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(2.4, 1))
    grid = np.linspace(-4, 4, 201)
    density = np.exp(-0.5 * ((grid - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    top.fill_between(grid, density, color=BLUE, alpha=0.25, label="density q(z)")
    top.plot(grid, 0.5 * (grid - 1) ** 2, color=BLACK, label="cost f(z)")
    top.plot([z, z], [0, 0.5 * (z - 1) ** 2], ":", color=SYMBOLS["z"])
    tangent = np.array([-0.8, 0.8])
    top.plot(z + tangent, 0.5 * (z - 1) ** 2 + (z - 1) * tangent, color=VERMILION, label="slope at the draw z")
    top.plot(z, 0.5 * (z - 1) ** 2, "o", color=SYMBOLS["z"], markersize=8)
    top.plot(mu, 0, "D", color=SYMBOLS["mu"], markersize=9, label="mean μ")
    top.set(xlim=(-4, 4), ylim=(-0.15, 3.2), xlabel="$z$")
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    path, score = mu + sigma * noise - 1, 0.5 * (mu + sigma * noise - 1) ** 2 * noise / sigma
    heights = np.random.default_rng(0).uniform(-0.3, 0.3, len(noise))
    for row, values, color in ((1, path, BLUE), (0, score, VERMILION)):
        bottom.scatter(values, row + heights, s=5, color=color, alpha=0.6)
        bottom.plot([values.mean()] * 2, [row - 0.4, row + 0.4], color=BLACK, linewidth=3)
    bottom.axvline(mu - 1, color=GREY, linestyle="--")
    bottom.set(xlim=(-6, 6), xlabel="gradient with respect to μ (bars: means, dashed: true)")
    bottom.set_yticks([1, 0], ["path", "score"])
    return figure


@styled
def _triangle_still(noise: np.ndarray) -> Figure:
    figure, whole = new_figure(7.4, 2.7)
    whole.remove()
    for axes, temperature in zip(figure.subplots(1, len(_STILLS)), _STILLS, strict=True):
        powers = np.exp((np.array(_LOGITS) + noise) / temperature - (noise.max(1, keepdims=True) / temperature))
        y = powers / powers.sum(1, keepdims=True)
        right, up = y[:, 1] + 0.5 * y[:, 2], y[:, 2] * np.sqrt(3) / 2
        axes.plot([0, 1, 0.5, 0], [0, 0, np.sqrt(3) / 2, 0], color=GREY, linewidth=1)
        axes.scatter(right, up, s=6, c=[CLASS_COLORS[k] for k in y.argmax(1)], alpha=0.8, linewidths=0)
        for name, x, height in (("A", -0.06, -0.04), ("B", 1.06, -0.04), ("C", 0.5, 0.92)):
            axes.text(x, height, name, ha="center", va="center", fontsize=10)
        axes.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.1, 1.02), title=f"temperature {temperature:g}")
        axes.set_axis_off()
    return figure
