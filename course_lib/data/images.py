"""The set of images (``ImageSet``), dynamic binarisation, and the checks of requests."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course_lib.checks import check_grey_levels, is_size


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


def binarize(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    r"""Dynamic binarisation: one Bernoulli draw of every grey level, ``P(1) = x``; same shape and dtype.

    Call it anew on every batch: a Bernoulli likelihood is a probability only of such zeros and ones
    (Salakhutdinov and Murray, 2008; Burda et al., 2016). Draws are float32 at least, whatever x is: half precision
    has too few small numbers, and would draw a dark pixel too often.

    Raises ``TypeError`` for integers and ``ValueError`` for values outside [0, 1].
    """
    check_grey_levels(x)
    # is a uniform draw below x? torch.bernoulli(x) asks the same and takes four times as long on a CPU
    dtype = torch.promote_types(x.dtype, torch.float32)
    u = torch.rand(x.shape, generator=generator, dtype=dtype, device=x.device)
    return u.lt_(x.detach()).to(x.dtype)


def check_split(name: str, split: str, splits: Iterable[str]) -> None:
    """Raises ``ValueError`` unless the set ``name`` has this split."""
    if split not in splits:
        raise ValueError(f"split must be one of {', '.join(splits)} for {name}, got {split!r}")


def take(num_images: int | None, available: int, name: str, split: str) -> int:
    """How many of a finite set's images were asked for (None: all); ``ValueError`` if it doesn't have as many."""
    if num_images is None:
        return available
    if not is_size(num_images) or num_images > available:
        raise ValueError(
            f"num_images must be an integer from 1 to the {available} of {name} {split}, got {num_images!r}"
        )
    return num_images
