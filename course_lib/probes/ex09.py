"""How exercise 09 is looked at: an answer leaves gradients in three tiny networks, and all of them are compared.

Runs beside the learner's code and knows no right answer: the losses of ``left_by_routing`` are no one's
objectives, and the step of ``left_by_step`` computes its own.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.probes.calls import Case, call
from course_lib.probes.contract import AnswerError, kept
from course_lib.probes.meaning import explained

NUM_FEATURES = 3
OLD_GRADIENT = 0.7  # what stands in each .grad before gradients are routed


class TinyDiscriminator(nn.Module):
    """Images (B, ...) of P pixels to ``features`` (B, NUM_FEATURES) and, from them, to logits (B,)."""

    def __init__(self, num_pixels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(num_pixels, NUM_FEATURES), nn.LeakyReLU(0.2))
        self.head = nn.Linear(NUM_FEATURES, 1)

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer, (B, NUM_FEATURES)."""
        return self.body(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """(B,) logits."""
        return self.head(self.features(x)).squeeze(1)


def tiny_networks(
    image_shape: tuple[int, ...], latent_dim: int, dtype: torch.dtype = torch.float32
) -> nn.ModuleDict:
    """Encoder of images (B, *image_shape) to (B, 2 D), decoder (B, D) to logits (B, *image_shape),
    discriminator: a few dozen weights in all."""
    pixels = math.prod(image_shape)
    encoder = OrderedDict(flat=nn.Flatten(), layer=nn.Linear(pixels, 2 * latent_dim))
    decoder = OrderedDict(layer=nn.Linear(latent_dim, pixels), image=nn.Unflatten(1, image_shape))
    return nn.ModuleDict(
        {
            "encoder": nn.Sequential(encoder),
            "decoder": nn.Sequential(decoder),
            "discriminator": TinyDiscriminator(pixels),
        }
    ).to(dtype)


def three_objectives(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Three objectives and their gradients, as :func:`call` gives them; anything else is told in one line."""
    outputs = call(answer, case)
    given = [name for name in outputs if not name.startswith("the gradient of")]
    if given != [f"value {i} of 3" for i in (1, 2, 3)]:
        came = {1: "one tensor"}.get(len(given), f"{len(given)} of them")
        if given != ["the value"] and not given[0].startswith("value 1 of "):
            came = f"a dictionary or record of {', '.join(given)}"
        raise AnswerError(
            f"A tuple of three scalars was expected, for encoder, decoder and discriminator; {came} came."
        )
    return outputs


def routing_pass(case: Case) -> tuple[nn.ModuleDict, dict[str, Tensor]]:
    """The networks, and three scalars that stand for objectives; each depends on all networks."""
    networks, x, eps, z_prior = built(case)
    code = networks["encoder"](x)
    mu, logvar = code.chunk(2, dim=1)
    made = torch.sigmoid(networks["decoder"](mu + torch.exp(0.5 * logvar) * eps))
    drawn = torch.sigmoid(networks["decoder"](z_prior))
    discriminator: Any = networks["discriminator"]
    features, drawn_logits = discriminator.features(made), discriminator(drawn)
    return networks, {
        "encoder": features.square().mean() + code.cos().mean(),
        "decoder": (features.sum(1) * drawn_logits).sin().mean() + made.square().flatten(1).sum(1).mean(),
        "discriminator": (discriminator(x) - features.sum(1) - 2 * drawn_logits).square().mean(),
    }


def left_by_routing(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The gradients left by ``answer(objectives, networks)``, over old ones that have no business there."""
    networks, objectives = routing_pass(case)
    for parameter in networks.parameters():
        parameter.grad = torch.full_like(parameter, OLD_GRADIENT)
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
    networks, x, eps, z_prior = built(case)
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


def built(case: Case) -> tuple[nn.ModuleDict, Tensor, Tensor, Tensor]:
    """The networks, with the case's ``weights`` in them, and the case's tensors ``x``, ``eps`` and ``z_prior``."""
    weights, x, eps, z_prior = (torch.as_tensor(case[name]) for name in ("weights", "x", "eps", "z_prior"))
    networks = tiny_networks(tuple(x.shape[1:]), eps.shape[1], x.dtype)
    nn.utils.vector_to_parameters(weights, networks.parameters())
    return networks, x, eps, z_prior


def _gradients_after(run: Callable[[], Any], networks: nn.ModuleDict, **given: Tensor) -> dict[str, Tensor]:
    """What stands in each ``.grad`` after ``run()``, zeros where there is none."""
    with kept({**dict(networks.items()), **given}, gradients=True), explained(_ERRORS):
        run()
    return {
        f"the gradient left in {name}": torch.zeros_like(p) if p.grad is None else p.grad.detach().clone()
        for name, p in networks.named_parameters()
    }


_ERRORS = {
    "backward through the graph a second time": "The three objectives share one graph, and a backward pass frees "
    "it: all but the last need retain_graph=True.",
    "not have been used in the graph": "An objective was asked for the gradient with respect to weights that it "
    "doesn't depend on: something on its way was cut off (.detach(), no_grad), or two objectives or networks changed "
    "places.",
    "tuple indices must be integers": "A tuple came where a dictionary by the networks' names was expected, "
    "as in objectives['encoder'].",
    "does not require grad": "An objective hangs on no weight: it was cut off (.detach(), .item(), no_grad).",
}
