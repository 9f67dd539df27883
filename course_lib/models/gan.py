"""The two players: DCGAN's for images (Radford et al. 2016, arXiv:1511.06434), and small ones for the plane.

The discriminators have no batch normalisation: it would let one image's logit depend on the others in its batch,
and a gradient penalty is per image (Gulrajani et al. 2017, arXiv:1704.00028, section 4).
"""

import torch
from torch import Tensor, nn

from course_lib.checks import check_codes, check_image_shape, check_size
from course_lib.models.layers import (
    MNIST_SHAPE,
    ConvDecoder,
    ImageShape,
    check_fit,
    check_vectors,
    codes_or_noise,
    evaluating,
    mlp,
)


class Generator(ConvDecoder):
    """Noise (B, latent_dim) to logits (B, *image_shape): a decoder with batch normalisation.

    As in every model here the output is a logit; :meth:`images` gives the grey levels.
    """

    def __init__(
        self, latent_dim: int = 64, channels: tuple[int, int] = (32, 16), image_shape: ImageShape = MNIST_SHAPE
    ) -> None:
        super().__init__(latent_dim, channels, batch_norm=True, image_shape=image_shape)

    def images(self, z: Tensor) -> Tensor:
        """Grey levels in [0, 1], (B, *image_shape), with gradient."""
        return torch.sigmoid(self(z))

    def sample(self, num_samples: int, z: Tensor | None = None) -> Tensor:
        """Images from noise of N(0, I) (or the one given), leaving batch statistics as they are."""
        z = codes_or_noise(self, num_samples, self.latent_dim, z)
        with evaluating(self):
            return self.images(z)


class Discriminator(nn.Module):
    """Images (B, *image_shape) to one logit each, (B,): positive says real.

    ``image_shape`` has more channels than the images where labels come with them, or several images at once (packing).
    Raises ``ValueError`` for sides that aren't multiples of 4, and for images of another shape.
    """

    def __init__(
        self, channels: tuple[int, int, int] = (16, 32, 64), image_shape: ImageShape = MNIST_SHAPE
    ) -> None:
        check_image_shape(image_shape)
        super().__init__()
        in_channels, height, width = image_shape
        self.image_shape = image_shape
        first, second, third = channels
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, first, 4, stride=2, padding=1),  # (B, first, 14, 14)
            nn.LeakyReLU(0.2),
            nn.Conv2d(first, second, 4, stride=2, padding=1),  # (B, second, 7, 7)
            nn.LeakyReLU(0.2),
            nn.Conv2d(second, third, 3, stride=2, padding=1),  # (B, third, 4, 4)
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        last = [(size // 4 + 1) // 2 for size in (height, width)]
        self.head = nn.Linear(third * last[0] * last[1], 1)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (B, d)."""
        check_fit(x, self.image_shape, self)
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """(B,) logits."""
        return self.head(self.features(x)).squeeze(1)


class ToyGenerator(nn.Sequential):
    """Noise (B, latent_dim) to points of the plane (B, 2). Raises ``ValueError`` for sizes below 1."""

    def __init__(self, latent_dim: int = 2, hidden_dim: int = 64) -> None:
        check_size(latent_dim, "latent_dim")
        super().__init__(*mlp([latent_dim, hidden_dim, hidden_dim, 2]))
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """(B, latent_dim) to (B, 2). Raises ``ValueError`` for noise of another size."""
        check_codes(z, self.latent_dim)
        return super().forward(z)

    def sample(self, num_samples: int, z: Tensor | None = None) -> Tensor:
        """Points (num_samples, 2) from noise of N(0, I), or from the ``z`` given, without gradient."""
        z = codes_or_noise(self, num_samples, self.latent_dim, z)
        with evaluating(self):
            return self(z)


class ToyDiscriminator(nn.Sequential):
    """Points (B, in_dim) to one logit each, (B,); ``in_dim`` is above 2 where more than one point comes in."""

    def __init__(self, hidden_dim: int = 64, in_dim: int = 2) -> None:
        super().__init__(*mlp([in_dim, hidden_dim, hidden_dim, 1]), nn.Flatten(0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_dim) to (B,) logits. Raises ``ValueError`` for points of another size."""
        check_vectors(x, self[0])
        return super().forward(x)
