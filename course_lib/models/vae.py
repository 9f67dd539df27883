r"""The variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114; Rezende et al. 2014, arXiv:1401.4082).

The encoder gives the mean and the log-variance of :math:`q(z|x) = \mathcal N(\mu, \mathrm{diag}\,\sigma^2)`, the
decoder the logits of :math:`p(x|z)`, a Bernoulli for each pixel; the prior is :math:`\mathcal N(0, I)`.
"""

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Independent, Normal

from course_lib.models.layers import ConvDecoder, ConvEncoder, check_codes, check_size, evaluating, mlp


def bounded_logvar(logvar: Tensor, low: float = -12.0, high: float = 8.0) -> Tensor:
    """The log-variance kept in a range where its exponential is harmless.

    The value is clamped but the gradient passes, so that a loss can still pull it back into the range: a plain
    clamp has no gradient outside and leaves a runaway unit there for ever. Any shape, returned unchanged.
    """
    return logvar + (logvar.clamp(low, high) - logvar).detach()


def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor | None = None) -> Tensor:
    r"""A sample :math:`z = \mu + \sigma\epsilon`, with :math:`\sigma = e^{\frac12 \log\sigma^2}` (section 2.4).

    The noise enters as an input, so the sample is a differentiable function of ``mu`` and ``logvar``.

    ``mu``, ``logvar``: (B, D). ``eps``: (..., B, D), drawn from N(0, I) if not given. Returns the shape of ``eps``.
    """
    if eps is None:
        eps = torch.randn_like(mu)
    return mu + torch.exp(0.5 * logvar) * eps


class VAE(nn.Module):
    """``encoder``: x to (B, 2 * latent_dim), means first; ``decoder``: (B, latent_dim) to logits shaped like x."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent_dim: int) -> None:
        super().__init__()
        check_size(latent_dim, "latent_dim")
        self.encoder = encoder
        self.decoder = decoder
        self.latent_dim = latent_dim

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The parameters ``mu`` and ``logvar`` of q(z|x), (B, latent_dim) each."""
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        return mu, bounded_logvar(logvar)

    def decode(self, z: Tensor) -> Tensor:
        """The logits of p(x|z): codes (B, latent_dim) to the shape of x. Raises ``ValueError`` for other codes."""
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
        """p(x|z), one Bernoulli per pixel; ``log_prob`` sums over pixels."""
        logits = self.decode(z)
        return Independent(Bernoulli(logits=logits), logits.ndim - 1)

    def forward(self, x: Tensor, eps: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The logits from one sample of z, and ``mu`` and ``logvar``: what the ELBO is computed from."""
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar, eps)), mu, logvar

    def reconstruct(self, x: Tensor) -> Tensor:
        """The means of p(x|z) at the posterior's mean: grey levels in [0, 1], shaped like x."""
        with evaluating(self):
            return torch.sigmoid(self.decode(self.encode(x)[0]))

    def sample(self, num_samples: int, z: Tensor | None = None) -> Tensor:
        """The means of p(x|z) for z from the prior (or those given): grey levels in [0, 1]."""
        if z is None:
            z = self.prior().sample((num_samples,))
        with evaluating(self):
            return torch.sigmoid(self.decode(z))


class ConvVAE(VAE):
    """For images (B, 1, 28, 28). ``batch_norm``: in the decoder, as the generator of a GAN has it."""

    def __init__(self, latent_dim: int, channels: tuple[int, int] = (16, 32), batch_norm: bool = False) -> None:
        check_size(latent_dim, "latent_dim")
        encoder = ConvEncoder(2 * latent_dim, channels)
        super().__init__(encoder, ConvDecoder(latent_dim, channels[::-1], batch_norm), latent_dim)


class MLPVAE(VAE):
    """For vectors (B, num_pixels), with one hidden layer of ``hidden_dim`` on either side."""

    def __init__(self, num_pixels: int, hidden_dim: int, latent_dim: int) -> None:
        check_size(latent_dim, "latent_dim")
        encoder = mlp([num_pixels, hidden_dim, 2 * latent_dim])
        super().__init__(encoder, mlp([latent_dim, hidden_dim, num_pixels]), latent_dim)
