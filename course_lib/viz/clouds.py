"""Pictures of what a VAE answers with: a normal distribution for each image, drawn as an ellipse of the plane."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse
from torch import Tensor

from course_lib.viz.style import BLACK, CLASS_COLORS, DPI, GREY, MODELS, as_array, as_points, styled

RADIUS = 2.0  # of an ellipse, in standard deviations


def draw_clouds(axes: Axes, mu: Tensor, sigma: Tensor, colors: Sequence[str], alpha: float = 0.18) -> None:
    """An ellipse for each normal distribution of the plane, to two standard deviations.

    ``mu``, ``sigma``: (N, 2), means and standard deviations; ``colors``: N of them. Raises ``ValueError`` for others.
    """
    middles, widths = as_points(mu, "mu"), as_points(sigma, "sigma")
    if len(widths) != len(middles) or len(colors) != len(middles):
        raise ValueError(
            f"sigma and colors must hold one entry for each of the {len(middles)} means, got {len(widths)} and "
            f"{len(colors)}"
        )
    for middle, (width, height), color in zip(middles, 2 * RADIUS * widths, colors, strict=True):
        axes.add_patch(Ellipse(tuple(middle), width, height, color=color, alpha=alpha, linewidth=0))


@styled
def clouds_and_samples(
    mu: Tensor,
    sigma: Tensor,
    y: Tensor,
    samples: Tensor,
    curve: Mapping[float, tuple[float, float]],
    beta: float,
    *,
    limit: float = 4.0,
) -> Figure:
    """What one weight of the KL leads to: clouds by class, samples, and its place among the other weights.

    ``mu``, ``sigma``: (N, 2); ``y``: their classes, int64 (N,). ``samples``: images (M, 1, H, W), M a square number.
    ``curve``: for each beta its rate and its distortion in nats per image. The circle is the prior, to two standard
    deviations. Raises ``ValueError`` for shapes that don't fit and for a ``beta`` that isn't on the curve.
    """
    images = as_array(samples)
    side = round(len(images) ** 0.5)
    if images.ndim != 4 or images.shape[1] != 1 or side * side != len(images):
        raise ValueError(f"samples must be a square number of images (M, 1, H, W), got {tuple(images.shape)}")
    if beta not in curve:
        raise ValueError(f"beta must be one of the curve's, {', '.join(f'{b:g}' for b in curve)}, got {beta}")
    figure = Figure(figsize=(7.6, 3.1), dpi=DPI, layout="constrained")
    plane, grid, right = figure.subplots(1, 3, width_ratios=(1.1, 1, 1.05))
    draw_clouds(plane, mu, sigma, class_colors(y))
    plane.add_patch(Circle((0, 0), RADIUS, fill=False, color=BLACK, linestyle="--", linewidth=1.2))
    plane.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    plane.set_title("clouds")
    height, width = images.shape[2:]
    tiled = images.reshape(side, side, height, width).swapaxes(1, 2).reshape(side * height, side * width)
    grid.imshow(tiled, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    grid.set_axis_off()
    grid.set_title("samples")
    rates, distortions = np.array(list(curve.values())).T
    right.plot(rates, distortions, "o-", color=GREY, markersize=4)
    right.plot(*curve[beta], "o", color=MODELS["VAE"], markersize=11)
    right.set(xlabel="rate (nats)", ylabel="distortion (nats)")
    right.set_title(rf"$\beta$ = {beta:g}: {curve[beta][0]:.1f} + {curve[beta][1]:.1f}")
    return figure


def class_colors(y: Tensor) -> list[str]:
    """The colour of each label, int64 (N,)."""
    return [CLASS_COLORS[int(label) % len(CLASS_COLORS)] for label in y]
