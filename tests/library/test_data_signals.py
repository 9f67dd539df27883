"""Signals: normal windows only in training, and faults that are where the mask says and what the label says."""

import math

import pytest
import torch

from course_lib.data import load

KINDS = ("normal", "spike", "dropout", "drift", "noise burst", "missing beat")


@pytest.fixture(scope="module")
def test_set():
    return load("signals", "test", 3000)


def of_kind(signals, kind):
    """x, clean and mask (n, 128) of the windows with this fault."""
    rows = signals.y == KINDS.index(kind)
    assert rows.sum() > 200
    return signals.x[rows, 0].double(), signals.clean[rows, 0].double(), signals.mask[rows, 0]


def lengths(mask):
    """How long the masked run of each window is; there must be one run."""
    edges = torch.nn.functional.pad(mask.int(), (1, 1)).diff().abs().sum(1)
    assert (edges == 2).all()
    return mask.sum(1)


def test_sets_are_what_the_contract_says(test_set):
    train = load("signals")
    assert train.x.shape == train.mask.shape == train.clean.shape == (8000, 1, 128)
    assert len(load("signals", "test")) == 2000
    assert (train.x.dtype, train.y.dtype, train.mask.dtype) == (torch.float32, torch.int64, torch.bool)
    assert (train.name, train.split, test_set.split) == ("signals", "train", "test")
    assert train.class_names == KINDS
    assert not train.y.any()
    assert not train.mask.any()
    assert torch.equal(train.x, train.clean)
    assert repr(train) == "SignalSet('signals', 'train', x=(8000, 1, 128), classes=6)"


def test_half_of_the_test_is_normal_and_faults_are_equally_frequent(test_set):
    shares = test_set.y.bincount(minlength=6) / 3000
    expected = torch.tensor([0.5] + 5 * [0.1])
    assert ((shares - expected).abs() < 4.5 * (expected * (1 - expected) / 3000).sqrt()).all()
    assert torch.equal(test_set.mask.any(2)[:, 0], test_set.y > 0)


def test_outside_the_mask_a_window_is_its_clean_self(test_set):
    assert torch.equal(test_set.x[~test_set.mask], test_set.clean[~test_set.mask])
    assert (test_set.x[test_set.mask] != test_set.clean[test_set.mask]).double().mean() > 0.95


def test_a_spike_is_one_sample_of_either_sign(test_set):
    x, clean, mask = of_kind(test_set, "spike")
    assert (lengths(mask) == 1).all()
    size = (x - clean)[mask]
    assert 0.6 - 1e-6 <= size.abs().min() < 0.65
    assert 1.15 < size.abs().max() <= 1.2 + 1e-6
    assert (size > 0).double().mean() == pytest.approx(0.5, abs=4.5 * 0.5 / math.sqrt(len(x)))
    places = mask.int().argmax(1)
    assert (places.min(), places.max()) >= (20, 90)


def test_a_dropout_is_zero_for_16_to_39_samples(test_set):
    x, _, mask = of_kind(test_set, "dropout")
    assert (x[mask] == 0).all()
    assert (lengths(mask).min(), lengths(mask).max()) == (16, 39)


def test_a_drift_rises_evenly_to_the_end_of_the_window(test_set):
    x, clean, mask = of_kind(test_set, "drift")
    offset = x - clean
    assert mask[:, -1].all()
    assert offset[:, -1].abs().min() >= 0.6 - 1e-6
    assert offset[:, -1].abs().max() <= 1.2 + 1e-6
    assert (offset[:, -1] > 0).double().mean() == pytest.approx(0.5, abs=4.5 * 0.5 / math.sqrt(len(x)))
    step = offset[:, -1:] / lengths(mask)[:, None]
    torch.testing.assert_close(
        offset[:, 1:].diff(dim=1)[mask[:, 1:-1]], step.expand(-1, 126)[mask[:, 1:-1]], rtol=0, atol=1e-5
    )


def test_a_burst_adds_noise_of_a_quarter_to_a_half(test_set):
    x, clean, mask = of_kind(test_set, "noise burst")
    assert (lengths(mask).min(), lengths(mask).max()) == (16, 39)
    added = (x - clean)[mask]
    assert added.mean().abs() < 0.03
    # a scale uniform on (1/4, 1/2) has a mean square of (1/4^2 + 1/8 + 1/2^2) / 3
    assert added.square().mean().item() == pytest.approx((1 / 16 + 1 / 8 + 1 / 4) / 3, rel=0.1)


def test_a_missing_beat_is_the_second_or_third_whole_beat(test_set):
    x, clean, mask = of_kind(test_set, "missing beat")
    assert lengths(mask).min() >= 27
    assert lengths(mask).max() <= 40
    inside, lost = x.where(mask, 0.0), clean.where(mask, -1.0)
    assert inside.abs().max() < 0.3, "nothing but baseline and noise"
    assert lost.amax(1).min() > 0.5, "where there was a beat"
    assert x.where(~mask, -1.0).amax(1).min() > 0.5, "the other beats are still there"
    peaks = (clean.where(mask, -1.0).argmax(1)).double()
    assert peaks.min() > 0
    before = torch.stack([(row[: int(m.int().argmax())] > 0.5).any() for row, m in zip(clean, mask, strict=True)])
    assert 0.2 < before.double().mean() < 0.95


def test_beats_come_every_28_to_40_samples(test_set):
    """Oracle: the autocorrelation of a normal window has its first peak at the period."""
    normal = test_set.clean[:, 0].double()
    normal = normal - normal.mean(1, keepdim=True)
    lags = torch.arange(20, 50)
    products = [(normal[:, lag:] * normal[:, :-lag]).mean(1) for lag in lags.tolist()]
    period = lags[torch.stack(products, 1).argmax(1)]
    assert ((period >= 27) & (period <= 41)).double().mean() > 0.98
    assert set(range(29, 40)) <= set(period.tolist())
    assert 0.7 < test_set.clean.amax((1, 2)).median() < 1.2


def test_same_seed_same_windows_a_longer_draw_begins_with_the_shorter_and_streams_differ(test_set):
    again = load("signals", "test", 7)
    for field in ("x", "y", "mask", "clean"):
        assert torch.equal(getattr(again, field), getattr(test_set, field)[:7])
    draws = [load("signals", split, 7, seed=seed).clean for split in ("train", "test") for seed in (0, 1, 2)]
    assert len(torch.stack(draws).flatten(1).unique(dim=0)) == 6
    tails = torch.stack(draws)[..., 100:].flatten(0, 1).flatten(1)
    assert torch.corrcoef(tails.diff(dim=1)).fill_diagonal_(0).max() < 0.99


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"split": "faces"}, "train, test for .*, got 'faces'"), ({"num_images": 0}, "at least 1, got 0")],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("signals", **arguments)
    assert len(load("signals", num_images=1)) == 1
