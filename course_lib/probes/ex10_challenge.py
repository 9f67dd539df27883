"""The open challenge of exercise 10 beside the learner's code: batches are handed out and counted, and the generator
that comes back is taken apart into layers, so that another process can build it again. It knows no right answer."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from course_lib.data import load
from course_lib.probes.calls import Case, unwrapped
from course_lib.probes.contract import AnswerError
from course_lib.probes.meaning import explained

NUM_PIXELS, BATCH, NUM_IMAGES = 784, 128, 4000
LAYERS, STEPS = "layers", "process: steps"
LINEAR = 0
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU)  # their codes: 1, 2, …
_WITHOUT_EFFECT = (nn.Identity, nn.Dropout, nn.Flatten, nn.Unflatten)  # in eval mode, on rows


class Batches:
    """Random batches (128, 784) of x, ``num_steps`` of them in all; each that is handed out is a step."""

    def __init__(self, x: Tensor, num_steps: int) -> None:
        self._x, self.num_steps, self.handed_out = x, num_steps, 0

    def __len__(self) -> int:
        return self.num_steps

    def __iter__(self) -> Iterator[Tensor]:
        while self.handed_out < self.num_steps:
            self.handed_out += 1
            yield self._x[torch.randint(len(self._x), (BATCH,))]


_ERRORS = {
    "'Batches' object is not subscriptable": "batches can't be picked by their place. Go through them with for: each "
    "is a step.",
    "'Batches' object is not an iterator": "next() wants an iterator: iter(batches) gives one, a for loop needs none.",
    "'Batches' object has no attribute": "batches are handed out one by one, (128, 784). Go through them with for.",
}


def trained_generator(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The layers of the generator that comes back, and the steps: batches handed out, and the most steps that an
    optimiser took."""
    x = load("glyphs", "train", NUM_IMAGES, seed=int(case["data_seed"])).x.flatten(1)
    batches, steps = Batches(x, int(case["num_steps"])), Counter[int]()
    seen: list[Optimizer] = []  # kept, so that no other one gets its id

    def stepped(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        seen.append(optimizer)
        steps[id(optimizer.param_groups[0]["params"][0])] += 1

    handle = register_optimizer_step_post_hook(stepped)
    try:
        with explained(_ERRORS):
            network = answer(batches, int(case["max_weights"]))
    finally:
        handle.remove()
    counts = [batches.handed_out, max(steps.values(), default=0)]
    return layers_of(network) | {STEPS: torch.tensor(counts, dtype=torch.float64)}


def layers_of(network: Any) -> dict[str, Tensor]:
    """Weights by their layer's place, and ``layers``: a code and a number for each. Raises ``AnswerError`` for a
    network of other parts."""
    if not isinstance(network, nn.Module):
        forgotten = " Is the return statement missing?" if network is None else ""
        raise AnswerError(f"A generator (nn.Sequential) was expected, got {type(network).__name__}.{forgotten}")
    outputs: dict[str, Tensor] = {}
    codes: list[list[float]] = []
    for layer in _flat(unwrapped(network)):
        if isinstance(layer, nn.Linear):
            outputs[f"{len(codes)}.weight"] = layer.weight.detach().cpu().float().clone()
            if layer.bias is not None:
                outputs[f"{len(codes)}.bias"] = layer.bias.detach().cpu().float().clone()
            codes.append([LINEAR, 0.0])
        elif type(layer) in ACTIVATIONS:
            slope = getattr(layer, "negative_slope", getattr(layer, "alpha", 0.0))
            codes.append([1.0 + ACTIVATIONS.index(type(layer)), float(slope)])
        elif not isinstance(layer, _WITHOUT_EFFECT):
            raise AnswerError(
                f"The generator holds a {type(layer).__name__}. It is built again elsewhere, so it has to be an "
                "nn.Sequential of nn.Linear and of activations: ReLU, LeakyReLU, Tanh, Sigmoid, GELU, SiLU, ELU."
            )
    return outputs | {LAYERS: torch.tensor(codes, dtype=torch.float64).reshape(-1, 2)}


def _flat(network: nn.Module) -> Iterator[nn.Module]:
    """The layers of nested sequences, in order."""
    if isinstance(network, nn.Sequential):
        for layer in network:
            yield from _flat(layer)
    else:
        yield network
