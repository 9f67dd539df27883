r"""The Fréchet distance between two clouds of features, as if each were Gaussian (Heusel et al. 2017,
arXiv:1706.08500; Dowson & Landau 1982):

:math:`d^2 = \|\mu_a - \mu_b\|^2 + \mathrm{tr}(\Sigma_a + \Sigma_b - 2(\Sigma_a^{1/2}\Sigma_b\Sigma_a^{1/2})^{1/2})`.
"""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.metrics.distances import check_features, check_same_width, in_float64


def _square_root(matrix: Tensor) -> Tensor:
    """The square root of a symmetric matrix without negative eigenvalues, (d, d)."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    """The squared distance d², in squared units of the features; computed in float64.

    ``features_a``: (N, d), ``features_b``: (M, d). It is biased upwards for few samples: read it beside its floor
    (:func:`frechet_with_floor`) and compare only at equal sizes. Warns when either has fewer than 2 d rows.
    Raises ``ValueError`` for other shapes or values that aren't finite.
    """
    for name, features in (("features_a", features_a), ("features_b", features_b)):
        check_features(name, features, 2)
        if len(features) < 2 * features.shape[1]:
            warnings.warn(
                f"{name}: {len(features)} samples are too few for {features.shape[1]} features; take at least "
                f"{2 * features.shape[1]}, or the distance is mostly bias",
                stacklevel=2,
            )
    check_same_width(features_a, features_b)
    a, b = in_float64(features_a), in_float64(features_b)
    cov_a, cov_b = a.T.cov(), b.T.cov()
    root_a = _square_root(cov_a)
    cross = torch.linalg.eigvalsh(root_a @ cov_b @ root_a).clamp(min=0).sqrt().sum()
    squared = (a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross
    return max(squared.item(), 0.0)


@dataclass(frozen=True)
class FrechetDistance:
    """``distance``: as :func:`frechet_distance` has it, at ``num_samples`` on each side; ``floor``: what real samples
    score against other real ones at the same number."""

    distance: float
    floor: float
    num_samples: int

    def __str__(self) -> str:
        return f"{self.distance:.2f} (real against real {self.floor:.2f}, n = {self.num_samples})"


def frechet_with_floor(generated: Tensor, real: Tensor) -> FrechetDistance:
    """The distance of generated features to half of the real ones, with the floor between the two halves.

    ``generated``: (N, d) or more rows, of which N are used; ``real``: (2 N, d), in random order.
    Warns and raises as :func:`frechet_distance` does; ``ValueError`` also if there are fewer than N generated rows.
    """
    n = len(real) // 2
    check_features("real", real, 4)
    check_features("generated", generated, 2)
    if len(generated) < n:
        raise ValueError(f"need at least {n} generated rows, half as many as real ones, got {len(generated)}")
    reference, other = real[:n], real[n : 2 * n]
    return FrechetDistance(frechet_distance(generated[:n], reference), frechet_distance(other, reference), n)
