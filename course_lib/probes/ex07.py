"""Probes of exercise 07: small networks put together from the case's tensors, and what an answer does to them.

Nothing here knows a loss or a penalty.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from course_lib.probes.calls import Case, call, gradients, named_tensors
from course_lib.probes.contract import AnswerError, kept
from course_lib.probes.meaning import explained

COUNTED = ("the modes covered", "the share of good samples", "the reverse KL")
LEFT_GRADIENTS = "calls whose generator's turn left gradients in the discriminator, of one"
LEFT_MEANS = "calls whose generator's turn moved the discriminator's running means, of one"
OLD_GRADIENT = 0.7
_ADAM = {"lr": 1e-2, "betas": (0.5, 0.99)}  # but for the rate, as in the exercise's last cell


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


class Remembering(Watched):
    """Keeps a running mean of what it sees in training mode, as BatchNorm does, and makes no use of it."""

    running_mean: Tensor

    def __init__(self, first: Tensor, second: Tensor) -> None:
        super().__init__(first, second)
        self.register_buffer("running_mean", torch.zeros_like(first[0]))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.running_mean.lerp_(x.flatten(1).mean(0), 0.1)
        return super().forward(x)


class Player:
    """A network, its optimiser, and what the optimiser was given: how often it stepped, how often over nothing.

    Known of its first step: ``given``, the gradient, zeros where there was none; ``faced``, the opponent's weights; and
    whether some gradient had ``reached`` the network by then, to be cleared again. ``left``: the gradient and the
    buffers of the network just after its last step.
    """

    def __init__(self, network: Watched, optimizer: torch.optim.Optimizer, opponent: nn.Module) -> None:
        self.network, self.optimizer, self.opponent = network, optimizer, opponent
        self.steps = self.empty = self.reached = 0
        self.given = torch.zeros_like(_vector(network))
        self.faced = torch.zeros_like(_vector(opponent))
        self.left: list[Tensor] = []
        optimizer.register_step_post_hook(self._stepped)  # after it: a closure fills the gradients

    def _stepped(self, *_: Any) -> None:
        gradient = _gradient(self.network)
        if self.steps == 0:
            self.given, self.faced = gradient, _vector(self.opponent)
            self.reached = int(self.network.rows > 0)
        self.steps += 1
        self.empty += not bool(gradient.any())
        self.left = [gradient, *(buffer.clone() for buffer in self.network.buffers())]


def penalty(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The penalty of each image, what it asks of the discriminator's weights, and where three steps take them.

    ``case``: ``x`` (B, ...), ``first`` (H, d) and ``second`` (H,) for the discriminator, ``gamma``.
    """
    x, first, second, gamma = (case[name] for name in ("x", "first", "second", "gamma"))
    assert isinstance(x, Tensor)
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    network = TwoLayers(first, second)

    def value() -> Tensor:
        with kept({"x": x, "discriminator": network}), explained(_PENALTY_ERRORS):
            values = named_tensors(answer(network, x, gamma), case)
        if list(values) != ["the value"]:
            raise AnswerError(
                f"One tensor was expected, the penalty of each image; {len(values)} came: {', '.join(values)}."
            )
        return values["the value"]

    once = value()
    outputs = {"the penalty": once.detach()}
    weights = dict(
        zip(("the weights' first layer", "the weights' second layer"), network.parameters(), strict=True)
    )
    for name, gradient in gradients(once.sum(), weights).items():
        outputs[f"the gradient of the penalty's sum by {name}"] = gradient
    _keeps_old_gradients(answer, network, x, gamma)
    optimizer = torch.optim.Adam(network.parameters(), **_ADAM)  # type: ignore[arg-type]
    for _ in range(3 if once.requires_grad else 0):
        optimizer.zero_grad()
        value().mean().backward()
        optimizer.step()
    outputs["the weights after three steps down the penalty"] = _vector(network)
    return outputs


def _keeps_old_gradients(answer: Callable[..., Any], network: nn.Module, x: Tensor, gamma: Any) -> None:
    """Raises ``AnswerError`` if gradients that the caller has gathered already are gone after a call."""
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, OLD_GRADIENT)
    answer(network, x, gamma)
    if any(p.grad is None or not bool(p.grad.eq(OLD_GRADIENT).all()) for p in network.parameters()):
        raise AnswerError(
            "It cleared the gradients of the discriminator's weights, or wrote into them: those that its caller "
            "had gathered there are gone. torch.autograd.grad(value, x) gives the gradient with respect to x "
            "alone, and leaves .grad as it is."
        )
    network.zero_grad()


def game(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Where an answer takes both players, one call for each batch; what their optimisers were given at first;
    and how often a gradient came back to the generator.

    A batch that is taken in parts, whose gradients add up, is one.

    ``case``: ``x`` (N, B, d) and ``z`` (N, B, k), one batch a step; four weights; the two learning rates of
    SGD, or zeros for the Adam of the exercise's last cell.
    """
    return _played(answer, case, Watched, ())


def rounds(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The same with a penalty's ``gamma``, and what the generator's turn left in the discriminator.

    ``eval_mode``: whether the discriminator is found in eval mode; ``frozen_layer``: whether its first layer is frozen.
    Old gradients stand in both players' weights before the first call.
    """
    return _played(answer, case, Remembering, (case["gamma"],))


def _played(
    answer: Callable[..., Any], case: Case, judge: type[Watched], more: tuple[Any, ...]
) -> dict[str, Tensor]:
    tensors = {name: value for name, value in case.items() if isinstance(value, Tensor)}
    generator = Watched(tensors["g_first"], tensors["g_second"])
    discriminator = judge(tensors["d_first"], tensors["d_second"])
    players = {
        "generator": Player(generator, _optimizer(generator, float(case["g_lr"])), discriminator),
        "discriminator": Player(discriminator, _optimizer(discriminator, float(case["d_lr"])), generator),
    }
    if more:
        discriminator.train(not case["eval_mode"])
        discriminator.first.requires_grad_(not case["frozen_layer"])
        for parameter in (*generator.parameters(), *discriminator.parameters()):
            parameter.grad = torch.full_like(parameter, OLD_GRADIENT) if parameter.requires_grad else None
    optimizers = [player.optimizer for player in players.values()]
    stale = moved = 0
    for x, z in zip(tensors["x"], tensors["z"], strict=True):
        given = {"generator": generator, "discriminator": discriminator, "x": x, "z": z}
        with kept(given, gradients=True, weights=True), explained(_STEP_ERRORS):
            answer(generator, discriminator, *optimizers, x, z, *more)
        left = players["discriminator"].left
        now = _gradient(discriminator)
        stale += bool(left) and bool(now.any()) and not torch.allclose(now, left[0], rtol=1e-4)
        moved += bool(left) and not all(map(torch.equal, left[1:], discriminator.buffers()))
    calls, batch = tensors["x"].shape[:2]
    outputs = {f"the {name}'s weights after {calls} steps": _vector(p.network) for name, p in players.items()}
    for name, player in players.items():
        outputs[f"the gradient that the {name}'s optimiser was given first"] = player.given
        outputs[f"the opponent's weights at the {name}'s first step"] = player.faced
        outputs[f"steps of the {name}'s optimiser, for each call"] = _number(player.steps / calls)
        outputs[f"steps of the {name}'s optimiser over nothing"] = _number(player.empty)
    outputs["gradients that came back to the generator, for each call"] = _number(generator.rows / batch / calls)
    player = players["discriminator"]
    reached = (
        player.reached if player.steps else discriminator.rows > batch * calls
    )  # the generator's loss gets there too
    if more:
        return outputs | {LEFT_GRADIENTS: _number(stale / calls), LEFT_MEANS: _number(moved / calls)}
    outputs["whether a gradient had reached the discriminator before its first step"] = _number(reached)
    return outputs


def averaged(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Where an answer takes generator, discriminator and the generator's average, in one call for all batches, and the
    losses that it returns.

    ``case``: as for ``game``, with the average's two weights and ``decay``.
    """
    tensors = {name: value for name, value in case.items() if isinstance(value, Tensor)}
    networks = {
        name: TwoLayers(tensors[f"{key}_first"], tensors[f"{key}_second"])
        for name, key in (("generator", "g"), ("discriminator", "d"), ("average", "a"))
    }
    generator, discriminator, average = networks.values()
    x, z = tensors["x"], tensors["z"]
    optimizers = [_optimizer(generator, float(case["g_lr"])), _optimizer(discriminator, float(case["d_lr"]))]
    given = {"average": average, "x": x, "z": z}
    with kept(networks, gradients=True, weights=True), kept(given, weights=True), explained(_AVERAGE_ERRORS):
        losses = answer(*networks.values(), *optimizers, x, z, case["decay"])
    outputs = {f"the {name}'s weights": _vector(network) for name, network in networks.items()}
    if isinstance(losses, list | tuple) and losses and all(isinstance(loss, Tensor) for loss in losses):
        losses = torch.stack([loss.detach() for loss in losses])
    return outputs | {"the losses": named_tensors(losses, case)["the value"].detach()}


def counted(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Three numbers by their names, whether they came as numbers or as tensors of any type."""

    def numbers(*values: Any) -> dict[str, Tensor]:
        result = answer(*values)
        if not isinstance(result, tuple | list) or len(result) != len(COUNTED):
            came = f"{len(result)}" if isinstance(result, tuple | list) else f"a {type(result).__name__}"
            raise AnswerError(
                f"Three numbers were expected, {', '.join(COUNTED)}; {came} came. Return all three, separated by "
                "commas."
            )
        for name, value in zip(COUNTED, result, strict=True):
            if not isinstance(value, int | float | Tensor) or (isinstance(value, Tensor) and value.ndim):
                kind = (
                    f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
                )
                raise AnswerError(f"For {name} one number was expected, got {kind}.")
        return {name: torch.as_tensor(x).detach().float() for name, x in zip(COUNTED, result, strict=True)}

    return call(numbers, case)


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float32)


def _optimizer(network: nn.Module, lr: float) -> torch.optim.Optimizer:
    if lr == 0:
        return torch.optim.Adam(network.parameters(), **_ADAM)  # type: ignore[arg-type]
    return torch.optim.SGD(network.parameters(), lr=lr)


_STEP_ERRORS = {
    "backward through the graph a second time": "The generator's graph was used up by the discriminator's "
    "backward(): that loss shouldn't have gone into the generator in the first place. Cut the generated points "
    "off before the discriminator's loss sees them; retain_graph=True would only hide it.",
    "modified by an inplace operation": "A loss was computed before an optimiser's step and sent back after it, "
    "through weights that had moved by then: the logits are those of the old discriminator. Let the "
    "discriminator judge the generated points again after its step.",
    "does not require grad": "The loss hangs on no weight: its samples or logits were cut off (.detach(), "
    "no_grad), or it was computed from samples where logits belong.",
}
_AVERAGE_ERRORS = {
    "leaf Variable that requires grad is being used in an in-place operation": "The average's weights are parameters, "
    "and PyTorch refuses to overwrite those while it keeps a record. Average inside `with torch.no_grad():`.",
    "does not require grad": "The generator's loss hangs on none of its weights: the points that the discriminator "
    "judged in its turn were cut off, or another network made them.",
}
_PENALTY_ERRORS = {
    "Tensors does not require grad": "The gradient with respect to x was asked for, and x as it is given doesn't "
    "require one. Make a copy that does: x = x.detach().requires_grad_().",
    "grad can be implicitly created only for scalar": "torch.autograd.grad wants one scalar, and the "
    "discriminator gives one logit for each image. Take the sum of all logits: each depends on its own image "
    "only.",
    "does not require grad and does not have": "The logits hang on nothing: x or the discriminator was cut off "
    "(.detach(), no_grad).",
    "has no attribute": "torch.autograd.grad returns a tuple, even of one gradient: take its first entry.",
    "Dimension out of range": "Not all x have as many dimensions: points are (B, d), images (B, 1, H, W), flat "
    "images (B, P). flatten(1) makes (B, everything else) of all of them.",
}


def _vector(network: nn.Module) -> Tensor:
    return parameters_to_vector(network.parameters()).detach().clone()


def _gradient(network: nn.Module) -> Tensor:
    """All gradients in one vector, zeros where there is none."""
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in network.parameters()])
