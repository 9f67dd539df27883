r"""Which numbers of a code speak, what each says at most, and what it pays without saying anything.

A number is active if the posterior's mean varies, :math:`\mathrm{Var}_x(\mu) > t` (Burda et al. 2016, arXiv:1509.00519,
section 5.3). Its mean KL is the sum of two parts that are never below 0. Codes drawn for all images have the variance
:math:`s^2 = \mathrm{Var}_x(\mu) + \overline{\sigma^2}`, and

.. math:: \overline{KL} = \tfrac12\big(\log s^2 - \overline{\log \sigma^2}\big)
          + \tfrac12\big(\bar\mu^2 + s^2 - 1 - \log s^2\big).

The second is the KL of the Gaussian with the codes' mean and variance; the first is at least the mutual information of
number and image, since no density of that variance has more entropy than the Gaussian.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.objectives import kl_per_dimension
from course_lib.probes.ex06 import REPORT, reported
from course_lib.tasks.core import Case, Mistake, Outputs, Task, generator

_F32, _F64 = torch.float32, torch.float64
Part = Callable[..., Tensor]


def _cases(seed: int) -> list[Case]:
    """Five kinds of numbers, in any order: one that speaks; one that sits off 0 and says nothing; one asleep; one whose
    means' standard deviation exceeds the threshold, and their variance doesn't; one that speaks by its width alone.
    Eight images, one, and float64."""
    source = generator(seed)
    cases: list[Case] = []
    sleeping = ((0.12, -0.3), (0.1, -0.3), (0.008, -0.55))  # mean and log-variance
    sizes = (8, 0.05, _F32), (1, 0.01, _F32), (6, 0.03, _F64)
    for (batch, threshold, dtype), (off, wide) in zip(sizes, sleeping, strict=True):
        root = threshold**0.5
        spread = torch.tensor([0.9, 0.3 * root, 0.07 * root, 0.6 * root, 0.4 * root], dtype=_F64)
        spread = spread * (0.9 + 0.2 * torch.rand(5, generator=source, dtype=_F64))
        centre = torch.tensor([0.4, 1.3, off, -0.5, -0.3], dtype=_F64)
        width = torch.tensor([-4.0, -0.6, wide, -0.4, -5.0], dtype=_F64)
        vary = torch.tensor([0.2, 0.1, 0.1, 0.1, 1.0], dtype=_F64)
        noise = torch.stack([_unit(batch, source) for _ in range(10)], dim=1)
        mu = centre + spread * noise[:, :5]
        logvar = width + vary * noise[:, 5:]
        order = torch.randperm(5, generator=source)
        cases.append({"mu": mu[:, order].to(dtype), "logvar": logvar[:, order].to(dtype), "threshold": threshold})
    return cases


def _unit(batch: int, source: torch.Generator) -> Tensor:
    """Numbers of mean 0 and variance 1, no two alike; a single one is just a number."""
    x = torch.randn(batch, generator=source, dtype=_F64)
    return x if batch == 1 else (x - x.mean()) / x.std(correction=0)


def unit_report(
    mu: Tensor,
    logvar: Tensor,
    threshold: float,
    *,
    var: Callable[[Tensor], Tensor] = lambda mu: mu.var(0, correction=0),
    active: Callable[[Tensor, Tensor, float], Tensor] = lambda mu, logvar, t: mu.var(0, correction=0) > t,
    drawn: Callable[[Tensor, Tensor], Tensor] = lambda var, logvar: var + logvar.exp().mean(0),
    told: Callable[[Tensor, Tensor], Tensor] = lambda s2, logvar: 0.5 * (s2.log() - logvar.mean(0)),
    wasted: Callable[[Tensor, Tensor], Tensor] = lambda mean, s2: 0.5 * (mean.square() + s2 - 1 - s2.log()),
    mean: Callable[[Tensor], Tensor] = lambda mu: mu.mean(0),
    returned: Callable[[Tensor, Tensor, Tensor], Any] = lambda active, told, wasted: (active, told, wasted),
) -> Any:
    """Active, told and wasted, (D,) each; what stands after the star is changed by mistakes."""
    s2 = drawn(var(mu), logvar)
    return returned(active(mu, logvar, threshold), told(s2, logvar), wasted(mean(mu), s2))


def _with(**parts: Callable[..., Any]) -> Callable[[Tensor, Tensor, float], Any]:
    return lambda mu, logvar, threshold: unit_report(mu, logvar, threshold, **parts)


def _by_difference(mu: Tensor, logvar: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """Another style: the waste as a divergence of Gaussians, what is told as what is left of the KL."""
    total = kl_divergence(Normal(mu, torch.exp(0.5 * logvar)), Normal(0.0, 1.0)).mean(0)
    square = mu.square().mean(0) - mu.mean(0).square()
    wasted = kl_divergence(Normal(mu.mean(0), (square + logvar.exp().mean(0)).sqrt()), Normal(0.0, 1.0))
    return square > threshold, total - wasted, wasted


def _kl(mu: Tensor, logvar: Tensor) -> Tensor:
    return kl_per_dimension(mu, logvar).mean(0)


def _all_of_it(mu: Tensor, logvar: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    active, _, wasted = unit_report(mu, logvar, threshold)
    return active, _kl(mu, logvar), wasted


def _total_wasted(mu: Tensor, logvar: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    active, told, _ = unit_report(mu, logvar, threshold)
    return active, told, _kl(mu, logvar)


def _split_by_flag(mu: Tensor, logvar: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    active, kl = mu.var(0, correction=0) > threshold, _kl(mu, logvar)
    return active, torch.where(active, kl, 0.0), torch.where(active, 0.0, kl)


def _of_mean_posterior(mu: Tensor, logvar: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """The mean posterior's KL, with the mean of the log-variances as its log-variance."""
    active = mu.var(0, correction=0) > threshold
    wasted = _kl(mu.mean(0, keepdim=True), logvar.mean(0, keepdim=True))
    return active, _kl(mu, logvar) - wasted, wasted


def _told_words(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which of the three are right, and whether two of them add up."""
    right = [n for n in REPORT if torch.allclose(got[n].double(), expected[n].double(), rtol=1e-4, atol=1e-5)]
    off = [n for n in REPORT if n not in right]
    if off == ["active"]:
        return (
            "told and wasted are right, active isn't. It asks whether the variance of the posterior's mean, over the "
            "images, exceeds the threshold."
        )
    total = expected["told"].double() + expected["wasted"].double()
    adds = torch.allclose(got["told"].double() + got["wasted"].double(), total, rtol=1e-3, atol=1e-4)
    sums = (
        "told and wasted add up to the mean KL, as they should, so the cut is in the wrong place: look at s²"
        if adds
        else "told and wasted don't add up to the mean KL, and they should"
    )
    return f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} off. Here {sums}." if off else ""


UNIT_REPORT = Task(
    name="unit_report",
    points=2,
    cases=_cases,
    reference=unit_report,
    alternatives=(_by_difference,),
    probe=reported,
    explain=_told_words,
    mistakes=(
        Mistake(
            _with(var=lambda mu: mu.var(0)),
            "s² has the variance that divides by B - 1, which is nan for a single image. It divides by B "
            "(correction=0); only then do the two parts add up to the KL.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: mu.std(0, correction=0) > t),
            "the standard deviation was held against the threshold. It is the variance that has to exceed it.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: mu.square().mean(0) > t),
            "the mean square was held against the threshold. A number that sits off 0 for every image says nothing: "
            "take the mean over the images off first.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: mu.abs().mean(0) > t),
            "the mean size of mu was held against the threshold. A number that sits off 0 for every image says "
            "nothing: "
            "what counts is how much the mean varies.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: _kl(mu, logvar) > t),
            "the KL was held against the threshold. A number that sits off 0 pays, and says nothing: what counts is "
            "the "
            "variance of the posterior's mean.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: mu.var(0, correction=0) + logvar.exp().mean(0) > t),
            "the variance of drawn codes was held against the threshold. It is near 1 in a number that is asleep, too: "
            "the posterior's noise is no speech. The mean's variance alone counts.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: logvar.exp().mean(0) > t),
            "the posterior's own variance was held against the threshold. It is large where a number is asleep. What "
            "counts is how the posterior's mean varies over the images.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: mu.var(0, correction=0) < t),
            "active is turned round: these are the numbers that are asleep.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: (mu.var(0, correction=0) > t).to(mu.dtype)),
            "active is made of numbers. Truth values were asked for, as a comparison gives them.",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: (mu.var(0, correction=0) > t).sum()),
            "the active numbers were counted. One truth value for each was asked for, (D,).",
        ),
        Mistake(
            _with(active=lambda mu, logvar, t: mu.var(0, correction=0)),
            "the variances came in place of the comparison: active says for each whether it exceeds the threshold.",
        ),
        Mistake(
            _with(drawn=lambda var, logvar: logvar.exp().mean(0)),
            "s² is the posterior's own variance alone. Codes drawn for all images scatter because of their means "
            "too: the "
            "two variances add up.",
        ),
        Mistake(
            _with(drawn=lambda var, logvar: var),
            "s² is the variance of the means alone. Codes drawn for all images scatter because of the posterior's "
            "width "
            "too: the two variances add up.",
        ),
        Mistake(
            _with(drawn=lambda var, logvar: var + logvar.mean(0).exp()),
            "in s² the exponential of the mean logvar stands where the mean of the variances belongs: first exp, "
            "then the "
            "mean over images.",
        ),
        Mistake(
            _with(drawn=lambda var, logvar: var + torch.exp(0.5 * logvar).mean(0)),
            "in s² the standard deviation stands where the posterior's variance belongs: exp(logvar).",
        ),
        Mistake(
            _with(drawn=lambda var, logvar: var + torch.exp(0.5 * logvar).mean(0).square()),
            "in s² the mean standard deviation was squared. The mean of the variances belongs there: they are what "
            "adds "
            "up.",
        ),
        Mistake(
            _with(drawn=lambda var, logvar: var.sqrt() + torch.exp(0.5 * logvar).mean(0)),
            "in s² standard deviations are added. Variances add up, their roots don't.",
        ),
        Mistake(
            _with(drawn=lambda var, logvar: var + logvar.mean(0)),
            "in s² logvar was added as it is. It is a logarithm: the variance is exp(logvar).",
        ),
        Mistake(
            _with(told=lambda s2, logvar: 0.5 * (s2.log() - logvar.exp().mean(0).log())),
            "told has the logarithm of the mean variance. It is the mean of logvar that belongs there, the mean of "
            "logarithms; otherwise a number that tells by its width alone says nothing.",
        ),
        Mistake(
            _with(told=lambda s2, logvar: s2.log() - logvar.mean(0)),
            "told lacks its factor one half: a log-variance is twice a log of a standard deviation.",
        ),
        Mistake(
            _with(told=lambda s2, logvar: 0.5 * (logvar.mean(0) - s2.log())),
            "the sign of told is turned round. It is never below 0: codes of all images scatter at least as much as "
            "those "
            "of one.",
        ),
        Mistake(
            _with(told=lambda s2, logvar: 0.5 * s2.log()),
            "told lacks the mean logvar: what is told is how much narrower q is than the codes of all images.",
        ),
        Mistake(
            _with(told=lambda s2, logvar: -0.5 * logvar.mean(0)),
            "told lacks log s²: how narrow q is, says something only beside how widely the codes of all images "
            "scatter.",
        ),
        Mistake(
            _with(told=lambda s2, logvar: 0.5 * (s2.sqrt().log() - logvar.mean(0))),
            "told has the logarithm of s where that of s² belongs.",
        ),
        Mistake(
            _with(told=lambda s2, logvar: 0.5 * (s2.log2() - logvar.mean(0))),
            "told mixes a logarithm to base 2 with a natural one. All is in nats.",
        ),
        Mistake(
            _with(wasted=lambda mean, s2: mean.square() + s2 - 1 - s2.log()),
            "wasted lacks its factor one half.",
        ),
        Mistake(
            _with(wasted=lambda mean, s2: 0.5 * (mean.square() + s2 - s2.log())),
            "wasted lacks its 1: codes with mean 0 and variance 1 waste nothing.",
        ),
        Mistake(
            _with(wasted=lambda mean, s2: 0.5 * (s2 - 1 - s2.log())),
            "wasted lacks the mean: a number that sits off 0 pays for it.",
        ),
        Mistake(
            _with(wasted=lambda mean, s2: 0.5 * (mean + s2 - 1 - s2.log())),
            "in wasted the mean enters without its square.",
        ),
        Mistake(
            _with(mean=lambda mu: mu.square().mean(0).sqrt()),
            "in wasted the mean of the squares stands where the square of the mean belongs. The spread of the means is "
            "counted in s² already.",
        ),
        Mistake(
            _with(wasted=lambda mean, s2: 0.5 * (mean.square() + s2 - 1 - s2.sqrt().log())),
            "wasted has the logarithm of s where that of s² belongs.",
        ),
        Mistake(
            _with(returned=lambda active, told, wasted: (active, wasted, told)),
            "told and wasted changed places.",
        ),
        Mistake(
            _with(returned=lambda active, told, wasted: (active, told.sum(), wasted.sum())),
            "told and wasted were added up over the numbers. One value for each was asked for, (D,).",
        ),
        Mistake(
            _all_of_it,
            "told is the whole KL. What is wasted is part of it: told is what is left.",
        ),
        Mistake(
            _total_wasted,
            "wasted is the whole KL. What is told is part of it: wasted is what is left.",
        ),
        Mistake(
            _split_by_flag,
            "the whole KL was told where a number is active, and wasted where it isn't. Each number has both parts.",
        ),
        Mistake(
            _of_mean_posterior,
            "wasted is the KL of a Gaussian that is as narrow as one posterior. Codes of all images scatter more: "
            "their "
            "variance is s².",
        ),
        Mistake(
            lambda mu, logvar, threshold: unit_report(logvar, mu, threshold),
            "mu and logvar changed places.",
        ),
        Mistake(
            lambda mu, logvar, threshold: unit_report(mu, 2 * logvar, threshold),
            "logvar was taken for the logarithm of the standard deviation: exp(logvar) is the variance, unsquared.",
        ),
        Mistake(
            lambda mu, logvar, threshold: unit_report(mu, 0.5 * logvar, threshold),
            "there is a half too much: exp(logvar) is the variance already.",
        ),
    ),
)
