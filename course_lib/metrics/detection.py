"""How well scores tell anomalies from the rest, whatever the threshold (Hanley & McNeil 1982)."""

import torch
from torch import Tensor

from course_lib.checks import check_tensor
from course_lib.metrics.distances import in_float64


def roc_auc(scores: Tensor, labels: Tensor) -> float:
    """The area under the ROC curve: how often an anomaly scores higher than a normal sample, ties counted half.

    ``scores``: (N,), higher for what looks more like an anomaly. ``labels``: (N,), 1 or True for anomalies, 0 for
    the rest. Computed by scikit-learn. Raises ``ValueError`` for other shapes or labels, one class only, or scores that
    aren't finite.
    """
    check_tensor(scores, "scores")
    check_tensor(labels, "labels")
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(
            f"scores and labels must both have shape (N,), got {tuple(scores.shape)} and {tuple(labels.shape)}"
        )
    if not bool(torch.isfinite(scores).all()):
        raise ValueError("scores hold values that aren't finite; a model that diverged can't rank anything")
    found = sorted(set(labels.tolist()))
    if found != [0, 1]:
        raise ValueError(f"labels must be 0 and 1 with some of each, got {found[:5]}; for classes use (y == c)")
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels.cpu().numpy(), in_float64(scores).numpy()))
