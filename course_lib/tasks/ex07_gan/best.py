r"""The best answer to a given generator, where real points and generated ones don't come equally often.

Goodfellow et al. 2014, arXiv:1406.2661, proposition 1, with the shares of a mixture in front of the densities.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


def _cases(seed: int) -> list[Case]:
    """Log-densities of a batch, far out where the densities themselves are 0 in float32, at one point, in float64."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, far, share, dtype in [
        ((6,), 0.0, 0.2, _F32),
        ((4,), 400.0, 0.7, _F32),
        ((1,), 0.0, 0.85, _F32),
        ((3,), 0.0, 0.1, _F64),
    ]:
        log_p = away_from_zero(shape, source, 0.3, 1.5, dtype) - 2
        log_p[1:] -= far  # beside a point near the data: what is taken off must fit each point
        cases.append(
            {"log_p": log_p, "log_q": log_p + away_from_zero(shape, source, 0.4, 1.6, dtype), "share": share}
        )
    return cases


def _odds(share: float) -> float:
    return math.log(share) - math.log1p(-share)


def best_discriminator(log_p: Tensor, log_q: Tensor, share: float) -> Tensor:
    """The probability that a point is real, (B,), if a ``share`` of all points is."""
    return torch.sigmoid(log_p - log_q + _odds(share))


def _by_log_sum(log_p: Tensor, log_q: Tensor, share: float) -> Tensor:
    real, fake = log_p + math.log(share), log_q + math.log1p(-share)
    return torch.exp(real - torch.logaddexp(real, fake))


def _by_ratio(log_p: Tensor, log_q: Tensor, share: float) -> Tensor:
    return share / (share + (1 - share) * torch.exp(log_q - log_p))


def _of_the_odds(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether it is a probability, right far from all data too, and by how much its logit is off."""
    came, right = got["the value"].double(), expected["the value"].double()
    if bool(((came < 0) | (came > 1)).any()):
        return f"a probability lies between 0 and 1, and {came.min():.3g} to {came.max():.3g} came."
    if bool((torch.as_tensor(case["log_p"]) < -100).any()):
        return (
            "near the data it is right, but far from all data both densities round to 0, and what you put in "
            "their place decides. Stay with the logarithms: only their difference matters."
        )
    off = torch.logit(came) - torch.logit(right)
    if len(off) > 1 and bool(off.isfinite().all() and torch.isclose(off, off[0], rtol=1e-3, atol=1e-4).all()):
        return (
            f"the logit is off by {off[0].item():.3g} at every point. What the share adds to it is one number, the "
            f"same for all points: {_odds(float(case['share'])):.3g} for a share of {case['share']:g}."
        )
    if len(came) > 1 and bool(torch.isclose(came.sum(), torch.ones_like(came.sum()), rtol=1e-4)):
        return "the values add up to 1 over the batch. Each point has a probability of its own."
    return ""


BEST_DISCRIMINATOR = Task(
    name="best_discriminator",
    points=2,
    explain=_of_the_odds,
    cases=_cases,
    reference=best_discriminator,
    alternatives=(_by_log_sum, _by_ratio),
    mistakes=(
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q),
            "the share plays no part: this is right only where as many points are real as are generated.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q - _odds(share)),
            "the share is turned round: it was taken for that of the generated points. The more points are real, the "
            "likelier each of them is.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_q - log_p - _odds(share)),
            "this is the probability that a point is *generated*. D is near 1 where real points are dense and "
            "generated ones are rare.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_q - log_p + _odds(share)),
            "the two densities changed places. D is the probability that a point is *real*, so it is near 1 where "
            "the data are dense and the generator's points are rare.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_q - log_p),
            "the two densities changed places, and the share plays no part.",
        ),
        Mistake(
            lambda log_p, log_q, share: share * torch.sigmoid(log_p - log_q),
            "the share was multiplied with the probability of the equal game. It weighs the density p instead, "
            "above and below the fraction line.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(share * (log_p - log_q)),
            "the share was multiplied with the logarithms. It multiplies the densities; their logarithms get "
            "a summand each.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(share * log_p - (1 - share) * log_q),
            "the shares were multiplied with the logarithms. They multiply the densities; their logarithms get "
            "a summand each.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q + share - (1 - share)),
            "the shares themselves were added to the logarithms. A factor of a density becomes a summand of its "
            "logarithm: the logarithm of the factor.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q + share),
            "the share itself was added to the logarithms. A factor of a density becomes a summand of its "
            "logarithm, and 1 - share is a factor too.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q + math.log(share)),
            "only p is weighed. The generated points have a share too, 1 - share.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q - math.log1p(-share)),
            "only q is weighed, by 1 - share. The real points' density has the factor share.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q + math.log(share) + math.log1p(-share)),
            "the share of the generated points has the wrong sign: it weighs q, which stands below the line.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(log_p - log_q + share / (1 - share)),
            "the odds of the shares were added as they are. Beside logarithms of densities stands their logarithm.",
        ),
        Mistake(
            lambda log_p, log_q, share: log_p - log_q + _odds(share),
            "this is the logit. It may be any number; a probability lies between 0 and 1.",
        ),
        Mistake(
            lambda log_p, log_q, share: F.logsigmoid(log_p - log_q + _odds(share)),
            "this is the logarithm of D. The probability itself was asked for.",
        ),
        Mistake(
            lambda log_p, log_q, share: share * log_p.exp() / (share * log_p.exp() + (1 - share) * log_q.exp()),
            "right as mathematics, but far from all data both densities round to 0, and 0/0 is nan. Stay with the "
            "logarithms: only their difference matters.",
        ),
        Mistake(
            lambda log_p, log_q, share: (
                share * log_p.exp() / (share * log_p.exp() + (1 - share) * log_q.exp() + 1e-8)
            ),
            "a small number in the denominator hides 0/0, but far from all data the answer becomes 0 whatever the "
            "densities say. Stay with the logarithms: only their difference matters.",
        ),
        Mistake(
            lambda log_p, log_q, share: share / (1 - share) * torch.exp(log_p - log_q),
            "these are the odds, real against generated, which may exceed 1. The probability weighs the real points "
            "against all points.",
        ),
        Mistake(
            lambda log_p, log_q, share: share * log_p / (share * log_p + (1 - share) * log_q),
            "you took the logarithms for the densities themselves.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(torch.sigmoid(log_p - log_q + _odds(share))),
            "the sigmoid is applied twice. Where real points are much denser the answer should come close to 1.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.sigmoid(share * log_p.exp() - (1 - share) * log_q.exp()),
            "the sigmoid wants the difference of the *logarithms*; you gave it that of the densities.",
        ),
        Mistake(
            lambda log_p, log_q, share: (log_p - log_q + _odds(share) > 0).to(log_p),
            "this is a decision, yes or no. The best discriminator says how sure it can be.",
        ),
        Mistake(
            lambda log_p, log_q, share: torch.full_like(log_p, share),
            "the share alone is the answer only where both densities are equal.",
        ),
    ),
)
