"""Packing: a discriminator that judges several samples at once sees that they are alike (PacGAN, Lin et al. 2018,
arXiv:1712.04086)."""

from torch import Tensor

from course_lib.checks import check_size


def pack(x: Tensor, num_packed: int) -> Tensor:
    """Each ``num_packed`` neighbours of a batch put together, points by their coordinates, images by their channels.

    ``x``: (B, C, ...), B of at least 1. Returns (B / num_packed, num_packed * C, ...). Raises ``ValueError`` if B isn't
    a multiple.
    """
    check_size(num_packed, "num_packed")
    if len(x) == 0:
        raise ValueError("x must hold at least one sample to be packed, got none")
    if len(x) % num_packed != 0:
        raise ValueError(f"a batch of {len(x)} can't be packed by {num_packed}; take a multiple of {num_packed}")
    return x.reshape(len(x) // num_packed, -1, *x.shape[2:])
