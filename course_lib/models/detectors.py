"""Plain detectors of anomalies, to set beside a network: each learns from normal vectors (N, D), and gives a score of
vectors (..., D), shape (...,), higher for what looks less normal."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks import check_size

Score = Callable[[Tensor], Tensor]
FOREST_ROWS = 5_000  # what the forest looks at, at most: it draws 256 of them for each tree


def plain_detectors(x: Tensor, code: int, seed: int = 0) -> dict[str, Score]:
    """PCA, an isolation forest and the robust z-score, by these names, learned from ``x`` (N, D), on the CPU.

    *PCA*: the squared error of the projection onto ``code`` principal directions. *Isolation forest* (Liu et al. 2008,
    scikit-learn's, 100 trees from ``seed``): how few random cuts isolate a vector. *Robust z-score*: the squared
    distance to the median in units of the median absolute deviation, scaled to a Gaussian's standard deviation, and
    averaged over the D numbers. Raises ``ValueError`` for another shape, a ``code`` outside 1 to D, and a column whose
    deviation is 0.
    """
    if x.ndim != 2:
        raise ValueError(f"x must have shape (N, D), got {tuple(x.shape)}")
    check_size(code, "code")
    if code > x.shape[1]:
        raise ValueError(f"code must be at most the size of a vector, {x.shape[1]}, got {code}")
    return {"PCA": _pca(x, code), "isolation forest": _forest(x, seed), "robust z-score": _robust(x)}


def _pca(x: Tensor, code: int) -> Score:
    center = x.mean(0)
    v = torch.linalg.eigh((x - center).T.cov()).eigenvectors[:, -code:]
    return lambda w: ((w - center) - (w - center) @ v @ v.T).square().sum(-1)


def _forest(x: Tensor, seed: int) -> Score:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=seed).fit(x[:: -(-len(x) // FOREST_ROWS)].numpy())

    def score(w: Tensor) -> Tensor:
        found = forest.score_samples(w.reshape(-1, w.shape[-1]).numpy())
        return -torch.from_numpy(found).view(w.shape[:-1])

    return score


def _robust(x: Tensor) -> Score:
    median = x.median(0).values
    deviation = 1.4826 * (x - median).abs().median(0).values
    if bool((deviation == 0).any()):
        raise ValueError(
            f"columns must vary, but {int((deviation == 0).sum())} of x have one value in most rows; leave them out"
        )
    return lambda w: ((w - median) / deviation).square().mean(-1)
