"""The VAE-GAN (Larsen et al. 2016, arXiv:1512.09300): a VAE whose decoder is also a GAN's generator."""

from torch import Tensor, nn

from course_lib.models.gan import Discriminator
from course_lib.models.layers import MNIST_SHAPE, ImageShape
from course_lib.models.vae import ConvVAE


class VAEGAN(nn.Module):
    """A VAE with a discriminator beside it, for images (B, *image_shape) and codes (B, latent_dim)."""

    def __init__(
        self, latent_dim: int, channels: tuple[int, int] = (16, 32), image_shape: ImageShape = MNIST_SHAPE
    ) -> None:
        super().__init__()
        self.vae = ConvVAE(latent_dim, channels, batch_norm=True, image_shape=image_shape)
        self.discriminator = Discriminator(image_shape=image_shape)
        self.latent_dim = latent_dim

    def reconstruct(self, x: Tensor) -> Tensor:
        """The decoded posterior mean: grey levels in [0, 1], shaped like x."""
        return self.vae.reconstruct(x)

    def sample(self, num_samples: int, z: Tensor | None = None) -> Tensor:
        """Decoded samples of the prior (or of the codes given): grey levels in [0, 1]."""
        return self.vae.sample(num_samples, z)
