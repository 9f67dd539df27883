"""Probes of exercise 07: small networks put together from the case's tensors, and what an answer does to them.

Nothing here knows a loss or a penalty.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.probes.calls import Case, gradients, named_tensors
from course_lib.probes.contract import AnswerError, kept


class TwoLayers(nn.Module):
    """Inputs (B, ...) through one hidden layer of tanh: outputs (B, K), or (B,) where ``second`` is a vector."""

    def __init__(self, first: Tensor, second: Tensor) -> None:
        super().__init__()
        self.first = nn.Parameter(first.detach().clone())
        self.second = nn.Parameter(second.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(torch.tanh(F.linear(x.flatten(1), self.first)), self.second)


class Watched(TwoLayers):
    """Counts the rows of what it made that a gradient comes back to."""

    rows = 0

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        if out.requires_grad:
            out.register_hook(self._count)
        return out

    def _count(self, gradient: Tensor) -> None:
        self.rows += len(gradient)


def penalty(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The penalty of each image, and what it asks of the discriminator's weights.

    ``case``: ``x`` (B, ...), ``first`` (H, d) and ``second`` (H,) for the discriminator, ``gamma``.
    """
    x, first, second, gamma = (case[name] for name in ("x", "first", "second", "gamma"))
    assert isinstance(x, Tensor)
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    network = TwoLayers(first, second)
    with kept({"x": x, "discriminator": network}):
        values = named_tensors(answer(network, x, gamma), case)
    if list(values) != ["the value"]:
        raise AnswerError("One tensor was expected, the penalty of each image.")
    value = values["the value"]
    weights = dict(
        zip(("the weights' first layer", "the weights' second layer"), network.parameters(), strict=True)
    )
    outputs = {"the penalty": value.detach()}
    for name, gradient in gradients(value.sum(), weights).items():
        outputs[f"the gradient of the penalty's sum by {name}"] = gradient
    return outputs


def two_steps(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Both players' weights after two training steps, and how often a gradient came back to the generator.

    A batch that is taken in parts, whose gradients add up, is one.

    ``case``: ``x`` (2, B, d) and ``z`` (2, B, k), one batch a step; four weights; the two learning rates.
    """
    tensors = {name: value for name, value in case.items() if isinstance(value, Tensor)}
    generator = Watched(tensors["g_first"], tensors["g_second"])
    discriminator = TwoLayers(tensors["d_first"], tensors["d_second"])
    g_optimizer = torch.optim.SGD(generator.parameters(), lr=float(case["g_lr"]))
    d_optimizer = torch.optim.SGD(discriminator.parameters(), lr=float(case["d_lr"]))
    for x, z in zip(tensors["x"], tensors["z"], strict=True):
        given = {"generator": generator, "discriminator": discriminator, "x": x, "z": z}
        with kept(given, gradients=True, weights=True):
            answer(generator, discriminator, g_optimizer, d_optimizer, x, z)
    return {
        "the generator's first layer after two steps": generator.first.detach(),
        "the generator's second layer after two steps": generator.second.detach(),
        "the discriminator's first layer after two steps": discriminator.first.detach(),
        "the discriminator's second layer after two steps": discriminator.second.detach(),
        "how often a gradient came back to the generator in two steps": torch.tensor(
            generator.rows / tensors["x"].shape[1], dtype=torch.float32
        ),
    }
