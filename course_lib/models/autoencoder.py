"""Autoencoders: an encoder to a few numbers, a decoder back (Hinton & Salakhutdinov 2006)."""

import torch
from torch import Tensor, nn

from course_lib.checks import check_size
from course_lib.models.layers import MNIST_SHAPE, ConvDecoder, ConvEncoder, ImageShape, check_vectors, evaluating


class Autoencoder(nn.Module):
    """An encoder and a decoder in a row, trained to give back what came in.

    ``encoder``: (B, ...) to codes (B, D); ``decoder``: codes to ``x_hat``, unsquashed grey levels shaped like x.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Tensor) -> Tensor:
        """The code z of each image: (B, ...) to (B, D)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """The image of each code: (B, D) to (B, ...)."""
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        """The reconstruction ``x_hat`` of x, in the shape of x."""
        return self.decode(self.encode(x))

    def reconstruct(self, x: Tensor) -> Tensor:
        """The same to look at: in eval mode and without gradient. It isn't squashed: clamp it to [0, 1] for metrics."""
        with evaluating(self):
            return self(x)


class LinearAutoencoder(Autoencoder):
    """One linear layer in, one out, for vectors (B, num_pixels).

    At its optimum it spans the principal subspace of the data (Baldi & Hornik 1989), but its code isn't the
    principal components: any invertible map of the code, undone by the decoder, gives the same reconstruction.
    Raises ``ValueError`` for sizes below 1.
    """

    def __init__(self, num_pixels: int, latent_dim: int) -> None:
        check_size(num_pixels, "num_pixels")
        check_size(latent_dim, "latent_dim")
        super().__init__(nn.Linear(num_pixels, latent_dim), nn.Linear(latent_dim, num_pixels))

    def encode(self, x: Tensor) -> Tensor:
        """The code z of each vector: (B, num_pixels) to (B, latent_dim)."""
        check_vectors(x, self.encoder)
        return super().encode(x)


class ConvAutoencoder(Autoencoder):
    """Convolutional halves for images (B, *image_shape) and codes (B, latent_dim).

    Raises ``ValueError`` for a latent_dim below 1, and for sides that aren't multiples of 4.
    """

    def __init__(
        self,
        latent_dim: int,
        channels: tuple[int, int] = (16, 32),
        batch_norm: bool = False,
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        check_size(latent_dim, "latent_dim")
        encoder = ConvEncoder(latent_dim, channels, image_shape)
        super().__init__(encoder, ConvDecoder(latent_dim, channels[::-1], batch_norm, image_shape))


class TopK(nn.Module):
    """The k largest entries of each code, the others zero: put behind an encoder, it makes a k-sparse autoencoder
    (Makhzani & Frey 2014, arXiv:1312.5663).

    Only the entries that are kept have a gradient. (B, D) to (B, D). Raises ``ValueError`` for k outside 1 to D.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        check_size(k, "k")
        self.k = k

    def forward(self, z: Tensor) -> Tensor:
        """(B, D) to (B, D)."""
        if z.shape[1] < self.k:
            raise ValueError(f"k must be at most the size of the code, got k = {self.k} for {tuple(z.shape)}")
        largest, index = z.topk(self.k, dim=1)
        return torch.zeros_like(z).scatter(1, index, largest)
