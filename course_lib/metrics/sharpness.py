"""How crisp images are, compared as distributions: noise is sharp too, so more isn't better.

The measure is the energy of the image's Laplacian, a classical measure of focus (Subbarao et al. 1993, "Focusing
techniques"; compared with others by Pertuz et al. 2013), here as a share of the energy of the image, so that it doesn't
depend on how bright or how large the drawing is.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks import check_images
from course_lib.metrics.distances import in_float64


def sharpness(x: Tensor) -> Tensor:
    """Energy of the Laplacian over the energy of the image, one value per image.

    ``x``: (N, 1, H, W), grey levels in [0, 1]. Returns (N,), without unit; 0 for an image that is all black.
    Raises ``ValueError`` for another shape or other values, ``TypeError`` for integers.
    """
    check_images(x)
    kernel = x.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    energy = F.conv2d(x, kernel, padding=1).square().flatten(1).sum(1)
    return energy / x.square().flatten(1).sum(1).clamp(min=1e-8)


def sharpness_distance(x: Tensor, reference: Tensor) -> float:
    r"""The Wasserstein-1 distance between the sharpness of two sets of images,
    :math:`\int_0^1 |F_a^{-1}(u) - F_b^{-1}(u)|\,du`, exactly: both quantile functions are steps.

    ``x``: (N, 1, H, W), ``reference``: (M, 1, H, W), at least one each. Returns a number in units of :func:`sharpness`,
    computed in float64. Raises ``ValueError`` for other shapes or values, ``TypeError`` for integers.
    """
    a, b = (in_float64(sharpness(images)).sort().values for images in (x, reference))
    if len(a) == 0 or len(b) == 0:
        raise ValueError(f"x and reference must hold at least one image each, got {len(a)} and {len(b)}")
    ends = torch.cat([torch.arange(1, len(values) + 1, dtype=a.dtype) / len(values) for values in (a, b)])
    ends = ends.sort().values  # where a step of either ends
    widths = ends.diff(prepend=ends.new_zeros(1))
    middles = ends - widths / 2
    at = [values[(middles * len(values)).long().clamp(max=len(values) - 1)] for values in (a, b)]
    return ((at[0] - at[1]).abs() * widths).sum().item()
