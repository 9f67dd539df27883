r"""A draw of a Laplace distribution out of a uniform number, by the inverse of its distribution function.

:math:`F(z) = \tfrac12 e^{(z - \mu)/b}` below :math:`\mu` and :math:`1 - \tfrac12 e^{-(z - \mu)/b}` above it, so
:math:`F^{-1}(u) = \mu + b \log 2u` for :math:`u \le \tfrac12` and :math:`\mu - b \log 2(1 - u)` above (Devroye 1986,
Non-Uniform Random Variate Generation, II.2). The form :math:`\mu - b\,\mathrm{sgn}(u - \tfrac12) \log(1 - 2|u -
\tfrac12|)` is the same on paper and gives minus infinity in the lower tail, where u - 1/2 rounds to -1/2.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Laplace, Normal

from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor, Tensor, Tensor], Tensor]


def _cases(seed: int) -> list[Case]:
    """Several rows, one row, float64: both halves in each, and both tails: down to 1e-30, and up to the last number
    below 1."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, dtype in [((5, 4), _F32), ((1, 6), _F32), ((3, 4), _F64)]:
        u = 0.05 + 0.4 * torch.rand(shape, generator=source, dtype=_F64)
        flat = u.flatten()
        flat[1::2] = 1 - flat[1::2]
        low, high = torch.rand(2, generator=source, dtype=_F64).tolist()
        flat[2], flat[3] = 1e-30 * (1 + low), 1 - 2 ** (-20 - 3 * round(high))
        loc, log_scale = (away_from_zero(shape, source, dtype=dtype).requires_grad_() for _ in range(2))
        cases.append({"u": flat.reshape(shape).to(dtype), "loc": loc, "log_scale": log_scale})
    return cases


def laplace_draw(u: Tensor, loc: Tensor, log_scale: Tensor) -> Tensor:
    """The z below which a Laplace distribution has the probability u in (0, 1); exact in both tails."""
    return loc + torch.exp(log_scale) * _standard(u)


def _standard(u: Tensor) -> Tensor:
    return torch.where(u < 0.5, torch.log(2 * u), -torch.log(2 * (1 - u)))


def _folded(u: Tensor) -> Tensor:
    """One formula for both halves; it loses the lower tail."""
    return -(u - 0.5).sign() * torch.log1p(-2 * (u - 0.5).abs())


def _with(
    standard: Callable[[Tensor], Tensor] = _standard,
    scale: Callable[[Tensor], Tensor] = torch.exp,
    put: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda loc, scale, e: loc + scale * e,
) -> Answer:
    """The draw with one part changed: its standard form, the scale, how the three are put together."""
    return lambda u, loc, log_scale: put(loc, scale(log_scale), standard(u))


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which half of the draws is right, where one is."""
    u = case["u"]
    assert isinstance(u, Tensor)
    right = torch.isclose(got["the value"].double(), expected["the value"].double(), rtol=1e-4, atol=1e-5)
    tail = u < 1e-20
    if bool(right[~tail].all()) and not bool(right[tail].any()):
        return (
            "all draws are right but those whose u is next to 0. Something is added to u or taken from it first, or u "
            "is clamped, and in that sum a tiny u is lost."
        )
    for half, name in ((u < 0.5, "below"), (u > 0.5, "above")):
        if bool(right[half].all()) and not bool(right[~half].any()):
            return f"draws are right where u is {name} 1/2, and wrong on the other side."
    return ""


LAPLACE_DRAW = Task(
    name="laplace_draw",
    points=2,
    cases=_cases,
    reference=laplace_draw,
    alternatives=(
        lambda u, loc, log_scale: (
            loc - log_scale.exp() * (u - 0.5).sign() * torch.log(2 * torch.minimum(u, 1 - u))
        ),
        lambda u, loc, log_scale: (
            loc + log_scale.exp() * (torch.log(2 * u).clamp(max=0) - torch.log(2 - 2 * u).clamp(max=0))
        ),
    ),
    explain=_told,
    mistakes=(
        Mistake(
            _with(_folded),
            "on paper this is right, and in floating point it loses the lower tail: at u = 1e-30 the difference u - "
            "1/2 is exactly -1/2, and the logarithm of 0 comes out. In the lower half take the logarithm of u itself.",
        ),
        Mistake(
            _with(lambda u: -_folded(u)),
            "the draws are mirrored: z has to rise with u. And in the lower tail u - 1/2 is exactly -1/2 in floating "
            "point, so that the logarithm of 0 comes out.",
        ),
        Mistake(
            _with(lambda u: _folded(u).abs()),
            "all draws lie above loc: half of them belong below it. And in the lower tail u - 1/2 is exactly -1/2 in "
            "floating point, so that the logarithm of 0 comes out.",
        ),
        Mistake(
            _with(lambda u: -_folded(u).abs()),
            "all draws lie below loc: half of them belong above it. And in the lower tail u - 1/2 is exactly -1/2 in "
            "floating point, so that the logarithm of 0 comes out.",
        ),
        Mistake(
            _with(lambda u: -u.sign() * torch.log(1 - 2 * u.abs())),
            "this formula is for a u between -1/2 and 1/2, and gives nan above 1/2. Here u lies in (0, 1).",
        ),
        Mistake(
            lambda u, loc, log_scale: laplace_draw(u, log_scale, loc),
            "loc and log_scale changed places.",
        ),
        Mistake(
            _with(lambda u: _standard(u.clamp(1e-6, 1 - 1e-6))),
            "u was clamped, so both tails are cut off. u lies in (0, 1) and needs no clamp: a formula that takes the "
            "logarithm of u where u is small, and of 1 - u where it is large, is finite by itself.",
        ),
        Mistake(
            _with(lambda u: -_standard(u)),
            "the draws are mirrored. They have the right distribution, but aren't the inverse of the distribution "
            "function, which rises: a larger u gives a larger z.",
        ),
        Mistake(
            _with(lambda u: torch.log(2 * u)),
            "the formula of the lower half was used for the upper half too. Above u = 1/2 the distribution function is "
            "another one.",
        ),
        Mistake(
            _with(lambda u: -torch.log(2 * (1 - u))),
            "the formula of the upper half was used for the lower half too. Below u = 1/2 the distribution function is "
            "another one.",
        ),
        Mistake(
            _with(lambda u: torch.where(u < 0.5, -torch.log(2 * (1 - u)), torch.log(2 * u))),
            "the two halves changed places: each u got the other half's formula. Above the centre z exceeds loc.",
        ),
        Mistake(
            _with(lambda u: torch.where(u < 0.5, torch.log(2 * u), torch.log(2 * (1 - u)))),
            "all draws lie below loc: the sign of the upper half is wrong. Solve u = 1 - exp(-(z - loc) / b) / 2.",
        ),
        Mistake(
            _with(lambda u: torch.where(u < 0.5, -torch.log(2 * u), -torch.log(2 * (1 - u)))),
            "all draws lie above loc: in the lower half log 2u is negative already, and has to stay so.",
        ),
        Mistake(
            lambda u, loc, log_scale: (
                loc + log_scale.exp() * torch.where(u < loc, torch.log(2 * u), -torch.log(2 * (1 - u)))
            ),
            "the halves are split where u meets loc. But u is a probability and loc is a place. Which half a draw is "
            "in, u alone says: it lies below or above F(loc).",
        ),
        Mistake(
            _with(lambda u: torch.where(u < 0.5, torch.log(u), -torch.log(1 - u))),
            "the 2 inside the logarithm is missing. At u = 1/2 both halves have to give loc; yours leave a gap there.",
        ),
        Mistake(
            _with(lambda u: torch.where(u < 0.5, torch.log(u / 2), -torch.log((1 - u) / 2))),
            "the 2 divides where it should multiply: u = exp(...) / 2 is solved by the logarithm of 2u.",
        ),
        Mistake(
            _with(lambda u: torch.log(u) - torch.log1p(-u)),
            "these are draws of a logistic distribution, log(u / (1 - u)). Laplace's function has two halves.",
        ),
        Mistake(
            _with(lambda u: -torch.log(1 - u)),
            "these are draws of an exponential distribution, shifted: none lies below loc. A Laplace draw falls on "
            "both sides of it.",
        ),
        Mistake(
            _with(lambda u: -torch.log(u)),
            "these are draws of an exponential distribution, shifted: none lies below loc, and they fall as u rises. A "
            "Laplace draw falls on both sides of loc.",
        ),
        Mistake(
            _with(lambda u: -torch.log(-torch.log(u))),
            "these are Gumbel draws. Their distribution function is exp(-exp(-z)), Laplace's has two halves.",
        ),
        Mistake(
            lambda u, loc, log_scale: Normal(loc, log_scale.exp()).icdf(u),
            "these are draws of a Gaussian.",
        ),
        Mistake(
            _with(scale=lambda log_scale: log_scale),
            "log_scale was taken for the scale b itself. It is the logarithm of b.",
        ),
        Mistake(
            _with(scale=lambda log_scale: torch.exp(0.5 * log_scale)),
            "the scale is exp(0.5 * log_scale). That one half belongs to a log-variance; this is the logarithm of b.",
        ),
        Mistake(
            _with(scale=lambda log_scale: torch.exp(-log_scale)),
            "the noise is divided by the scale. Solving for z - loc leaves b as a factor.",
        ),
        Mistake(_with(scale=torch.ones_like), "log_scale plays no part: the scale is 1 always."),
        Mistake(
            _with(put=lambda loc, scale, e: (loc + e) * scale),
            "loc was scaled too. First the noise is scaled, then loc is added.",
        ),
        Mistake(
            _with(put=lambda loc, scale, e: scale * e + 0 * loc), "loc plays no part: the draws are around 0."
        ),
        Mistake(
            _with(put=lambda loc, scale, e: (loc + scale * e).detach()),
            "the draws are right, but no gradient reaches loc and log_scale: something like .detach(), .data, no_grad "
            "or .sample() cuts it off.",
        ),
        Mistake(
            _with(put=lambda loc, scale, e: loc + scale.detach() * e),
            "the draws are right, but no gradient reaches log_scale: the scale is cut off.",
        ),
        Mistake(
            _with(put=lambda loc, scale, e: loc.detach() + scale * e),
            "the draws are right, but no gradient reaches loc.",
        ),
        Mistake(
            lambda u, loc, log_scale: Laplace(loc, log_scale.exp()).rsample(),
            "you drew a number of your own. The chance is in u: build z out of u, loc and log_scale.",
        ),
        Mistake(
            lambda u, loc, log_scale: Laplace(loc, log_scale.exp()).cdf(u),
            "this is the distribution function at u, a probability. Its inverse was asked for: the z below which the "
            "probability is u.",
        ),
        Mistake(
            _with(lambda u: torch.where(u < 0.5, torch.log(2 * u), -torch.log(2 * (1 - u)))[:1].expand_as(u)),
            "every row got the noise of the first one. Each needs its own.",
        ),
    ),
)
