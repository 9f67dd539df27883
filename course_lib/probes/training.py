"""What a training does besides its result: which batches, which steps, which loss. No right answer is known here.

All of it is seen from outside, by PyTorch's own hooks, and comes from the learner's process like any output: it names
mistakes and refuses what was trained otherwise than asked; what a network is worth is measured from its weights.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from course_lib.probes.calls import Case, trained_parameters

PREFIX = "process: "
NUM_SHOWN = 4
_MAX_BATCHES = 4000
_ROWS_KEPT = 2  # of each batch
_MAX_ROWS = 1024


@dataclass(frozen=True)
class Process:
    """How a network was trained.

    ``rows``: some of the images that it was given with gradients on, (n, P); ``mean``: of all of them. ``num_rows``,
    ``num_distinct``: how many it was given, and how many of them differ. ``binary``: the share of batches that hold
    zeros and ones only. ``batch_size``: the median. ``losses``: what ``backward()`` was called on. ``lrs``: the
    learning rate of each step. ``uncleared``: the share of steps whose gradients the next backward pass was
    added to.
    """

    rows: Tensor
    mean: Tensor
    num_rows: int
    num_distinct: int
    binary: float
    batch_size: int
    losses: Tensor
    lrs: Tensor
    uncleared: float

    @property
    def num_steps(self) -> int:
        return len(self.lrs)

    @property
    def lr(self) -> float:
        """The largest learning rate; nan without a step."""
        return float(self.lrs.max()) if len(self.lrs) else math.nan

    def tensors(self) -> dict[str, Tensor]:
        """As named outputs of a probe."""
        numbers = [self.num_rows, self.num_distinct, self.binary, self.batch_size, self.uncleared]
        return {
            f"{PREFIX}numbers": torch.tensor(numbers, dtype=torch.float64),
            f"{PREFIX}rows": self.rows,
            f"{PREFIX}mean": self.mean,
            f"{PREFIX}losses": self.losses,
            f"{PREFIX}lrs": self.lrs,
        }


def split(
    outputs: Mapping[str, Tensor], num_pixels: int
) -> tuple[dict[str, Tensor], Process | None, Tensor | None]:
    """The network's own tensors, how it was trained, and what it showed; None for what wasn't seen or can't be read."""
    own = {name: x for name, x in outputs.items() if not name.startswith(PREFIX)}
    told = {name.removeprefix(PREFIX): x for name, x in outputs.items() if name.startswith(PREFIX)}
    shown = told.get("shown")
    try:
        numbers, rows, mean, losses, lrs = (told[name] for name in ("numbers", "rows", "mean", "losses", "lrs"))
        num_rows, num_distinct, binary, batch_size, uncleared = numbers.double().tolist()
        if rows.shape[1:] != mean.shape or mean.shape != (num_pixels,) or losses.ndim != 1 or lrs.ndim != 1:
            return own, None, shown
        if not (num_rows >= 1 and batch_size >= 1 and len(rows)):
            return own, None, shown
        process = Process(
            rows.double(),
            mean.double(),
            int(num_rows),
            int(num_distinct),
            binary,
            int(batch_size),
            losses.double(),
            lrs.double(),
            uncleared,
        )
        return own, process, shown
    except (KeyError, ValueError, TypeError, OverflowError):
        return own, None, shown


def watched_training(
    answer: Callable[..., Any], case: Case, show: Callable[[nn.Module, Tensor], Tensor]
) -> dict[str, Tensor]:
    """The parameters of the network that the answer returns, and how it was trained on ``case["x"]``, (N, P).

    ``show``: what the exercise's last cell has the network make of images; it is left out where that fails.
    """
    x = case["x"]
    assert isinstance(x, Tensor)
    seen = _Seen(x.shape[1])
    made: list[Any] = []

    def watched(*values: Any) -> Any:
        with seen.watching():
            made.append(answer(*values))
        return made[0]

    outputs = trained_parameters(watched, case)
    with suppress(Exception), torch.no_grad():
        shown = show(made[0], x[:NUM_SHOWN].clone())
        if isinstance(shown, Tensor):
            outputs[f"{PREFIX}shown"] = shown.cpu()
    return outputs | (seen.process().tensors() if seen.sizes else {})


class _Seen:
    """Collects what hooks see while an answer runs."""

    def __init__(self, num_pixels: int) -> None:
        self._num_pixels = num_pixels
        key = torch.Generator().manual_seed(0)
        self._key = torch.rand(
            num_pixels, generator=key, dtype=torch.float64
        )  # rows that differ get other numbers
        self._last: Tensor | None = None
        self._keys: list[Tensor] = []
        self._rows: list[Tensor] = []
        self._sum = torch.zeros(num_pixels, dtype=torch.float64)
        self.sizes: list[int] = []
        self._binary: list[bool] = []
        self._losses: list[float] = []
        self._lrs: list[float] = []
        self._watched: set[int] = set()
        self._stepped: set[int] = set()
        self._uncleared = 0
        self._handles: list[Any] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every network, optimiser and ``backward()`` until the end of the block."""
        backward = Tensor.backward

        def watched_backward(loss: Tensor, *args: Any, **kwargs: Any) -> None:
            self._losses.append(float(loss.detach().double().mean()))
            backward(loss, *args, **kwargs)

        self._handles = [
            register_module_forward_pre_hook(self._given),
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        Tensor.backward = watched_backward  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            Tensor.backward = backward  # type: ignore[method-assign]
            for handle in self._handles:
                handle.remove()

    def _given(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Note a batch: what a network is given while gradients are on, and what isn't made of its own weights."""
        x = args[0] if args else None
        if not isinstance(x, Tensor) or not torch.is_grad_enabled() or x.requires_grad:
            return
        if x.ndim == 0 or x.shape[-1] != self._num_pixels or not x.is_floating_point():
            return
        if self._last is not None and x.data_ptr() == self._last.data_ptr() and x.shape == self._last.shape:
            return  # the same batch, one module further in
        self._last = x
        if len(self.sizes) == _MAX_BATCHES:
            return
        rows = x.detach().cpu().reshape(-1, self._num_pixels).double()
        self.sizes.append(len(rows))
        self._keys.append(rows @ self._key)
        self._sum += rows.sum(0)
        self._binary.append(bool(((rows == 0) | (rows == 1)).all()))
        self._rows.append(rows[:_ROWS_KEPT].clone())

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self._lrs.append(float(optimizer.param_groups[0]["lr"]))
        first = next((p for group in optimizer.param_groups for p in group["params"] if p.requires_grad), None)
        if first is not None and id(first) not in self._watched:
            self._watched.add(id(first))
            first.register_hook(lambda gradient: self._accumulates(first))

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self._stepped |= {id(p) for group in optimizer.param_groups for p in group["params"]}

    def _accumulates(self, p: Tensor) -> None:
        """Called with a new gradient of ``p``, before it is added to the one that ``p`` has."""
        if id(p) in self._stepped and p.grad is not None and bool(p.grad.any()):
            self._uncleared += 1
        self._stepped.discard(id(p))

    def process(self) -> Process:
        """All that was seen."""
        keys, rows = torch.cat(self._keys), torch.cat(self._rows)
        some = torch.linspace(0, len(rows) - 1, min(len(rows), _MAX_ROWS)).long()
        steps = max(len(self._lrs) - 1, 1)
        return Process(
            rows=rows[some],
            mean=self._sum / len(keys),
            num_rows=len(keys),
            num_distinct=len(keys.unique()),
            binary=sum(self._binary) / len(self._binary),
            batch_size=sorted(self.sizes)[len(self.sizes) // 2],
            losses=torch.tensor(self._losses, dtype=torch.float64),
            lrs=torch.tensor(self._lrs, dtype=torch.float64),
            uncleared=self._uncleared / steps,
        )
