"""How exercise 05 is looked at: pictures drawn by a decoder, and its trainings. No right answer is known here."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.probes.calls import Case, call
from course_lib.probes.training import watched_training

NUM_LEVELS = 17  # of grey
_LATENT_DIM = 8


def pictures(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """What the answer draws with a decoder of the case's ``weights``, (D, 17 P), which gives logits (B, 17, P)."""
    weights = case["weights"]
    assert isinstance(weights, Tensor)

    def decode(z: Tensor) -> Tensor:
        return torch.tanh(z @ weights).mul(3).unflatten(-1, (NUM_LEVELS, -1))

    given: dict[str, Any] = {"decode": decode} | {name: x for name, x in case.items() if name != "weights"}
    return call(answer, given)


def trained_grey_vae(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The network's parameters, how it was trained, and what the last cell draws: reconstructions, and one picture of
    each digit."""
    return watched_training(answer, case, drawn_in_grey, latent_dim=_LATENT_DIM)


def drawn_in_grey(network: nn.Module, x: Tensor) -> Tensor:
    """The probabilities of the levels for images x and for the mean code of each digit, (B + 10, 17, P)."""
    model: Any = network
    codes = torch.cat([model.encode(x)[0], model.prior(torch.arange(10))[0]])
    shown: Tensor = model.decode(codes).softmax(1)
    return shown


def trained_vae(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The first edition: the network's parameters, how it was trained, and its last cell's pictures."""
    return watched_training(answer, case, drawn, latent_dim=_LATENT_DIM)


def drawn(network: nn.Module, x: Tensor) -> Tensor:
    """Reconstructions of x and as many samples, (2 B, P)."""
    model: Any = network
    torch.default_generator.manual_seed(0)
    return torch.cat([model.reconstruct(x), model.sample(len(x))])
