"""The widget that opens the course: one point of a latent space, drawn by the shipped VAE, GAN and VAE-GAN at once."""

import math
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_lib.models import evaluating
from course_lib.training.recipes import LATENT_DIM, RECIPES, shipped
from course_lib.viz.images import image_rows
from course_lib.viz.widgets.host import Widget, packed
from course_lib.viz.widgets.layers import layers

_NAMES = {"vae": ("VAE", "green"), "gan": ("GAN", "vermilion"), "vae_gan": ("VAE-GAN", "purple")}
_NUM_PLANES, _LIMIT, _SEED = 12, 3.0, 0
_START = {"plane": 0, "point": [0.0, 0.0]}
_STILLS = 7  # points of the picture that stands in
_CAPTION = (
    "What the VAE, the GAN and the VAE-GAN draw at seven points on a line through their latent spaces: each picture "
    "turns into the next."
)


class ThreeModels(Widget):
    """What :func:`three_models` returns; ``value`` is the number of the plane and the point [x, y] of the cross."""

    @property
    def z(self) -> Tensor:
        """The point under the cross, float32 (16,)."""
        return point_of(self.value["plane"], *self.value["point"])


def three_models() -> ThreeModels:
    """A pad whose point the three trained networks of the course draw, in the browser, as it is dragged.

    The point lies on a plane through the latent space that all three share, N(0, I) over 16 numbers; a button takes
    the next of twelve planes. Let it be the last expression of a cell; ``.z`` is the point that was chosen.
    """
    data = {
        "x": [-_LIMIT, _LIMIT],
        "y": [-_LIMIT, _LIMIT],
        "names": ["across", "up"],
        "start": _START["point"],
        "plane": _START["plane"],
        "planes": packed(planes()),
        "networks": [
            {"name": name, "color": color, "layers": layers([*_decoder(file), nn.Sigmoid()])}
            for file, (name, color) in _NAMES.items()
        ],
    }
    return ThreeModels("three_models", data, dict(_START), _still, _CAPTION)


def planes() -> Tensor:
    """Twelve planes (12, 3, 16), the same each time: an origin and two directions of length 1 for each.

    The three vectors are at right angles, and the origin is as long as 14 numbers of N(0, 1) are in the root mean
    square: then a point at [x, y], both drawn from N(0, 1), is as far out as a draw from N(0, I).
    """
    generator = torch.Generator().manual_seed(_SEED)
    noise = torch.randn(_NUM_PLANES, LATENT_DIM, 3, generator=generator)
    vectors = torch.linalg.qr(noise).Q.mT.contiguous()
    return vectors * torch.tensor([math.sqrt(LATENT_DIM - 2), 1.0, 1.0])[:, None]


def point_of(plane: int, x: float, y: float) -> Tensor:
    """The point [x, y] of a plane of :func:`planes`, float32 (16,)."""
    origin, across, up = planes()[plane]
    return origin + x * across + y * up


def _decoder(file: str) -> Any:
    network: Any = shipped(file)[0]
    return network if file == "gan" else network.decoder


def _still() -> Figure:
    places = torch.linspace(-_LIMIT, _LIMIT, _STILLS)
    z = torch.stack([point_of(0, float(x), 0.0) for x in places])
    rows = {}
    for file in RECIPES:
        network = _decoder(file)
        with evaluating(network):
            rows[_NAMES[file][0]] = torch.sigmoid(network(z))
    return image_rows(rows)
