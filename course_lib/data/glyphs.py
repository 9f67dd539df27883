r"""Rendered digits and letters with every factor known: the default image set of the course.

A master glyph (face x character, 96 x 96, made by :mod:`course_lib.data.make_masters`) is warped by a random
rotation, scale, shear and shift, drawn at 56 x 56 and averaged down to 28 x 28. Its factors are independent
and uniform.
"""

import functools
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks import check_size
from course_lib.data.images import ImageSet, check_split
from course_lib.data.integrity import check_sha256

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FACES = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmti10", "cmss10", "cmtt10"),
)
# With their slanted twins: a face that is a sheared copy of a training face would not be unseen.
HELD_OUT_FACES = ("DejaVuSerif-Bold", "DejaVuSerif-BoldItalic", "STIXGeneralBolIta", "cmss10", "cmtt10")
SPLITS = {"train": 20_000, "test": 4_000, "faces": 4_000}
"""The splits and their default number of images."""

RANGES = {
    "rotation": (-12.0, 12.0),
    "scale": (0.75, 1.0),
    "shear": (-0.15, 0.15),
    "shift_x": (-1.5, 1.5),
    "shift_y": (-1.5, 1.5),
}
"""Uniform ranges: rotation in degrees (counter-clockwise), scale as a factor, shear as dx per dy (to the
right at the top), shifts in pixels of the 28 x 28 image (right, down)."""

MASTER_SIZE = 96
MASTERS_FOLDER = Path(__file__).parent / "masters"
PIXEL = 3.6  # master pixels per image pixel at scale 1: a digit is 72 / 3.6 = 20 pixels high, as in MNIST
_SIZE, _CHUNK = 28, 1000


@functools.cache
def masters() -> Tensor:
    """The master glyphs: uint8 (faces, characters, 96, 96), in the order of ``FACES`` and ``CHARACTERS``.

    Raises ``HashMismatch`` if the file is not the one whose SHA-256 was committed.
    """
    path = MASTERS_FOLDER / "glyphs.npz"
    expected = (MASTERS_FOLDER / "SHA256").read_text().split()[0]
    remedy = "the file is damaged or was changed: install the course again"
    check_sha256(path.read_bytes(), expected, str(path), remedy)
    with np.load(path) as archive:
        return torch.from_numpy(archive["masters"])


def warp(
    glyphs: Tensor, rotation: Tensor, scale: Tensor, shear: Tensor, shift_x: Tensor, shift_y: Tensor
) -> Tensor:
    """Masters uint8 (N, 96, 96) warped by factors (N,) in the units of ``RANGES``: float32 (N, 1, 28, 28).

    A glyph is sheared, scaled, rotated and shifted; ``grid_sample`` needs the inverse: for each output pixel
    the place in the master it comes from.
    """
    angle = torch.deg2rad(rotation)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    # With y downwards, counter-clockwise rotation is R = [[cos, sin], [-sin, cos]], the shear (top to the
    # right) S = [[1, -k], [0, 1]]. Forward: p = scale R S q + shift; back: q = S^-1 R^T (p - shift) / scale.
    rows_x = torch.stack([cos + shear * sin, -sin + shear * cos], dim=1)
    rows_y = torch.stack([sin, cos], dim=1)
    linear = torch.stack([rows_x, rows_y], dim=1)  # (N, 2, 2), dimensionless
    shift = torch.stack([shift_x, shift_y], dim=1)  # (N, 2), image pixels
    half_image, half_master = _SIZE / 2, MASTER_SIZE / 2
    theta = torch.cat([linear * half_image, -(linear @ shift[:, :, None])], dim=2) * (PIXEL / half_master)
    source = glyphs[:, None].float() / 255
    grid = F.affine_grid(theta, [len(glyphs), 1, 2 * _SIZE, 2 * _SIZE], align_corners=False)
    fine = F.grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(fine, 2).clamp_(0.0, 1.0)


def load_glyphs(split: str, num_images: int | None, characters: str, seed: int) -> ImageSet:
    """See :func:`course_lib.data.load`. A longer draw with the same seed begins with the shorter one."""
    _check(split, num_images, characters)
    num_images = SPLITS[split] if num_images is None else num_images
    # Streams never meet: every (seed, split) has a seed of its own.
    generator = torch.Generator().manual_seed(len(SPLITS) * seed + list(SPLITS).index(split))
    uniform = torch.rand(num_images, 2 + len(RANGES), generator=generator)

    allowed = [i for i, face in enumerate(FACES) if (face in HELD_OUT_FACES) == (split == "faces")]
    y = (uniform[:, 0] * len(characters)).long()
    face = torch.tensor(allowed)[(uniform[:, 1] * len(allowed)).long()]
    factors = {"character": torch.tensor([CHARACTERS.index(c) for c in characters])[y], "face": face}
    for column, (factor, (low, high)) in enumerate(RANGES.items(), start=2):
        factors[factor] = low + (high - low) * uniform[:, column]

    x = torch.empty(num_images, 1, _SIZE, _SIZE)
    for start in range(0, num_images, _CHUNK):
        part = slice(start, start + _CHUNK)
        glyphs = masters()[factors["face"][part], factors["character"][part]]
        x[part] = warp(glyphs, **{factor: factors[factor][part] for factor in RANGES})
    return ImageSet(x, y, tuple(characters), "glyphs", split, factors)


def _check(split: str, num_images: int | None, characters: str) -> None:
    check_split("glyphs", split, SPLITS)
    if num_images is not None:
        check_size(num_images, "num_images")
    unknown = sorted(set(characters) - set(CHARACTERS))
    if unknown or not characters or len(set(characters)) < len(characters):
        raise ValueError(
            f"characters must name different digits and letters of {CHARACTERS!r}, got {characters!r}"
        )
