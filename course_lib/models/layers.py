"""The blocks every model is put together from: a stack of linear layers, and convolutional halves.

Sizes in comments are those of images of 28 x 28 pixels; sides may be any multiple of 4, channels any number.
The shapes follow DCGAN (Radford et al. 2016, arXiv:1511.06434): strided convolutions down, transposed ones up,
kernel 4 and stride 2 so that kernels tile evenly and leave no checkerboard of their own.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.checks import check_codes, check_image_shape, check_input, check_size

ImageShape = tuple[int, int, int]
"""Channels, height and width; the last two are multiples of 4, as every network here halves them twice."""
MNIST_SHAPE: ImageShape = (1, 28, 28)


class MLP(nn.Sequential):
    """Linear layers with something between them; the first one's sizes say what comes in."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features). Raises ``ValueError`` for other widths or another type."""
        check_vectors(x, self[0])
        return super().forward(x)


def mlp(sizes: Sequence[int]) -> MLP:
    """Linear layers of the given sizes with ReLU between them: (B, sizes[0]) to (B, sizes[-1]).

    Raises ``ValueError`` for fewer than two sizes or one below 1.
    """
    if len(sizes) < 2:
        raise ValueError(f"mlp needs at least an input and an output size, got {list(sizes)}")
    for size in sizes:
        check_size(size, "each size")
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return MLP(*layers[:-1])


def check_vectors(x: Tensor, first: nn.Module) -> None:
    """Raises ``ValueError`` unless ``x`` is (..., in_features) for the ``first`` linear layer of a network, in the type
    of its weights."""
    assert isinstance(first, nn.Linear)
    num_numbers = first.in_features
    leading = tuple("N" * (x.ndim - 2)) if x.shape[-1:] == (num_numbers,) else ()
    check_input(x, (*leading, num_numbers), next(first.parameters(), x), "images become vectors by x.flatten(1)")


def check_fit(x: Tensor, image_shape: ImageShape, network: nn.Module) -> None:
    """Raises ``ValueError`` unless ``x`` holds images of the shape that ``network`` was built for, in the type of its
    weights. (What parametrises a weight isn't run: spectral normalisation counts its uses.)"""
    if x.ndim == 3:
        remedy = "add the channel's dimension, x.unsqueeze(1)"
    elif x.ndim == 4:
        remedy = f"build the network with image_shape={tuple(x.shape[1:])}, or change the images"
    else:
        remedy = f"make images of vectors by x.reshape(-1, {', '.join(map(str, image_shape))})"
    check_input(x, image_shape, next(network.parameters(), x), remedy)


class ConvEncoder(nn.Sequential):
    """Images (B, *image_shape) to (B, out_dim): 28 to 14 to 7 pixels a side, then one linear layer.

    Raises ``ValueError`` for an out_dim below 1, sides that aren't multiples of 4, and images of another shape.
    """

    def __init__(
        self, out_dim: int, channels: tuple[int, int] = (16, 32), image_shape: ImageShape = MNIST_SHAPE
    ) -> None:
        check_size(out_dim, "out_dim")
        check_image_shape(image_shape)
        in_channels, height, width = image_shape
        first, second = channels
        super().__init__(
            nn.Conv2d(in_channels, first, 4, stride=2, padding=1),  # (B, first, 14, 14)
            nn.ReLU(),
            nn.Conv2d(first, second, 4, stride=2, padding=1),  # (B, second, 7, 7)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * (height // 4) * (width // 4), out_dim),
        )
        self.image_shape = image_shape

    def forward(self, x: Tensor) -> Tensor:
        """(B, *image_shape) to (B, out_dim)."""
        check_fit(x, self.image_shape, self)
        return super().forward(x)


class ConvDecoder(nn.Sequential):
    """Codes (B, latent_dim) to logits or unsquashed grey levels (B, *image_shape).

    ``batch_norm`` normalises the hidden layers, as a GAN's generator needs; the last layer never is. Raises
    ``ValueError`` for a latent_dim below 1, sides that aren't multiples of 4, and codes of another size.
    """

    def __init__(
        self,
        latent_dim: int,
        channels: tuple[int, int] = (32, 16),
        batch_norm: bool = False,
        image_shape: ImageShape = MNIST_SHAPE,
    ) -> None:
        check_size(latent_dim, "latent_dim")
        check_image_shape(image_shape)
        out_channels, height, width = image_shape[0], image_shape[1] // 4, image_shape[2] // 4
        first, second = channels

        def hidden(size: int) -> list[nn.Module]:
            return [nn.BatchNorm2d(size), nn.ReLU()] if batch_norm else [nn.ReLU()]

        super().__init__(
            nn.Linear(latent_dim, first * height * width),
            nn.Unflatten(1, (first, height, width)),
            *hidden(first),
            nn.ConvTranspose2d(first, second, 4, stride=2, padding=1),  # (B, second, 14, 14)
            *hidden(second),
            nn.ConvTranspose2d(second, out_channels, 4, stride=2, padding=1),  # (B, 1, 28, 28)
        )
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """(B, latent_dim) to (B, *image_shape)."""
        check_codes(z, self.latent_dim)
        return super().forward(z)


class PatchEncoder(nn.Sequential):
    """Images (B, *image_shape) to (B, out_dim), all at a fourth of their height and width: each patch of 4 x 4 becomes
    one pixel of 16 times as many channels. Raises ``ValueError`` as :class:`ConvEncoder` does.
    """

    def __init__(self, out_dim: int, channels: int = 48, image_shape: ImageShape = MNIST_SHAPE) -> None:
        check_size(out_dim, "out_dim")
        check_image_shape(image_shape)
        in_channels, height, width = image_shape
        super().__init__(
            nn.PixelUnshuffle(4),  # (B, 16, 7, 7)
            nn.Conv2d(16 * in_channels, channels, 1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(channels * (height // 4) * (width // 4), out_dim),
        )
        self.image_shape = image_shape

    def forward(self, x: Tensor) -> Tensor:
        """(B, *image_shape) to (B, out_dim)."""
        check_fit(x, self.image_shape, self)
        return super().forward(x)


class PatchDecoder(nn.Sequential):
    """Codes (B, latent_dim) to logits (B, *image_shape): the way back, whose last step lays 16 channels out as a patch
    of 4 x 4 (sub-pixel convolution: Shi et al. 2016, arXiv:1609.05158). Raises ``ValueError`` as :class:`ConvDecoder`
    does.
    """

    def __init__(self, latent_dim: int, channels: int = 48, image_shape: ImageShape = MNIST_SHAPE) -> None:
        check_size(latent_dim, "latent_dim")
        check_image_shape(image_shape)
        out_channels, height, width = image_shape[0], image_shape[1] // 4, image_shape[2] // 4
        super().__init__(
            nn.Linear(latent_dim, channels * height * width),
            nn.ReLU(),
            nn.Unflatten(1, (channels, height, width)),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 16 * out_channels, 3, padding=1),
            nn.PixelShuffle(4),  # (B, 1, 28, 28)
        )
        self.latent_dim = latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """(B, latent_dim) to (B, *image_shape)."""
        check_codes(z, self.latent_dim)
        return super().forward(z)


def standard_normal(network: nn.Module, num_samples: int, size: int) -> Tensor:
    """Noise of N(0, I) to feed a network with: (num_samples, size), in the type and on the device of its weights."""
    weight = next(network.parameters())
    return torch.randn(num_samples, size, dtype=weight.dtype, device=weight.device)


def codes_or_noise(network: nn.Module, num_samples: int, size: int, z: Tensor | None) -> Tensor:
    """The codes ``z`` to sample from, or noise of N(0, I) where none are given: (num_samples, size).

    Raises ``ValueError`` for another number of codes than ``num_samples``.
    """
    check_size(num_samples, "num_samples")
    if z is None:
        return standard_normal(network, num_samples, size)
    if len(z) != num_samples:
        raise ValueError(f"z must hold num_samples = {num_samples} codes, got {len(z)}; ask for as many samples")
    return z


def num_parameters(module: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Inside, ``module`` is in eval mode and no graph is kept; afterwards each module in it is in the mode it was in.

    So drawing pictures in mid-training leaves the running statistics of batch normalisation alone, and a part that was
    frozen by ``.eval()`` stays frozen.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
