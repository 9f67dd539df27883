r"""A VAE with two layers of codes and top-down inference: the ladder VAE (Sonderby et al. 2016, arXiv:1602.02282).

Generation goes down, :math:`p(z_2)\,p(z_1|z_2)\,p(x|z_1)`, and so does inference, :math:`q(z_2|x)\,q(z_1|z_2,x)`.
The lower posterior merges two opinions on z1, that of the image from below and that of the model from above, each
weighed by its precision: where the image says little, the posterior is the prior and costs nothing.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.checks import check_codes, check_size
from course_lib.models.layers import (
    MNIST_SHAPE,
    ConvDecoder,
    ConvEncoder,
    ImageShape,
    codes_or_noise,
    evaluating,
    mlp,
)
from course_lib.models.vae import bounded_logvar, reparameterize


def precision_weighted(mu_a: Tensor, logvar_a: Tensor, mu_b: Tensor, logvar_b: Tensor) -> tuple[Tensor, Tensor]:
    r"""Mean and log-variance of the normalised product of two Gaussians: precisions :math:`1/\sigma^2` add up, and
    the mean is the mean of the two weighed by their precisions.

    All four of one shape, which both results have.
    """
    share_a = torch.sigmoid(logvar_b - logvar_a)  # precision of a over the sum of both
    return share_a * mu_a + (1 - share_a) * mu_b, -torch.logaddexp(-logvar_a, -logvar_b)


class Gaussian(NamedTuple):
    """Mean and log-variance of a diagonal Gaussian, (B, D) each."""

    mu: Tensor
    logvar: Tensor


class LadderPass(NamedTuple):
    """One pass through the ladder: logits of p(x|z1), and q(z2|x), q(z1|z2, x) and p(z1|z2) at the sampled z2."""

    logits: Tensor
    q_top: Gaussian
    q_bottom: Gaussian
    p_bottom: Gaussian


class LadderVAE(nn.Module):
    """``encoder``: x to features (B, hidden_dim); ``decoder``: z1 (B, latent_dims[0]) to logits shaped like x.

    ``latent_dims``: the sizes of z1 and z2. The networks in between are made here: one linear layer to what the image
    says of z1, and one hidden layer each to q(z2|x) and p(z1|z2). Raises ``ValueError`` for sizes below 1.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, hidden_dim: int, latent_dims: tuple[int, int]
    ) -> None:
        super().__init__()
        bottom, top = latent_dims
        check_size(bottom, "latent_dims[0]")
        check_size(top, "latent_dims[1]")
        self.latent_dims = latent_dims
        self.encoder = encoder
        self.bottom_up = mlp([hidden_dim, 2 * bottom])
        self.encoder_top = mlp([hidden_dim, hidden_dim, 2 * top])
        self.top_down = mlp([top, hidden_dim, 2 * bottom])
        self.decoder = decoder

    def prior_bottom(self, z2: Tensor) -> Gaussian:
        """p(z1|z2): (B, latent_dims[1]) to parameters (B, latent_dims[0]). Other codes raise ``ValueError``."""
        check_codes(z2, self.latent_dims[1])
        return _gaussian(self.top_down(z2))

    def decode(self, z1: Tensor) -> Tensor:
        """The logits of p(x|z1). Raises ``ValueError`` unless ``z1`` is (B, latent_dims[0])."""
        check_codes(z1, self.latent_dims[0])
        return self.decoder(z1)

    def features(self, x: Tensor) -> Tensor:
        """What both posteriors see of an image: (B, ...) to (B, hidden_dim)."""
        return torch.relu(self.encoder(x))

    def posterior_top(self, features: Tensor) -> Gaussian:
        """q(z2|x), parameters (B, latent_dims[1]), of features (B, hidden_dim)."""
        return _gaussian(self.encoder_top(features))

    def posterior_bottom(self, features: Tensor, p_bottom: Gaussian) -> Gaussian:
        """q(z1|z2, x), parameters (B, latent_dims[0]), of features (B, hidden_dim) and p(z1|z2)."""
        return Gaussian(*precision_weighted(*_gaussian(self.bottom_up(features)), *p_bottom))

    def forward(self, x: Tensor, eps2: Tensor | None = None, eps1: Tensor | None = None) -> LadderPass:
        """Up from x to z2 and down again; ``eps2`` and ``eps1``: the noise of each layer, (B, D) of that layer."""
        features = self.features(x)
        q_top = self.posterior_top(features)
        p_bottom = self.prior_bottom(reparameterize(*q_top, eps2))
        q_bottom = self.posterior_bottom(features, p_bottom)
        return LadderPass(self.decode(reparameterize(*q_bottom, eps1)), q_top, q_bottom, p_bottom)

    def reconstruct(self, x: Tensor) -> Tensor:
        """The means of p(x|z1) at the posteriors' means: grey levels in [0, 1], shaped like x."""
        with evaluating(self):
            zero = next(self.parameters()).new_zeros(())
            return torch.sigmoid(self(x, zero, zero).logits)

    def sample(self, num_samples: int, z2: Tensor | None = None, eps1: Tensor | None = None) -> Tensor:
        """The means of p(x|z1) from the top down, for z2 from the prior or those given: grey levels in [0, 1].

        One z2 with several ``eps1`` shows what the lower layer is left with.
        """
        z2 = codes_or_noise(self, num_samples, self.latent_dims[1], z2)
        with evaluating(self):
            return torch.sigmoid(self.decode(reparameterize(*self.prior_bottom(z2), eps1)))


def _gaussian(out: Tensor) -> Gaussian:
    mu, logvar = out.chunk(2, dim=1)
    return Gaussian(mu, bounded_logvar(logvar))


class ConvLadderVAE(LadderVAE):
    """For images (B, *image_shape). ``batch_norm``: in the decoder, as a :class:`ConvVAE` may have it."""

    def __init__(
        self,
        latent_dims: tuple[int, int],
        hidden_dim: int = 64,
        channels: tuple[int, int] = (16, 32),
        batch_norm: bool = False,
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        encoder = ConvEncoder(hidden_dim, channels, image_shape)
        decoder = ConvDecoder(latent_dims[0], channels[::-1], batch_norm, image_shape)
        super().__init__(encoder, decoder, hidden_dim, latent_dims)
