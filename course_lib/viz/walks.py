"""Ways through a latent space, and the images on them: from one code to another, and along one dimension at a time.

A straight way between two samples of N(0, I) leads through the middle, where in many dimensions no samples lie; the
spherical one stays as far out as its ends are (White 2016, arXiv:1609.04468).
"""

from collections.abc import Callable, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.viz.images import image_rows

Decode = Callable[[Tensor], Tensor]
"""Codes (N, D) to images (N, 1, H, W) with grey levels in [0, 1], such as ``lambda z: model.sample(len(z), z=z)``."""


def interpolate(start: Tensor, end: Tensor, t: Tensor, *, spherical: bool = False) -> Tensor:
    r"""Codes at the positions ``t`` (T,) of the ways from ``start`` to ``end``, (N, D) each: (N, T, D).

    Straight, :math:`(1 - t) a + t b`; or along the great circle, with the angle :math:`\omega` between the two,
    :math:`\frac{\sin((1-t)\omega)}{\sin\omega} a + \frac{\sin(t\omega)}{\sin\omega} b` (Shoemake 1985, "Animating
    rotation with quaternion curves"), which is the straight one where they point the same way. Raises ``ValueError``
    for shapes that don't fit, and for codes that point in opposite ways, between which there is no one circle.
    """
    if start.ndim != 2 or start.shape != end.shape or t.ndim != 1:
        shapes = [tuple(x.shape) for x in (start, end, t)]
        raise ValueError(f"start, end and t must have shapes (N, D), (N, D) and (T,), got {shapes}")
    a, b, t = start.unsqueeze(1), end.unsqueeze(1), t.to(start).reshape(1, -1, 1)
    if not spherical:
        return torch.lerp(a, b, t)
    cosine = torch.cosine_similarity(a, b, dim=2).clamp(-1, 1).unsqueeze(2)
    if bool((cosine < -0.9999).any()):
        raise ValueError("start and end must not point in opposite ways for a spherical walk; take a straight one")
    angle = torch.acos(cosine)
    near = angle < 1e-3
    safe = torch.where(near, torch.ones_like(angle), angle)
    on_circle = (torch.sin((1 - t) * safe) * a + torch.sin(t * safe) * b) / torch.sin(safe)
    return torch.where(near, torch.lerp(a, b, t), on_circle)


def latent_traversal(
    decode: Decode,
    z: Tensor,
    *,
    dims: Sequence[int] | None = None,
    values: Sequence[float] = (-3, -2, -1, 0, 1, 2, 3),
    title: str | None = None,
) -> Figure:
    """One latent dimension at a time: each row sets one to each of ``values``, and leaves the others as in ``z``.

    ``z``: (D,) or (1, D), such as the mean of one image's posterior. ``dims``: which dimensions, all of them if not
    given; counted from 0, while labels begin with z1, as on the axes of other figures. A row of equal images is of a
    dimension that the decoder doesn't use. Raises ``ValueError`` for other shapes, dimensions that there aren't, or no
    values.
    """
    base = z.reshape(1, -1) if z.ndim == 1 else z
    if base.ndim != 2 or len(base) != 1:
        raise ValueError(f"z must be one code, of shape (D,) or (1, D), got {tuple(z.shape)}")
    size = base.shape[1]
    chosen = list(range(size)) if dims is None else list(dims)
    if not chosen or not values or any(not 0 <= d < size for d in chosen) or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"dims must be different ones of 0 to {size - 1}, and values some, got {chosen} and {values}"
        )
    codes = base.repeat(len(chosen), len(values), 1)
    for row, d in enumerate(chosen):
        codes[row, :, d] = torch.tensor(list(values)).to(base)
    images = decode(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])
    rows = {f"$z_{{{d + 1}}}$": images[row] for row, d in enumerate(chosen)}
    return image_rows(rows, title, columns=[f"{v:.2g}" for v in values])
