r"""An autoencoder with a Gaussian fitted to its codes, read as a latent variable model (after Ghosh et al. 2020,
arXiv:1903.12436, who fit a density to the codes of a deterministic autoencoder).

The codes are whitened, so that the fitted Gaussian is the prior :math:`\mathcal N(0, I)`; one width :math:`s` for all
images makes a cloud of each code, :math:`q(z|x) = \mathcal N(f(x), s^2 I)`. What takes a VAE then takes this.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.checks import check_codes
from course_lib.models.layers import evaluating


class GaussianAutoencoder(nn.Module):
    """``network``: has ``encode``, to codes (B, D) or to a pair whose first part they are, and ``decode``, to Bernoulli
    logits. ``x``: images (N, ...) to whose codes the Gaussian is fitted, more than D of them. ``width``: s, in standard
    deviations of the codes.

    Raises ``ValueError`` for a width that isn't positive, or codes with a number that never varies.
    """

    mean: Tensor
    scale: Tensor
    inverse: Tensor

    def __init__(self, network: Any, x: Tensor, width: float) -> None:
        super().__init__()
        if not width > 0:
            raise ValueError(f"width must be above 0, got {width}")
        self.network = network
        with evaluating(network):
            codes = self._codes(x)
        self.latent_dim = codes.shape[1]
        self.logvar = 2 * math.log(width)
        scale, failed = torch.linalg.cholesky_ex(codes.T.cov().reshape(self.latent_dim, self.latent_dim))
        if failed:
            raise ValueError(
                f"the codes of x must vary in all {self.latent_dim} numbers, got fewer; take more images"
            )
        self.register_buffer("mean", codes.mean(0))
        self.register_buffer("scale", scale)
        self.register_buffer("inverse", torch.linalg.inv(scale))

    def _codes(self, x: Tensor) -> Tensor:
        encoded = self.network.encode(x)
        return encoded[0] if isinstance(encoded, tuple) else encoded

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The parameters ``mu`` and ``logvar`` of q(z|x) in whitened codes, (B, latent_dim) each."""
        mu = (self._codes(x) - self.mean) @ self.inverse.T
        return mu, torch.full_like(mu, self.logvar)

    def decode(self, z: Tensor) -> Tensor:
        """The logits of p(x|z) for whitened codes: (B, latent_dim) to the shape of x. ``ValueError`` for others."""
        check_codes(z, self.latent_dim)
        return self.network.decode(self.mean + z @ self.scale.T)
