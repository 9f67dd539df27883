"""Corruptions of the images that a denoising autoencoder gets (Vincent et al. 2010, "Stacked denoising autoencoders",
JMLR 11).

Each takes images of any shape and returns new ones; the draw is an argument with a random default.
"""

import torch
from torch import Tensor


def add_noise(x: Tensor, std: float, eps: Tensor | None = None) -> Tensor:
    """Gaussian noise of standard deviation ``std``; the result may leave [0, 1].

    ``eps``: shaped like x, drawn from N(0, 1) if not given. Raises ``ValueError`` unless ``std`` is at least 0.
    """
    if not std >= 0:
        raise ValueError(f"std must be at least 0, got {std}")
    return x + std * (torch.randn_like(x) if eps is None else eps)


def mask_pixels(x: Tensor, share: float, u: Tensor | None = None) -> Tensor:
    """A random ``share`` of the pixels set to 0, each by itself.

    ``u``: shaped like x, drawn from the uniform distribution on [0, 1) if not given; pixels with u below ``share``
    are lost. Raises ``ValueError`` unless 0 <= share <= 1.
    """
    return torch.where(_hit(x, share, u), 0.0, x)


def salt_and_pepper(x: Tensor, share: float, u: Tensor | None = None) -> Tensor:
    """A random ``share`` of the pixels set to 0 or 1, by the toss of a coin.

    ``u``: shaped like x, as in :func:`mask_pixels`; pixels with u in the lower half of ``share`` turn 0, in the
    upper half 1. Raises ``ValueError`` unless 0 <= share <= 1.
    """
    u = torch.rand_like(x) if u is None else u
    return torch.where(_hit(x, share, u), (u >= share / 2).to(x.dtype), x)


def _hit(x: Tensor, share: float, u: Tensor | None) -> Tensor:
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1], got {share}")
    return (torch.rand_like(x) if u is None else u) < share
