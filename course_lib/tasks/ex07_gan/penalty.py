r"""The penalty that keeps the discriminator's slope in check.

Mescheder et al. 2018, arXiv:1801.04406, equation 9.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.objectives import r1_penalty
from course_lib.probes.ex07 import TwoLayers, penalty
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.parts import in_words, made_of

_F32, _F64 = torch.float32, torch.float64
Network = Callable[[Tensor], Tensor]


def _penalty_cases(seed: int) -> list[Case]:
    """Points, one image, and images in float64; a discriminator whose slope differs from place to place."""
    source = generator(seed)
    return [
        {
            "x": away_from_zero(shape, source, 0.2, 0.8, dtype),
            "first": away_from_zero((5, math.prod(shape[1:])), source, 0.3, 0.9, dtype),
            "second": away_from_zero((5,), source, 0.5, 1.5, dtype),
            "gamma": gamma,
        }
        for shape, gamma, dtype in [((4, 3), 0.7, _F32), ((1, 1, 2, 3), 3.0, _F32), ((3, 1, 2, 2), 5.0, _F64)]
    ]


def _slope(d: Network, x: Tensor, of: Callable[[Tensor], Tensor] = torch.sum, *, graph: bool = True) -> Tensor:
    """The gradient of ``of(logits)`` by each image, (B, pixels)."""
    x = x.detach().requires_grad_(True)
    return torch.autograd.grad(of(d(x)), x, create_graph=graph)[0].flatten(1)


def _from_slope(
    penalty_of: Callable[[Tensor, float], Tensor],
    of: Callable[[Tensor], Tensor] = torch.sum,
    *,
    graph: bool = True,
) -> Callable[[Network, Tensor, float], Tensor]:
    """An answer that makes a penalty of the slope (B, pixels) and gamma."""
    return lambda d, x, gamma: penalty_of(_slope(d, x, of, graph=graph), gamma)


def _half_square(slope: Tensor, gamma: float) -> Tensor:
    return gamma / 2 * slope.square().sum(1)


def _by_channel(d: Network, x: Tensor, gamma: float) -> Tensor:
    return gamma / 2 * _slope(d, x).reshape(x.shape).square().sum(1)


def _by_the_weights(d: Network, x: Tensor, gamma: float) -> Tensor:
    weights = list(d.parameters()) if isinstance(d, nn.Module) else []
    gradients = torch.autograd.grad(d(x).sum(), weights, create_graph=True)
    return (gamma / 2 * torch.cat([g.flatten() for g in gradients]).square().sum()).expand(len(x))


def _one_by_one(d: Network, x: Tensor, gamma: float) -> Tensor:
    return torch.cat([_half_square(_slope(d, image), gamma) for image in x.split(1)])


def _of_the_norm(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which powers of the gradient's norm the penalty is made of; or that only its gradient is wrong."""
    came = got["the penalty"]
    if torch.allclose(came, expected["the penalty"], rtol=1e-3):
        if not any(bool(x.any()) for name, x in got.items() if name.startswith("the gradient")):
            return "the value is right, but it has no gradient with respect to the discriminator's weights."
        return "the value is right, but its gradient with respect to the discriminator's weights isn't."
    x, first, second = (torch.as_tensor(case[name]) for name in ("x", "first", "second"))
    slope = _slope(TwoLayers(first, second), x, graph=False).double()
    norm = slope.norm(dim=1)
    gamma = float(case["gamma"])
    powers = {
        "‖∇‖²": norm.square(),
        "‖∇‖": norm,
        "1": torch.ones_like(norm),
    }
    if len(came) > 3 and (factors := made_of(came, powers)):
        return f"with ∇ for the gradient of the logit, this is {in_words(factors)}; it should be {gamma / 2:g} × ‖∇‖²."
    other = {
        "the sum of the gradient's entries": slope.sum(1),
        "the sum of their sizes": slope.abs().sum(1),
        "the logit": TwoLayers(first, second)(x),
    }
    if len(came) > 1 and (factors := made_of(came, other)) and len(factors) == 1:
        return (
            f"this is {in_words(factors)}. It should be made of the squares of the gradient's entries, added up."
        )
    return "this isn't made of the norm of the logit's gradient with respect to the points."


R1_PENALTY = Task(
    name="r1_penalty",
    points=3,
    explain=_of_the_norm,
    cases=_penalty_cases,
    probe=penalty,
    reference=r1_penalty,
    alternatives=(
        _one_by_one,
        _from_slope(lambda slope, gamma: 0.5 * gamma * torch.einsum("bi,bi->b", slope, slope)),
        _from_slope(_half_square, lambda logits: logits.mean() * len(logits)),
    ),
    mistakes=(
        Mistake(
            _from_slope(_half_square, graph=False),
            "the value is right, but it has no gradient: the slope was computed without a graph of its own, or "
            "detached. A penalty that can't be differentiated teaches the discriminator nothing.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma * slope.square().sum(1)),
            "the factor one half is missing. Without it a gamma means twice what it means in the paper.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: 0.5 * slope.square().sum(1)),
            "gamma plays no part.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma / 2 * slope.norm(dim=1)),
            "this is the norm; its square was asked for.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: (gamma / 2 * slope).square().sum(1)),
            "the factor gamma/2 is squared as well. Only the norm is.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma / 2 * slope.square().mean(1)),
            "you averaged over pixels. A squared norm is a sum over all of them.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma / 2 * slope.abs().sum(1).square()),
            "this adds up absolute values. The norm meant is the Euclidean one: squares are added.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma / 2 * slope.sum(1).square()),
            "you summed over the pixels first and squared then. Square each entry of the gradient, then sum.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma / 2 * (slope.norm(dim=1) - 1).square()),
            "this pulls the norm towards 1, as in WGAN-GP. R1 pulls it towards 0.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma * (slope.norm(dim=1) - 1).square()),
            "this is the penalty of WGAN-GP: it pulls the norm towards 1. R1 pulls it towards 0, and has a "
            "factor of gamma / 2.",
        ),
        Mistake(
            _by_the_weights,
            "you differentiated with respect to the weights: this is how steep the logits are as a function of the "
            "discriminator. The gradient that R1 measures is with respect to the points x.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma / 2 * slope.sum(1)),
            "the square is missing, and so entries of either sign cancel. Square each entry of the gradient, "
            "then sum.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: _half_square(slope, gamma).sum()),
            "you summed over the batch: one penalty per point was asked for, shape (B,).",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: _half_square(slope, gamma).mean()),
            "you averaged over the batch: one penalty per point was asked for, shape (B,).",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: gamma / 2 * slope.square().sum(0)),
            "you summed over the batch (dimension 0) where the pixels were meant.",
        ),
        Mistake(
            _by_channel,
            "the norm is taken over dimension 1 alone: of an image those are its channels. The gradient of an "
            "image is one vector of all its pixels.",
        ),
        Mistake(
            _from_slope(_half_square, torch.mean),
            "you differentiated the *mean* of the logits, so every point's gradient is divided by the size of the "
            "batch. Their sum keeps each point's own.",
        ),
        Mistake(
            _from_slope(_half_square, lambda logits: torch.sigmoid(logits).sum()),
            "you took the slope of the probability. A sigmoid is flat where the discriminator is sure, so steep "
            "logits go unpunished. The penalty is on the logit.",
        ),
        Mistake(
            _from_slope(_half_square, lambda logits: F.softplus(-logits).sum()),
            "you took the slope of the *loss*. The penalty is on the logit itself, before any loss.",
        ),
        Mistake(
            lambda d, x, gamma: gamma / 2 * d(x).square(),
            "this punishes large logits. R1 punishes steep ones: take the gradient with respect to the points.",
        ),
        Mistake(
            _from_slope(lambda slope, gamma: -_half_square(slope, gamma)),
            "the sign is turned round: this would reward steep slopes.",
        ),
    ),
)
