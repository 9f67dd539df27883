"""How crisp images are, compared as distributions: noise is sharp too, so more isn't better.

The measure is the energy of the image's Laplacian, a classical measure of focus (Subbarao et al. 1993, "Focusing
techniques"; compared with others by Pertuz et al. 2013), here as a share of the energy of the image, so that it doesn't
depend on how bright or how large the drawing is.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks import check_size


def sharpness(x: Tensor) -> Tensor:
    """Energy of the Laplacian over the energy of the image, one value per image.

    ``x``: (N, 1, H, W), grey levels in [0, 1]. Returns (N,), without unit; 0 for an image that is all black.
    Raises ``ValueError`` for another shape.
    """
    if x.ndim != 4 or x.shape[1] != 1:
        raise ValueError(f"x must have shape (N, 1, H, W), got {tuple(x.shape)}")
    kernel = x.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    energy = F.conv2d(x, kernel, padding=1).square().flatten(1).sum(1)
    return energy / x.square().flatten(1).sum(1).clamp(min=1e-8)


def sharpness_distance(x: Tensor, reference: Tensor, num_quantiles: int = 200) -> float:
    r"""The Wasserstein-1 distance between the sharpness of two sets of images,
    :math:`\int_0^1 |F_a^{-1}(u) - F_b^{-1}(u)|\,du`, by the midpoint rule over quantiles.

    ``x``: (N, 1, H, W), ``reference``: (M, 1, H, W). Returns a number in units of :func:`sharpness`.
    Raises ``ValueError`` for other shapes, or ``num_quantiles`` below 1.
    """
    check_size(num_quantiles, "num_quantiles")
    u = (torch.arange(num_quantiles, dtype=torch.float64, device=x.device) + 0.5) / num_quantiles
    a, b = (torch.quantile(sharpness(images).double(), u) for images in (x, reference))
    return (a - b).abs().mean().item()
