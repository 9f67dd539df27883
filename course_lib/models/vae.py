r"""The variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114; Rezende et al. 2014, arXiv:1401.4082).

The encoder gives the mean and the log-variance of :math:`q(z|x) = \mathcal N(\mu, \mathrm{diag}\,\sigma^2)`, the
decoder the logits of :math:`p(x|z)`, a Bernoulli for each pixel; the prior is :math:`\mathcal N(0, I)`. For grey
levels the decoder gives the means of a Gaussian instead, with one variance for all pixels that belongs to the model
(sigma-VAE: Rybkin et al. 2021, arXiv:2006.13202).
"""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Independent, Normal

from course_lib.checks import check_codes, check_size
from course_lib.models.layers import (
    MNIST_SHAPE,
    ConvDecoder,
    ConvEncoder,
    ImageShape,
    PatchDecoder,
    PatchEncoder,
    codes_or_noise,
    evaluating,
    mlp,
)


def bounded_logvar(logvar: Tensor, low: float = -12.0, high: float = 8.0) -> Tensor:
    """The log-variance kept in a range where its exponential is harmless.

    The value is clamped but the gradient passes, so that a loss can still pull it back into the range: a plain
    clamp has no gradient outside and leaves a runaway unit there for ever. Any shape, returned unchanged. Infinity
    becomes the bound, without gradient; NaN stays NaN.
    """
    finite = logvar.nan_to_num(nan=math.nan, posinf=high, neginf=low)
    return finite.clamp(low, high).detach() + (finite - finite.detach())


def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor | None = None) -> Tensor:
    r"""A sample :math:`z = \mu + \sigma\epsilon`, with :math:`\sigma = e^{\frac12 \log\sigma^2}` (section 2.4).

    The noise enters as an input, so the sample is a differentiable function of ``mu`` and ``logvar``.

    ``mu``, ``logvar``: (B, D). ``eps``: (..., B, D), drawn from N(0, I) if not given. Returns the shape of ``eps``.
    """
    if eps is None:
        eps = torch.randn_like(mu)
    return mu + torch.exp(0.5 * logvar) * eps


class VAE(nn.Module):
    """``encoder``: x to (B, 2 * latent_dim), means first; ``decoder``: (B, latent_dim) to the shape of x.

    ``likelihood``: ``"bernoulli"``, and the decoder gives logits; or ``"gaussian"``, and it gives means, while the
    parameter ``logvar_x`` holds the log-variance of every pixel, at first that of unit variance (None for Bernoulli).
    Raises ``ValueError`` for another likelihood, or a latent_dim below 1, as the models below do for their sizes.
    """

    logvar_x: nn.Parameter | None

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, latent_dim: int, likelihood: str = "bernoulli"
    ) -> None:
        super().__init__()
        check_size(latent_dim, "latent_dim")
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(f"likelihood must be 'bernoulli' or 'gaussian', got {likelihood!r}")
        self.encoder = encoder
        self.decoder = decoder
        self.latent_dim = latent_dim
        self.logvar_x = nn.Parameter(torch.zeros(())) if likelihood == "gaussian" else None

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The parameters ``mu`` and ``logvar`` of q(z|x), (B, latent_dim) each."""
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        return mu, bounded_logvar(logvar)

    def decode(self, z: Tensor) -> Tensor:
        """The logits or means of p(x|z): (B, latent_dim) to the shape of x. Raises ``ValueError`` for other codes."""
        check_codes(z, self.latent_dim)
        return self.decoder(z)

    def posterior(self, x: Tensor) -> Independent:
        """q(z|x), one Gaussian over (latent_dim,) per image."""
        mu, logvar = self.encode(x)
        return Independent(Normal(mu, torch.exp(0.5 * logvar)), 1)

    def prior(self) -> Independent:
        """p(z) = N(0, I) over (latent_dim,)."""
        zero = next(self.parameters()).new_zeros(self.latent_dim)
        return Independent(Normal(zero, zero + 1), 1)

    def observation_model(self, z: Tensor) -> Independent:
        """p(x|z), one Bernoulli or Gaussian per pixel; ``log_prob`` sums over pixels."""
        out = self.decode(z)
        if self.logvar_x is None:
            return Independent(Bernoulli(logits=out), out.ndim - 1)
        return Independent(Normal(out, torch.exp(0.5 * self.logvar_x)), out.ndim - 1)

    def forward(self, x: Tensor, eps: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The decoder's output from one sample of z, and ``mu`` and ``logvar``: what the ELBO is computed from."""
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar, eps)), mu, logvar

    def reconstruct(self, x: Tensor) -> Tensor:
        """The means of p(x|z) at the posterior's mean, shaped like x: for a Bernoulli grey levels in [0, 1]."""
        with evaluating(self):
            return self.observation_model(self.encode(x)[0]).mean

    def sample(self, num_samples: int, z: Tensor | None = None) -> Tensor:
        """The means of p(x|z) for z from the prior (or those given), as :meth:`reconstruct` gives them."""
        z = codes_or_noise(self, num_samples, self.latent_dim, z)
        with evaluating(self):
            return self.observation_model(z).mean


class ConvVAE(VAE):
    """For images (B, *image_shape). ``batch_norm``: in the decoder, as the generator of a GAN has it."""

    def __init__(
        self,
        latent_dim: int,
        channels: tuple[int, int] = (16, 32),
        batch_norm: bool = False,
        likelihood: str = "bernoulli",
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        check_size(latent_dim, "latent_dim")
        encoder = ConvEncoder(2 * latent_dim, channels, image_shape)
        decoder = ConvDecoder(latent_dim, channels[::-1], batch_norm, image_shape)
        super().__init__(encoder, decoder, latent_dim, likelihood)


class PatchVAE(VAE):
    """For images (B, *image_shape), with all convolutions at a fourth of their height and width: what trains fastest to
    a likelihood, in ``benchmarks/speedrun.py``."""

    def __init__(
        self,
        latent_dim: int,
        channels: int = 48,
        likelihood: str = "bernoulli",
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        check_size(latent_dim, "latent_dim")
        encoder = PatchEncoder(2 * latent_dim, channels, image_shape)
        super().__init__(encoder, PatchDecoder(latent_dim, channels, image_shape), latent_dim, likelihood)


class MLPVAE(VAE):
    """For vectors (B, num_pixels), with one hidden layer of ``hidden_dim`` on either side."""

    def __init__(self, num_pixels: int, hidden_dim: int, latent_dim: int, likelihood: str = "bernoulli") -> None:
        check_size(latent_dim, "latent_dim")
        encoder = mlp([num_pixels, hidden_dim, 2 * latent_dim])
        super().__init__(encoder, mlp([latent_dim, hidden_dim, num_pixels]), latent_dim, likelihood)
