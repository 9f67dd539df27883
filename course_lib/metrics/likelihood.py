r"""What a VAE with a Bernoulli decoder gives to images it hasn't seen, in nats per image."""

import torch
from torch import Tensor

from course_lib.models import VAE, evaluating, reparameterize
from course_lib.objectives import ELBO, elbo, importance_weighted_bound


def evaluate_elbo(model: VAE, x: Tensor, *, generator: torch.Generator | None = None, chunk: int = 1000) -> ELBO:
    """The ELBO of every image, with one sample of z each.

    ``x``: (N, ...), binary. Returns parts of shape (N,), without gradient, computed ``chunk`` images at a time in
    eval mode. Raises ``ValueError`` for grey levels.
    """
    parts: list[ELBO] = []
    with evaluating(model):
        for batch in x.split(chunk):
            mu, logvar = model.encode(batch)
            eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
            parts.append(elbo(model.decode(reparameterize(mu, logvar, eps)), batch, mu, logvar))
    return ELBO(torch.cat([p.reconstruction for p in parts]), torch.cat([p.kl for p in parts]))


def importance_nll(
    model: VAE,
    x: Tensor,
    num_samples: int,
    *,
    generator: torch.Generator | None = None,
    eps: Tensor | None = None,
    max_decoded: int = 20_000,
) -> Tensor:
    r"""The negative log-likelihood by importance sampling,
    :math:`-\log \frac1K \sum_k p(x|z_k) p(z_k) / q(z_k|x)` (Burda et al. 2016, arXiv:1509.00519).

    It overestimates in expectation, less and less as K grows: state K beside the figure.

    ``x``: (N, ...), binary. ``num_samples``: K, used exactly. ``eps``: the noise, (K, N, latent_dim), if given.
    At most ``max_decoded`` images are decoded at once; each image is encoded once. Returns (N,), positive, in nats,
    without gradient. Raises ``ValueError`` for K below 1 or noise of another shape.
    """
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}")
    if eps is not None and eps.shape != (num_samples, len(x), model.latent_dim):
        raise ValueError(
            f"eps must have shape ({num_samples}, {len(x)}, {model.latent_dim}), got {tuple(eps.shape)}"
        )
    num_images = max(1, max_decoded // num_samples)
    nll: list[Tensor] = []
    with evaluating(model):
        for start in range(0, len(x), num_images):
            batch = x[start : start + num_images]
            mu, logvar = model.encode(batch)
            if eps is None:
                noise = torch.randn(num_samples, *mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
            else:
                noise = eps[:, start : start + num_images]
            rows = max(1, max_decoded // len(batch))
            log_w = torch.cat([_log_weights(model, batch, mu, logvar, part) for part in noise.split(rows)])
            nll.append(-importance_weighted_bound(log_w))
    return torch.cat(nll)


def _log_weights(model: VAE, x: Tensor, mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """(K, B) of log p(x|z) + log p(z) - log q(z|x); the normal densities' constants cancel."""
    z = reparameterize(mu, logvar, eps)
    logits = model.decode(z.flatten(0, 1)).flatten(1).unflatten(0, eps.shape[:2])
    # sum over pixels of x * l - softplus(l), without a copy of x for each sample
    log_likelihood = torch.einsum("kbi,bi->kb", logits, x.flatten(1))
    log_likelihood = log_likelihood - torch.nn.functional.softplus(logits).sum(2)
    log_prior = -0.5 * z.square().sum(2)
    log_posterior = -0.5 * (eps.square() + logvar).sum(2)
    return log_likelihood + log_prior - log_posterior
