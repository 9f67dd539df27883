"""A decoder of many plain layers, through which a code reaches the image badly, and the repair: skip connections from
the code into every layer (Dieng et al. 2019, arXiv:1807.04863)."""

import math

import torch
from torch import Tensor, nn

from course_lib.checks import check_codes, check_size
from course_lib.models.layers import MNIST_SHAPE, ImageShape, mlp
from course_lib.models.vae import VAE


class DeepDecoder(nn.Module):
    """Codes (B, latent_dim) to logits (B, *image_shape), through ``num_layers`` layers of ``hidden_dim`` units.

    ``skip``: every layer gets the code beside what the layer before it gives. Raises ``ValueError`` for sizes below 1,
    and for codes of another size.
    """

    def __init__(
        self,
        latent_dim: int,
        num_layers: int = 10,
        skip: bool = False,
        hidden_dim: int = 128,
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        super().__init__()
        for name, size in {"latent_dim": latent_dim, "num_layers": num_layers, "hidden_dim": hidden_dim}.items():
            check_size(size, name)
        self.latent_dim, self.skip, self.image_shape = latent_dim, skip, image_shape
        inputs = hidden_dim + latent_dim if skip else hidden_dim
        sizes = [latent_dim] + (num_layers - 1) * [inputs]
        self.layers = nn.ModuleList(nn.Linear(size, hidden_dim) for size in sizes)
        self.out = nn.Linear(inputs, math.prod(image_shape))

    def forward(self, z: Tensor) -> Tensor:
        """(B, latent_dim) to (B, *image_shape)."""
        check_codes(z, self.latent_dim)
        h = z
        for layer in self.layers:
            h = torch.relu(layer(h))
            if self.skip:
                h = torch.cat([h, z], dim=1)
        return self.out(h).unflatten(1, self.image_shape)


class DeepVAE(VAE):
    """A VAE with a :class:`DeepDecoder`, and an encoder of one hidden layer; for images (B, *image_shape)."""

    def __init__(
        self,
        latent_dim: int,
        num_layers: int = 10,
        skip: bool = False,
        hidden_dim: int = 128,
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        decoder = DeepDecoder(latent_dim, num_layers, skip, hidden_dim, image_shape)
        encoder = nn.Sequential(nn.Flatten(), mlp([math.prod(image_shape), hidden_dim, 2 * latent_dim]))
        super().__init__(encoder, decoder, latent_dim)
