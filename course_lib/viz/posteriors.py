"""Pictures of posteriors in the plane: of one image beside guesses at it, and of all together beside the prior."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from course_lib.models import VAE, evaluating
from course_lib.viz.style import BLACK, COLORS, DIVERGING, DPI, GREEN, as_array, as_points, styled

_SIDE = 81  # points of a grid to a side
_MOST_NATS = 3.0  # of the colours that compare two log-densities
_LOOKS: tuple[dict[str, Any], ...] = tuple(
    {"color": color, "linestyle": dash, "linewidth": 1.8}
    for color, dash in ((GREEN, "--"), (BLACK, "-"), (COLORS[1], ":"))
)


def posterior_on_grid(model: VAE, x: Tensor, center: Tensor, half: float, side: int = _SIDE) -> tuple[Any, Any]:
    """p(z|x) of one image x on a square of the plane: the square's ticks (2, side), and the share of each point of the
    grid (side, side), rows along z2."""
    ticks = torch.stack([torch.linspace(float(c) - half, float(c) + half, side) for c in center])
    plane = torch.cartesian_prod(*ticks)
    with evaluating(model):
        there = next(model.parameters()).device
        log_joint = model.observation_model(plane.to(there)).log_prob(x.to(there)).cpu()
    log_joint = log_joint + Normal(0.0, 1.0).log_prob(plane).sum(1)
    return ticks.numpy(), torch.softmax(log_joint, 0).reshape(side, side).T.numpy()


@styled
def posterior_panels(model: VAE, x: Tensor, guesses: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """The posterior of each image of x (N, ...) in the plane, computed on a grid, and Gaussian guesses on top.

    ``guesses``: named ``mu`` and ``logvar``, (N, 2) each, drawn as ellipses of two standard deviations; each panel is
    centred on the last of them. A square image stands in its panel's corner. Raises ``ValueError`` for guesses of
    another shape, or more than three.
    """
    if not 1 <= len(guesses) <= len(_LOOKS):
        raise ValueError(f"guesses must be one to three named pairs, got {len(guesses)}")
    gaussians = {
        name: (as_points(mu, name), np.exp(0.5 * as_points(logvar, name)))
        for name, (mu, logvar) in guesses.items()
    }
    centers, widths = list(gaussians.values())[-1]
    figure = Figure(figsize=(8.4, 2.7), dpi=DPI, layout="constrained")
    for i, axes in enumerate(figure.subplots(1, len(x), squeeze=False)[0]):
        half = 5 * float(widths[i].max())
        ticks, share = posterior_on_grid(model, x[i : i + 1], torch.as_tensor(centers[i]), half)
        axes.pcolormesh(*ticks, share, cmap="Purples", rasterized=True)
        for (mu, sigma), look in zip(gaussians.values(), _LOOKS, strict=False):
            axes.add_patch(Ellipse(mu[i], *(4 * sigma[i]), fill=False, **look))
        axes.set(xlim=ticks[0][[0, -1]], ylim=ticks[1][[0, -1]], aspect="equal", xlabel="$z_1$")
        axes.grid(visible=False)
        pixels = as_array(x[i]).squeeze()
        side = int(pixels.size**0.5)
        if side * side == pixels.size:
            inset = axes.inset_axes((0.71, 0.71, 0.27, 0.27))
            inset.imshow(pixels.reshape(side, side), cmap="gray")
            inset.set_axis_off()
    figure.axes[0].set_ylabel("$z_2$")
    handles = [figure.axes[0].plot([], [], **look)[0] for look in _LOOKS[: len(gaussians)]]
    figure.legend(handles, list(gaussians), loc="outside lower center", ncols=len(gaussians))
    return figure


@styled
def aggregate_posterior(mu: Tensor, logvar: Tensor, limit: float = 3.2) -> Figure:
    """The mean of all posteriors q(z|x_n) in the plane, as a density, and in nats above or below the standard normal.

    ``mu`` and ``logvar``: (N, 2). ``limit``: half the side of the square. Dotted circles: one and two standard
    deviations of the prior.
    """
    means, widths = as_points(mu, "mu"), np.exp(0.5 * as_points(logvar, "logvar"))
    answers = Independent(Normal(torch.as_tensor(means), torch.as_tensor(widths)), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(len(means))), answers)
    ticks = torch.linspace(-limit, limit, _SIDE)
    plane = torch.cartesian_prod(ticks, ticks)
    log_q = torch.cat([mixture.log_prob(part) for part in plane.split(500)])
    difference = (log_q - Normal(0.0, 1.0).log_prob(plane).sum(1)).clamp(-_MOST_NATS, _MOST_NATS)
    looks: list[dict[str, Any]] = [
        {"cmap": "Greens"},
        {"cmap": DIVERGING, "vmin": -_MOST_NATS, "vmax": _MOST_NATS},
    ]
    figure = Figure(figsize=(8.4, 3.7), dpi=DPI, layout="constrained")
    for axes, values, label, look in zip(
        figure.subplots(1, 2),
        (log_q.exp(), difference),
        ("density of q(z)", "log q(z) − log p(z), in nats"),
        looks,
        strict=True,
    ):
        shades = axes.pcolormesh(
            as_array(ticks), as_array(ticks), as_array(values.reshape(_SIDE, _SIDE).T), rasterized=True, **look
        )
        figure.colorbar(shades, ax=axes, label=label, shrink=0.85)
        for radius in (1, 2):
            axes.add_patch(Ellipse((0, 0), 2 * radius, 2 * radius, fill=False, linestyle=":", linewidth=1.3))
        axes.set(aspect="equal", xlabel="$z_1$", ylabel="$z_2$")
        axes.grid(visible=False)
    return figure
