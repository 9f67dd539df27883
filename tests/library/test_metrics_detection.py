"""Active units and the area under the ROC curve."""

import pytest
import torch

from course_lib.metrics import active_units, roc_auc


def test_active_units_are_those_whose_mean_moves():
    mu = torch.tensor([[0.0, 5.0, 0.0, 1.0], [0.2, 5.0, 0.14, -1.0], [0.4, 5.0, 0.0, 3.0]])
    # sample variances 0.04, 0, 0.0065 and 4
    assert active_units(mu).tolist() == [True, False, False, True]
    assert active_units(mu, threshold=0.006).tolist() == [True, False, True, True]
    assert active_units(mu, threshold=3.9).tolist() == [False, False, False, True]


def test_a_variance_at_the_threshold_is_not_above_it():
    assert active_units(torch.tensor([[0.0], [1.0]]), threshold=0.5).tolist() == [False]
    with pytest.raises(ValueError, match=r"mu must have shape \(N, d\) with N of at least 2"):
        active_units(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="aren't finite"):
        active_units(torch.full((3, 2), torch.inf))


def test_roc_auc_is_the_share_of_pairs_in_the_right_order():
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(60, generator=generator) < 0.3).long()
    scores = torch.randint(9, (60,), generator=generator) + 2.0 * labels
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1].tolist() for b in scores[labels == 0].tolist()]
    assert 0.6 < sum(pairs) / len(pairs) < 0.95
    assert roc_auc(scores, labels) == pytest.approx(sum(pairs) / len(pairs))
    assert roc_auc(scores.requires_grad_(), labels == 1) == pytest.approx(sum(pairs) / len(pairs))


def test_roc_auc_refuses_what_it_cannot_rank():
    scores = torch.arange(4.0)
    with pytest.raises(ValueError, match=r"shape \(N,\), got \(4,\) and \(3,\)"):
        roc_auc(scores, torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match=r"shape \(N,\), got \(2, 2\)"):
        roc_auc(scores.view(2, 2), torch.tensor([[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match="aren't finite"):
        roc_auc(scores / 0, torch.tensor([0, 1, 1, 0]))
    for labels in ([0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 2, 0]):
        with pytest.raises(ValueError, match="0 and 1 with some of each"):
            roc_auc(scores, torch.tensor(labels))
