"""The widget of lesson 05's model: a map of points, from an autoencoder, beside a map of clouds, from a VAE."""

import math
from functools import cache
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor, nn

from course_lib.data import binarize, load
from course_lib.models import ConvAutoencoder, ConvVAE, evaluating
from course_lib.models.weights import load_weights
from course_lib.training.reproducible import random_state_kept
from course_lib.viz.clouds import class_colors, draw_clouds
from course_lib.viz.style import BLACK, DPI, as_array, styled
from course_lib.viz.widgets.host import Widget, packed
from course_lib.viz.widgets.layers import layers

_NUM_IMAGES = 1_000
_NUM_CLOUDS = 400  # that are drawn; all are counted
_NUM_DRAWS = 64
_START = (1.1, -1.6)
_CAPTION = (
    "Left: the codes of a thousand test images in an autoencoder's plane, coloured by class. Right: the clouds that a "
    "VAE answers with, drawn to two standard deviations. Each digit stands at the median of its class. Under each map, "
    "what its decoder makes of the point at the cross."
)


class TwoMaps(Widget):
    """What :func:`two_maps` returns; ``value`` is the point [z1, z2] under the cross."""


def two_maps() -> TwoMaps:
    """The plane of lesson 01's autoencoder beside that of a VAE, two numbers per image: one cross, two decoders.

    A point of the plane is decoded by both, in the browser. Beside it stand its distance to the nearest code (of a VAE:
    one draw of each image's cloud), in standard deviations of the codes, and how many of the clouds hold it within two
    standard deviations. The codes are those of the first thousand test glyphs; the networks ship with the course.
    """
    points, clouds = _shipped()
    images = load("glyphs", "test", _NUM_IMAGES)
    generator = torch.Generator().manual_seed(1)
    with evaluating(points), evaluating(clouds):
        codes = points.encode(images.x)
        mu, logvar = clouds.encode(binarize(images.x, generator))
    sigma = torch.exp(0.5 * logvar)
    drawn = mu + sigma * torch.randn(mu.shape, generator=generator)
    far = float(torch.cat([codes, mu]).abs().quantile(0.998))
    limit = math.ceil(2 * 1.05 * far) / 2
    labels = packed(images.y.to(torch.uint8))
    data: dict[str, Any] = {
        "x": [-limit, limit],
        "y": [-limit, limit],
        "names": ["z₁", "z₂"],
        "start": list(_START),
        "draws": packed(torch.randn(_NUM_DRAWS, 2, generator=generator)),
        "autoencoder": {
            "codes": packed(codes),
            "units": codes.std(0).tolist(),
            "labels": labels,
            "decoder": layers(points.decoder),  # type: ignore[arg-type]
        },
        "vae": {
            "codes": packed(drawn),
            "units": drawn.std(0).tolist(),
            "mu": packed(mu),
            "sigma": packed(sigma),
            "labels": labels,
            "drawn": _NUM_CLOUDS,
            "decoder": layers([*clouds.decoder, nn.Sigmoid()]),  # type: ignore[misc]
        },
    }

    def still() -> Figure:
        z = torch.tensor([_START])
        with evaluating(points), evaluating(clouds):
            decoded = (points.decode(z)[0, 0], torch.sigmoid(clouds.decode(z))[0, 0])
        return _still(codes, mu, sigma, images.y, limit, decoded)

    return TwoMaps("two_maps", data, list(_START), still, _CAPTION)


@cache
def _shipped() -> tuple[ConvAutoencoder, ConvVAE]:
    """The two trained networks that ship with the course."""
    with random_state_kept():  # the first weights are drawn, then replaced
        points, clouds = ConvAutoencoder(latent_dim=2), ConvVAE(latent_dim=2)
    load_weights("plane", points)
    load_weights("plane_vae", clouds)
    return points.eval().requires_grad_(False), clouds.eval().requires_grad_(False)


@styled
def _still(
    codes: Tensor, mu: Tensor, sigma: Tensor, y: Tensor, limit: float, decoded: tuple[Tensor, Tensor]
) -> Figure:
    figure = Figure(figsize=(7.6, 5.2), dpi=DPI, layout="constrained")
    (left, right), below = figure.subplots(2, 2, height_ratios=(2.6, 1))
    colors = class_colors(y)
    left.scatter(*as_array(codes).T, s=5, c=colors, linewidths=0)
    draw_clouds(right, mu[:_NUM_CLOUDS], sigma[:_NUM_CLOUDS], colors[:_NUM_CLOUDS])
    titles = ("autoencoder: a point for each image", "VAE: a cloud for each image")
    for axes, title, screen, image in zip((left, right), titles, below, decoded, strict=True):
        _name_classes(axes, codes if axes is left else mu, y)
        axes.plot(*_START, marker="+", markersize=16, markeredgewidth=2.5, color=BLACK)
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
        axes.set_title(title)
        screen.imshow(as_array(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        screen.set_axis_off()
    return figure


def _name_classes(axes: Axes, codes: Tensor, y: Tensor) -> None:
    """The digit of each class at the median of its codes (N, 2)."""
    for digit in y.unique():
        x1, x2 = codes[y == digit].median(dim=0).values.tolist()
        (color,) = class_colors(digit[None])
        text = axes.text(x1, x2, f"{int(digit)}", color=color, size=11, weight="bold", ha="center", va="center")
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])
