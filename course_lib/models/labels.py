"""Labels of classes as a network's input: a one-hot vector beside the input that it has anyway (Mirza & Osindero 2014,
arXiv:1411.1784)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def check_labels(y: Tensor, batch_size: int, num_classes: int) -> None:
    """Raises ``TypeError`` unless ``y`` holds int64, ``ValueError`` unless it has shape (batch_size,) and lies in 0 to
    num_classes - 1."""
    if not isinstance(y, Tensor):
        raise TypeError(f"labels must be an int64 tensor, got a {type(y).__name__}; use torch.as_tensor(y)")
    if y.dtype != torch.int64:
        raise TypeError(f"labels must be int64 class indices, got {y.dtype}; use y.long()")
    if y.shape != (batch_size,):
        raise ValueError(f"labels must have shape ({batch_size},), one per image, got {tuple(y.shape)}")
    outside = y[(y < 0) | (y >= num_classes)]
    if len(outside) > 0:
        raise ValueError(f"labels must lie in 0 to {num_classes - 1}, got {outside[0].item()}")


def append_labels(x: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """``x`` with the one-hot labels behind its own channels, each a constant picture where x is one.

    ``x``: (B, C, ...), vectors or images; ``y``: int64 (B,). Returns (B, C + num_classes, ...).
    Raises ``TypeError`` and ``ValueError`` as :func:`check_labels` does.
    """
    check_labels(y, len(x), num_classes)
    one_hot = F.one_hot(y, num_classes).to(x.dtype)
    one_hot = one_hot.reshape(*one_hot.shape, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])
    return torch.cat([x, one_hot], dim=1)
