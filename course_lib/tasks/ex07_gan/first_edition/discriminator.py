r"""The discriminator's side of the game: its best answer to a given generator, and its loss.

Goodfellow et al. 2014, arXiv:1406.2661, equation 1 and proposition 1.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.objectives import discriminator_loss
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


def _density_cases(seed: int) -> list[Case]:
    """Log-densities of a batch, far out where the densities themselves are 0 in float32, at one point, in float64."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, far, dtype in [((6,), 0.0, _F32), ((4,), 400.0, _F32), ((1,), 0.0, _F32), ((3,), 0.0, _F64)]:
        log_p = away_from_zero(shape, source, 0.3, 1.5, dtype) - 2
        log_p[1:] -= far  # beside a point near the data: what is taken off must fit each point
        cases.append({"log_p": log_p, "log_q": log_p + away_from_zero(shape, source, 0.4, 1.6, dtype)})
    return cases


def _of_the_ratio(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether it is a probability, made of the difference of the logarithms, and right far from all data too."""
    came, logit = got["the value"].double(), torch.logit(expected["the value"].double())
    if bool(((came < 0) | (came > 1)).any()):
        return f"a probability lies between 0 and 1, and {came.min():.3g} to {came.max():.3g} came."
    if bool((torch.as_tensor(case["log_p"]) < -100).any()):
        return (
            "near the data it is right, but far from all data both densities round to 0, and what you put in "
            "their place decides. Stay with the logarithms: only their difference matters."
        )
    if len(came) > 1 and bool(torch.isclose(came.sum(), torch.ones_like(came.sum()), rtol=1e-4)):
        return "the values add up to 1 over the batch. Each point has a probability of its own."
    times = torch.logit(came) / logit
    if bool(torch.isclose(times, times[0], rtol=1e-3).all()):
        return f"this is the sigmoid of {times[0].item():.3g} times the difference that decides."
    if bool((((came - 0.5) * (expected["the value"].double() - 0.5)) < 0).all()):
        return "where real samples are denser it says less than one half, and the other way round."
    return ""


OPTIMAL_DISCRIMINATOR = Task(
    name="optimal_discriminator",
    points=2,
    explain=_of_the_ratio,
    cases=_density_cases,
    reference=lambda log_p, log_q: torch.sigmoid(log_p - log_q),
    alternatives=(
        lambda log_p, log_q: torch.exp(log_p - torch.logaddexp(log_p, log_q)),
        lambda log_p, log_q: 1 / (1 + torch.exp(log_q - log_p)),
        lambda log_p, log_q: torch.softmax(torch.stack([log_p, log_q]), dim=0)[0],
    ),
    mistakes=(
        Mistake(
            lambda log_p, log_q: torch.sigmoid(log_q - log_p),
            "the two densities changed places. D is the probability that a point is *real*, so it is near 1 where "
            "the data are dense and the generator's points are rare.",
        ),
        Mistake(
            lambda log_p, log_q: log_p - log_q,
            "this is the logit. It may be any number; a probability lies between 0 and 1.",
        ),
        Mistake(
            lambda log_p, log_q: torch.exp(log_p) / (torch.exp(log_p) + torch.exp(log_q)),
            "right as mathematics, but far from all data both densities round to 0, and 0/0 is nan. Stay with the "
            "logarithms: only their difference matters.",
        ),
        Mistake(
            lambda log_p, log_q: torch.exp(log_p) / (torch.exp(log_p) + torch.exp(log_q) + 1e-8),
            "a small number in the denominator hides 0/0, but far from all data the answer becomes 0 whatever the "
            "densities say. Stay with the logarithms: only their difference matters.",
        ),
        Mistake(
            lambda log_p, log_q: torch.exp(log_p - log_q),
            "this is the ratio of the densities, which may exceed 1. The discriminator weighs one against the "
            "sum of both.",
        ),
        Mistake(
            lambda log_p, log_q: log_p / (log_p + log_q),
            "you took the logarithms for the densities themselves.",
        ),
        Mistake(
            lambda log_p, log_q: F.logsigmoid(log_p - log_q),
            "this is the logarithm of D. The probability itself was asked for.",
        ),
        Mistake(
            lambda log_p, log_q: 2 * torch.sigmoid(log_p - log_q),
            "you divided by the *average* of both densities, as in the Jensen–Shannon divergence. The "
            "discriminator divides by their sum.",
        ),
        Mistake(
            lambda log_p, log_q: torch.sigmoid(torch.sigmoid(log_p - log_q)),
            "the sigmoid is applied twice. Where the data are much denser the answer should come close to 1.",
        ),
        Mistake(
            lambda log_p, log_q: torch.sigmoid(torch.exp(log_p) - torch.exp(log_q)),
            "the sigmoid wants the difference of the *logarithms*; you gave it that of the densities.",
        ),
        Mistake(
            lambda log_p, log_q: (log_p > log_q).to(log_p),
            "this is a decision, yes or no. The best discriminator says how sure it can be.",
        ),
        Mistake(
            lambda log_p, log_q: torch.full_like(log_p, 0.5),
            "one half is the answer only where both densities are equal: when the generator has won.",
        ),
    ),
)


def _player_cases(seed: int) -> list[Case]:
    """Unequal batches, one image each and confidently wrong (a stable loss costs about |logit| there), float64."""
    source = generator(seed)
    cases: list[Case] = []
    for num_real, num_fake, dtype in [(4, 6, _F32), (1, 1, _F32), (5, 3, _F64)]:
        low, high = (150.0, 220.0) if num_real == 1 else (0.4, 3.0)
        real = away_from_zero((num_real,), source, low, high, dtype)
        fake = away_from_zero((num_fake,), source, low, high, dtype)
        if num_real == 1:
            real, fake = -real.abs(), fake.abs()
        cases.append({"real_logits": real.requires_grad_(), "fake_logits": fake.requires_grad_()})
    return cases


def _halves(
    real: Callable[[Tensor], Tensor], fake: Callable[[Tensor], Tensor]
) -> Callable[[Tensor, Tensor], Tensor]:
    """A discriminator's loss from what either kind of logit costs, means added."""
    return lambda real_logits, fake_logits: real(real_logits).mean() + fake(fake_logits).mean()


def _as_real(logits: Tensor) -> Tensor:
    return F.softplus(-logits)


def bce(logits: Tensor, label: float) -> Tensor:
    """The mean cross-entropy of logits that all have the same label."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def clamped(logits: Tensor, label: float) -> Tensor:
    """The cross-entropy of each probability, which PyTorch cuts off at 100."""
    return F.binary_cross_entropy(torch.sigmoid(logits), torch.full_like(logits, label), reduction="none")


def _by_halves(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which half of the loss is right, and what the other one is, read off the gradients by its logits."""
    told = {}
    for samples, key in (("real", "real_logits"), ("generated", "fake_logits")):
        name = f"the gradient of the sum of the value with respect to {key}"
        told[samples] = _compared(torch.as_tensor(case[key]), expected[name], got[name])
    if told["real"] == told["generated"]:
        return f"each half {told['real']}."
    return "; ".join(f"the {samples} samples' half {said}" for samples, said in told.items()) + "."


def _compared(logits: Tensor, right: Tensor, came: Tensor) -> str:
    if torch.allclose(came, right, rtol=1e-3, atol=1e-5):
        return "is right as far as its gradient goes"
    if not bool(came.any()):
        sure = bool((logits.abs() > 100).all())
        return f"has no gradient{' where the discriminator is confidently wrong' if sure else ''}"
    ratio = came / right
    if bool(torch.isclose(ratio, ratio[0], rtol=1e-3).all()):
        if abs(ratio[0].item() - len(logits)) < 1e-3 and len(logits) > 1:
            return "is summed over the batch; its mean was asked for"
        return f"counts {ratio[0].item():.3g} times"
    turned = bool((came.sign() == -right.sign()).all())
    return "pulls its logits the wrong way" if turned else "pulls each logit with another weight than it should"


DISCRIMINATOR_LOSS = Task(
    name="discriminator_loss",
    points=2,
    explain=_by_halves,
    cases=_player_cases,
    reference=lambda real_logits, fake_logits: discriminator_loss(real_logits, fake_logits).loss,
    alternatives=(
        lambda real_logits, fake_logits: bce(real_logits, 1.0) + bce(fake_logits, 0.0),
        lambda real_logits, fake_logits: -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean(),
        lambda real_logits, fake_logits: (
            torch.logaddexp(-real_logits, torch.zeros_like(real_logits)).mean()
            + torch.logaddexp(fake_logits, torch.zeros_like(fake_logits)).mean()
        ),
    ),
    mistakes=(
        Mistake(
            _halves(F.softplus, _as_real),
            "the labels are swapped: this discriminator learns to call real images generated, and the other way "
            "round.",
        ),
        Mistake(
            _halves(_as_real, _as_real),
            "generated images get the label \"real\" too. That is the generator's wish, not the discriminator's "
            "task.",
        ),
        Mistake(_halves(F.softplus, F.softplus), 'real images get the label "generated" too.'),
        Mistake(
            lambda real_logits, fake_logits: 0.5 * discriminator_loss(real_logits, fake_logits).loss,
            "you took the mean of the two halves. The value of the game is the *sum* of two expectations; so a "
            "discriminator that can't tell scores 2 log 2, about 1.39.",
        ),
        Mistake(
            lambda real_logits, fake_logits: torch.cat([_as_real(real_logits), F.softplus(fake_logits)]).mean(),
            "you took one mean over real and generated images together. Each kind has an expectation of its own, "
            "and the two are added.",
        ),
        Mistake(
            lambda real_logits, fake_logits: _as_real(real_logits).sum() + F.softplus(fake_logits).sum(),
            "you summed over the batch. An expectation is a mean, or the loss would grow with the batch.",
        ),
        Mistake(
            _halves(_as_real, lambda fake: 0 * fake),
            "generated images don't count. Then calling everything real is perfect.",
        ),
        Mistake(
            _halves(lambda real: 0 * real, F.softplus),
            "real images don't count. Then calling everything generated is perfect.",
        ),
        Mistake(
            _halves(F.logsigmoid, lambda fake: F.logsigmoid(-fake)),
            "this is the value V of the game, which the discriminator *maximises*. An optimiser minimises.",
        ),
        Mistake(
            _halves(_as_real, lambda fake: -F.softplus(fake)),
            "the half of the generated images has the wrong sign: it rewards being fooled.",
        ),
        Mistake(
            lambda real_logits, fake_logits: (
                discriminator_loss(torch.sigmoid(real_logits), torch.sigmoid(fake_logits)).loss
            ),
            "the sigmoid is applied twice: a function that takes logits applies one itself.",
        ),
        Mistake(
            _halves(lambda real: -torch.sigmoid(real).log(), lambda fake: -(1 - torch.sigmoid(fake)).log()),
            "right as mathematics, but sigmoid rounds to exactly 0 or 1 at large logits, and log(0) spoils value "
            "and gradient. Work with the logits themselves.",
        ),
        Mistake(
            _halves(
                lambda real: -(torch.sigmoid(real) + 1e-8).log(),
                lambda fake: -(1 - torch.sigmoid(fake) + 1e-8).log(),
            ),
            "a small number inside the logarithm hides log(0) but gives a wrong value, and no gradient, where the "
            "discriminator is confidently wrong. Work with the logits themselves.",
        ),
        Mistake(
            _halves(lambda real: clamped(real, 1.0), lambda fake: clamped(fake, 0.0)),
            "binary_cross_entropy on probabilities cuts the logarithm off at -100, and the gradient with it. "
            "There is a version which takes the logits.",
        ),
        Mistake(
            lambda real_logits, fake_logits: -real_logits.log().mean() - (1 - fake_logits).log().mean(),
            "you took the logits for probabilities. A logit may be any number; sigmoid makes a probability of it.",
        ),
        Mistake(
            lambda real_logits, fake_logits: (
                -torch.sigmoid(real_logits).mean().log() - torch.sigmoid(-fake_logits).mean().log()
            ),
            "you took the logarithm of the mean probability. It is the mean of the logarithms.",
        ),
        Mistake(
            _halves(lambda real: 1 - torch.sigmoid(real), torch.sigmoid),
            "the logarithms are missing: this counts how much probability went to the wrong side.",
        ),
        Mistake(
            _halves(lambda real: (real - 1).square(), torch.square),
            "this is the least-squares GAN's loss. It is a game as well, but not the one whose value was derived.",
        ),
        Mistake(
            _halves(lambda real: F.relu(1 - real), lambda fake: F.relu(1 + fake)),
            "this is the hinge loss. It is a game as well, but not the one whose value was derived.",
        ),
        Mistake(
            _halves(lambda real: -real, lambda fake: fake),
            "this is the Wasserstein critic's loss: logits without a logarithm. Nothing bounds it here.",
        ),
        Mistake(
            lambda real_logits, fake_logits: bce(real_logits, 0.9) + bce(fake_logits, 0.0),
            "real images get the label 0.9. One-sided label smoothing is a known trick, but not what was asked "
            "for.",
        ),
        Mistake(
            lambda real_logits, fake_logits: discriminator_loss(real_logits.detach(), fake_logits.detach()).loss,
            "the value is right, but no gradient reaches the logits: something like .item(), .detach() or no_grad "
            "cuts it off.",
        ),
        Mistake(
            lambda real_logits, fake_logits: discriminator_loss(real_logits, fake_logits.detach()).loss,
            "no gradient reaches the logits of the generated images. Detach the *images*, before the "
            "discriminator sees them; it has to learn from its own logits.",
        ),
    ),
)
