r"""The kernel distance of two clouds of features (KID: Bińkowski et al. 2018, arXiv:1801.01401).

An unbiased estimate of the squared maximum mean discrepancy under the kernel :math:`k(x,y) = (x^\top y / d + 1)^3`
(Gretton et al. 2012): unlike the Fréchet distance it means the same for any number of samples, and it may be negative.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.metrics.distances import check_features, check_same_width


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
    deviation is of one subset, and only comparable at the same size. ``generator`` (a CPU one) draws the subsets.
    Computed in float64. Raises ``ValueError`` for other shapes, values that aren't finite, or sets below
    ``subset_size``.
    """
    check_size(num_subsets, "num_subsets")
    check_size(subset_size, "subset_size")
    if num_subsets < 2 or subset_size < 2:
        raise ValueError(f"num_subsets and subset_size must be at least 2, got {num_subsets} and {subset_size}")
    check_features("generated", generated, subset_size)
    check_features("real", real, subset_size)
    check_same_width(generated, real)

    def subset(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[:subset_size]].double()

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

    The floor is 0 in expectation; its spread says which distances are too small to tell. ``generated``: (M, d),
    ``real``: (N, d), in random order; the rest, and what is raised, as for :func:`kernel_distance`, with a half of the
    real ones at least ``subset_size`` large.
    """
    n = len(real) // 2
    reference, other = real[:n], real[n:]
    distance, floor = (
        kernel_distance(x, reference, num_subsets=num_subsets, subset_size=subset_size, generator=generator)
        for x in (generated, other)
    )
    return distance, floor
