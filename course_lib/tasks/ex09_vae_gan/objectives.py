"""The three objectives of the VAE-GAN, put together from their parts (Larsen et al. 2016, algorithm 1)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.objectives import VAEGANLosses
from course_lib.objectives.vae_gan import losses_of_parts
from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


@dataclass(frozen=True)
class _Parts:
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
            self.kl, self.error, self.logits, self.logits_hat, self.logits_prior, gamma=self.gamma
        )

    def squashed(self) -> "_Parts":
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


def _answer(change: Callable[[_Parts], Any]) -> Callable[..., Any]:
    return lambda *inputs: change(_Parts(*inputs))


def _right(p: _Parts) -> Objectives:
    return p.losses.encoder, p.losses.decoder, p.losses.discriminator


def _encoder(change: Callable[[_Parts], Tensor]) -> Callable[..., Objectives]:
    """An answer whose encoder's objective only is replaced."""
    return _answer(lambda p: (change(p), *_right(p)[1:]))


def _decoder(change: Callable[[_Parts], Tensor]) -> Callable[..., Objectives]:
    return _answer(lambda p: (_right(p)[0], change(p), _right(p)[2]))


def _discriminator(change: Callable[[_Parts], Tensor]) -> Callable[..., Objectives]:
    return _answer(lambda p: (*_right(p)[:2], change(p)))


def _by_log(p: _Parts, margin: float = 0.0) -> Objectives:
    """Probabilities first, logarithms after."""
    real, hat, prior = (torch.sigmoid(logits) for logits in (p.logits, p.logits_hat, p.logits_prior))
    fool = -0.5 * ((hat + margin).log() + (prior + margin).log())
    tell = -(real + margin).log() - 0.5 * ((1 - hat + margin).log() + (1 - prior + margin).log())
    return p.losses.encoder, (p.gamma * p.error + fool).mean(), tell.mean()


def _part_cases(seed: int) -> list[Case]:
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


def _with_cross_entropy(
    kl: Tensor, error: Tensor, logits: Tensor, logits_hat: Tensor, logits_prior: Tensor, gamma: float
) -> Objectives:
    """The same through PyTorch's cross-entropy of logits, with labels."""
    one, zero = torch.ones_like(logits), torch.zeros_like(logits)
    bce = F.binary_cross_entropy_with_logits
    fool = (bce(logits_hat, one) + bce(logits_prior, one)) / 2
    tell = bce(logits, one) + (bce(logits_hat, zero) + bce(logits_prior, zero)) / 2
    return kl.mean() + error.mean(), gamma * error.mean() + fool, tell


VAE_GAN_OBJECTIVES = Task(
    name="vae_gan_objectives",
    points=3,
    cases=_part_cases,
    reference=_answer(_right),
    alternatives=(
        _with_cross_entropy,
        _answer(
            lambda p: (
                (p.kl + p.error).sum() / len(p.kl),
                p.gamma * p.feature - F.logsigmoid(torch.cat([p.logits_hat, p.logits_prior])).mean(),
                -F.logsigmoid(p.logits).mean() - F.logsigmoid(-torch.cat([p.logits_hat, p.logits_prior])).mean(),
            )
        ),
    ),
    mistakes=(
        Mistake(
            _encoder(lambda p: p.kl.mean() + p.feature + p.fool),
            "the encoder is rewarded for fooling the discriminator. Its objective is a VAE's: the price of "
            "the code, and the error of the reconstruction. Realism is the decoder's business.",
        ),
        Mistake(
            _encoder(lambda p: p.kl.mean() + p.gamma * p.feature),
            "gamma weighs the feature error in the encoder's objective too. It belongs to the decoder's "
            "only, where the error competes with fooling the discriminator.",
        ),
        Mistake(
            _encoder(lambda p: p.feature),
            "the KL is missing. Without it codes lie anywhere, and samples of the prior decode to nothing.",
        ),
        Mistake(
            _encoder(lambda p: p.feature - p.kl.mean()),
            "the sign of the KL is turned round in the encoder's objective. A dear code must make the loss "
            "larger.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature + p.tell),
            "the adversarial sign of the decoder is wrong: you added the discriminator's own loss, so the "
            "decoder helps to tell its images from real ones.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature + p.fake(1.0)),
            "the adversarial sign of the decoder is wrong: its loss falls as the logits of its images "
            "fall, so it learns to make images that look false. A positive logit says real.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature - p.fool),
            "you subtracted the part that fools the discriminator. It is a loss: small when the decoder succeeds.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature - p.tell),
            "this is the form in the paper's algorithm, minus the discriminator's loss. The direction is "
            "right, but its gradient vanishes while the discriminator wins (the saturating loss of lesson "
            "07). Use -log D.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature - p.fake(1.0)),
            "this is the saturating form, log(1 - D). The direction is right, but its gradient vanishes "
            "while the discriminator wins. Lesson 07 has the other one.",
        ),
        Mistake(
            _decoder(lambda p: p.feature + p.fool),
            "gamma is missing from the decoder's objective.",
        ),
        Mistake(
            _decoder(lambda p: p.feature + p.gamma * p.fool),
            "gamma stands before the wrong part. It weighs the feature error.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * (p.feature + p.fool)),
            "gamma multiplies the whole of the decoder's objective, so the balance of its two parts isn't "
            "changed by it.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature + (1 - p.gamma) * p.fool),
            "you weighed the two parts with gamma and 1 - gamma. Here fooling the discriminator has weight "
            "1, and gamma may exceed 1.",
        ),
        Mistake(
            _decoder(lambda p: p.kl.mean() + p.gamma * p.feature + p.fool),
            "the KL is in the decoder's objective. It would do no harm, as it doesn't depend on the "
            "decoder, but the value isn't the objective any more.",
        ),
        Mistake(
            _decoder(lambda p: p.fool),
            "the feature error is missing from the decoder's objective. Then nothing ties a reconstruction "
            "to its image.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature + 2 * p.fool),
            "in the decoder's objective reconstructions and samples count whole each. They count half "
            "each, so that they weigh together as much as a batch of real images.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature + F.softplus(-p.logits_prior).mean()),
            "the decoder is to fool the discriminator with its reconstructions too, not only with samples "
            "of the prior.",
        ),
        Mistake(
            _decoder(lambda p: p.gamma * p.feature + F.softplus(-p.logits_hat).mean()),
            "the decoder is to fool the discriminator with samples of the prior too, not only with "
            "reconstructions.",
        ),
        Mistake(
            _discriminator(lambda p: F.softplus(p.logits).mean() + p.fake(-1.0)),
            "real and decoded images changed places in the discriminator's objective. A positive logit says real.",
        ),
        Mistake(
            _discriminator(lambda p: -p.tell),
            "the sign of the discriminator's objective is turned round. It is a loss, to be minimised.",
        ),
        Mistake(
            _discriminator(lambda p: p.tell + p.feature),
            "the discriminator gets the feature error. It could then make reconstructions look perfect by "
            "making its features blind.",
        ),
        Mistake(
            _discriminator(lambda p: p.tell + p.fake(1.0)),
            "in the discriminator's objective reconstructions and samples count whole each. They count "
            "half each, so that real and decoded images weigh the same.",
        ),
        Mistake(
            _discriminator(lambda p: F.softplus(-p.logits).mean() + F.softplus(p.logits_prior).mean()),
            "reconstructions are left out of the discriminator's objective. It judges both kinds of "
            "decoded images.",
        ),
        Mistake(
            _discriminator(lambda p: F.softplus(-p.logits).mean() + F.softplus(p.logits_hat).mean()),
            "samples of the prior are left out of the discriminator's objective. It judges both kinds of "
            "decoded images.",
        ),
        Mistake(
            _discriminator(lambda p: p.fake(1.0)),
            "real images are left out of the discriminator's objective. It could call everything false.",
        ),
        Mistake(
            _discriminator(
                lambda p: (
                    F.softplus(-p.logits).mean()
                    + 0.5 * (F.softplus(p.logits_hat) + F.softplus(p.logits_prior)).mean().detach()
                )
            ),
            "the values are right, but the logits of decoded images are detached, so the discriminator "
            "never learns from them. What may not be reached are the other networks; that is the next "
            "task.",
        ),
        Mistake(
            _answer(
                lambda p: (
                    p.kl.mean() + p.feature,
                    p.gamma * p.feature + 2 * p.fool,
                    p.tell + p.fake(1.0),
                )
            ),
            "reconstructions and samples count whole each, for decoder and discriminator. They count half "
            "each, so that real and decoded images weigh the same.",
        ),
        Mistake(
            _answer(lambda p: tuple(objective * len(p.kl) for objective in _right(p))),
            "you summed over the batch. The objectives are means over the batch, so that a larger batch "
            "doesn't mean a larger step.",
        ),
        Mistake(
            _answer(
                lambda p: (p.kl + p.error, p.gamma * p.error + p.losses.fool, p.losses.tell),
            ),
            "the mean over the batch is missing. Three scalars were asked for.",
        ),
        Mistake(
            _answer(lambda p: (_right(p)[1], _right(p)[0], _right(p)[2])),
            "encoder and decoder changed places. The order is encoder, decoder, discriminator.",
        ),
        Mistake(
            _answer(lambda p: (p.kl.mean() + p.gamma * p.feature + p.fool + p.tell,) * 3),
            "all three networks have the same objective. They want different things: two of them want "
            "opposite things.",
        ),
        Mistake(
            _answer(_by_log),
            "right as mathematics, but sigmoid rounds to exactly 0 or 1 at large logits, and log(0) spoils "
            "value and gradient. F.softplus works on the logits themselves.",
        ),
        Mistake(
            lambda *inputs: _by_log(_Parts(*inputs), 1e-8),
            "a small number inside the logarithm hides log(0), but it kills the gradient where the decoder "
            "needs it most. F.softplus works on the logits themselves.",
        ),
        Mistake(
            _answer(lambda p: _right(p.squashed())),
            "the sigmoid is applied twice: softplus and the cross-entropy with logits take the logits as "
            "they are.",
        ),
    ),
)
