r"""The surgery of the ELBO: what the mean KL to the prior is made of, estimated from one draw for each image.

:math:`\frac1N\sum_i KL(q(z|x_i) \| p(z)) = I(i; z) + KL(q(z) \| p(z))` with the aggregate posterior
:math:`q(z) = \frac1N\sum_j q(z|x_j)` (Hoffman & Johnson 2016, "ELBO surgery", NIPS workshop on approximate inference).
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from course_lib.objectives import kl_standard_normal
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator, normal

_F32, _F64 = torch.float32, torch.float64
Pair = tuple[Tensor, Tensor]
Answer = Callable[[Tensor, Tensor, Tensor], Any]
_CONSTANT = 0.5 * math.log(2 * math.pi)


def _cases(seed: int) -> list[Case]:
    """Clouds that overlap; many wide dimensions, where every density rounds to 0 in float32; clouds far apart in
    float64. Each z is drawn from its own cloud."""
    source = generator(seed)
    cases: list[Case] = []
    for num_images, latent_dim, spread, logvar, dtype in [
        (6, 2, 1.0, (-1.6, -0.6), _F32),
        (4, 60, 0.6, (1.2, 1.8), _F32),
        (5, 3, 3.0, (-2.0, -0.8), _F64),
    ]:
        mu = spread * away_from_zero((num_images, latent_dim), source, 0.2, 1.4, _F64)
        low, high = logvar
        logvars = low + (high - low) * torch.rand(mu.shape, generator=source, dtype=_F64)
        z = mu + torch.exp(0.5 * logvars) * normal(mu.shape, source, _F64)
        cases.append({"z": z.to(dtype), "mu": mu.to(dtype), "logvar": logvars.to(dtype)})
    return cases


def _each(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Log-density of every draw under every cloud, by dimension: (j, i, D), cloud j, draw i."""
    return Normal(mu[:, None], torch.exp(0.5 * logvar)[:, None]).log_prob(z)


def _prior(z: Tensor) -> Tensor:
    return Normal(0.0, 1.0).log_prob(z).sum(1)


def elbo_surgery(z: Tensor, mu: Tensor, logvar: Tensor) -> Pair:
    """Mutual information and marginal KL, scalars, from z, mu and logvar (N, D)."""
    each = _each(z, mu, logvar).sum(2)
    aggregate = each.logsumexp(0) - math.log(len(z))
    return (each.diagonal() - aggregate).mean(), (aggregate - _prior(z)).mean()


def _by_distributions(z: Tensor, mu: Tensor, logvar: Tensor) -> Pair:
    clouds = Independent(Normal(mu, torch.exp(0.5 * logvar)), 1)
    aggregate = MixtureSameFamily(Categorical(torch.ones_like(mu[:, 0])), clouds).log_prob(z)
    return (clouds.log_prob(z) - aggregate).mean(), (aggregate - _prior(z)).mean()


def _one_by_one(z: Tensor, mu: Tensor, logvar: Tensor) -> Pair:
    information, marginal = [], []
    for i, point in enumerate(z):
        each = -(0.5 * ((point - mu).square() / logvar.exp() + logvar) + _CONSTANT).sum(1)
        top = each.max()
        aggregate = top + (each - top).exp().mean().log()
        information.append(each[i] - aggregate)
        marginal.append(aggregate + (0.5 * point.square() + _CONSTANT).sum())
    return torch.stack(information).mean(), torch.stack(marginal).mean()


def _with(
    own: Callable[[Tensor], Tensor] = lambda each: each.sum(2).diagonal(),
    aggregate: Callable[[Tensor], Tensor] = lambda each: each.sum(2).logsumexp(0) - math.log(len(each)),
    prior: Callable[[Tensor], Tensor] = _prior,
    each: Callable[[Tensor, Tensor, Tensor], Tensor] = _each,
    made: Callable[[Tensor, Tensor, Tensor], Any] = lambda q, a, p: ((q - a).mean(), (a - p).mean()),
) -> Answer:
    """The surgery with one part changed: log q(z_i|x_i), log q(z_i), log p(z_i), all of them from the same densities,
    and what is made of the three."""

    def answer(z: Tensor, mu: Tensor, logvar: Tensor) -> Any:
        densities = each(z, mu, logvar)
        return made(own(densities), aggregate(densities), prior(z))

    return answer


def _under(scale: Callable[[Tensor], Tensor]) -> Answer:
    """Densities with another standard deviation than exp(logvar / 2)."""
    return lambda z, mu, logvar: Normal(mu[:, None], scale(logvar)[:, None]).log_prob(z)


def _without_own(each: Tensor, divided_by: int) -> Tensor:
    others = each.sum(2).masked_fill(torch.eye(len(each), dtype=torch.bool), -math.inf)
    return others.logsumexp(0) - math.log(len(each) - divided_by)


def _with_closed_kl(made: Callable[[Tensor, Tensor, Tensor], Pair]) -> Answer:
    """What is made of the two numbers and the mean of the KL in closed form."""
    return lambda z, mu, logvar: made(*elbo_surgery(z, mu, logvar), kl_standard_normal(mu, logvar).mean())


def _fitted(z: Tensor, mu: Tensor, logvar: Tensor) -> Pair:
    own = _each(z, mu, logvar).sum(2).diagonal()
    width = (mu.var(0, correction=0) + logvar.exp().mean(0)).sqrt()
    aggregate = Normal(mu.mean(0), width).log_prob(z).sum(1)
    return (own - aggregate).mean(), (aggregate - _prior(z)).mean()


def _naive(z: Tensor, mu: Tensor, logvar: Tensor) -> Pair:
    each = _each(z, mu, logvar).sum(2)
    aggregate = each.exp().mean(0).log()
    return (each.diagonal() - aggregate).mean(), (aggregate - _prior(z)).mean()


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which of the two numbers is right, or whether their sum is."""
    (information, came_information), (marginal, came_marginal) = (
        (expected[name].double().item(), got[name].double().item()) for name in expected
    )
    z = case["z"]
    assert isinstance(z, Tensor)

    def near(a: float, c: float) -> bool:
        return abs(a - c) <= 1e-3 * max(1.0, abs(c))

    if z.shape[1] > 20:
        return (
            "it is right where densities fit into a float. In 60 dimensions they round to 0, and a small number inside "
            "of the logarithm, or a clamp, only hides that. Take the largest log-density out before exp."
        )
    if near(came_information + came_marginal, information + marginal):
        return (
            f"the two add up as they should, to {information + marginal:.4g}; but the line between them is drawn at "
            f"the wrong place: log q(z) is off by {came_marginal - marginal:+.4g} on average (log N is "
            f"{math.log(len(z)):.4g}). It is the logarithm of the mean of q(z_i|x_j) over all j, i among them."
        )
    if near(came_information, information):
        return (
            "the mutual information is right, the marginal KL isn't: that is the mean of log q(z_i) - log p(z_i)."
        )
    if near(came_marginal, marginal):
        return (
            "the marginal KL is right, the mutual information isn't: that is the mean of log q(z_i|x_i) - log q(z_i), "
            "each draw under its own cloud."
        )
    return ""


ELBO_SURGERY = Task(
    name="elbo_surgery",
    points=2,
    cases=_cases,
    reference=elbo_surgery,
    alternatives=(_by_distributions, _one_by_one),
    explain=_told,
    rtol=3e-4,
    atol=1e-4,
    mistakes=(
        Mistake(
            _with(aggregate=lambda each: each.sum(2).logsumexp(0)),
            "log N is missing: the aggregate posterior is the *mean* of the clouds, here it is their sum. The mutual "
            "information came out too small by log N, the marginal KL too large.",
        ),
        Mistake(
            _with(aggregate=lambda each: each.sum(2).logsumexp(0) + math.log(len(each))),
            "log N has the wrong sign: the mean of N clouds is their sum over N, so log N is taken off.",
        ),
        Mistake(
            _with(aggregate=lambda each: each.sum(2).logsumexp(0) - math.log(each.shape[2])),
            "log D was taken off, the number of latent dimensions. The mean is over the N clouds.",
        ),
        Mistake(
            _with(aggregate=lambda each: _without_own(each, 1)),
            "the own cloud of each draw was left out of the aggregate. It is one of the N that q(z) is made of; "
            "without it the mutual information has no upper end (with it, that is log N).",
        ),
        Mistake(
            _with(aggregate=lambda each: _without_own(each, 0)),
            "the own cloud of each draw was left out of the sum, though the sum is divided by N. All N clouds belong "
            "to q(z), the own one too.",
        ),
        Mistake(
            _with(aggregate=lambda each: each.sum(2).mean(0)),
            "this is the mean of log-densities. q(z) is a mean of densities: the logarithm comes after the mean.",
        ),
        Mistake(
            _with(aggregate=lambda each: each.sum(2).logsumexp(1) - math.log(len(each))),
            "the mean is over draws, under one cloud each. q(z_i) is one draw under all clouds: the other dimension of "
            "your (N, N) matrix.",
        ),
        Mistake(
            _with(aggregate=lambda each: (each.logsumexp(0) - math.log(len(each))).sum(1)),
            "the clouds were averaged in each dimension by itself, and the dimensions added up after that. Then q(z) "
            "is a product of its marginals. A cloud is whole: add over dimensions first, then average over clouds.",
        ),
        Mistake(
            _naive,
            "right as mathematics, but with 60 dimensions every density rounds to 0 in float32, and the logarithm of "
            "that is -inf. Your importance_weighted_bound takes the logarithm of a mean without leaving logarithms.",
        ),
        Mistake(
            _fitted,
            "the aggregate was replaced by one Gaussian with the same mean and width. q(z) is a mixture of N clouds, "
            "and how it differs from one Gaussian is what the marginal KL tells.",
        ),
        Mistake(
            _with(each=_under(lambda logvar: logvar.exp())),
            "exp(logvar) is the variance. The standard deviation is its root, exp(logvar / 2).",
        ),
        Mistake(
            _with(each=_under(lambda logvar: (2 * logvar).exp())),
            "exp(2 logvar) is the variance squared. The standard deviation is the variance's root, exp(logvar / 2).",
        ),
        Mistake(
            lambda z, mu, logvar: tuple(reversed(elbo_surgery(z, mu, logvar))),
            "the two changed places: the mutual information is asked for first.",
        ),
        Mistake(
            _with(made=lambda q, a, p: ((a - q).mean(), (a - p).mean())),
            "the mutual information has the wrong sign: a draw is more likely under its own cloud than under the mean "
            "of all.",
        ),
        Mistake(
            _with(made=lambda q, a, p: ((q - a).mean(), (p - a).mean())),
            "the marginal KL has the wrong sign: it is log q(z) - log p(z), for z from q.",
        ),
        Mistake(
            _with(made=lambda q, a, p: ((a - q).mean(), (p - a).mean())),
            "both have the wrong sign.",
        ),
        Mistake(
            _with(made=lambda q, a, p: ((q - a).mean(), (q - p).mean())),
            "the second number is the whole KL, both parts together. The marginal KL is that of q(z), the mean of all "
            "clouds, not of each cloud.",
        ),
        Mistake(
            _with(made=lambda q, a, p: ((q - p).mean(), (a - p).mean())),
            "the first number is the whole KL, both parts together. The mutual information compares each cloud with "
            "q(z), not with the prior.",
        ),
        Mistake(
            _with(made=lambda q, a, p: (q - a, a - p)),
            "one value per image is left. The mean over all N draws is asked for, two scalars.",
        ),
        Mistake(
            _with(made=lambda q, a, p: (q - a).mean()),
            "the mutual information alone came back, and it is right. Return both numbers.",
        ),
        Mistake(
            _with(made=lambda q, a, p: ((q - a).sum(), (a - p).sum())),
            "you added the images up. The mean over all N draws is asked for.",
        ),
        Mistake(
            _with(made=lambda q, a, p: torch.stack([(q - a).mean(), (a - p).mean()])),
            "the numbers are right, in one tensor. Return two scalars, as a tuple.",
        ),
        Mistake(
            _with_closed_kl(lambda information, marginal, kl: (information, kl - information)),
            "the marginal KL is what the closed form of the KL leaves. That adds up by construction, so it tests "
            "nothing; and it is another number than the mean over these draws. Use log q(z_i) - log p(z_i).",
        ),
        Mistake(
            _with_closed_kl(lambda information, marginal, kl: (kl - marginal, marginal)),
            "the mutual information is what the closed form of the KL leaves. That adds up by construction, so it "
            "tests nothing; and it is another number than the mean over these draws. Use log q(z_i|x_i) - log q(z_i).",
        ),
        Mistake(
            _with(prior=lambda z: -0.5 * z.square().sum(1)),
            "the prior's constant is missing: its log-density is -z²/2 - log(2 pi)/2 in each dimension. It doesn't "
            "cancel if the clouds' own is there.",
        ),
        Mistake(
            _with(each=lambda z, mu, logvar: _each(z, mu, logvar) + _CONSTANT),
            "the constant of the clouds is missing, log(2 pi)/2 in each dimension. It doesn't cancel if the prior's is "
            "there.",
        ),
        Mistake(
            _with(each=lambda z, mu, logvar: _each(z, mu, logvar) + 0.5 * logvar[:, None]),
            "the clouds' densities lack -log sigma: without it wide clouds and narrow ones weigh the same.",
        ),
        Mistake(
            _with(
                own=lambda each: each.mean(2).diagonal(),
                aggregate=lambda each: each.mean(2).logsumexp(0) - math.log(len(each)),
                prior=lambda z: Normal(0.0, 1.0).log_prob(z).mean(1),
            ),
            "you averaged over latent dimensions. Log-densities of independent dimensions add up.",
        ),
        Mistake(
            _with(prior=lambda z: torch.zeros_like(z[:, 0])),
            "the prior is missing from the marginal KL: what is left is minus the entropy of q(z).",
        ),
        Mistake(
            _with(each=lambda z, mu, logvar: _each(mu, z, logvar)),
            "z and mu changed places in the densities: the clouds stand at mu, and z is what was drawn.",
        ),
        Mistake(
            lambda z, mu, logvar: elbo_surgery(mu, mu, logvar),
            "the means of the clouds were used in place of the draws. z_i is what was drawn from cloud i.",
        ),
    ),
)
