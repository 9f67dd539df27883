r"""The Kullback-Leibler divergence of a diagonal Gaussian from the standard normal prior, or from another, in
closed form; from any other prior, by what one draw says of it.

Kingma & Welling 2014 (arXiv:1312.6114), appendix B:
:math:`D_{KL}(\mathcal N(\mu, \sigma^2) \| \mathcal N(0, 1)) = \tfrac12(\mu^2 + \sigma^2 - 1 - \log\sigma^2)`.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Normal


class Density(Protocol):
    """A prior p(z): codes (..., D) to log-densities (...), as those of ``torch.distributions`` over (D,) and a
    ``MixturePrior`` have them."""

    def log_prob(self, z: Tensor, /) -> Tensor:
        """Codes (..., D) to log-densities (...), in nats."""
        ...


def kl_per_dimension(mu: Tensor, logvar: Tensor) -> Tensor:
    """The divergence of each latent dimension.

    ``mu`` and ``logvar`` (the logarithm of the variance): (B, D). Returns (B, D), in nats, never below 0.
    Raises ``ValueError`` if the shapes differ or aren't two-dimensional.
    """
    if mu.shape != logvar.shape or mu.ndim != 2:
        raise ValueError(
            "mu and logvar must both have shape (batch, latent_dim), "
            f"got {tuple(mu.shape)} and {tuple(logvar.shape)}"
        )
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar)
    return kl + (kl.clamp(min=0) - kl).detach()  # near 0, rounding may end below it


def kl_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """The divergence of the whole posterior: that of independent dimensions adds up.

    ``mu`` and ``logvar``: (B, D). Returns (B,), in nats per image. Raises as :func:`kl_per_dimension`.
    """
    return kl_per_dimension(mu, logvar).sum(1)


def kl_gaussians(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    r"""The divergence :math:`D_{KL}(q \| p)` between two diagonal Gaussians, for a prior that is learned.

    Shifting and scaling both leaves it as it is; in units in which p is standard normal, q has mean
    :math:`(\mu_q - \mu_p)/\sigma_p` and variance :math:`\sigma_q^2/\sigma_p^2`.

    All four: (B, D). Returns (B,), in nats per image. Raises ``ValueError`` if any two shapes differ.
    """
    shapes = [tuple(t.shape) for t in (mu_q, logvar_q, mu_p, logvar_p)]
    if len(set(shapes)) > 1:
        raise ValueError(
            f"means and log-variances of q and p must all have shape (batch, latent_dim), got {shapes}"
        )
    return kl_standard_normal((mu_q - mu_p) * torch.exp(-0.5 * logvar_p), logvar_q - logvar_p)


def sampled_kl(z: Tensor, mu: Tensor, logvar: Tensor, prior: Density | None = None) -> Tensor:
    r"""What one draw says of :math:`D_{KL}(q(z|x) \| p(z))`, for a prior that has no closed form:
    :math:`\log q(z|x) - \log p(z)` with :math:`z \sim q(z|x)`.

    Its mean over draws is the divergence; one alone may be below 0. The gradient reaches ``mu`` and ``logvar`` through
    z as well (draw it by ``reparameterize``), and the parameters of the prior. ``prior`` None: N(0, I).

    ``z``: (..., B, D), drawn from the posteriors with ``mu`` and ``logvar``, (B, D) each. Returns (..., B), in nats per
    image. Raises ``ValueError`` if the shapes don't fit, or if the prior's densities aren't one for each code.
    """
    if mu.shape != logvar.shape or mu.ndim != 2 or z.shape[-2:] != mu.shape:
        shapes = [tuple(t.shape) for t in (z, mu, logvar)]
        raise ValueError(f"z, mu and logvar must have shapes (..., B, D), (B, D) and (B, D), got {shapes}")
    # unchecked: NaN parameters give a NaN loss, for the training loop to report with its step
    log_q = Normal(mu, torch.exp(0.5 * logvar), validate_args=False).log_prob(z).sum(-1)
    return log_q - log_density(z, prior)


def log_density(z: Tensor, prior: Density | None = None) -> Tensor:
    """The log-density of codes (..., D) under a prior, N(0, I) if None: (...). Raises ``ValueError`` for a prior of
    single numbers."""
    if prior is None:
        return Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(-1)
    log_p = prior.log_prob(z)
    if log_p.shape != z.shape[:-1]:
        raise ValueError(
            f"prior must give one log-density for each code, {tuple(z.shape[:-1])}, got {tuple(log_p.shape)}; sum over "
            "the dimensions of the code with torch.distributions.Independent(prior, 1)"
        )
    return log_p
