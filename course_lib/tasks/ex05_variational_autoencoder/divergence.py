r"""What a code costs where the prior isn't the standard one: the divergence of a Gaussian from a Gaussian.

:math:`D_{KL}\big(\mathcal N(\mu_q, \sigma_q^2)\,\|\,\mathcal N(\mu_p, \sigma_p^2)\big) = \tfrac12\big(\log\sigma_p^2 -
\log\sigma_q^2 + \frac{\sigma_q^2 + (\mu_q - \mu_p)^2}{\sigma_p^2} - 1\big)` (Kullback & Leibler 1951, Ann. Math. Stat.
22(1); for a learned prior: Kingma et al. 2014, arXiv:1406.5298).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.objectives import kl_per_dimension
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.parts import in_words, made_of

_F32, _F64 = torch.float32, torch.float64
GAUSSIANS = ("mu_q", "logvar_q", "mu_p", "logvar_p")


def gaussians(shape: tuple[int, ...], source: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
    """The means and log-variances of q and p, far from each other, that want gradients."""
    return {name: away_from_zero(shape, source, dtype=dtype).requires_grad_() for name in GAUSSIANS}


def _cases(seed: int) -> list[Case]:
    """Four images, one image, and float64."""
    source = generator(seed)
    return [gaussians(shape, source, dtype) for shape, dtype in [((4, 3), _F32), ((1, 5), _F32), ((6, 2), _F64)]]


def gaussian_kl(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    """The divergence of q from p in each dimension, (B, D): that from N(0, 1), in units in which p is that."""
    return kl_per_dimension((mu_q - mu_p) * torch.exp(-0.5 * logvar_p), logvar_q - logvar_p)


def _by_distributions(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    return kl_divergence(Normal(mu_q, torch.exp(0.5 * logvar_q)), Normal(mu_p, torch.exp(0.5 * logvar_p)))


def _by_variances(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    var_q, var_p = logvar_q.exp(), logvar_p.exp()
    return (logvar_p - logvar_q) / 2 + (var_q + (mu_q - mu_p) ** 2) / (2 * var_p) - 0.5


Term = Callable[[Tensor, Tensor], Tensor]


def _with(
    log: Term = lambda lq, lp: lp - lq,
    ratio: Term = lambda lq, lp: torch.exp(lq - lp),
    distance: Term = lambda mq, mp: (mq - mp).square(),
    unit: Term = lambda lq, lp: torch.exp(lp),
    one: float = 1.0,
    half: float = 0.5,
) -> Callable[..., Tensor]:
    """The formula with one part changed: half (log + ratio + distance / unit - one)."""

    def answer(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
        paid = distance(mu_q, mu_p) / unit(logvar_q, logvar_p)
        return half * (log(logvar_q, logvar_p) + ratio(logvar_q, logvar_p) + paid - one)

    return answer


def _reading(read: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """The right formula of log-variances that were read in another way."""
    return lambda mu_q, logvar_q, mu_p, logvar_p: gaussian_kl(mu_q, read(logvar_q), mu_p, read(logvar_p))


def _terms(case: Case, expected: Outputs, got: Outputs) -> str:
    """How often each term of the formula enters, if the answer is made of these."""
    mq, lq, mp, lp = (case[name].detach().double() for name in GAUSSIANS)  # type: ignore[union-attr]
    parts = {
        "the log of the prior's variance": lp,
        "the log of the posterior's variance": lq,
        "the ratio of the variances": torch.exp(lq - lp),
        "the squared distance over the prior's variance": (mq - mp).square() * torch.exp(-lp),
        "1": torch.ones_like(mq),
    }
    should = dict(zip(parts, (0.5, -0.5, 0.5, 0.5, -0.5), strict=True))
    made = made_of(got["the value"], parts)
    if not made:
        return ""
    off = [
        f"{'the 1' if name == '1' else name} enters with factor {made.get(name, 0):.3g}, where {right:g} is right"
        for name, right in should.items()
        if abs(made.get(name, 0) - right) > 1e-2
    ]
    return f"{'; '.join(off)}. All in all what came is {in_words(made)}." if off else ""


def _reduced(reduce: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda *gaussians: reduce(gaussian_kl(*gaussians))


GAUSSIAN_KL = Task(
    name="gaussian_kl",
    points=2,
    cases=_cases,
    reference=gaussian_kl,
    alternatives=(_by_distributions, _by_variances),
    explain=_terms,
    mistakes=(
        Mistake(
            _reduced(lambda kl: kl.sum(1)),
            "you added up the latent dimensions. Here every dimension keeps its own price, shape (B, D): task "
            "3 needs them apart.",
        ),
        Mistake(
            _reduced(lambda kl: kl.sum(1, keepdim=True)),
            "you added up the latent dimensions, and kept one column, (B, 1). Here every dimension keeps its own "
            "price, shape (B, D).",
        ),
        Mistake(
            _reduced(lambda kl: kl.mean(1, keepdim=True)),
            "you averaged over the latent dimensions, and kept one column, (B, 1). Each keeps its own price here, "
            "shape (B, D).",
        ),
        Mistake(
            _reduced(lambda kl: kl.mean(1)),
            "you averaged over the latent dimensions. Each keeps its own price here, shape (B, D).",
        ),
        Mistake(
            _reduced(lambda kl: kl.mean(0)),
            "you averaged over the batch. Each image keeps its own price here, shape (B, D).",
        ),
        Mistake(
            _reduced(lambda kl: kl.sum(0)),
            "you added up the batch. Each image keeps its own price here, shape (B, D).",
        ),
        Mistake(
            _reduced(torch.sum),
            "you added up everything. One price for each image and dimension was asked for, (B, D).",
        ),
        Mistake(
            _reduced(lambda kl: kl.sum(1).mean()),
            "this is the price of a whole code, averaged over the batch. One for each image and dimension was "
            "asked for, (B, D).",
        ),
        Mistake(
            _reduced(torch.mean),
            "you averaged over everything. One price for each image and dimension was asked for, (B, D).",
        ),
        Mistake(
            lambda mu_q, logvar_q, mu_p, logvar_p: gaussian_kl(mu_p, logvar_p, mu_q, logvar_q),
            "this is the divergence in the other direction, of the prior from the posterior: the variances "
            "changed places. KL isn't symmetric: the average is taken over codes drawn from q.",
        ),
        Mistake(
            lambda mu_q, logvar_q, mu_p, logvar_p: kl_per_dimension(mu_q, logvar_q),
            "this is the divergence from N(0, 1), as in the lesson. The prior here has a mean and a variance "
            "of its own.",
        ),
        Mistake(
            lambda mu_q, logvar_q, mu_p, logvar_p: (
                kl_per_dimension(mu_q, logvar_q) - kl_per_dimension(mu_p, logvar_p)
            ),
            "this is the difference of two divergences from N(0, 1). Divergences aren't distances that one may "
            "subtract: it can even be negative.",
        ),
        Mistake(_with(half=1.0), "the factor one half is missing. It stands before all, the logarithms included."),
        Mistake(
            _with(half=-0.5),
            "the sign is turned round. A divergence is never below 0; you have what is *added* in the ELBO.",
        ),
        Mistake(
            _with(one=0.0),
            "the 1 is missing. Test: where q and p agree, the price must be 0.",
        ),
        Mistake(
            _with(log=lambda lq, lp: lq - lp),
            "the logarithms have each other's sign. A posterior that is narrower than the prior says more, so "
            "it has to pay more: minus logvar_q.",
        ),
        Mistake(
            _with(log=lambda lq, lp: lp - lp),
            "the logarithms of the variances are missing. Then a posterior without any width would be the "
            "cheapest.",
        ),
        Mistake(
            _with(log=lambda lq, lp: -lq),
            "the logarithm of the prior's variance is missing: in the standard prior it was 0, here it isn't.",
        ),
        Mistake(
            _with(log=lambda lq, lp: (lp - lq) / 2),
            "the logarithms count half as much as they should: it is the log of the standard deviations' ratio "
            "that stands without a half of its own, or that of the variances with one.",
        ),
        Mistake(
            _with(ratio=lambda lq, lp: torch.exp(lp - lq)),
            "the ratio of the variances is upside down: the posterior's goes by the prior's, which is the unit.",
        ),
        Mistake(
            _with(ratio=lambda lq, lp: torch.exp(lq)),
            "the posterior's variance isn't measured in units of the prior's: divide by exp(logvar_p).",
        ),
        Mistake(
            _with(ratio=lambda lq, lp: torch.exp(0.5 * (lq - lp))),
            "the ratio of the standard deviations stands where that of the variances belongs. Which is "
            "exp(logvar)?",
        ),
        Mistake(
            _with(unit=lambda lq, lp: torch.ones_like(lp)),
            "the distance of the means isn't measured in units of the prior's width: divide its square by "
            "exp(logvar_p).",
        ),
        Mistake(
            _with(unit=lambda lq, lp: torch.exp(lq)),
            "the distance of the means is measured in units of the posterior. The unit is the prior's "
            "variance: it says how surprising a code is.",
        ),
        Mistake(
            _with(unit=lambda lq, lp: torch.exp(0.5 * lp)),
            "the squared distance of the means is divided by the prior's standard deviation. Its unit is the "
            "variance.",
        ),
        Mistake(
            _with(unit=lambda lq, lp: torch.exp(2 * lp)),
            "the squared distance of the means is divided by the square of the prior's variance. Its unit is the "
            "variance itself, exp(logvar_p).",
        ),
        Mistake(
            _with(unit=lambda lq, lp: torch.exp(-lp)),
            "the squared distance of the means is multiplied by the prior's variance where it should be divided.",
        ),
        Mistake(
            _with(distance=lambda mq, mp: torch.zeros_like(mq)),
            "the means play no part. A posterior that sits far from the prior's mean has to pay for it.",
        ),
        Mistake(
            _with(distance=lambda mq, mp: mq.square()),
            "the distance is taken from 0. What costs is how far q lies from the prior's own mean.",
        ),
        Mistake(
            _with(distance=lambda mq, mp: (mq - mp).abs()),
            "the distance of the means enters without its square.",
        ),
        Mistake(
            _with(distance=lambda mq, mp: mq - mp),
            "the difference of the means enters without its square.",
        ),
        Mistake(
            _with(distance=lambda mq, mp: mq.square() - mp.square()),
            "the difference of two squares stands where the square of the difference belongs.",
        ),
        Mistake(
            _with(distance=lambda mq, mp: (mq + mp).square()),
            "the means are added. What costs is how far they lie apart.",
        ),
        Mistake(
            _reading(lambda logvar: 2 * logvar),
            "you took logvar for the logarithm of the standard deviation, or gave variances to Normal, which "
            "takes standard deviations. It is the logarithm of the variance.",
        ),
        Mistake(
            _reading(lambda logvar: 0.5 * logvar),
            "there is a half too much inside the exponentials: exp(logvar) is the variance already, and Normal "
            "takes its root once.",
        ),
        Mistake(
            _reading(torch.log),
            "you took logvar for the variance itself, and took its logarithm once more.",
        ),
        Mistake(
            _reading(lambda logvar: 2 * logvar.log()),
            "you took logvar for the standard deviation. It is the logarithm of the variance.",
        ),
        Mistake(
            lambda mu_q, logvar_q, mu_p, logvar_p: -Normal(mu_p, torch.exp(0.5 * logvar_p)).log_prob(mu_q),
            "this is minus the prior's log-density at the posterior's mean. The posterior's width has its "
            "price, too.",
        ),
    ),
)
