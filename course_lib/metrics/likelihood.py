r"""The likelihood that a VAE gives to new images, in nats per image, or in bits per pixel: the ELBO (Kingma & Welling
2014, arXiv:1312.6114), the likelihood by importance sampling, and their unit where sizes of images differ.
"""

import math

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.models import VAE, evaluating, reparameterize
from course_lib.objectives import ELBO, elbo, importance_weighted_bound, log_likelihood, log_weights


def evaluate_elbo(model: VAE, x: Tensor, *, generator: torch.Generator | None = None, chunk: int = 1000) -> ELBO:
    """The ELBO of every image, with one sample of z each.

    ``x``: (N, ...), binary for a Bernoulli decoder. Returns parts of shape (N,), without gradient, computed ``chunk``
    images at a time in eval mode. ``generator``: on the device of x; what it draws depends on ``chunk``.
    Raises ``ValueError`` for a chunk below 1, or grey levels under a Bernoulli likelihood.
    """
    check_size(chunk, "chunk")
    parts: list[ELBO] = []
    with evaluating(model):
        for batch in x.split(chunk):
            mu, logvar = model.encode(batch)
            eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
            out = model.decode(reparameterize(mu, logvar, eps))
            parts.append(elbo(out, batch, mu, logvar, logvar_x=model.logvar_x))
    return ELBO(torch.cat([p.reconstruction for p in parts]), torch.cat([p.kl for p in parts]))


def importance_nll(
    model: VAE,
    x: Tensor,
    num_samples: int,
    *,
    generator: torch.Generator | None = None,
    eps: Tensor | None = None,
    proposal_scale: float = 1.0,
    max_decoded: int = 2_000,
) -> Tensor:
    r"""The negative log-likelihood by importance sampling,
    :math:`-\log \frac1K \sum_k p(x|z_k) p(z_k) / q(z_k|x)` (Burda et al. 2016, arXiv:1509.00519).

    It overestimates in expectation, less and less as K grows: state K beside the figure.

    ``x``: (N, ...), binary for a Bernoulli decoder. ``num_samples``: K, used exactly. ``eps``: the noise, (K, N,
    latent_dim), if given; else ``generator`` draws it, on the device of x and in an order that depends on
    ``max_decoded``. ``proposal_scale``: the samples are drawn from q with its standard deviations times this.
    Any proposal gives a bound; a q trained by the ELBO tends to be narrower than the posterior it stands for, and a
    wider one can then give a tighter bound at the same K. At most ``max_decoded`` images are decoded at once; each
    image is encoded once. Returns (N,), in nats, without gradient.

    Raises ``ValueError`` for K or ``max_decoded`` below 1, a scale that isn't positive, noise of another shape, or
    grey levels under a Bernoulli likelihood.
    """
    check_size(num_samples, "num_samples")
    check_size(max_decoded, "max_decoded")
    if not proposal_scale > 0:
        raise ValueError(f"proposal_scale must be above 0, got {proposal_scale}")
    if eps is not None and eps.shape != (num_samples, len(x), model.latent_dim):
        raise ValueError(
            f"eps must have shape ({num_samples}, {len(x)}, {model.latent_dim}), got {tuple(eps.shape)}"
        )
    if len(x) == 0:
        return x.new_zeros(0)
    num_images = max(1, max_decoded // num_samples)
    nll: list[Tensor] = []
    with evaluating(model):
        for start in range(0, len(x), num_images):
            batch = x[start : start + num_images]
            mu, logvar = model.encode(batch)
            logvar = logvar + 2 * math.log(proposal_scale)
            if eps is None:
                noise = torch.randn(num_samples, *mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
            else:
                noise = eps[:, start : start + num_images]
            parts = noise.split(max_decoded)  # more than one part only where the batch is one image
            log_w = torch.cat([_log_weights(model, batch, mu, logvar, part) for part in parts])
            nll.append(-importance_weighted_bound(log_w))
    return torch.cat(nll)


def _log_weights(model: VAE, x: Tensor, mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """The log-weights (K, B) of K samples each, from their noise (K, B, latent_dim)."""
    z = reparameterize(mu, logvar, eps)
    repeated = x.expand(len(eps), *x.shape).flatten(0, 1)
    log_p_x = log_likelihood(model.decode(z.flatten(0, 1)), repeated, model.logvar_x)
    return log_weights(log_p_x.unflatten(0, eps.shape[:2]), z, mu, logvar)


def bits_per_dimension(nll: Tensor, num_dims: int, bin_width: float = 1.0) -> Tensor:
    r"""Nats per image as bits per pixel, :math:`\mathrm{nll} / (D \ln 2) - \log_2 w`.

    For a probability of discrete pixels (Bernoulli on binary images) leave ``bin_width`` at 1. A *density* depends on
    the unit of the grey levels: a probability of each of 256 levels spread over [0, 1] follows with the width w = 1/256
    of a level, for images to which uniform noise of that width was added (Theis et al. 2016, arXiv:1511.01844).
    Without it the number can be negative and compares with nothing.

    ``nll``: any shape, in nats per image; ``num_dims``: D, pixels times channels. Returns the shape of ``nll``.
    Raises ``ValueError`` for a D below 1 or a width that isn't positive.
    """
    check_size(num_dims, "num_dims")
    if not bin_width > 0:
        raise ValueError(f"bin_width must be above 0, got {bin_width}")
    return nll / (num_dims * math.log(2)) - math.log2(bin_width)
