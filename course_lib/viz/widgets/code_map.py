"""The widget of lesson 01's model: the map of a trained autoencoder's codes, decoded and encoded under the hand."""

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from course_lib.data import load
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


def code_map() -> CodeMap:
    """The codes of a trained autoencoder with two numbers per image; a point of the map is decoded as it is dragged,
    and a digit that is moved, turned or drawn is encoded. Both happen in the browser, from weights that ship with the
    course.
    """
    model, x, y, names = _shipped()
    with evaluating(model):
        z = model.encode(x)
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
        "encoder": layers(model.encoder),  # type: ignore[arg-type]
        "decoder": layers(model.decoder),  # type: ignore[arg-type]
    }

    def still() -> Any:
        with evaluating(model):
            image = model.decode(torch.tensor([start]))[0]
        return point_and_image(z, y, names, (start[0], start[1]), image)

    return CodeMap("code_map", data, start, still, _CAPTION)


@cache
def _shipped() -> tuple[ConvAutoencoder, Tensor, Tensor, tuple[str, ...]]:
    """The trained autoencoder, and test images (N, 1, 28, 28) with labels (N,) and the names of the classes."""
    with random_state_kept():  # the first weights are drawn, then replaced
        model = ConvAutoencoder(latent_dim=2)
    load_weights("plane", model)
    data = load("glyphs", "test", _NUM_IMAGES)
    return model.eval().requires_grad_(False), data.x, data.y, tuple(data.class_names)


def _first(y: Tensor, label: int) -> int:
    return int((y == label).nonzero()[0])


def _bytes(image: Tensor) -> Tensor:
    return (255 * image).round().to(torch.uint8)
