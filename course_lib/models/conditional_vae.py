r"""The conditional VAE (Sohn et al. 2015, "Learning structured output representation using deep conditional
generative models"): a VAE whose two networks get the class y as well.

The bound is on :math:`\log p(x|y)`. The prior of z stays N(0, I) for every class, the simpler of the paper's two
choices: so z is left with what the label doesn't say, and one z under each label is one style in all classes.
"""

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.checks import check_codes, check_image_shape, check_size
from course_lib.models.labels import append_labels, check_labels
from course_lib.models.layers import (
    MNIST_SHAPE,
    ConvDecoder,
    ConvEncoder,
    ImageShape,
    check_fit,
    codes_or_noise,
    evaluating,
)
from course_lib.models.vae import bounded_logvar, reparameterize


class ConditionalVAE(nn.Module):
    """``encoder``: x with its labels appended to (B, 2 * latent_dim); ``decoder``: codes with
    labels, (B, latent_dim + num_classes), to logits shaped like x.

    Wherever labels ``y`` are taken, int64 (B,): ``TypeError`` for another type, ``ValueError`` for another
    shape or a class that there isn't.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent_dim: int, num_classes: int) -> None:
        super().__init__()
        check_size(latent_dim, "latent_dim")
        check_size(num_classes, "num_classes")
        self.encoder = encoder
        self.decoder = decoder
        self.latent_dim = latent_dim
        self.num_classes = num_classes

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The parameters ``mu`` and ``logvar`` of q(z|x, y), (B, latent_dim) each."""
        mu, logvar = self.encoder(append_labels(x, y, self.num_classes)).chunk(2, dim=1)
        return mu, bounded_logvar(logvar)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        """The logits of p(x|z, y): codes (B, latent_dim) to the shape of x."""
        check_codes(z, self.latent_dim)
        return self.decoder(append_labels(z, y, self.num_classes))

    def forward(self, x: Tensor, y: Tensor, eps: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The logits from one sample of z, and ``mu`` and ``logvar``: what the ELBO is computed from."""
        mu, logvar = self.encode(x, y)
        return self.decode(reparameterize(mu, logvar, eps), y), mu, logvar

    def reconstruct(self, x: Tensor, y: Tensor) -> Tensor:
        """The means of p(x|z, y) at the posterior's mean: grey levels in [0, 1], shaped like x."""
        with evaluating(self):
            return torch.sigmoid(self.decode(self.encode(x, y)[0], y))

    def sample(self, num_samples: int, y: int | Tensor, z: Tensor | None = None) -> Tensor:
        """Images of class ``y``, or of the class of each in a tensor (num_samples,), for z from the prior or those
        given: the means of p(x|z, y), grey levels in [0, 1]."""
        if isinstance(y, int | np.integer):
            y = torch.full((num_samples,), int(y), device=next(self.parameters()).device)
        check_labels(y, num_samples, self.num_classes)
        z = codes_or_noise(self, num_samples, self.latent_dim, z)
        with evaluating(self):
            return torch.sigmoid(self.decode(z, y))


class ConvConditionalVAE(ConditionalVAE):
    """For images (B, *image_shape). ``batch_norm``: in the decoder, as a :class:`ConvVAE` may have it."""

    def __init__(
        self,
        latent_dim: int,
        num_classes: int = 10,
        channels: tuple[int, int] = (16, 32),
        batch_norm: bool = False,
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        check_size(latent_dim, "latent_dim")
        check_size(num_classes, "num_classes")
        check_image_shape(image_shape)
        num_channels, height, width = image_shape
        encoder = ConvEncoder(2 * latent_dim, channels, (num_channels + num_classes, height, width))
        decoder = ConvDecoder(latent_dim + num_classes, channels[::-1], batch_norm, image_shape)
        super().__init__(encoder, decoder, latent_dim, num_classes)
        self.image_shape = image_shape

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The parameters ``mu`` and ``logvar`` of q(z|x, y), (B, latent_dim) each."""
        check_fit(x, self.image_shape, self)
        return super().encode(x, y)
