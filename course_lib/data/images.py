"""The set of images (``ImageSet``), dynamic binarisation, and the checks of image tensors and of requests."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class ImageSet:
    """Images with their labels and, where they are known, the factors they were made from.

    ``x``: float32 (N, 1, H, W) in [0, 1], bright strokes on black (H = W = 28; ``digits``: 8).
    ``y``: int64 (N,), an index into ``class_names``.
    ``factors``: name -> (N,) tensor; empty for real data.
    """

    x: Tensor
    y: Tensor
    class_names: tuple[str, ...]
    name: str
    split: str
    factors: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        shape = tuple(self.x.shape)
        return f"ImageSet({self.name!r}, {self.split!r}, x={shape}, classes={len(self.class_names)})"


def check_images(x: Tensor, name: str = "x") -> None:
    """Refuse what is not a batch of grey-level images: float (N, 1, H, W), every value finite and in [0, 1].

    Raises ``TypeError`` for the wrong type, ``ValueError`` for the wrong shape or values.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor of images, got a {type(x).__name__}; use torch.as_tensor")
    if not x.is_floating_point():
        raise TypeError(f"{name} must hold floats in [0, 1], got {x.dtype}; use {name}.float() / 255 for bytes")
    if x.ndim != 4 or x.shape[1] != 1:
        raise ValueError(
            f"{name} must have shape (N, 1, H, W), got {tuple(x.shape)}; add the missing dimension, "
            f"e.g. {name}.reshape(-1, 1, 28, 28)"
        )
    if x.numel() == 0:
        return
    low, high = torch.aminmax(x.detach())
    if torch.isnan(low):
        raise ValueError(f"{name} must be finite, got {int(torch.isnan(x).sum())} NaN values")
    if low < 0 or high > 1:
        hint = "divide bytes by 255" if high > 2 else "apply torch.sigmoid to logits"
        raise ValueError(f"{name} must lie in [0, 1], got {low.item():.4g} to {high.item():.4g}; {hint}")


def binarize(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    r"""Dynamic binarisation: one Bernoulli draw of every grey level, ``P(1) = x``; same shape and dtype.

    Call it anew on every batch: a Bernoulli likelihood is a probability only of such zeros and ones
    (Salakhutdinov and Murray, 2008; Burda et al., 2016). Raises ``TypeError`` for integers and ``ValueError`` for
    values outside [0, 1].
    """
    if not x.is_floating_point():
        raise TypeError(f"x must hold floats in [0, 1], got {x.dtype}; divide bytes by 255 first")
    low, high = torch.aminmax(x.detach()) if x.numel() else (torch.tensor(0.0), torch.tensor(0.0))
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"x must hold grey levels in [0, 1], got {low.item():.4g} to {high.item():.4g}; "
            "scale the images to [0, 1] first (and apply torch.sigmoid to logits)"
        )
    # is a uniform draw below x? torch.bernoulli(x) asks the same and takes four times as long on a CPU
    return torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device).lt_(x.detach())


def check_split(name: str, split: str, splits: Iterable[str]) -> None:
    """Raises ``ValueError`` unless the set ``name`` has this split."""
    if split not in splits:
        raise ValueError(f"split must be one of {', '.join(splits)} for {name}, got {split!r}")


def take(num_images: int | None, available: int, name: str, split: str) -> int:
    """How many of a finite set's images were asked for (None: all); ``ValueError`` if it doesn't have as many."""
    if num_images is None:
        return available
    if not 1 <= num_images <= available:
        raise ValueError(f"num_images must be from 1 to the {available} of {name} {split}, got {num_images}")
    return num_images
