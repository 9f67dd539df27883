"""The two players: DCGAN's for images (Radford et al. 2016, arXiv:1511.06434), and small ones for the plane.

The discriminators have no batch normalisation: it would let one image's logit depend on the others in its batch,
and a gradient penalty is per image (Gulrajani et al. 2017, arXiv:1704.00028, section 4).
"""

import torch
from torch import Tensor, nn

from course_lib.checks import check_size
from course_lib.models.layers import ConvDecoder, evaluating, mlp, standard_normal


class Generator(ConvDecoder):
    """Noise (B, latent_dim) to logits (B, 1, 28, 28): a decoder with batch normalisation.

    As in every model here the output is a logit; :meth:`images` gives the grey levels.
    """

    def __init__(self, latent_dim: int = 64, channels: tuple[int, int] = (32, 16)) -> None:
        super().__init__(latent_dim, channels, batch_norm=True)
        self.latent_dim = latent_dim

    def images(self, z: Tensor) -> Tensor:
        """Grey levels in [0, 1], (B, 1, 28, 28), with gradient."""
        return torch.sigmoid(self(z))

    def sample(self, num_samples: int, z: Tensor | None = None) -> Tensor:
        """Images from noise of N(0, I) (or the one given), leaving batch statistics as they are."""
        if z is None:
            z = standard_normal(self, num_samples, self.latent_dim)
        with evaluating(self):
            return self.images(z)


class Discriminator(nn.Module):
    """Images (B, in_channels, 28, 28) to one logit each, (B,): positive says real.

    ``in_channels`` is above 1 where labels come with the image, or several images at once (packing). Raises
    ``ValueError`` for sizes below 1.
    """

    def __init__(self, channels: tuple[int, int, int] = (16, 32, 64), in_channels: int = 1) -> None:
        check_size(in_channels, "in_channels")
        super().__init__()
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
        self.head = nn.Linear(third * 4 * 4, 1)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (B, d)."""
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

    def sample(self, num_samples: int, z: Tensor | None = None) -> Tensor:
        """Points (num_samples, 2) from noise of N(0, I), or from the ``z`` given, without gradient."""
        if z is None:
            z = standard_normal(self, num_samples, self.latent_dim)
        with evaluating(self):
            return self(z)


class ToyDiscriminator(nn.Sequential):
    """Points (B, in_dim) to one logit each, (B,); ``in_dim`` is above 2 where more than one point comes in."""

    def __init__(self, hidden_dim: int = 64, in_dim: int = 2) -> None:
        super().__init__(*mlp([in_dim, hidden_dim, hidden_dim, 1]), nn.Flatten(0))
