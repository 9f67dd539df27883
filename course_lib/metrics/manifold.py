r"""Quality and variety apart: precision and recall, density and coverage, from balls around samples.

The ball of a sample reaches to its k-th nearest neighbour in its own set, itself not counted; the balls of a set stand
for where it lives. A point on the rim is inside (``<=``): copies of real samples lie there, and a set of equal points
covers itself.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_size
from course_lib.metrics.distances import check_features, check_same_width, distance_blocks, in_float64, kth_nearest


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares in [0, 1]: of the generated that look real, of the real that could have been generated."""

    precision: float
    recall: float


@dataclass(frozen=True)
class DensityCoverage:
    """``density``: at least 0, about 1 for real samples, not bounded by 1; ``coverage``: a share in [0, 1]."""

    density: float
    coverage: float


def precision_recall(generated: Tensor, real: Tensor, k: int = 3, chunk: int = 2000) -> PrecisionRecall:
    """Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991).

    Precision is the share of generated samples inside a ball of a real one, recall the share of real samples
    inside a ball of a generated one: one outlier with its wide ball can raise either.

    ``generated``: (M, d) and ``real``: (N, d), features; compare only at equal sizes and the same k. Distances are
    held in blocks of ``chunk`` x ``chunk``, in float64, whatever M and N. Raises ``ValueError`` for other shapes,
    values that aren't finite, or sets of k samples or fewer.
    """
    generated, real = _prepare(generated, real, k, k + 1)
    real_radius, generated_radius = (_radius(x, k, chunk) for x in (real, generated))
    precise, recalled = (torch.zeros(len(x), dtype=torch.bool) for x in (generated, real))
    for rows, columns, distance in distance_blocks(generated, real, chunk):
        precise[rows] |= (distance <= real_radius[columns]).any(1)
        recalled[columns] |= (distance <= generated_radius[rows, None]).any(0)
    return PrecisionRecall(_share(precise), _share(recalled))


def density_coverage(generated: Tensor, real: Tensor, k: int = 5, chunk: int = 2000) -> DensityCoverage:
    r"""Density and coverage (Naeem et al. 2020, arXiv:2002.09797), which only have balls of real samples.

    Density is :math:`\frac{1}{kM}\sum_j \#\{\text{balls that hold generated sample } j\}`, coverage the share of the
    balls which hold a generated sample. For two sets of one distribution density is 1 in expectation, coverage about
    :math:`1 - 2^{-k}`; a set against itself has density (k + 1) / k.

    ``generated``: (M, d) and ``real``: (N, d); the rest as for :func:`precision_recall`, with the same ``ValueError``,
    but a single generated sample will do.
    """
    generated, real = _prepare(generated, real, k, 1)
    radius = _radius(real, k, chunk)
    covered = torch.zeros(len(real), dtype=torch.bool)
    num_inside = 0
    for _, columns, distance in distance_blocks(generated, real, chunk):
        inside = distance <= radius[columns]
        num_inside += int(inside.sum())
        covered[columns] |= inside.any(0)
    return DensityCoverage(num_inside / (k * len(generated)), _share(covered))


def _prepare(generated: Tensor, real: Tensor, k: int, min_generated: int) -> tuple[Tensor, Tensor]:
    check_size(k, "k")
    check_features("generated", generated, min_generated)
    check_features("real", real, k + 1)
    check_same_width(generated, real)
    generated, real = in_float64(generated), in_float64(real)
    center = real.mean(0)
    return generated - center, real - center


def _radius(x: Tensor, k: int, chunk: int) -> Tensor:
    """How far the ball around each row of x (N, d) reaches: (N,).

    A squared distance from a product of matrices is off by some 1e-16 of the squares that it comes from, and not
    always by the same. The ball gets more room than that, or whether it holds the points on its rim would be chance.
    """
    squared = kth_nearest(x, x, k + 1, chunk).square()
    return (squared + 1e-11 * (squared + x.square().sum(1))).sqrt()


def _share(members: Tensor) -> float:
    return members.double().mean().item()
