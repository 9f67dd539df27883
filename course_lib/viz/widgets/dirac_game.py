"""The widget of lesson 08's concept: the game of two weights, as arrows in its plane and the way that it takes."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz.style import BLACK, BLUE, DPI, GREEN, GREY, VERMILION, styled
from course_lib.viz.widgets.host import Widget

_START, _RATE, _STEPS, _STRENGTH = (1.0, 0.6), 0.05, 400, 0.5
_STILLS = {
    "minimax": "log(1 − D)",
    "plain": "−log D",
    "r1": f"−log D, R1 γ = {_STRENGTH:g}",
    "penalty": f"WGAN-GP, λ = {_STRENGTH:g}",
}
_CAPTION = (
    "The plane of the generator's weight θ and the discriminator's weight ψ: arrows where both are pushed, and the way "
    "(blue) from one start (cross) to its end (orange); green, the average of the way. log(1 − D) circles the middle, "
    "−log D comes a little nearer, R1 leads into it, WGAN-GP goes on around it."
)


class DiracGame(Widget):
    """What :func:`dirac_game` returns; ``value`` is the start [θ, ψ]."""


def dirac_game() -> DiracGame:
    """The smallest game of all (Dirac-GAN: Mescheder et al. 2018, arXiv:1801.04406): one real point, a generator that
    is one number and a discriminator that is one slope.

    The start, the game, the strength of its penalty, the step size, and whether the players step at once or in turns
    are set by hand. Beside the drawing stand distances to the equilibrium and the eigenvalues there.
    """
    data = {
        "x": [-2.0, 2.0],
        "y": [-2.0, 2.0],
        "names": ["generator's weight θ", "discriminator's weight ψ"],
        "sliders": ["Start θ", "Start ψ"],
        "start": list(_START),
        "settings": {
            "game": "minimax",
            "strength": _STRENGTH,
            "rate": _RATE,
            "steps": _STEPS,
            "alternating": False,
        },
    }
    return DiracGame("dirac_game", data, data["start"], _still, _CAPTION)


def _push(game: str, theta: Any, psi: Any) -> tuple[Any, Any]:
    if game == "penalty":
        return psi, -theta - 2 * _STRENGTH * (np.abs(psi) - 1) * np.where(psi < 0, -1, 1)
    real, damped = 1 / (1 + np.exp(-psi * theta)), _STRENGTH * psi if game == "r1" else 0.0
    return (real if game == "minimax" else 1 - real) * psi, -real * theta - damped


@styled
def _still() -> Figure:
    figure = Figure(figsize=(8.0, 2.5), dpi=DPI, layout="constrained")
    ticks = np.linspace(-1.8, 1.8, 13)
    theta, psi = np.meshgrid(ticks, ticks)
    for axes, (game, title) in zip(figure.subplots(1, len(_STILLS), sharey=True), _STILLS.items(), strict=True):
        arrows = np.stack(_push(game, theta, psi))
        lengths = np.maximum(np.linalg.norm(arrows, axis=0), 1e-9)
        arrows *= 0.26 * np.minimum(1, np.sqrt(lengths)) / lengths
        quiver: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "pivot": "middle", "width": 0.005}
        axes.quiver(theta, psi, *arrows, color=GREY, **quiver)
        way = [np.array(_START)]
        for _ in range(_STEPS):
            way.append(way[-1] + _RATE * np.array(_push(game, *way[-1])))
        points = np.stack(way)
        axes.plot(*points.T, color=BLUE, linewidth=1.5)
        axes.plot(*points[0], "+", color=BLACK, markersize=12, markeredgewidth=2)
        axes.plot(*points.mean(0), "D", color=GREEN, markersize=6)
        axes.plot(*points[-1], "o", color=VERMILION, markersize=7)
        axes.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", title=title, xlabel="generator's weight θ")
        axes.grid(visible=False)
    figure.axes[0].set_ylabel("discriminator's weight ψ")
    return figure
