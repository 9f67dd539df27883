r"""An estimate of -log p(x) by importance sampling, with two faults that make it look better than it is.

:math:`-\frac1B\sum_b \log\frac1K\sum_k p(x_b|z_{kb})\,p(z_{kb})/q(z_{kb})` (Burda et al. 2016, arXiv:1509.00519,
eq. 8), in the model of ``posterior.py``.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator, normal
from course_lib.tasks.ex03_latent_variables_elbo.posterior import exact_posterior

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[..., Any]


def _cases(seed: int) -> list[Case]:
    """A q that is near the posterior but isn't it; several images, one, float64; images of different likelihood. The
    last has so many pixels that no float64 holds the weights."""
    source = generator(seed)
    cases: list[Case] = []
    for num_draws, num_images, num_pixels, dtype in [
        (5, 4, 6, _F32),
        (7, 1, 5, _F32),
        (4, 3, 7, _F64),
        (6, 3, 700, _F64),
    ]:
        w = away_from_zero((num_pixels,), source, 0.4, 1.3, _F64)
        b = away_from_zero((num_pixels,), source, 0.3, 1.2, _F64)
        s = away_from_zero((num_pixels,), source, 0.5, 1.6, _F64).abs()
        level = torch.linspace(0.6, 2.0, num_images, dtype=_F64)[:, None] * (2 if num_pixels > 100 else 1)
        x = b + level * away_from_zero((num_images, num_pixels), source, 0.5, 1.5, _F64)
        mean, variance = exact_posterior(x, w, b, s)
        mu = mean + 0.3 * away_from_zero(mean.shape, source, 0.5, 1.0, _F64)
        var = 1.6 * variance.clamp(max=0.4)
        eps = normal((num_draws, num_images), source, _F64)
        values = {"x": x, "w": w, "b": b, "s": s, "mu": mu, "var": var, "eps": eps}
        cases.append({name: value.to(dtype) for name, value in values.items()})
    return cases


def _log_bound(log_w: Tensor) -> Tensor:
    return log_w.logsumexp(0) - math.log(len(log_w))


def _estimate(
    scale: Callable[[Tensor], Tensor] = torch.sqrt,
    log_q: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = lambda z, eps, mu, var: Normal(
        mu, var.sqrt()
    ).log_prob(z),
    prior: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda z, mu, var: Normal(0.0, 1.0).log_prob(z),
    pixels: Callable[[Tensor], Tensor] = lambda each: each.sum(-1),
    noise: Callable[[Tensor], Tensor] = lambda s: s,
    reduce: Callable[[Tensor], Tensor] = lambda log_w: -_log_bound(log_w).mean(),
) -> Answer:
    """The estimate with parts of it changed; by default it is right."""

    def answer(x: Tensor, w: Tensor, b: Tensor, s: Tensor, mu: Tensor, var: Tensor, eps: Tensor) -> Tensor:
        z = mu + scale(var) * eps
        log_likelihood = pixels(Normal(z[..., None] * w + b, noise(s)).log_prob(x))
        return reduce(log_likelihood + prior(z, mu, var) - log_q(z, eps, mu, var))

    return answer


def _log_q_of_noise(z: Tensor, eps: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    return Normal(0.0, 1.0).log_prob(eps)


def _of_all(log_w: Tensor) -> Tensor:
    return -(log_w.flatten().logsumexp(0) - math.log(log_w.numel()))


def _by_hand(x: Tensor, w: Tensor, b: Tensor, s: Tensor, mu: Tensor, var: Tensor, eps: Tensor) -> Tensor:
    """Image by image, with the Gaussians written out; what cancels is left out."""
    total = x.new_zeros(())
    constant = s.log().sum() + 0.5 * len(s) * math.log(2 * math.pi)
    for image, centre, noise in zip(x, mu, eps.T, strict=True):
        z = centre + var.sqrt() * noise
        misfit = ((image - b - z[:, None] * w) / s).square().sum(1)
        log_w = -0.5 * (misfit + z.square() - noise.square()) + 0.5 * var.log() - constant
        total = total - log_w.logsumexp(0) + math.log(len(noise))
    return total / len(x)


def _with_a_price(x: Tensor, w: Tensor, b: Tensor, s: Tensor, mu: Tensor, var: Tensor, eps: Tensor) -> Tensor:
    """Minus the ELBO with its divergence in closed form."""
    z = mu + var.sqrt() * eps
    log_likelihood = Normal(z[..., None] * w + b, s).log_prob(x).sum(-1)
    return (0.5 * (mu.square() + var - 1 - var.log()) - log_likelihood.mean(0)).mean()


def _in_words(case: Case, expected: Outputs, got: Outputs) -> str:
    """By how much it is off, and which constant that is, if it is one."""
    off = got["the value"].double().item() - expected["the value"].double().item()
    var, x, eps = case["var"], case["x"], case["eps"]
    assert isinstance(var, Tensor)
    assert isinstance(x, Tensor)
    assert isinstance(eps, Tensor)
    if x.shape[1] > 100:
        return (
            "it is right for few pixels, and wrong for an image of 700, whose weights no float holds. Is there an exp "
            "outside of logsumexp, or a small number inside of a logarithm?"
        )
    constants = {
        "log K": math.log(len(eps)),
        "log B": math.log(len(x)),
        "log sigma of q": 0.5 * var.double().log().item(),
    }
    for name, constant in constants.items():
        if abs(constant) > 1e-3 and abs(abs(off) - abs(constant)) < 1e-3:
            return f"it is off by {off:+.4f} nats, and {name} is {constant:.4f}. Is it missing, or counted twice?"
    return (
        f"it is off by {off:+.4f} nats. Run the two tests on your function: if the first fails, look at the densities "
        "in the weights; if the second fails, at the means over draws and images."
    )


NEGATIVE_LOG_LIKELIHOOD = Task(
    name="negative_log_likelihood",
    points=2,
    cases=_cases,
    reference=_estimate(),
    alternatives=(_by_hand, _estimate(reduce=lambda log_w: (math.log(len(log_w)) - log_w.logsumexp(0)).mean())),
    explain=_in_words,
    mistakes=(
        Mistake(
            _estimate(log_q=_log_q_of_noise, reduce=_of_all),
            "both faults are still there. Test 1: with the exact posterior every weight is p(x) itself. Test 2: an "
            "image is worth the same alone and among others.",
        ),
        Mistake(
            _estimate(log_q=_log_q_of_noise),
            "one fault is left. Images are apart now; but q's density is that of the noise, not of z. Noise that is "
            "stretched by sigma is thinned out by sigma.",
        ),
        Mistake(
            _estimate(reduce=_of_all),
            "one fault is left. The weights are right now; but the mean over images stands inside of the logarithm, so "
            "that one likely image makes up for all others.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: Normal(mu, var).log_prob(z)),
            "q's density got the variance where Normal takes a standard deviation.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: Normal(mu, var).log_prob(z), reduce=_of_all),
            "q's density got the variance where Normal takes a standard deviation; and the mean over images still "
            "stands inside of the logarithm.",
        ),
        Mistake(
            _estimate(scale=lambda var: var, log_q=lambda z, eps, mu, var: Normal(mu, var).log_prob(z)),
            "draws and density are both made with the variance as standard deviation. That fits together, but q was "
            "given with a variance.",
        ),
        Mistake(
            _estimate(scale=lambda var: var),
            "z is drawn with the variance as standard deviation: noise is stretched by sigma, the root of var.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: Normal(0.0, 1.0).log_prob(eps) + 0.5 * var.log()),
            "log sigma has the wrong sign: a wide q is thin, so its density is that of the noise *over* sigma.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: Normal(0.0, 1.0).log_prob(eps) - var.log()),
            "the density of the noise was divided by the variance. It is stretched by the standard deviation.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: Normal(mu, var.sqrt()).log_prob(eps)),
            "q's density was taken at the noise. It belongs to z.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: Normal(0.0, 1.0).log_prob(z)),
            "q's density is the prior's here, so the two cancel: the draws come from q and are weighed as if they came "
            "from the prior.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: torch.zeros_like(z)),
            "q is missing from the weights: draws that q makes often count as often as rare ones.",
        ),
        Mistake(
            _estimate(log_q=lambda z, eps, mu, var: -Normal(mu, var.sqrt()).log_prob(z)),
            "log q was added. A weight is divided by q(z), so in logarithms it is taken off.",
        ),
        Mistake(
            _with_a_price,
            "this is minus the ELBO, with the KL in closed form: a bound that lies above -log p(x) by the KL from q to "
            "the posterior. Asked for is the logarithm of the mean weight, and each weight holds its own log q(z).",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -log_w.exp().mean(0).log().mean()),
            "right as mathematics; but an image of 700 pixels has a weight like exp(-1500), which is 0 in every float, "
            "and the logarithm of 0 is no bound. Your importance_weighted_bound takes care of that.",
        ),
        Mistake(
            _estimate(prior=lambda z, mu, var: torch.zeros_like(z)),
            "the prior is missing from the weights.",
        ),
        Mistake(
            _estimate(
                prior=lambda z, mu, var: -Normal(0.0, 1.0).log_prob(z),
                log_q=lambda z, eps, mu, var: -Normal(mu, var.sqrt()).log_prob(z),
            ),
            "prior and q changed places in the weights: w = p(x|z) p(z) / q(z).",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: _log_bound(log_w).mean()),
            "the sign is turned round: minus log p(x) was asked for.",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -_log_bound(log_w)),
            "one value per image is left. The mean over images is asked for, a scalar.",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -_log_bound(log_w).sum()),
            "you added the images up. The mean over images is asked for.",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -log_w.mean()),
            "this is minus the ELBO: the mean of the logarithms over all draws. The mean over the K draws of an image "
            "stands inside of the logarithm, the mean over images outside.",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -log_w.logsumexp(0).mean()),
            "log K is missing: the sum of the weights in place of their mean.",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -(log_w.logsumexp(0) - math.log(log_w.numel())).mean()),
            "the number of all weights was taken for K. Each image has K of them.",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -(log_w.logsumexp(1) - math.log(log_w.shape[1])).mean()),
            "the dimensions changed places: the mean inside of the logarithm is over the K draws, dim 0.",
        ),
        Mistake(
            _estimate(reduce=lambda log_w: -(log_w.mean(1).logsumexp(0) - math.log(len(log_w)))),
            "images were averaged first, then the draws. The K draws of an image go into the logarithm together; the "
            "mean over images comes last.",
        ),
        Mistake(
            _estimate(pixels=lambda each: each.mean(-1)),
            "you averaged over pixels. Log-densities of independent pixels add up.",
        ),
        Mistake(
            _estimate(noise=torch.square),
            "the likelihood got s² where Normal takes a standard deviation. That line of the friend's was right.",
        ),
        Mistake(
            _estimate(noise=torch.sqrt),
            "the likelihood got the root of s where Normal takes a standard deviation, s itself. That line of the "
            "friend's was right.",
        ),
        Mistake(
            lambda x, w, b, s, mu, var, eps: _estimate()(x, w, b, s, *exact_posterior(x, w, b, s), eps),
            "this uses the exact posterior in place of the q that is given. Where it is known, no estimate is needed.",
        ),
    ),
)
