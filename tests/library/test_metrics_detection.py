"""Active units, the ROC curve and its area, and what alarms are worth."""

import pytest
import torch

from course_lib.metrics import active_units, alarm_threshold, precision_at_alarms, roc_auc, roc_curve


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


def test_the_roc_curve_goes_through_every_threshold() -> None:
    scores = torch.tensor([0.1, 0.9, 0.4, 0.4, 0.7, 0.2])
    labels = torch.tensor([0, 1, 1, 0, 0, 1])
    false, true = roc_curve(scores, labels)
    points = {
        (((scores >= t) & (labels == 0)).sum().item() / 3, ((scores >= t) & (labels == 1)).sum().item() / 3)
        for t in scores
    }
    drawn = set(zip(false.tolist(), true.tolist(), strict=True))
    assert (0.0, 0.0) in drawn
    assert drawn - {(0.0, 0.0)} <= points  # scikit-learn leaves out what lies on a line
    assert torch.trapezoid(true, false).item() == pytest.approx(roc_auc(scores, labels))


def test_precision_among_so_many_alarms_is_the_mean_over_the_orders_of_ties() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = (torch.rand(80, generator=generator) < 0.3).long()
    scores = torch.randint(6, (80,), generator=generator) + labels
    for num_alarms in (1, 7, 33, 80):
        orders = []
        for _ in range(400):
            shuffled = torch.randperm(80, generator=generator)
            best = shuffled[scores[shuffled].argsort(descending=True, stable=True)][:num_alarms]
            orders.append(labels[best].double().mean())
        mean, error = torch.stack(orders).mean(), torch.stack(orders).std() / 400**0.5
        found = precision_at_alarms(scores.float(), labels, num_alarms)
        assert abs(found - mean) <= 4.5 * error + 1e-6
    assert precision_at_alarms(scores.float(), labels == 1, 80) == pytest.approx(labels.double().mean().item())


def test_precision_at_alarms_refuses_other_numbers() -> None:
    scores, labels = torch.arange(4.0), torch.tensor([0, 1, 1, 0])
    assert precision_at_alarms(scores, labels, 2) == 0.5
    for number, message in ((0, "an integer of at least 1"), (5, "at most the number of scores, 4, got 5")):
        with pytest.raises(ValueError, match=message):
            precision_at_alarms(scores, labels, number)


def test_a_threshold_leaves_so_many_of_a_thousand_above() -> None:
    scores = torch.randn(20_000, generator=torch.Generator().manual_seed(2)).exp()
    for num_false in (1, 10, 250):
        threshold = alarm_threshold(scores, num_false)
        assert (scores > threshold).double().mean().item() == pytest.approx(num_false / 1000, abs=1e-4)
    assert alarm_threshold(scores, 0) == scores.max().item()
    assert alarm_threshold(torch.tensor([1.0, 2.0, 5.0]), 250) == pytest.approx(3.5)  # half-way from the middle
    for given, number, message in (
        (scores, 1001, r"must lie in \[0, 1000\]"),
        (scores[:0], 10, "N of at least 1"),
        (scores / 0, 10, "aren't finite"),
    ):
        with pytest.raises(ValueError, match=message):
            alarm_threshold(given, number)
