"""How the training of exercise 07 is looked at: both players' parameters, and how the game went.

No right answer is known here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from course_lib.probes.calls import Case, trained_parameters
from course_lib.probes.contract import AnswerError
from course_lib.probes.training import Seen

PROCESS = "process: of the game"


def trained_ring(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The parameters of the generator and the discriminator that the answer returns, and how they were trained on the
    points ``x`` (N, 2) of the case.

    ``process: of the game``: steps of the optimisers that hold the generator, the discriminator, and both; how many
    optimisers stepped; the largest learning rate of the first two; the median batch that the discriminator was given;
    how many of the points x it saw, of all; how many different noises the generator was given, of all; calls of the
    discriminator on points of x whose gradient is wanted, for each of its steps; the largest momentum (Adam's first
    beta); the share of steps along gradients that hold older ones, and of those over nothing.
    """
    x = case["x"]
    assert isinstance(x, Tensor)
    seen, game = Seen(x.shape[1], 0), _Game(x)
    made: list[Any] = []

    def both(*values: Any) -> nn.Module:
        with seen.watching(), game.watching():
            made[:] = [answer(*values)]
        result = made[0]
        if not isinstance(result, tuple | list) or not all(isinstance(r, nn.Module) for r in result):
            raise AnswerError(
                f"Two networks were expected, the generator and the discriminator; a {type(result).__name__} came. "
                "Return both: return generator, discriminator."
            )
        if len(result) != 2:
            raise AnswerError(f"Two networks were expected, generator and discriminator; {len(result)} came.")
        return nn.ModuleDict(dict(zip(("generator", "discriminator"), result, strict=True)))

    outputs = trained_parameters(both, case)
    steps = max(len(seen._lrs), 1)
    numbers = [*game.numbers(*made[0]), seen.uncleared, seen._empty / steps]
    return outputs | {PROCESS: torch.tensor(numbers, dtype=torch.float64)}


class _Game:
    """Collects what hooks see of a game on the points x."""

    def __init__(self, x: Tensor) -> None:
        self._points = {tuple(row) for row in x.tolist()}
        self._real: set[tuple[float, ...]] = set()
        self._noise: set[tuple[float, ...]] = set()
        self._sizes: list[int] = []
        self._wanted = self._noises = 0
        self._steps: list[tuple[Optimizer, float]] = []
        self._momentum = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        handles = [
            register_module_forward_hook(self._gave),
            register_optimizer_step_post_hook(self._stepped),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _stepped(self, optimizer: Optimizer, *_: Any) -> None:
        group = optimizer.param_groups[0]
        self._steps.append((optimizer, float(group["lr"])))
        self._momentum = max(self._momentum, float(group.get("betas", (group.get("momentum", 0.0),))[0]))

    def _gave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        x = args[0] if args else None
        if not (isinstance(module, nn.Sequential) and isinstance(x, Tensor) and isinstance(output, Tensor)):
            return
        if x.ndim != 2 or (not torch.is_grad_enabled() and output.ndim == 1):
            return
        rows = {tuple(row) for row in x.detach().tolist()}
        if output.ndim == 1:
            self._sizes.append(len(x))
            real = rows & self._points
            self._real |= real
            self._wanted += bool(real) and x.requires_grad
        elif output.shape == x.shape:
            self._noise |= rows
            self._noises += len(x)

    def numbers(self, generator: nn.Module, discriminator: nn.Module) -> list[float]:
        """As ``trained_ring`` says, but for what ``Seen`` sees."""
        owners = [{id(p) for p in network.parameters()} for network in (generator, discriminator)]
        rates: list[list[float]] = [[], [], []]
        for optimizer, rate in self._steps:
            held = {id(p) for group in optimizer.param_groups for p in group["params"]}
            for owner, found in zip(owners, rates, strict=False):
                if held & owner:
                    found.append(rate)
            if all(held & owner for owner in owners):
                rates[2].append(rate)
        sizes = sorted(self._sizes)
        return [
            *map(len, rates),
            len({id(optimizer) for optimizer, _ in self._steps}),
            *(max(found, default=0.0) for found in rates[:2]),
            sizes[len(sizes) // 2] if sizes else 0,
            len(self._real) / max(len(self._points), 1),
            len(self._noise) / max(self._noises, 1),
            self._wanted / max(len(rates[1]), 1),
            self._momentum,
        ]
