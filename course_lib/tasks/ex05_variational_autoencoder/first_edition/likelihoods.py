r"""The decoder's side of the VAE, and both together: log p(x|z) for binary images, and the loss.

Kingma & Welling 2014, arXiv:1312.6114, appendix C.1 and equation 3; what goes wrong with the likelihood of grey
levels: Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from course_lib.objectives import bernoulli_log_prob, elbo, kl_per_dimension, kl_standard_normal
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, binary, generator

_F32, _F64 = torch.float32, torch.float64


def _image_cases(seed: int) -> list[Case]:
    """Vectors, one image with large logits (half of them on the wrong side), and images in float64."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, low, high, dtype in [
        ((4, 6), 0.3, 3.0, _F32),
        ((1, 8), 30.0, 200.0, _F32),
        ((3, 1, 2, 4), 0.3, 3.0, _F64),
    ]:
        logits = away_from_zero(shape, source, low, high, dtype)
        x = binary(shape, source, dtype)
        if high > 100:
            x[..., :2] = (logits[..., :2] < 0).to(dtype)  # confidently wrong: that must cost about |logit| nats
        cases.append({"logits": logits.requires_grad_(), "x": x})
    return cases


def _naive(logits: Tensor, x: Tensor, margin: float = 0.0) -> Tensor:
    p = torch.sigmoid(logits)
    return (x * (p + margin).log() + (1 - x) * (1 - p + margin).log()).flatten(1).sum(1)


def _pixels(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether only large logits go wrong, or how often pixels of either kind count."""
    logits, x = (case[name].detach().double().flatten() for name in ("logits", "x"))  # type: ignore[union-attr]
    if logits.abs().max() > 20:
        return (
            "it is right as long as the network is in doubt, and wrong where it is confidently wrong, at logits like "
            "100. A small number inside the logarithm, or a clamp, hides log(0), and takes value and gradient away. "
            "Work with the logits themselves."
        )
    gradient = got["the gradient of the sum of the value with respect to logits"].double().flatten()
    should = x - torch.sigmoid(logits)
    factors = {kind: (gradient / should)[x == kind] for kind in (1, 0)}
    if any((f - f[0]).abs().max() > 1e-3 for f in factors.values()):
        return ""
    told = [
        f"pixels that are {kind} count {f[0]:.3g} times" for kind, f in factors.items() if abs(f[0] - 1) > 1e-3
    ]
    return f"{' and '.join(told)}; each should count once. Look at signs and factors." if told else ""


BERNOULLI_LOG_LIKELIHOOD = Task(
    name="bernoulli_log_likelihood",
    explain=_pixels,
    points=2,
    cases=_image_cases,
    reference=bernoulli_log_prob,
    alternatives=(
        lambda logits, x: (x * logits - F.softplus(logits)).flatten(1).sum(1),
        lambda logits, x: Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1),
        lambda logits, x: (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(
            dim=tuple(range(1, x.ndim))
        ),
    ),
    mistakes=(
        Mistake(
            lambda logits, x: bernoulli_log_prob(logits, x) / x[0].numel(),
            "you averaged over pixels. The log-probability of independent pixels adds up; with a mean, the KL "
            "would weigh as much as all pixels together, and the code would be ignored.",
        ),
        Mistake(
            lambda logits, x: bernoulli_log_prob(logits, x).mean(),
            "you averaged over the batch as well. One value per image was asked for, shape (B,).",
        ),
        Mistake(
            lambda logits, x: bernoulli_log_prob(logits, x).sum(),
            "you summed over the batch as well. One value per image was asked for, shape (B,).",
        ),
        Mistake(
            lambda logits, x: -F.binary_cross_entropy_with_logits(logits, x),
            "this is the mean over all pixels of all images, PyTorch's default. Ask it not to reduce, "
            "and sum over pixels yourself.",
        ),
        Mistake(
            lambda logits, x: F.binary_cross_entropy_with_logits(logits, x),
            "this is the cross-entropy averaged over everything: the sign is turned round, and the sum over pixels "
            "is missing.",
        ),
        Mistake(
            lambda logits, x: -bernoulli_log_prob(logits, x),
            "this is the cross-entropy, which is minus the log-likelihood. The logarithm of a probability is never "
            "above 0.",
        ),
        Mistake(
            lambda logits, x: -F.binary_cross_entropy_with_logits(logits, x, reduction="none"),
            "you have one value per pixel. The log-probability of the image is their sum.",
        ),
        Mistake(
            lambda logits, x: bernoulli_log_prob(torch.sigmoid(logits), x),
            "the sigmoid is applied twice: the function that takes logits applies one itself.",
        ),
        Mistake(
            _naive,
            "right as mathematics, but sigmoid rounds to exactly 0 or 1 at large logits, and log(0) spoils value and "
            "gradient. Work with the logits themselves.",
        ),
        Mistake(
            lambda logits, x: _naive(logits, x, 1e-8),
            "a small number inside the logarithm hides log(0) but gives a wrong value, and no gradient, where "
            "the network is confidently wrong. Work with the logits themselves.",
        ),
        Mistake(
            lambda logits, x: (
                -F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none").flatten(1).sum(1)
            ),
            "binary_cross_entropy on probabilities cuts the logarithm off at -100, and loses precision before "
            "that. There is a version which takes the logits.",
        ),
        Mistake(
            lambda logits, x: (x * logits.log() + (1 - x) * (1 - logits).log()).flatten(1).sum(1),
            "you took the logits for probabilities. A logit may be any number; sigmoid makes a probability of it.",
        ),
        Mistake(
            lambda logits, x: -F.binary_cross_entropy_with_logits(x, logits, reduction="none").flatten(1).sum(1),
            "logits and x changed places: PyTorch's function takes the logits first, then the target.",
        ),
        Mistake(
            lambda logits, x: -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1),
            "you summed over the last dimension only. An image of shape (1, 28, 28) has three dimensions of them.",
        ),
        Mistake(
            lambda logits, x: -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1),
            "you summed over dimension 1 only, which in an image with sides is the channel. All pixels add up.",
        ),
        Mistake(
            lambda logits, x: (x * F.logsigmoid(logits) + (1 - x) * (1 - F.logsigmoid(logits))).flatten(1).sum(1),
            "1 - log p isn't log(1 - p). The probability of a 0 is sigmoid(-l), and its logarithm is logsigmoid(-l).",
        ),
        Mistake(
            lambda logits, x: -(logits - x).square().flatten(1).sum(1),
            "this is the squared error between logits and pixels. A logit isn't a pixel: sigmoid makes the probability "
            "of a 1 of it, and the log-likelihood of zeros and ones is the Bernoulli's.",
        ),
        Mistake(
            lambda logits, x: bernoulli_log_prob(-logits, x),
            "black and white changed places: the logit is that of a pixel being 1.",
        ),
        Mistake(
            lambda logits, x: (x * F.logsigmoid(logits)).flatten(1).sum(1),
            "only the pixels that are 1 count. Those that are 0 have a probability too.",
        ),
        Mistake(
            lambda logits, x: -(torch.sigmoid(logits) - x).square().flatten(1).sum(1),
            "this is a squared error, the log-likelihood of a Gaussian up to constants. For pixels that are "
            "0 or 1 the Bernoulli's was asked for.",
        ),
    ),
)


def _elbo_cases(seed: int) -> list[Case]:
    """Images and posteriors together; a batch of several in both types, and a batch of one."""
    source = generator(seed)
    return [
        {
            "logits": away_from_zero((batch, pixels), source, 0.3, 3.0, dtype).requires_grad_(),
            "x": binary((batch, pixels), source, dtype),
            "mu": away_from_zero((batch, latents), source, dtype=dtype).requires_grad_(),
            "logvar": away_from_zero((batch, latents), source, dtype=dtype).requires_grad_(),
        }
        for batch, pixels, latents, dtype in [(4, 7, 3, _F32), (1, 5, 2, _F32), (3, 6, 4, _F64)]
    ]


def _weighted(reconstruction: float, kl: float) -> Callable[..., Tensor]:
    """The parts of the ELBO with weights of their own: -1 and 1 make the loss."""

    def answer(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        parts = elbo(logits, x, mu, logvar)
        return (reconstruction * parts.reconstruction + kl * parts.kl).mean()

    return answer


def _by_distributions(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    posterior = Normal(mu, torch.exp(0.5 * logvar))
    prior = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return (kl_divergence(posterior, prior).sum() - Bernoulli(logits=logits).log_prob(x).sum()) / len(x)


def _weights(case: Case, expected: Outputs, got: Outputs) -> str:
    """How often the reconstruction and the KL count, if the answer is made of both."""
    factors: list[float] = []
    for names in (("logits",), ("mu", "logvar")):
        keys = [f"the gradient of the sum of the value with respect to {name}" for name in names]
        should, came = (
            torch.cat([outputs[key].double().flatten() for key in keys]) for outputs in (expected, got)
        )
        factor = ((should * came).sum() / should.square().sum()).item()
        if (came - factor * should).abs().max() > 1e-3 * should.abs().max():
            return ""
        factors.append(factor)
    reconstruction, kl = (round(factor, 3) + 0 for factor in factors)
    if reconstruction == kl != 1:
        return f"all of it counts {kl:g} times. Nothing is left to divide or multiply by but the batch."
    beta = " A weight (beta) other than 1 makes another model." if abs(kl - 1) > 1e-3 else ""
    return (
        f"the reconstruction counts {reconstruction:g} times and the KL {kl:g} times; both count once.{beta}"
        if (reconstruction, kl) != (1, 1)
        else ""
    )


NEGATIVE_ELBO = Task(
    name="negative_elbo",
    explain=_weights,
    points=2,
    cases=_elbo_cases,
    reference=lambda logits, x, mu, logvar: elbo(logits, x, mu, logvar).loss,
    alternatives=(_by_distributions,),
    mistakes=(
        Mistake(
            _weighted(1, -1),
            "this is the ELBO itself. It is to be maximised; an optimiser minimises, so the loss is minus the ELBO.",
        ),
        Mistake(
            lambda logits, x, mu, logvar: -elbo(logits, x, mu, logvar).elbo,
            "one value per image is left. backward() needs a scalar: take the mean over the batch.",
        ),
        Mistake(
            lambda logits, x, mu, logvar: -elbo(logits, x, mu, logvar).elbo.sum(),
            "you summed over the batch. With the mean, loss and learning rate don't depend on the batch size.",
        ),
        Mistake(
            _weighted(-1, -1),
            "the KL has the wrong sign: this loss rewards a posterior for being far from the prior.",
        ),
        Mistake(
            _weighted(1, 1),
            "the reconstruction has the wrong sign: this loss rewards a decoder for finding the image unlikely.",
        ),
        Mistake(
            _weighted(-1, 0),
            "the KL is missing. Without it this is an autoencoder with noise, and the prior means nothing.",
        ),
        Mistake(
            lambda logits, x, mu, logvar: (
                F.binary_cross_entropy_with_logits(x, logits, reduction="none").flatten(1).sum(1)
                + kl_standard_normal(mu, logvar)
            ).mean(),
            "logits and x changed places in the likelihood: its arguments are logits, then x.",
        ),
        Mistake(
            lambda logits, x, mu, logvar: (kl_standard_normal(logvar, mu) - bernoulli_log_prob(logits, x)).mean(),
            "mu and logvar changed places in the KL: its arguments are mu, then logvar.",
        ),
        Mistake(_weighted(0, 1), "the reconstruction is missing: nothing asks the decoder to draw the image."),
        Mistake(
            _weighted(-1, 0.5),
            "the KL counts only half. Does kl_divergence already hold its factor one half?",
        ),
        Mistake(
            _weighted(-1, 2),
            "the KL counts twice. Is the factor one half in kl_divergence missing?",
        ),
        Mistake(
            lambda logits, x, mu, logvar: (
                -bernoulli_log_prob(logits, x).mean() + kl_per_dimension(mu, logvar).mean()
            ),
            "the KL is averaged over latent dimensions, the reconstruction summed over pixels. Both are sums: only "
            "then is the result a bound on log p(x).",
        ),
        Mistake(
            lambda logits, x, mu, logvar: (
                F.binary_cross_entropy_with_logits(logits, x) + kl_standard_normal(mu, logvar).mean()
            ),
            "the reconstruction is averaged over pixels, the KL summed over dimensions. So the KL wins, and the code "
            "will be ignored (posterior collapse).",
        ),
        Mistake(
            lambda logits, x, mu, logvar: (
                F.binary_cross_entropy_with_logits(logits, x) + kl_per_dimension(mu, logvar).mean()
            ),
            "both parts are averaged over pixels and latent dimensions. Sum over those; average over the batch only.",
        ),
        Mistake(
            lambda logits, x, mu, logvar: (
                -bernoulli_log_prob(logits, x).mean() + kl_standard_normal(mu, logvar).sum()
            ),
            "the KL is summed over the batch, the reconstruction averaged. Both are averaged over the batch.",
        ),
        Mistake(
            lambda logits, x, mu, logvar: (
                -bernoulli_log_prob(logits, x).sum() + kl_standard_normal(mu, logvar).mean()
            ),
            "the reconstruction is summed over the batch, the KL averaged. Both are averaged over the batch.",
        ),
    ),
)
