"""The blocks every model is put together from: a stack of linear layers, and 28x28 convolutional halves.

The shapes follow DCGAN (Radford et al. 2016, arXiv:1511.06434): strided convolutions down, transposed ones up,
kernel 4 and stride 2 so that kernels tile evenly and leave no checkerboard of their own.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.checks import check_size


def mlp(sizes: Sequence[int]) -> nn.Sequential:
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
    return nn.Sequential(*layers[:-1])


class ConvEncoder(nn.Sequential):
    """Images (B, in_channels, 28, 28) to (B, out_dim): 28 to 14 to 7 pixels a side, then one linear layer.

    Raises ``ValueError`` for an out_dim below 1.
    """

    def __init__(self, out_dim: int, channels: tuple[int, int] = (16, 32), in_channels: int = 1) -> None:
        check_size(out_dim, "out_dim")
        first, second = channels
        super().__init__(
            nn.Conv2d(in_channels, first, 4, stride=2, padding=1),  # (B, first, 14, 14)
            nn.ReLU(),
            nn.Conv2d(first, second, 4, stride=2, padding=1),  # (B, second, 7, 7)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * 7 * 7, out_dim),
        )


class ConvDecoder(nn.Sequential):
    """Codes (B, latent_dim) to logits or unsquashed grey levels (B, 1, 28, 28).

    ``batch_norm`` normalises the hidden layers, as a GAN's generator needs; the last layer never is. Raises
    ``ValueError`` for a latent_dim below 1.
    """

    def __init__(self, latent_dim: int, channels: tuple[int, int] = (32, 16), batch_norm: bool = False) -> None:
        check_size(latent_dim, "latent_dim")
        first, second = channels

        def hidden(size: int) -> list[nn.Module]:
            return [nn.BatchNorm2d(size), nn.ReLU()] if batch_norm else [nn.ReLU()]

        super().__init__(
            nn.Linear(latent_dim, first * 7 * 7),
            nn.Unflatten(1, (first, 7, 7)),
            *hidden(first),
            nn.ConvTranspose2d(first, second, 4, stride=2, padding=1),  # (B, second, 14, 14)
            *hidden(second),
            nn.ConvTranspose2d(second, 1, 4, stride=2, padding=1),  # (B, 1, 28, 28)
        )


class PatchEncoder(nn.Sequential):
    """Images (B, 1, 28, 28) to (B, out_dim), all at 7 x 7 pixels: each patch of 4 x 4 becomes one pixel
    of 16 channels. Raises ``ValueError`` for an out_dim below 1.
    """

    def __init__(self, out_dim: int, channels: int = 48) -> None:
        check_size(out_dim, "out_dim")
        super().__init__(
            nn.PixelUnshuffle(4),  # (B, 16, 7, 7)
            nn.Conv2d(16, channels, 1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(channels * 7 * 7, out_dim),
        )


class PatchDecoder(nn.Sequential):
    """Codes (B, latent_dim) to logits (B, 1, 28, 28): the way back, whose last step lays 16 channels out as a patch of
    4 x 4 (sub-pixel convolution: Shi et al. 2016, arXiv:1609.05158). Raises ``ValueError`` for a latent_dim below 1.
    """

    def __init__(self, latent_dim: int, channels: int = 48) -> None:
        check_size(latent_dim, "latent_dim")
        super().__init__(
            nn.Linear(latent_dim, channels * 7 * 7),
            nn.ReLU(),
            nn.Unflatten(1, (channels, 7, 7)),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.PixelShuffle(4),  # (B, 1, 28, 28)
        )


def standard_normal(network: nn.Module, num_samples: int, size: int) -> Tensor:
    """Noise of N(0, I) to feed a network with: (num_samples, size), in the type and on the device of its weights."""
    weight = next(network.parameters())
    return torch.randn(num_samples, size, dtype=weight.dtype, device=weight.device)


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
