r"""The Kullback-Leibler divergence of a diagonal Gaussian from the standard normal prior, or from another, in
closed form.

Kingma & Welling 2014 (arXiv:1312.6114), appendix B:
:math:`D_{KL}(\mathcal N(\mu, \sigma^2) \| \mathcal N(0, 1)) = \tfrac12(\mu^2 + \sigma^2 - 1 - \log\sigma^2)`.
"""

import torch
from torch import Tensor


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
