"""Are the samples copies of training images? Their nearest training image, against that of held-out images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.metrics.distances import check_features, check_same_width, in_float64, nearest_distance


@dataclass(frozen=True)
class Memorization:
    """``ratio``: median distance of the generated over that of the held-out, 1 without copying, 0 for copies.
    ``closer``: how often a generated sample is closer to the training set than a held-out one, ½ without copying.
    ``share_below``: share of the generated closer than the ``quantile`` of the held-out; equal to it without copying.
    """

    ratio: float
    closer: float
    share_below: float
    quantile: float


def memorization(
    generated: Tensor, train: Tensor, held_out: Tensor, *, quantile: float = 0.05, chunk: int = 2000
) -> Memorization:
    """Euclidean distances to the nearest training sample, of generated against held-out samples.

    ``closer`` is one minus the statistic of the test for data-copying by Meehan et al. (2020, arXiv:2004.05675), a
    Mann-Whitney U as a share of all pairs, over the whole space and with ties counted half. Samples far from the data
    have a large ratio: read it beside a quality. It is NaN or infinite where half of the held-out are copies too.

    ``generated``, ``train``, ``held_out``: (N, d), numbers of rows as you like, none of the last in ``train``;
    ``x.flatten(1)`` for pixels, or features. Held in blocks of ``chunk`` x ``chunk``, in float64. Raises ``ValueError``
    for other shapes, values that aren't finite, or a quantile outside (0, 1).
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must lie between 0 and 1, got {quantile}")
    for name, x in (("generated", generated), ("train", train), ("held_out", held_out)):
        check_features(name, x)
    check_same_width(generated, train)
    check_same_width(held_out, train)
    reference = in_float64(train)
    center = reference.mean(0)
    reference = reference - center
    ours, theirs = (nearest_distance(in_float64(x) - center, reference, chunk) for x in (generated, held_out))
    limit = torch.quantile(theirs, quantile)
    ordered = theirs.sort().values
    # P(ours < theirs) + P(ours = theirs) / 2, from how many of theirs lie at or below, and below, each of ours
    below_or_equal = torch.searchsorted(ordered, ours, right=True)
    below = torch.searchsorted(ordered, ours)
    closer = 1 - (below + below_or_equal).double().mean() / (2 * len(theirs))
    ratio = torch.quantile(ours, 0.5) / torch.quantile(theirs, 0.5)
    return Memorization(ratio.item(), closer.item(), (ours < limit).double().mean().item(), quantile)
