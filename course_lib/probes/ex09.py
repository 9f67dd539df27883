"""How exercise 09 is looked at: an answer leaves gradients in three tiny networks, and all of them are compared.

Runs beside the learner's code and knows no right answer: the losses of ``left_by_routing`` are no one's objectives,
and the step of ``left_by_step`` computes its own.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.probes.calls import Case
from course_lib.probes.contract import AnswerError, kept

NUM_FEATURES = 3


class TinyDiscriminator(nn.Module):
    """Vectors (B, P) to ``features`` (B, NUM_FEATURES) and, from them, to logits (B,)."""

    def __init__(self, num_pixels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(num_pixels, NUM_FEATURES), nn.LeakyReLU(0.2))
        self.head = nn.Linear(NUM_FEATURES, 1)

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer, (B, NUM_FEATURES)."""
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """(B,) logits."""
        return self.head(self.features(x)).squeeze(1)


def tiny_networks(num_pixels: int, latent_dim: int, dtype: torch.dtype = torch.float32) -> nn.ModuleDict:
    """Encoder (B, P) to (B, 2 D), decoder (B, D) to logits (B, P), discriminator: a few dozen weights in all."""
    return nn.ModuleDict(
        {
            "encoder": nn.Linear(num_pixels, 2 * latent_dim),
            "decoder": nn.Linear(latent_dim, num_pixels),
            "discriminator": TinyDiscriminator(num_pixels),
        }
    ).to(dtype)


def left_by_routing(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The gradients left by ``answer(objectives, networks)``, over old ones that have no business there."""
    networks, x, eps, z_prior = _built(case)
    code = networks["encoder"](x)
    mu, logvar = code.chunk(2, dim=1)
    made = torch.sigmoid(networks["decoder"](mu + torch.exp(0.5 * logvar) * eps))
    drawn = torch.sigmoid(networks["decoder"](z_prior))
    discriminator: Any = networks["discriminator"]
    features, drawn_logits = discriminator.features(made), discriminator(drawn)
    # Three scalars that stand for objectives; what counts is that each depends on all three networks.
    objectives = {
        "encoder": features.square().mean() + code.cos().mean(),
        "decoder": (features.sum(1) * drawn_logits).sin().mean() + made.square().sum(1).mean(),
        "discriminator": (discriminator(x) - features.sum(1) - 2 * drawn_logits).square().mean(),
    }
    for parameter in networks.parameters():
        parameter.grad = torch.full_like(parameter, 0.7)
    before = [parameter.grad.clone() for parameter in networks.parameters() if parameter.grad is not None]
    found = _gradients_after(lambda: answer(objectives, dict(networks.items())), networks)
    if all(torch.equal(old, new) for old, new in zip(before, found.values(), strict=True)):
        raise AnswerError(
            "Every .grad is what it was before the call. Gradients that are only computed don't train anything: "
            "store each where an optimiser looks for it, in the .grad of its parameter."
        )
    return found


def left_by_step(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The gradients left by one step, ``answer(networks, x, eps, z_prior, gamma)``."""
    networks, x, eps, z_prior = _built(case)
    found = _gradients_after(
        lambda: answer(dict(networks.items()), x, eps, z_prior, case["gamma"]),
        networks,
        x=x,
        eps=eps,
        z_prior=z_prior,
    )
    if not any(bool(gradient.any()) for gradient in found.values()):
        raise AnswerError("No network has a gradient after the call. Leave each in the .grad of its parameter.")
    return found


def _built(case: Case) -> tuple[nn.ModuleDict, Tensor, Tensor, Tensor]:
    """The networks, with the case's ``weights`` in them, and the case's tensors ``x``, ``eps`` and ``z_prior``."""
    weights, x, eps, z_prior = (torch.as_tensor(case[name]) for name in ("weights", "x", "eps", "z_prior"))
    networks = tiny_networks(x.shape[1], eps.shape[1], x.dtype)
    nn.utils.vector_to_parameters(weights, networks.parameters())
    return networks, x, eps, z_prior


def _gradients_after(call: Callable[[], Any], networks: nn.ModuleDict, **given: Tensor) -> dict[str, Tensor]:
    """What stands in each ``.grad`` after ``call()``, zeros where there is none."""
    with kept({**dict(networks.items()), **given}, gradients=True):
        call()
    return {
        f"the gradient left in {name}": torch.zeros_like(p) if p.grad is None else p.grad.detach().clone()
        for name, p in networks.named_parameters()
    }
