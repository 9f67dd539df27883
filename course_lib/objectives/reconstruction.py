r"""How well an image is explained: :math:`\log p(x \mid z)` per image, and the squared error.

A likelihood is meant as one: the Bernoulli takes binary images and refuses grey levels, for which binary
cross-entropy is no log-probability of anything (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def _same_shape(a: Tensor, b: Tensor, names: str) -> None:
    if a.ndim < 2 and a.shape == b.shape:
        raise ValueError(
            f"{names} must have shape (B, ...), got {tuple(a.shape)}; give (1, ...) for a single image"
        )
    if a.shape != b.shape:
        raise ValueError(
            f"{names} must have the same shape, got {tuple(a.shape)} and {tuple(b.shape)}; "
            "broadcasting here would silently sum over the wrong elements"
        )


def _check_real(x: Tensor, name: str) -> None:
    """Differences of bytes wrap around: 3 - 5 is 254."""
    if not x.is_floating_point():
        raise TypeError(f"{name} must hold floats, got {x.dtype}; use {name}.float() / 255 for bytes")


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    r"""Squared error :math:`\sum_i (\hat x_i - x_i)^2`, summed over pixels.

    ``x_hat`` and ``x``: (B, ...). Returns (B,), in squared grey levels per image.
    Raises ``ValueError`` if the shapes differ, ``TypeError`` for integers.
    """
    _same_shape(x_hat, x, "x_hat and x")
    _check_real(x_hat, "x_hat")
    _check_real(x, "x")
    return (x_hat - x).square().flatten(1).sum(1)


def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    r"""Log-probability of binary images, :math:`\sum_i x_i \log\sigma(l_i) + (1-x_i)\log(1-\sigma(l_i))`.

    Written with softplus, so it is finite for any finite logit (Kingma & Welling 2014, appendix C.1).

    ``logits`` and ``x``: (B, ...), ``x`` of zeros and ones. Returns (B,), in nats per image, never above 0.
    Raises ``ValueError`` if the shapes differ or ``x`` holds anything but 0 and 1.
    """
    _same_shape(logits, x, "logits and x")
    x = x.to(logits.dtype)  # zeros and ones may be integers or Booleans
    # x (1 - x) is zero for 0 and 1 alone; compiled code can't stop to look
    if not torch.compiler.is_compiling() and bool((x * (1 - x)).any()):
        value = x[(x != 0) & (x != 1)][0].item()
        raise ValueError(
            f"a Bernoulli likelihood is for images of 0 and 1, but x holds {value:.4g}; "
            "draw binary images with course_lib.data.binarize(x), or use gaussian_log_prob for grey levels"
        )
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def gaussian_log_prob(loc: Tensor, logvar: Tensor, x: Tensor) -> Tensor:
    r"""Log-density :math:`-\tfrac12 \sum_i [\log 2\pi + l_i + (x_i-\mu_i)^2 e^{-l_i}]` of a diagonal Gaussian.

    ``loc`` and ``x``: (B, ...); ``logvar`` broadcasts to them (one learned scalar is a sigma-VAE, Rybkin et al.
    2021, arXiv:2006.13202). Returns (B,), in nats per image. Raises ``ValueError`` if the shapes don't fit.
    """
    _same_shape(loc, x, "loc and x")
    logvar = torch.as_tensor(logvar, dtype=loc.dtype, device=loc.device)
    try:
        logvar = logvar.expand_as(loc)
    except RuntimeError as error:
        raise ValueError(f"logvar must broadcast to loc, {tuple(loc.shape)}, got {tuple(logvar.shape)}") from error
    log_density = -0.5 * (math.log(2 * math.pi) + logvar + (x - loc).square() * torch.exp(-logvar))
    return log_density.flatten(1).sum(1)


def log_likelihood(out: Tensor, x: Tensor, logvar_x: Tensor | None = None) -> Tensor:
    """The log-likelihood of x under a VAE's decoder: its output ``out`` is read as Bernoulli logits, or as Gaussian
    means where there is a log-variance ``logvar_x``.

    ``out`` and ``x``: (B, ...). Returns (B,), in nats per image. Raises as the likelihood it is of.
    """
    return bernoulli_log_prob(out, x) if logvar_x is None else gaussian_log_prob(out, logvar_x, x)


def optimal_logvar(x_hat: Tensor, x: Tensor) -> Tensor:
    r"""The scalar log-variance under which a Gaussian with means ``x_hat`` gives x the most: the logarithm of the
    squared error, :math:`\sigma^{*2} = \mathrm{mean}\,(x - \hat x)^2` over pixels and batch.

    From setting the derivative of :func:`gaussian_log_prob` by the log-variance to zero (optimal sigma-VAE, Rybkin
    et al. 2021, arXiv:2006.13202). Never below -12, where sigma is 0.0025 and less than a step of grey levels.

    ``x_hat`` and ``x``: (B, ...). Returns a scalar. Raises ``ValueError`` if the shapes differ, or for no images,
    ``TypeError`` for integers.
    """
    _same_shape(x_hat, x, "x_hat and x")
    _check_real(x_hat, "x_hat")
    _check_real(x, "x")
    if x.numel() == 0:
        raise ValueError("x must hold at least one image to have a variance, got none")
    return (x - x_hat).square().mean().clamp(min=math.exp(-12)).log()
