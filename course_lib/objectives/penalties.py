"""Gradient penalties, which keep the discriminator's slope in check."""

from collections.abc import Callable

import torch
from torch import Tensor


def r1_penalty(discriminator: Callable[[Tensor], Tensor], x: Tensor, gamma: float = 1.0) -> Tensor:
    r"""R1: :math:`\frac\gamma2 \|\nabla_x l(x)\|^2` at real images (Mescheder et al. 2018, arXiv:1801.04406, eq. 9).

    The gradient is of the logit, per image, over all its pixels; the graph is kept, so the penalty trains the
    discriminator's weights.

    ``discriminator``: images (B, ...) to logits (B,); ``x``: (B, ...). Returns (B,).
    Raises ``ValueError`` if the discriminator returns anything but one logit per image.
    """
    x = x.detach().requires_grad_(True)
    logits = discriminator(x)
    if logits.shape != x.shape[:1]:
        raise ValueError(
            f"the discriminator must return one logit per image, shape ({x.shape[0]},), got {tuple(logits.shape)}"
        )
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return 0.5 * gamma * gradient.square().flatten(1).sum(1)
