r"""Does each latent dimension stand for one factor of variation? The mutual information gap and DCI.

Both compare codes with *known* factors, as ``load("shapes", "full")`` has them. Scores depend on the estimator
(Locatello et al. 2019, arXiv:1811.12359): the one used here is named at each function, and belongs beside the number.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_size, check_tensor
from course_lib.metrics.distances import in_float64


@dataclass(frozen=True)
class MutualInformationGap:
    """``mig``: in [0, 1], the mean of ``gaps`` (factor -> its gap); ``information``: (D, F), in nats."""

    mig: float
    gaps: dict[str, float]
    information: Tensor


def mutual_information_gap(
    codes: Tensor, factors: Mapping[str, Tensor], num_bins: int = 20
) -> MutualInformationGap:
    r"""The mutual information gap (MIG; Chen et al. 2018, arXiv:1802.04942): the mean over factors of

    :math:`\bigl(I(z_{j^*}; v) - \max_{j \ne j^*} I(z_j; v)\bigr) / H(v)`, where :math:`j^*` is the dimension that
    knows most about v.

    Estimator: every dimension is cut into ``num_bins`` bins of equal width from its smallest to its largest value,
    and I is that of the table of counts, biased upwards by about (bins - 1)(values - 1) / (2 N).

    ``codes``: (N, D), D at least 2: one *sample* of q(z|x) per image, since the paper's I is that of z. Posterior
    means let a dimension which the posterior's noise drowns look informative. ``factors``: name -> (N,) whole numbers
    from 0, each taking at least two values. Raises ``ValueError`` for other codes or factors.
    """
    check_size(num_bins, "num_bins")
    _check(codes, factors)
    codes = codes.detach().cpu()
    codes = codes.to(torch.promote_types(codes.dtype, torch.float32))
    factors = {name: values.cpu() for name, values in factors.items()}
    low = codes.amin(0)
    width = (codes.amax(0) - low) / num_bins
    # a constant dimension, 0 / 0, lies in bin 0
    binned = ((codes - low) / width).nan_to_num().long().clamp(max=num_bins - 1)
    rows = [torch.stack([_information(bins, values) for values in factors.values()]) for bins in binned.unbind(1)]
    information = torch.stack(rows)  # (D, F)
    entropy = torch.stack([_information(values, values) for values in factors.values()])
    best = information.topk(2, dim=0).values
    gaps = (best[0] - best[1]) / entropy
    return MutualInformationGap(gaps.mean().item(), dict(zip(factors, gaps.tolist(), strict=True)), information)


def _information(a: Tensor, b: Tensor) -> Tensor:
    """The mutual information of two columns of whole numbers, in nats, from their table of counts; I(a; a) = H(a)."""
    num_b = int(b.max()) + 1
    counts = torch.bincount(a.long() * num_b + b, minlength=(int(a.max()) + 1) * num_b).view(-1, num_b)
    joint = counts.double() / len(a)
    independent = joint.sum(1, keepdim=True) * joint.sum(0)
    return torch.xlogy(joint, (joint / independent).nan_to_num()).sum()  # 0 / 0 where a number never occurs


@dataclass(frozen=True)
class DCI:
    """Scores in [0, 1]. ``informativeness``: accuracy on held-out codes; ``importance``: (D, F), whose columns sum to
    1, or to 0 where no dimension says anything of the factor."""

    disentanglement: float
    completeness: float
    informativeness: float
    importance: Tensor


def dci(codes: Tensor, factors: Mapping[str, Tensor], *, num_trees: int = 20, seed: int = 0) -> DCI:
    """Disentanglement, completeness, informativeness (Eastwood & Williams 2018, openreview.net/forum?id=By-7dz-AZ).

    Estimator: for each factor one of scikit-learn's random forests of ``num_trees`` classification trees, in which
    every split looks at every dimension. It is fitted to a random three quarters of the rows; importances are
    decreases of impurity there, informativeness is the mean accuracy on the other quarter (guessing gives one over
    the number of values, not 0). Same seed, same scores. 5,000 rows suffice.

    ``codes``: (N, D), means of q(z|x); ``factors`` as for :func:`mutual_information_gap`, at least two of them.
    Raises ``ValueError`` for other codes or factors.
    """
    check_size(num_trees, "num_trees")
    _check(codes, factors)
    if len(factors) < 2:
        raise ValueError(f"DCI needs at least 2 factors to tell apart, got {list(factors)}")
    from sklearn.ensemble import RandomForestClassifier

    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(seed)).numpy()
    held_out, train = order[: len(order) // 4], order[len(order) // 4 :]
    z = in_float64(codes).numpy()
    importance, accuracy = [], []
    for values in factors.values():
        v = values.cpu().numpy()
        forest = RandomForestClassifier(num_trees, max_features=None, random_state=seed)
        forest.fit(z[train], v[train])
        importance.append(torch.from_numpy(forest.feature_importances_))
        accuracy.append(float(forest.score(z[held_out], v[held_out])))
    table = torch.stack(importance, dim=1)
    return DCI(*disentanglement_completeness(table), sum(accuracy) / len(accuracy), table)


def disentanglement_completeness(importance: Tensor) -> tuple[float, float]:
    r"""Two figures of a table of importances R (D, F), none below 0 (Eastwood & Williams 2018).

    Disentanglement is the mean over dimensions, weighted by their share of R, of 1 minus the entropy (base F) of the
    dimension's row; completeness the mean over factors of 1 minus the entropy (base D) of the factor's column.
    A dimension or a factor without any importance is nobody's: it scores 0, as do codes that are constant.
    """
    weight = (importance.sum(1) / importance.sum()).nan_to_num()
    by_dimension, by_factor = _concentration(importance), _concentration(importance.T)
    return (weight * by_dimension).sum().item(), by_factor.mean().item()


def _concentration(rows: Tensor) -> Tensor:
    """One minus the entropy of each row, scaled to add up to 1, in units of the largest there is: 1 for a row with one
    entry, 0 for equal ones, and for a row of zeros."""
    total = rows.sum(1, keepdim=True)
    shares = rows / total
    concentration = 1 + torch.xlogy(shares, shares).sum(1) / math.log(rows.shape[1])
    return torch.where(total.squeeze(1) > 0, concentration, 0.0)


def _check(codes: Tensor, factors: Mapping[str, Tensor]) -> None:
    check_tensor(codes, "codes")
    if codes.ndim != 2 or codes.shape[1] < 2 or len(codes) < 4:
        raise ValueError(
            f"codes must have shape (N, D) with N of at least 4 and D of at least 2, got {tuple(codes.shape)}"
        )
    if not bool(torch.isfinite(codes).all()):
        raise ValueError("codes hold values that aren't finite; look at the encoder they come from")
    if not factors:
        raise ValueError("factors must name at least one factor; load('shapes', 'full').factors has five")
    for name, values in factors.items():
        check_tensor(values, f"factors[{name!r}]")
        if values.shape != (len(codes),) or values.is_floating_point() or bool((values < 0).any()):
            raise ValueError(
                f"factor {name!r} must be whole numbers from 0 in a tensor of shape ({len(codes)},), "
                f"got {values.dtype} {tuple(values.shape)}; give a continuous factor's bins"
            )
        if bool(values.min() == values.max()):
            raise ValueError(
                f"factor {name!r} takes one value only, so there is nothing to know about it; leave it out"
            )
