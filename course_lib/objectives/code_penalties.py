r"""Penalties on an autoencoder's code, which keep it from copying its input when it has room to: few units active
(L1, activation rate: Ng 2011, "Sparse autoencoder"), or little movement with the input (contractive: Rifai et al.
2011)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def l1_penalty(z: Tensor) -> Tensor:
    r"""The size of the code, :math:`\sum_j |z_j|`: pushes small entries to exactly nothing, as a Laplace prior would.

    ``z``: (B, D). Returns (B,).
    """
    return z.abs().sum(1)


def activation_rate_penalty(logits: Tensor, rate: float) -> Tensor:
    r"""How far each unit is from being active at ``rate``, as in Ng's sparse autoencoder (CS294A lecture notes):

    :math:`\sum_j \rho \log\frac{\rho}{\hat\rho_j} + (1-\rho) \log\frac{1-\rho}{1-\hat\rho_j}` with
    :math:`\hat\rho_j = \frac1B \sum_b \sigma(l_{bj})`, the KL of two coins for each unit.

    A rate is a property of a batch, so this is a scalar, in nats. It is written with the logarithms of the mean
    activations, so it is finite for any finite logit.

    ``logits``: (B, D), the code before its sigmoid; the decoder begins with that sigmoid. ``rate``: rho.
    Raises ``ValueError`` unless 0 < rate < 1.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie between 0 and 1, got {rate}")
    log_active = torch.logsumexp(F.logsigmoid(logits), dim=0) - math.log(len(logits))
    log_silent = torch.logsumexp(F.logsigmoid(-logits), dim=0) - math.log(len(logits))
    cross_entropy = -rate * log_active - (1 - rate) * log_silent
    entropy = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    return (cross_entropy - entropy).sum()


def _pulled_back(x: Tensor, z: Tensor, v: Tensor) -> Tensor:
    r"""(B,) of :math:`\|J^\top v\|^2`, one backward pass; differentiable again, so that it trains the encoder."""
    gradient = None
    if x.requires_grad and z.requires_grad:
        (gradient,) = torch.autograd.grad(z, x, v, create_graph=True, allow_unused=True)
    if gradient is None:
        raise ValueError("z must be computed from x with gradient; call x.requires_grad_() before encoding it")
    return gradient.square().flatten(1).sum(1)


def contractive_penalty(x: Tensor, z: Tensor) -> Tensor:
    r"""How much the code moves with the image: :math:`\|J\|_F^2 = \sum_{ij} (\partial z_j / \partial x_i)^2`, the
    contractive autoencoder's penalty (Rifai et al. 2011), exact for any encoder that treats images apart.

    It takes one backward pass for each dimension of the code.

    ``x``: (B, ...), with ``requires_grad``. ``z``: (B, D), the code computed from this x. Returns (B,).
    Raises ``ValueError`` if z carries no gradient to x.
    """
    units = torch.eye(z.shape[1]).to(z)
    return torch.stack([_pulled_back(x, z, unit.expand_as(z)) for unit in units]).sum(0)


def contractive_estimate(x: Tensor, z: Tensor, v: Tensor | None = None) -> Tensor:
    r"""The same in one backward pass, unbiased: :math:`\|J\|_F^2 = E\|J^\top v\|^2` for a random v with
    :math:`E[v v^\top] = I` (Hutchinson 1989).

    ``x``, ``z``: as in :func:`contractive_penalty`. ``v``: (B, D), drawn from N(0, I) if not given. Returns (B,).
    """
    return _pulled_back(x, z, torch.randn_like(z) if v is None else v)
