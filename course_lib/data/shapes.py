r"""Shapes on black with every factor known: the full product of shape, scale, orientation and position.

Made after dSprites (Matthey et al. 2017, github.com/google-deepmind/dsprites-dataset), with one difference: a square
turned by 90 degrees and an ellipse turned by 180 are what they were, so that no code could tell such orientations.
None of the shapes here has a rotational symmetry, and every one of the 21,600 images is another.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.data.images import ImageSet, check_split, take

VALUES: dict[str, tuple[str, ...] | tuple[float, ...]] = {
    "shape": ("heart", "arrow", "L"),
    "scale": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "orientation": tuple(30.0 * i for i in range(12)),
    "shift_x": tuple(i - 4.5 for i in range(10)),
    "shift_y": tuple(i - 4.5 for i in range(10)),
}
"""The values of each factor, by index: scale as a factor, orientation in degrees (counter-clockwise; 330 is next to 0),
shifts of the centre in pixels (right, down)."""

SPLITS = ("train", "test", "full")
RADIUS = 9.0  # pixels: at scale 1 a shape lies in a circle of this radius
_SIZE, _CANVAS, _FINE = 28, 19, 8  # 28 - 19 + 1 = 10 places a side; 8 x 8 points are tested in each pixel


def _heart(u: Tensor, v: Tensor) -> Tensor:
    u, v = 1.3 * u, 1.3 * v + 0.1
    return (u.square() + v.square() - 1) ** 3 <= u.square() * v**3


def _arrow(u: Tensor, v: Tensor) -> Tensor:
    head = (v >= 0.1) & (v <= 0.95) & (u.abs() <= 0.9 * (0.95 - v))
    return head | ((v >= -0.9) & (v < 0.1) & (u.abs() <= 0.28))


def _ell(u: Tensor, v: Tensor) -> Tensor:
    stem = (u >= -0.5) & (u <= -0.1) & (v >= -0.8) & (v <= 0.8)
    return stem | ((u >= -0.5) & (u <= 0.55) & (v >= -0.8) & (v <= -0.4))


def _sprites() -> Tensor:
    """Each shape at each scale and orientation, in that order: (3 * 6 * 12, 19, 19), the share of a pixel covered."""
    tick = ((torch.arange(_CANVAS * _FINE) + 0.5) / _FINE - _CANVAS / 2) / RADIUS
    down, right = torch.meshgrid(tick, tick, indexing="ij")
    rows = []
    for inside in (_heart, _arrow, _ell):
        for scale in VALUES["scale"]:
            for orientation in VALUES["orientation"]:
                angle = math.radians(float(orientation))
                cos, sin = math.cos(angle) / float(scale), math.sin(angle) / float(scale)
                rows.append(inside(cos * right - sin * down, -sin * right - cos * down))
    return F.avg_pool2d(torch.stack(rows).float(), _FINE)


def load_shapes(split: str, num_images: int | None) -> ImageSet:
    """See :func:`course_lib.data.load`. ``factors`` holds indices into ``VALUES`` (int64); ``y`` is the shape.

    ``"train"`` and ``"test"`` share no image: one fixed shuffle of the product gives its first tenth to the test.
    ``"full"`` is the whole product, where factors are exactly uniform and independent. All are in shuffled order,
    so that the first ``num_images`` are a fair sample. Raises ``ValueError`` for another split or more images than it
    has.
    """
    sizes = [len(values) for values in VALUES.values()]
    order = torch.randperm(math.prod(sizes), generator=torch.Generator().manual_seed(0))
    num_test = len(order) // 10
    chosen = {"train": order[num_test:], "test": order[:num_test], "full": order}
    check_split("shapes", split, SPLITS)
    place = chosen[split][: take(num_images, len(chosen[split]), "shapes", split)]
    factors = dict(zip(VALUES, torch.unravel_index(place, sizes), strict=True))

    sprite = place // (sizes[3] * sizes[4])
    border = _SIZE - _CANVAS
    windows = F.pad(_sprites(), [border] * 4).unfold(1, _SIZE, 1).unfold(2, _SIZE, 1)  # (216, 10, 10, 28, 28)
    x = windows[sprite, border - factors["shift_y"], border - factors["shift_x"]]
    names = tuple(str(name) for name in VALUES["shape"])
    return ImageSet(x[:, None], factors["shape"], names, "shapes", split, factors)
