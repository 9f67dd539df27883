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
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

from course_lib.probes.calls import Case, trained_parameters
from course_lib.probes.old_gradients import OldGradients

PREFIX = "process: "
NUM_SHOWN = 4
_MAX_BATCHES = 4000
_ROWS_KEPT = 2  # of each batch
_MAX_ROWS = 1024
_NUM_FOLLOWED = 8  # codes whose gradient is followed
_SAME = 0.05  # of eight standard normal numbers, all so close to eight others are no chance


@dataclass(frozen=True)
class Process:
    """How a network was trained.

    ``rows``: some of the images that it was given with gradients on, (n, P); ``mean``: of all of them. ``num_rows``,
    ``num_distinct``: how many it was given, and how many of them differ. ``binary``: the share of batches that hold
    zeros and ones only. ``batch_size``: the median. ``losses``: what ``backward()`` was called on. ``lrs``: the
    learning rate of each step. ``uncleared``: the share of steps along gradients that hold those of the step
    before; ``empty``: the share of steps that found none. ``num_optimizers``: that took steps. ``left``: 1 if the
    network that came back has gradients, else 0. For a VAE: ``cut``, the
    share of codes that came to the decoder without a gradient, and ``noise``, (n, D), what the first code of a batch is
    made of beside mu and logvar, (z - mu) / sigma; ``alike``, the share of batches whose first two codes have the
    same noise; ``from_mu``, ``from_logvar``, the share of the first codes through which a gradient reaches the means,
    the log-variances. These are nan where nothing was seen.
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
    empty: float
    num_optimizers: int
    left: float
    cut: float
    alike: float
    from_mu: float
    from_logvar: float
    noise: Tensor

    @property
    def num_steps(self) -> int:
        return len(self.lrs)

    @property
    def lr(self) -> float:
        """The largest learning rate; nan without a step."""
        return float(self.lrs.max()) if len(self.lrs) else math.nan

    def tensors(self) -> dict[str, Tensor]:
        """As named outputs of a probe."""
        counts = [self.num_rows, self.num_distinct, self.batch_size, self.num_optimizers]
        numbers = [*counts, self.binary, self.uncleared, self.empty, self.left, self.cut]
        numbers += [self.alike, self.from_mu, self.from_logvar]
        return {
            f"{PREFIX}numbers": torch.tensor(numbers, dtype=torch.float64),
            f"{PREFIX}rows": self.rows,
            f"{PREFIX}mean": self.mean,
            f"{PREFIX}losses": self.losses,
            f"{PREFIX}lrs": self.lrs,
            f"{PREFIX}noise": self.noise,
        }


def split(
    outputs: Mapping[str, Tensor], num_pixels: int
) -> tuple[dict[str, Tensor], Process | None, Tensor | None]:
    """The network's own tensors, how it was trained, and what it showed; None for what wasn't seen or can't be read."""
    own = {name: x for name, x in outputs.items() if not name.startswith(PREFIX)}
    told = {name.removeprefix(PREFIX): x for name, x in outputs.items() if name.startswith(PREFIX)}
    shown = told.get("shown")
    try:
        numbers, rows, mean, losses, lrs, noise = (
            told[name].double() for name in ("numbers", "rows", "mean", "losses", "lrs", "noise")
        )
        num_rows, num_distinct, batch_size, num_optimizers = (int(n) for n in numbers[:4].tolist())
        binary, uncleared, empty, left, *of_codes = numbers[4:].tolist()
        cut, alike, from_mu, from_logvar = of_codes
    except (KeyError, ValueError, TypeError, OverflowError, RuntimeError):
        return own, None, shown
    shapes = rows.shape[1:] == mean.shape == (num_pixels,) and losses.ndim == lrs.ndim == 1 and noise.ndim == 2
    if not (shapes and num_rows >= 1 and batch_size >= 1 and len(rows)):
        return own, None, shown
    sizes = num_rows, num_distinct, binary, batch_size
    steps = uncleared, empty, num_optimizers, left
    return own, Process(rows, mean, *sizes, losses, lrs, *steps, cut, alike, from_mu, from_logvar, noise), shown


def watched_training(
    answer: Callable[..., Any], case: Case, show: Callable[[nn.Module, Tensor], Tensor], latent_dim: int = 0
) -> dict[str, Tensor]:
    """The parameters of the network that the answer returns, and how it was trained on ``case["x"]``, (N, P).

    ``show``: what the exercise's last cell has the network make of images; it is left out where that fails.
    ``latent_dim``: of a VAE, whose encoder gives means and log-variances.
    """
    x = case["x"]
    assert isinstance(x, Tensor)
    seen = Seen(x.shape[1], latent_dim)
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
    return outputs | (seen.process(made[0]).tensors() if seen.sizes else {})


class Seen:
    """Collects what hooks see while an answer runs."""

    def __init__(self, num_pixels: int, latent_dim: int) -> None:
        self._num_pixels, self._latent_dim = num_pixels, latent_dim
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
        self._old = OldGradients()
        self._uncleared = self._empty = 0
        self._optimizers: list[Optimizer] = []
        self._posterior: Tensor | None = None
        self._code: Tensor | None = None
        self._encoded: list[Tensor] = []  # since the last code
        self._cut: list[bool] = []
        self._alike: list[bool] = []
        self._reached: list[tuple[bool, bool]] = []
        self._noise: list[Tensor] = []
        self._handles: list[Any] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every network, optimiser and ``backward()`` until the end of the block."""
        backward = Tensor.backward

        def watched_backward(loss: Tensor, *args: Any, **kwargs: Any) -> None:
            self._losses.append(float(loss.detach().double().mean()))
            self._last = None  # what comes next is another batch, even in the same memory
            backward(loss, *args, **kwargs)

        self._handles = [
            register_module_forward_pre_hook(self._given),
            register_module_forward_hook(self._gave),
            register_optimizer_step_pre_hook(self._before_step),
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
        if not isinstance(x, Tensor) or not torch.is_grad_enabled():
            return
        if self._latent_dim and x.ndim == 2 and x.shape[1] == self._latent_dim and x is not self._code:
            self._coded(x)
        if x.requires_grad or x.ndim == 0 or x.shape[-1] != self._num_pixels or not x.is_floating_point():
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

    def _gave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Note what an encoder of a VAE gave: means, then log-variances."""
        if self._latent_dim and isinstance(output, Tensor) and output.shape[1:] == (2 * self._latent_dim,):
            self._posterior = output.detach()
            self._encoded = [*self._encoded[-3:], output]

    def _coded(self, z: Tensor) -> None:
        """Note what a decoder of a VAE is given."""
        self._code = z
        self._cut.append(not z.requires_grad)
        if len(self._reached) < _NUM_FOLLOWED and z.requires_grad:
            self._follow(z)
        self._encoded = []
        if self._posterior is not None and len(self._posterior) == len(z) and len(self._noise) < _MAX_ROWS:
            mu, logvar = self._posterior[:2].chunk(2, dim=1)
            noise = ((z[:2].detach() - mu) * torch.exp(-0.5 * logvar)).cpu().double()
            self._noise.append(noise[0])
            if len(z) > 1:
                self._alike.append(bool((noise[0] - noise[1]).abs().max() < _SAME))

    def _follow(self, z: Tensor) -> None:
        """Note whether a code's gradient reaches what the encoder gave: its means, its log-variances."""
        encoded = [output for output in self._encoded if output.requires_grad]
        if not encoded:
            return
        found = torch.autograd.grad(z.sum(), encoded, retain_graph=True, allow_unused=True)
        halves = [gradient.chunk(2, dim=1) for gradient in found if gradient is not None]
        self._reached.append((any(bool(m.any()) for m, _ in halves), any(bool(v.any()) for _, v in halves)))

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self._lrs.append(float(optimizer.param_groups[0]["lr"]))
        if not any(optimizer is known for known in self._optimizers):
            self._optimizers.append(optimizer)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._empty += all(p.grad is None or not bool(p.grad.any()) for p in parameters)
        self._uncleared += self._old.before_step(optimizer)

    @property
    def uncleared(self) -> float:
        """The share of steps along gradients that hold those of the step before."""
        return self._uncleared / max(len(self._lrs) - 1, 1)

    def process(self, network: nn.Module) -> Process:
        """All that was seen of the training of the network that came back."""
        keys, rows = torch.cat(self._keys), torch.cat(self._rows)
        some = torch.linspace(0, len(rows) - 1, min(len(rows), _MAX_ROWS)).long()
        return Process(
            rows=rows[some],
            mean=self._sum / len(keys),
            num_rows=len(keys),
            num_distinct=len(keys.unique()),
            binary=sum(self._binary) / len(self._binary),
            batch_size=sorted(self.sizes)[len(self.sizes) // 2],
            losses=torch.tensor(self._losses, dtype=torch.float64),
            lrs=torch.tensor(self._lrs, dtype=torch.float64),
            uncleared=self.uncleared,
            empty=self._empty / max(len(self._lrs), 1),
            num_optimizers=len(self._optimizers),
            left=float(any(p.grad is not None and bool(p.grad.any()) for p in network.parameters())),
            cut=_share(self._cut),
            alike=_share(self._alike),
            from_mu=_share([mu for mu, _ in self._reached]),
            from_logvar=_share([logvar for _, logvar in self._reached]),
            noise=torch.stack(self._noise) if self._noise else torch.zeros(0, max(self._latent_dim, 1)),
        )


def _share(seen: list[bool]) -> float:
    """The share of them that hold; nan if there are none."""
    return sum(seen) / len(seen) if seen else math.nan
