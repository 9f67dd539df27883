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
from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, binary, generator

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


BERNOULLI_LOG_LIKELIHOOD = Task(
    name="bernoulli_log_likelihood",
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


NEGATIVE_ELBO = Task(
    name="negative_elbo",
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
