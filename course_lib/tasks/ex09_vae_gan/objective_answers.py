"""The three objectives from their parts, right ones and wrong ones (Larsen et al. 2016, algorithm 1)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.objectives import VAEGANLosses
from course_lib.objectives.vae_gan import losses_of_parts
from course_lib.tasks.core import Case, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


@dataclass(frozen=True)
class Parts:
    """The inputs of the second task, and the right parts made of them, to build wrong answers from."""

    kl: Tensor
    error: Tensor
    logits: Tensor
    logits_hat: Tensor
    logits_prior: Tensor
    gamma: float

    @property
    def losses(self) -> VAEGANLosses:
        return losses_of_parts(
            self.kl, self.error, self.logits, self.logits_hat, self.logits_prior, beta=1.0, gamma=self.gamma
        )

    def squashed(self) -> "Parts":
        """The same with probabilities in place of logits."""
        logits = {name: torch.sigmoid(getattr(self, name)) for name in ("logits", "logits_hat", "logits_prior")}
        return replace(self, **logits)  # type: ignore[arg-type]

    @property
    def fool(self) -> Tensor:
        return self.losses.fool.mean()

    @property
    def tell(self) -> Tensor:
        return self.losses.tell.mean()

    @property
    def feature(self) -> Tensor:
        return self.error.mean()

    def fake(self, sign: float) -> Tensor:
        """softplus(sign * logit), of both kinds of decoded images, half each."""
        return 0.5 * (F.softplus(sign * self.logits_hat) + F.softplus(sign * self.logits_prior)).mean()


Objectives = tuple[Tensor, Tensor, Tensor]


def answer(change: Callable[[Parts], Any]) -> Callable[..., Any]:
    return lambda *inputs: change(Parts(*inputs))


def right(p: Parts) -> Objectives:
    return p.losses.encoder, p.losses.decoder, p.losses.discriminator


def encoder(change: Callable[[Parts], Tensor]) -> Callable[..., Objectives]:
    """An answer whose encoder's objective only is replaced."""
    return answer(lambda p: (change(p), *right(p)[1:]))


def decoder(change: Callable[[Parts], Tensor]) -> Callable[..., Objectives]:
    return answer(lambda p: (right(p)[0], change(p), right(p)[2]))


def discriminator(change: Callable[[Parts], Tensor]) -> Callable[..., Objectives]:
    return answer(lambda p: (*right(p)[:2], change(p)))


def one_kind_only(name: str) -> Callable[..., Objectives]:
    """Fool and tell with one kind of decoded images, at full weight."""

    def change(p: Parts) -> Objectives:
        logits: Tensor = getattr(p, name)
        fool, tell = F.softplus(-logits), F.softplus(-p.logits) + F.softplus(logits)
        return p.losses.encoder, (p.gamma * p.error + fool).mean(), tell.mean()

    return answer(change)


def by_log(p: Parts, margin: float = 0.0) -> Objectives:
    """Probabilities first, logarithms after."""
    real, hat, prior = (torch.sigmoid(logits) for logits in (p.logits, p.logits_hat, p.logits_prior))
    fool = -0.5 * ((hat + margin).log() + (prior + margin).log())
    tell = -(real + margin).log() - 0.5 * ((1 - hat + margin).log() + (1 - prior + margin).log())
    return p.losses.encoder, (p.gamma * p.error + fool).mean(), tell.mean()


def part_cases(seed: int) -> list[Case]:
    """A batch of several, one image with large logits of both signs, and float64."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, high, gamma, dtype in [(4, 3.0, 0.2, _F32), (1, 200.0, 0.5, _F32), (3, 3.0, 3.0, _F64)]:
        sizes = {name: away_from_zero((batch,), source, 0.5, 4.0, dtype).abs() for name in ("kl", "error")}
        logits = {
            name: away_from_zero((batch,), source, high / 10, high, dtype)
            for name in ("logits", "logits_hat", "logits_prior")
        }
        if high > 100:  # the discriminator is sure of itself, and wrong about the real image
            logits = {name: -100 - x.abs() for name, x in logits.items()}
        tensors = {name: x.requires_grad_() for name, x in (sizes | logits).items()}
        cases.append(tensors | {"gamma": gamma})
    return cases


def with_cross_entropy(
    kl: Tensor, error: Tensor, logits: Tensor, logits_hat: Tensor, logits_prior: Tensor, gamma: float
) -> Objectives:
    """The same through PyTorch's cross-entropy of logits, with labels."""
    one, zero = torch.ones_like(logits), torch.zeros_like(logits)
    bce = F.binary_cross_entropy_with_logits
    fool = (bce(logits_hat, one) + bce(logits_prior, one)) / 2
    tell = bce(logits, one) + (bce(logits_hat, zero) + bce(logits_prior, zero)) / 2
    return kl.mean() + error.mean(), gamma * error.mean() + fool, tell


def by_clamped_log(p: Parts) -> Objectives:
    """PyTorch's cross-entropy of probabilities, which cuts the logarithm off at -100."""
    real, hat, prior = (torch.sigmoid(logits) for logits in (p.logits, p.logits_hat, p.logits_prior))

    def bce(probabilities: Tensor, label: float) -> Tensor:
        return F.binary_cross_entropy(probabilities, torch.full_like(probabilities, label))

    fool = 0.5 * (bce(hat, 1.0) + bce(prior, 1.0))
    tell = bce(real, 1.0) + 0.5 * (bce(hat, 0.0) + bce(prior, 0.0))
    return p.losses.encoder, p.gamma * p.feature + fool, tell
