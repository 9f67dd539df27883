"""How well scores tell anomalies from the rest: whatever the threshold (Hanley & McNeil 1982), at a threshold that was
chosen before, and among as many alarms as somebody can look at."""

import torch
from torch import Tensor

from course_lib.checks import check_size, check_tensor
from course_lib.metrics.distances import in_float64


def roc_auc(scores: Tensor, labels: Tensor) -> float:
    """The area under the ROC curve: how often an anomaly scores higher than a normal sample, ties counted half.

    ``scores``: (N,), higher for what looks more like an anomaly. ``labels``: (N,), 1 or True for anomalies, 0 for
    the rest. Computed by scikit-learn. Raises ``ValueError`` for other shapes or labels, one class only, or scores that
    aren't finite.
    """
    _check(scores, labels)
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels.cpu().numpy(), in_float64(scores).numpy()))


def roc_curve(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The share of normal samples with an alarm, and of anomalies, as the threshold falls: two of shape (K,).

    ``scores``, ``labels``: (N,), as for :func:`roc_auc`; computed by scikit-learn. Raises ``ValueError`` as it does.
    """
    _check(scores, labels)
    from sklearn.metrics import roc_curve as curve

    false, true, _ = curve(labels.cpu().numpy(), in_float64(scores).numpy())
    return torch.from_numpy(false), torch.from_numpy(true)


def precision_at_alarms(scores: Tensor, labels: Tensor, num_alarms: int) -> float:
    """The share of anomalies among the ``num_alarms`` highest scores: what somebody finds who can look at so many.

    Where several samples share the score at the cut, each of them is counted with the share of places left for them,
    which is the mean over all orders. ``scores``, ``labels``: (N,), as for :func:`roc_auc`. Raises ``ValueError`` as it
    does, and for ``num_alarms`` outside 1 to N.
    """
    _check(scores, labels)
    check_size(num_alarms, "num_alarms")
    if num_alarms > len(scores):
        raise ValueError(f"num_alarms must be at most the number of scores, {len(scores)}, got {num_alarms}")
    cut = scores.topk(num_alarms).values[-1]
    above, level = scores > cut, scores == cut
    places = num_alarms - int(above.sum())
    right = float(labels[above].sum()) + places * float(labels[level].double().mean())
    return right / num_alarms


def alarm_threshold(scores: Tensor, num_false: float) -> float:
    """The threshold that ``num_false`` per thousand of these normal scores are above.

    ``scores``: (N,), of normal samples that neither trained the detector nor test it. The empirical quantile, linear
    between scores. Raises ``ValueError`` unless 0 <= num_false <= 1000, for another shape, and for scores that aren't
    finite.
    """
    check_tensor(scores, "scores")
    if scores.ndim != 1 or len(scores) == 0:
        raise ValueError(f"scores must have shape (N,) with N of at least 1, got {tuple(scores.shape)}")
    if not 0 <= num_false <= 1000:
        raise ValueError(f"num_false must lie in [0, 1000], as many per thousand, got {num_false}")
    _check_finite(scores)
    return float(torch.quantile(in_float64(scores), 1 - num_false / 1000))


def _check(scores: Tensor, labels: Tensor) -> None:
    check_tensor(scores, "scores")
    check_tensor(labels, "labels")
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(
            f"scores and labels must both have shape (N,), got {tuple(scores.shape)} and {tuple(labels.shape)}"
        )
    _check_finite(scores)
    found = sorted(set(labels.tolist()))
    if found != [0, 1]:
        raise ValueError(f"labels must be 0 and 1 with some of each, got {found[:5]}; for classes use (y == c)")


def _check_finite(scores: Tensor) -> None:
    if not bool(torch.isfinite(scores).all()):
        raise ValueError("scores hold values that aren't finite; a model that diverged can't rank anything")
