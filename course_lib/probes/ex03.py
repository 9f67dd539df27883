"""How exercise 03 is looked at: a decoder that belongs to somebody else, and a posterior that is fitted to it.

No right answer is known here.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from course_lib.models import mlp
from course_lib.probes.calls import Case, named_tensors
from course_lib.probes.contract import AnswerError, kept

WEIGHTS = ("first_weight", "first_bias", "second_weight", "second_bias")
PROCESS = "process"


@dataclass
class Watched:
    """What is seen of a fit.

    ``calls`` of the decoder, ``cut``: how many gave logits that carry no gradient. ``steps`` of an optimiser, and
    ``lr``, its learning rate. ``off``: how far from mu the first codes were, and ``moves``: how far each code was from
    the one before it at its place, root mean squares in units of sigma; ``apart``: how much the dimensions of the first
    codes differ in that. ``turns``: the cosines between the gradients of one step and the next.
    """

    mu: Tensor
    logvar: Tensor
    calls: int = 0
    cut: int = 0
    steps: int = 0
    lr: float = math.nan
    off: float = math.nan
    apart: float = math.nan
    moves: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)
    _last: Tensor | None = None
    _gradient: Tensor | None = None

    def decoded(self, decoder: nn.Module, args: tuple[Any, ...], logits: Any) -> None:
        z = args[0] if args else None
        if not isinstance(z, Tensor) or z.shape[-1:] != self.mu.shape[-1:]:
            return
        self.calls += 1
        self.cut += not (z.requires_grad and logits.requires_grad)
        sigma = torch.exp(0.5 * self.logvar)
        codes = z.detach()
        if self.calls == 1 and codes.numel() % self.mu.numel() == 0:
            noise = (codes.reshape(-1, *self.mu.shape) - self.mu) / sigma
            self.off = noise.square().mean().sqrt().item()
            self.apart = noise.std(-1).mean().item()
        if self._last is not None and self._last.shape == codes.shape and codes.numel() % sigma.numel() == 0:
            self.moves.append(
                ((codes - self._last).reshape(-1, *sigma.shape) / sigma).square().mean().sqrt().item()
            )
        self._last = codes.clone()

    def stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self.steps += 1
        self.lr = float(optimizer.param_groups[0]["lr"])
        given = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        gradient = torch.cat([g.detach().flatten() for g in given]) if given else None
        if gradient is not None and self._gradient is not None and self._gradient.shape == gradient.shape:
            self.turns.append(torch.cosine_similarity(gradient, self._gradient, dim=0).item())
        self._gradient = None if gradient is None else gradient.clone()

    def tensor(self) -> Tensor:
        """Calls, share of cut ones, steps, learning rate, off, apart, the medians of moves and of turns; nan for what
        wasn't seen."""
        cut = self.cut / self.calls if self.calls else math.nan
        numbers = [
            self.calls,
            cut,
            self.steps,
            self.lr,
            self.off,
            self.apart,
            _median(self.moves),
            _median(self.turns),
        ]
        return torch.tensor(numbers, dtype=torch.float64)

    @contextmanager
    def watching(self, decoder: nn.Module) -> Iterator[None]:
        handles = [
            decoder.register_forward_hook(self.decoded),
            register_optimizer_step_post_hook(self.stepped),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else math.nan


def decoder_of(case: Case) -> nn.Module:
    """The decoder whose weights are in the case: codes (..., D) to logits (..., P), one hidden layer."""
    tensors = []
    for name in WEIGHTS:
        x = case[name]
        assert isinstance(x, Tensor)
        tensors.append(x)
    hidden, latent = tensors[0].shape
    decoder = mlp([latent, hidden, len(tensors[3])])
    with torch.no_grad():
        for parameter, x in zip(decoder.parameters(), tensors, strict=True):
            parameter.copy_(x)
    return decoder


def fitted_posterior(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The means and log-variances that the answer returns for the images of the case, and what was seen of the fit.

    The decoder's weights, gradients, flags and mode must be as they were, and so must all tensors.
    """
    x, mu, logvar = (case[name] for name in ("x", "mu", "logvar"))
    assert isinstance(mu, Tensor)
    assert isinstance(logvar, Tensor)
    decoder = decoder_of(case)
    watched = Watched(mu.clone(), logvar.clone())
    with kept({"x": x, "mu": mu, "logvar": logvar, "decoder": decoder}), watched.watching(decoder):
        result = answer(decoder, x, mu, logvar)
        if not all(torch.equal(p, case[name]) for name, p in zip(WEIGHTS, decoder.parameters(), strict=True)):  # type: ignore[arg-type]
            raise AnswerError(
                "It changed the weights of the decoder. mu and logvar alone belong to the optimiser: the decoder is "
                "the model that the images are measured with."
            )
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise AnswerError("Two tensors were expected, the means and the log-variances: return mu, logvar.")
    new_mu, new_logvar = named_tensors(result, case).values()
    for name, new in (("mu", new_mu), ("logvar", new_logvar)):
        if new.shape != mu.shape:
            raise AnswerError(
                f"The {name} that came has shape {tuple(new.shape)}; expected was {tuple(mu.shape)}, a row for each "
                "image."
            )
    return {"mu": new_mu.detach(), "logvar": new_logvar.detach(), PROCESS: watched.tensor()}
