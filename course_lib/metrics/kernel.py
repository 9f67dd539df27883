r"""The kernel distance of two clouds of features (KID: Bińkowski et al. 2018, arXiv:1801.01401).

An unbiased estimate of the squared maximum mean discrepancy under the kernel :math:`k(x,y) = (x^\top y / d + 1)^3`
(Gretton et al. 2012): unlike the Fréchet distance it means the same for any number of samples, and it may be negative.
"""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.metrics.distances import check_features, check_same_width, in_float64


@dataclass(frozen=True)
class KernelDistance:
    """``mean`` and standard deviation ``std`` over subsets of ``subset_size`` samples each."""

    mean: float
    std: float
    subset_size: int

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.std:.4f} (over subsets of n = {self.subset_size})"


def squared_mmd(a: Tensor, b: Tensor) -> Tensor:
    r"""The unbiased estimate :math:`\frac{\sum_{i \ne j} k(a_i, a_j)}{n(n-1)} + \frac{\sum_{i \ne j} k(b_i,
    b_j)}{m(m-1)} - \frac{2 \sum_{ij} k(a_i, b_j)}{nm}`, without the pairs of a sample with itself.

    ``a``: (n, d), ``b``: (m, d), two rows or more each. Returns a scalar.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def between_different(gram: Tensor) -> Tensor:
        return (gram.sum() - gram.trace()) / (len(gram) * (len(gram) - 1))

    return between_different(kernel(a, a)) + between_different(kernel(b, b)) - 2 * kernel(a, b).mean()


def kernel_distance(
    generated: Tensor,
    real: Tensor,
    *,
    num_subsets: int = 100,
    subset_size: int = 1000,
    generator: torch.Generator | None = None,
) -> KernelDistance:
    """Mean and standard deviation of :func:`squared_mmd` over random subsets, each without repetition.

    ``generated``: (M, d) and ``real``: (N, d), features. The mean is unbiased at any ``subset_size``; the standard
    deviation is of one subset, and only comparable at the same size. Subsets of a small set overlap, so they differ
    less than fresh ones would: the standard deviation comes out too small, down to 0 where every subset is the whole
    set. ``generator`` (a CPU one) draws the subsets. Computed in float64.

    Warns where a set has fewer rows than 2 ``subset_size``. Raises ``ValueError`` for other shapes, values that aren't
    finite, or sets below ``subset_size``.
    """
    _check(generated, real, num_subsets, subset_size)
    for name, features in (("generated", generated), ("real", real)):
        _check_rows(name, len(features), len(features), subset_size)
    return _over_subsets(generated, real, num_subsets, subset_size, generator)


def _check(generated: Tensor, real: Tensor, num_subsets: int, subset_size: int) -> None:
    check_size(num_subsets, "num_subsets")
    check_size(subset_size, "subset_size")
    if num_subsets < 2 or subset_size < 2:
        raise ValueError(f"num_subsets and subset_size must be at least 2, got {num_subsets} and {subset_size}")
    check_features("generated", generated)
    check_features("real", real)
    check_same_width(generated, real)


def _check_rows(name: str, given: int, used: int, subset_size: int) -> None:
    """``given``: the rows that the caller gave; ``used``: how many of them subsets are drawn from."""
    half = f", {used} in each half," if used < given else ""
    if used < subset_size:
        least = f"{2 * subset_size} rows, as it is halved," if half else f"{subset_size} rows"
        raise ValueError(
            f"{name} must have at least {least} for subsets of subset_size = {subset_size}, got {given}; take more "
            "rows or a smaller subset_size"
        )
    if used < 2 * subset_size:
        warnings.warn(
            f"{name}: {given} rows{half} are fewer than twice subset_size = {subset_size}, so the subsets overlap and "
            f"their spread is too small; take a subset_size of at most {used // 2}",
            stacklevel=3,
        )


def _over_subsets(
    generated: Tensor, real: Tensor, num_subsets: int, subset_size: int, generator: torch.Generator | None
) -> KernelDistance:
    def subset(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[:subset_size]]

    generated, real = in_float64(generated), in_float64(real)
    values = torch.stack([squared_mmd(subset(generated), subset(real)) for _ in range(num_subsets)])
    return KernelDistance(values.mean().item(), values.std().item(), subset_size)


def kernel_with_floor(
    generated: Tensor,
    real: Tensor,
    *,
    num_subsets: int = 100,
    subset_size: int = 1000,
    generator: torch.Generator | None = None,
) -> tuple[KernelDistance, KernelDistance]:
    """The distance of generated features to half of the real ones, and the floor: that between the two halves.

    The floor is 0 in expectation; its spread says which distances are too small to tell, if subsets overlap little.
    ``generated``: (M, d), ``real``: (N, d), in random order. The rest as for :func:`kernel_distance`, with the same
    warnings and ``ValueError``, where it is a *half* of the real ones that subsets are drawn from.
    """
    _check(generated, real, num_subsets, subset_size)
    n = len(real) // 2
    _check_rows("generated", len(generated), len(generated), subset_size)
    _check_rows("real", len(real), n, subset_size)
    reference, other = real[:n], real[n:]
    distance, floor = (
        _over_subsets(x, reference, num_subsets, subset_size, generator) for x in (generated, other)
    )
    return distance, floor
