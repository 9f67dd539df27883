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
_NUM_IMAGES, _NUM_RATES, _NUM_STILLS, _LIMIT = 12, 2_000, 5, 3.0
_START_NETWORK = 2
_CAPTION = (
    "One image's code in the β-TCVAE on shapes. Each row moves one number, the others stay: here the five of its ten "
    "numbers with the highest rate, from −3 to 3."
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
    shown: list[dict[str, Any]] = []
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
    first = int(test.factors["scale"][:_NUM_IMAGES].argmax())  # large enough to see what changes
    start_code = _codes(networks["tc_vae"], binary[:_NUM_IMAGES])[first]
    busiest = torch.tensor(shown[_START_NETWORK]["rates"]).topk(_NUM_STILLS).indices.sort().values.tolist()
    start = {
        "network": _START_NETWORK,
        "image": first,
        "z": start_code.clamp(-_LIMIT, _LIMIT).tolist(),
    }
    data = {"networks": shown, "images": packed(test.x[:_NUM_IMAGES, 0]), "limit": _LIMIT, "start": start}
    return Traversal("traversal", data, start, lambda: _still(networks["tc_vae"], start_code, busiest), _CAPTION)


def _decoder(network: VAE) -> Any:
    return network.decoder


def _codes(network: VAE, x: Tensor) -> Tensor:
    with evaluating(network):
        return network.encode(x)[0]


def _still(network: VAE, code: Tensor, dims: list[int]) -> Figure:
    return latent_traversal(lambda z: network.sample(len(z), z=z), code, dims=dims)
