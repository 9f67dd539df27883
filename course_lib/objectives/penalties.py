"""Gradient penalties, which keep the discriminator's slope in check."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def _slope(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The gradient of each image's logit with respect to all of its pixels, (B, d), with its graph."""
    x = x.detach().requires_grad_(True)
    logits = discriminator(x)
    if logits.shape != x.shape[:1]:
        raise ValueError(
            f"the discriminator must return one logit per image, shape ({x.shape[0]},), got {tuple(logits.shape)}"
        )
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.flatten(1)


def r1_penalty(discriminator: Callable[[Tensor], Tensor], x: Tensor, gamma: float = 1.0) -> Tensor:
    r"""R1: :math:`\frac\gamma2 \|\nabla_x l(x)\|^2` at real images (Mescheder et al. 2018, arXiv:1801.04406, eq. 9).

    The gradient is of the logit, per image, over all its pixels; the graph is kept, so the penalty trains the
    discriminator's weights. The same at generated images is called R2.

    ``discriminator``: images (B, ...) to logits (B,); ``x``: (B, ...). Returns (B,).
    Raises ``ValueError`` if the discriminator returns anything but one logit per image.
    """
    return 0.5 * gamma * _slope(discriminator, x).square().sum(1)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    x: Tensor,
    x_fake: Tensor,
    lambda_gp: float = 1.0,
    u: Tensor | None = None,
) -> Tensor:
    r"""WGAN-GP: :math:`\lambda (\|\nabla_{\hat x} l(\hat x)\| - 1)^2` at :math:`\hat x = u x + (1-u) G(z)`
    (Gulrajani et al. 2017, arXiv:1704.00028, eq. 3).

    R1 with three changes: the slope is wanted at 1 rather than 0, it is the norm that counts, and the places lie
    between real and generated images. The norm is over all of an image's numbers, channels included.

    ``critic``: images (B, ...) to logits (B,); ``x`` and ``x_fake``: (B, ...); ``u``: (B,), one for each pair of
    images, uniform in [0, 1) by default. Returns (B,).
    Raises ``ValueError`` for shapes that don't fit and for a critic with batch normalisation.
    """
    if isinstance(critic, nn.Module):
        check_no_batch_norm(critic)
    if x_fake.shape != x.shape:
        raise ValueError(f"x_fake must have the shape of x, {tuple(x.shape)}, got {tuple(x_fake.shape)}")
    if u is None:
        u = torch.rand(len(x), dtype=x.dtype, device=x.device)
    if u.shape != x.shape[:1]:
        raise ValueError(f"u must hold one number per image, shape ({len(x)},), got {tuple(u.shape)}")
    x_hat = torch.lerp(x_fake, x, u.reshape(-1, *[1] * (x.ndim - 1)))
    return lambda_gp * (torch.linalg.vector_norm(_slope(critic, x_hat), dim=1) - 1).square()


def check_no_batch_norm(critic: nn.Module) -> None:
    """Raises ``ValueError`` if a layer makes an image's logit depend on the others in its batch, which leaves the
    penalty of one image without a meaning (section 4 of the paper)."""
    for name, module in critic.named_modules():
        if isinstance(module, _BatchNorm):
            raise ValueError(
                "the critic must treat images apart for a gradient penalty, got batch normalisation "
                f"({name or 'itself'}: {type(module).__name__}); use layer normalisation, or none"
            )
