"""Which latent dimensions a VAE uses at all."""

import torch
from torch import Tensor

from course_lib.metrics.distances import check_features, in_float64


def active_units(mu: Tensor, threshold: float = 0.01) -> Tensor:
    r"""Which dimensions are active: :math:`\mathrm{Var}_x(E_{q(z|x)}[z]) > 0.01` (Burda et al. 2016,
    arXiv:1509.00519). A dimension that ignores x has a mean that stays where the prior has it.

    ``mu``: (N, D), the means of q(z|x) over at least two images. Returns bool (D,); its sum is their number.
    ``threshold``: the variance that must be exceeded, where the prior's is 1.
    Raises ``ValueError`` for other shapes or values that aren't finite.
    """
    check_features("mu", mu, 2)
    return torch.var(in_float64(mu), dim=0) > threshold
