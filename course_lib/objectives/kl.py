r"""The Kullback-Leibler divergence from a diagonal Gaussian to the standard normal prior, in closed form.

Kingma & Welling 2014 (arXiv:1312.6114), appendix B:
:math:`D_{KL}(\mathcal N(\mu, \sigma^2) \| \mathcal N(0, 1)) = \tfrac12(\mu^2 + \sigma^2 - 1 - \log\sigma^2)`.
"""

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
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


def kl_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """The divergence of the whole posterior: that of independent dimensions adds up.

    ``mu`` and ``logvar``: (B, D). Returns (B,), in nats per image. Raises as :func:`kl_per_dimension`.
    """
    return kl_per_dimension(mu, logvar).sum(1)
