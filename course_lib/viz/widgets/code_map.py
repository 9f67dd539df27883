"""The widget of lesson 01's model: the map of a trained autoencoder's codes, decoded and encoded under the hand."""

import copy
import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.data import ImageSet, load
from course_lib.models import ConvAutoencoder, evaluating
from course_lib.models.weights import load_weights
from course_lib.training.reproducible import random_state_kept
from course_lib.viz.latents import point_and_image
from course_lib.viz.widgets.host import Widget, packed
from course_lib.viz.widgets.layers import layers

_NUM_IMAGES = 1_000
_START = 2  # the digit that is there first
_CAPTION = (
    "The codes of a thousand test images in the plane, coloured by class, and the image that the decoder makes of the "
    "point under the cross."
)


class CodeMap(Widget):
    """What :func:`code_map` returns; ``value`` is the point [z1, z2] under the cross."""


def code_map(model: nn.Module | None = None, images: ImageSet | None = None) -> CodeMap:
    """The codes of a trained autoencoder with two numbers per image; a point of the map is decoded as it is dragged,
    and a digit that is moved, turned or drawn is encoded. Both happen in the browser.

    ``model``: has an ``encoder`` and a ``decoder``, both ``Sequential``, for images (N, 1, 28, 28) and codes (N, 2).
    ``images``: whose codes are shown, the first thousand of them. Without these, those that ship with the course.
    Raises ``ValueError`` for codes of another size, and for a layer that the browser's side doesn't know.
    """
    network: Any = copy.deepcopy(_shipped() if model is None else model).cpu()
    if images is None:
        images = load("glyphs", "test", _NUM_IMAGES)
    x, y, names = images.x[:_NUM_IMAGES], images.y[:_NUM_IMAGES], images.class_names
    with evaluating(network):
        z = network.encoder(x)
    if z.ndim != 2 or z.shape[1] != 2:
        raise ValueError(f"model must have a code of two numbers per image, got codes of shape {tuple(z.shape)}")
    limit = math.ceil(2 * 1.05 * float(z.abs().quantile(0.998))) / 2
    start = [round(number, 2) for number in z[_first(y, _START)].tolist()]
    data = {
        "x": [-limit, limit],
        "y": [-limit, limit],
        "names": ["z₁", "z₂"],
        "start": start,
        "digit": _START,
        "codes": packed(z),
        "labels": packed(y.to(torch.uint8)),
        "class_names": list(names),
        "images": packed(torch.stack([_bytes(x[_first(y, digit), 0]) for digit in range(len(names))])),
        "encoder": layers(network.encoder),
        "decoder": layers(network.decoder),
    }

    def still() -> Any:
        with evaluating(network):
            image = network.decoder(torch.tensor([start]))[0]
        return point_and_image(z, y, names, (start[0], start[1]), image)

    return CodeMap("code_map", data, start, still, _CAPTION)


@cache
def _shipped() -> ConvAutoencoder:
    """The trained autoencoder that ships with the course."""
    with random_state_kept():  # the first weights are drawn, then replaced
        model = ConvAutoencoder(latent_dim=2)
    load_weights("plane", model)
    return model.eval().requires_grad_(False)


def _first(y: Tensor, label: int) -> int:
    return int((y == label).nonzero()[0])


def _bytes(image: Tensor) -> Tensor:
    return (255 * image).round().to(torch.uint8)
