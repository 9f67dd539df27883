"""The widget of lesson 07's game: a generator and a discriminator on eight Gaussians, trained in the browser."""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from course_lib.data.toy2d import ring
from course_lib.models.gan import ToyDiscriminator
from course_lib.viz.panels import game_panels
from course_lib.viz.widgets.host import Widget

HIDDEN, BATCH, RATE = 32, 128, 2e-3  # units of both hidden layers, points of a turn, Adam's learning rate
SPEED = 60  # turns a second, if the machine can
MOMENTS = Path(__file__).with_name("ring_game.npz")  # made by docs/make_ring_game.py
_LIMITS = {"gamma": (0, 2), "momentum": (0, 0.9), "critic_steps": (0, 5), "std": (0.02, 0.2)}
_CAPTION = (
    "The game on eight Gaussians (blue) at four moments, the discriminator's view as background. Above, with a "
    "momentum of 0.9 and no penalty, the generated points (orange) rush from place to place. Below, with a momentum "
    "of 0.5 and R1, they spread over all eight and stay."
)


class RingGame(Widget):
    """What :func:`ring_game` returns; ``value`` holds the settings, the ``seed``, and how the game stands: ``step``
    (turns of the generator), ``modes`` covered, and the share of ``good`` points."""


def ring_game(
    *,
    gamma: float = 0.5,
    momentum: float = 0.5,
    critic_steps: int = 1,
    detach: bool = True,
    saturating: bool = False,
    std: float = 0.05,
    seed: int = 0,
) -> RingGame:
    """Two small networks that play the game of Goodfellow et al. 2014 on a ring, in the browser: played, paused, or
    moved by single turns of either.

    The arguments are where the controls start: R1's strength, Adam's first beta, the discriminator's turns for one of
    the generator's, whether generated points are detached in the discriminator's turn, which loss the generator has,
    the modes' standard deviation. ``seed``: of the weights and of all noise. The modes can be dragged.
    Five of 500 points within three standard deviations of a mode cover it.

    Raises ``ValueError`` for a number outside its slider.
    """
    start = {"gamma": gamma, "momentum": momentum, "critic_steps": critic_steps, "std": std}
    for name, (low, high) in _LIMITS.items():
        if not low <= start[name] <= high:
            raise ValueError(f"{name} must lie in [{low}, {high}], where its slider is, got {start[name]}")
    start |= {"detach": detach, "saturating": saturating}
    data = {
        "x": [-1.7, 1.7],
        "y": [-1.7, 1.7],
        "names": ["x₁", "x₂"],
        "centers": ring().centers.double().numpy().round(6).tolist(),
        "hidden": HIDDEN,
        "batch": BATCH,
        "rate": RATE,
        "seed": seed,
        "told": list(start),
        "start": start | {"speed": SPEED},
    }
    value = start | {"seed": seed, "step": 0, "modes": 0, "good": 0.0}
    return RingGame("ring_game", data, value, _still, _CAPTION)


def _still() -> Figure:
    """The recorded moments, game by game; the discriminators are kept as their weights."""
    with np.load(MOMENTS) as kept:
        fakes, weights, turns = (torch.from_numpy(kept[name]).float() for name in ("fakes", "weights", "turns"))
    points, judges = {}, {}
    for game, name in enumerate(("plain", "R1")):
        for moment, turn in enumerate(turns.int().tolist()):
            label = f"{name}: {turn} turns"
            points[label], judges[label] = fakes[game, moment], ToyDiscriminator(HIDDEN).requires_grad_(False)
            nn.utils.vector_to_parameters(weights[game, moment], judges[label].parameters())
    real = ring(std=0.05).sample(400, generator=torch.Generator().manual_seed(0))
    return game_panels(points, real, 1.7, discriminators=judges, ncols=len(turns))
