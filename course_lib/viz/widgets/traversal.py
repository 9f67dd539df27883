"""The widget of lesson 06's model: the ten numbers of networks that were trained on shapes, a slider each."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from course_lib.data import binarize, load
from course_lib.models import VAE, evaluating
from course_lib.objectives import kl_per_dimension
from course_lib.training.latent_recipes import shipped_shapes_vaes
from course_lib.viz.walks import latent_traversal
from course_lib.viz.widgets.host import Widget, packed
from course_lib.viz.widgets.layers import layers

_LABELS = {"vae": "VAE", "beta_vae": "β-VAE, β = 4", "tc_vae": "β-TCVAE, β = 6"}
_NUM_IMAGES, _NUM_RATES, _LIMIT = 12, 2_000, 3.0
_START_NETWORK, _START_IMAGE = 2, 0
_CAPTION = (
    "One image's code in the β-TCVAE on shapes, decoded with one of its ten numbers after another set to seven values "
    "from −3 to 3. Rows whose seven pictures are alike are of numbers that the decoder hardly uses."
)


class Traversal(Widget):
    """What :func:`traversal_sliders` returns; ``value`` holds ``network``, ``image`` and the ten numbers ``z``."""


def traversal_sliders() -> Traversal:
    """A code's ten numbers under a slider each, decoded in the browser by a VAE, a β-VAE or a β-TCVAE.

    The networks ship with the course; they were trained on ``shapes``. Beside each number stands its rate, in nats,
    a mean over 2,000 test images. Let it be the last expression of a cell.
    """
    networks = shipped_shapes_vaes()
    test = load("shapes", "test", _NUM_RATES)
    binary = binarize(test.x, torch.Generator().manual_seed(0))
    shown = []
    for name, network in networks.items():
        with evaluating(network):
            mu, logvar = network.encode(binary)
        shown.append(
            {
                "label": _LABELS[name],
                "rates": kl_per_dimension(mu, logvar).mean(0).tolist(),
                "codes": packed(mu[:_NUM_IMAGES]),
                "decoder": layers([*_decoder(network), nn.Sigmoid()]),
            }
        )
    start_code = _codes(networks["tc_vae"], binary[: _START_IMAGE + 1])[_START_IMAGE]
    start = {
        "network": _START_NETWORK,
        "image": _START_IMAGE,
        "z": start_code.clamp(-_LIMIT, _LIMIT).tolist(),
    }
    data = {"networks": shown, "images": packed(test.x[:_NUM_IMAGES, 0]), "limit": _LIMIT, "start": start}
    return Traversal("traversal", data, start, lambda: _still(networks["tc_vae"], start_code), _CAPTION)


def _decoder(network: VAE) -> Any:
    return network.decoder


def _codes(network: VAE, x: Tensor) -> Tensor:
    with evaluating(network):
        return network.encode(x)[0]


def _still(network: VAE, code: Tensor) -> Figure:
    return latent_traversal(lambda z: network.sample(len(z), z=z), code)
