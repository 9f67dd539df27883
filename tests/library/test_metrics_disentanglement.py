"""The mutual information gap and DCI: exact scores of planted codes, scikit-learn and scipy as oracles."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.metrics import mutual_info_score

from course_lib.metrics import dci, mutual_information_gap
from course_lib.metrics.disentanglement import disentanglement_completeness

SIZES = {"shape": 3, "scale": 4, "turn": 8}


@pytest.fixture(scope="module")
def factors():
    """The full product of three factors, ten times over, in no order."""
    product = torch.cartesian_prod(*(torch.arange(size) for size in SIZES.values())).repeat(10, 1)
    product = product[torch.randperm(len(product), generator=torch.Generator().manual_seed(0))]
    return dict(zip(SIZES, product.unbind(1), strict=True))


def noise(n, num_dims, seed=1):
    return torch.randn(n, num_dims, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def copies(factors):
    """Permuted and rescaled: the dimensions are the turn, the shape upside down, and the scale."""
    columns = [0.3 * factors["turn"] - 1, -2.0 * factors["shape"], 5.0 + 0.01 * factors["scale"]]
    return torch.stack(columns, dim=1).double()


def rotated(codes):
    """The first two dimensions, brought to the same spread, turned by 45 degrees."""
    z = (codes - codes.mean(0)) / codes.std(0)
    return torch.stack([(z[:, 0] - z[:, 1]) / math.sqrt(2), (z[:, 0] + z[:, 1]) / math.sqrt(2), z[:, 2]], dim=1)


# --- mutual information gap


def test_permuted_and_rescaled_factors_have_a_gap_of_one(factors):
    result = mutual_information_gap(copies(factors), factors)
    assert result.mig == pytest.approx(1, abs=1e-12)
    assert result.gaps == pytest.approx({"shape": 1, "scale": 1, "turn": 1}, abs=1e-12)
    entropies = [math.log(3), math.log(4), math.log(8)]
    expected = torch.zeros(3, 3, dtype=torch.float64)  # rows: dimensions, columns: factors
    expected[[1, 2, 0], [0, 1, 2]] = torch.tensor(entropies, dtype=torch.float64)
    torch.testing.assert_close(result.information, expected, rtol=0, atol=1e-12)


def test_the_gap_is_to_the_second_best_dimension_and_over_the_entropy(factors):
    """Two dimensions that both know the turn leave no gap; one that knows half of its bits leaves the other half."""
    turn, shape, scale = factors["turn"].double(), factors["shape"].double(), factors["scale"].double()
    twice = mutual_information_gap(torch.stack([turn, shape, scale, 7 - turn], 1), factors)
    assert twice.gaps == pytest.approx({"shape": 1, "scale": 1, "turn": 0}, abs=1e-12)
    assert twice.mig == pytest.approx(2 / 3)
    half = mutual_information_gap(torch.stack([turn, shape, scale, turn // 2], 1), factors)
    assert half.gaps["turn"] == pytest.approx(1 - math.log(4) / math.log(8))


def test_information_is_that_of_scikit_learn_on_bins_of_equal_width():
    generator = torch.Generator().manual_seed(4)
    values = {
        "a": torch.randint(5, (700,), generator=generator),
        "b": torch.randint(3, (700,), generator=generator),
    }
    codes = noise(700, 4) + torch.stack([values["a"], values["b"], values["a"] * values["b"], 0 * values["a"]], 1)
    for arguments, num_bins in (({}, 20), ({"num_bins": 7}, 7)):
        result = mutual_information_gap(codes, values, **arguments)
        expected = np.zeros((4, 2))
        for d, column in enumerate(codes.numpy().T):
            edges = np.linspace(column.min(), column.max(), num_bins + 1)
            bins = np.digitize(column, edges[1:-1])
            expected[d] = [mutual_info_score(bins, v.numpy()) for v in values.values()]
        np.testing.assert_allclose(result.information.numpy(), expected, rtol=1e-9)
        for f, (name, v) in enumerate(values.items()):
            second, first = sorted(expected[:, f])[-2:]
            gap = (first - second) / mutual_info_score(v.numpy(), v.numpy())
            assert result.gaps[name] == pytest.approx(gap)
        assert result.mig == pytest.approx(sum(result.gaps.values()) / 2)


def test_a_constant_dimension_knows_nothing_and_the_largest_value_is_in_the_last_bin():
    codes = torch.tensor([[0.0, 3.0], [0.49, 3.0], [0.5, 3.0], [1.0, 3.0]])
    result = mutual_information_gap(codes, {"half": torch.tensor([0, 0, 1, 1], dtype=torch.uint8)}, num_bins=2)
    torch.testing.assert_close(result.information, torch.tensor([[math.log(2)], [0.0]], dtype=torch.float64))
    assert result.mig == pytest.approx(1)


def test_noise_scores_the_bias_of_the_estimator_and_a_rotation_lowers_the_gap(factors):
    n = len(factors["turn"])
    codes = torch.rand(n, 400, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    result = mutual_information_gap(codes, factors)
    bias = torch.tensor([19 * (size - 1) / (2 * n) for size in SIZES.values()], dtype=torch.float64)
    torch.testing.assert_close(result.information.mean(0), bias, rtol=0.1, atol=0)
    assert mutual_information_gap(noise(n, 6), factors).mig < 0.02
    assert mutual_information_gap(rotated(copies(factors)), factors).mig < 0.6


# --- DCI


def test_scores_of_a_table_are_those_of_its_entropies():
    table = torch.tensor([[0.7, 0.1, 0.0, 0.1], [0.1, 0.8, 0.9, 0.4], [0, 0, 0, 0], [0.2, 0.1, 0.1, 0.5], [0] * 4])
    disentanglement, completeness = disentanglement_completeness(table.double())
    table = table.double().numpy()
    weights = table.sum(1) / table.sum()
    rows = [w * (1 - scipy.stats.entropy(row, base=4)) for w, row in zip(weights, table, strict=True) if w > 0]
    columns = [1 - scipy.stats.entropy(column, base=5) for column in table.T]
    assert disentanglement == pytest.approx(sum(rows), rel=1e-6)
    assert completeness == pytest.approx(sum(columns) / 4, rel=1e-6)


def test_permuted_and_rescaled_factors_are_disentangled_complete_and_informative(factors):
    result = dci(torch.cat([copies(factors), noise(960, 1)], 1), factors)
    assert result.disentanglement == pytest.approx(1, abs=1e-9)
    assert result.completeness == pytest.approx(1, abs=1e-9)
    assert result.informativeness == 1
    expected = torch.zeros(4, 3, dtype=torch.float64)
    expected[[1, 2, 0], [0, 1, 2]] = 1
    torch.testing.assert_close(result.importance, expected)


def test_noise_scores_about_zero_and_no_better_than_guessing(factors):
    result = dci(noise(960, 6), factors)
    assert result.disentanglement < 0.02
    assert result.completeness < 0.02
    guessing = sum(1 / size for size in SIZES.values()) / 3
    assert result.informativeness == pytest.approx(guessing, abs=0.05), "accuracy where the forest was not fitted"


def test_a_rotation_lowers_both_and_a_factor_in_two_dimensions_only_completeness(factors):
    turned = dci(rotated(copies(factors)), factors)
    assert turned.disentanglement < 0.8
    assert turned.completeness < 0.8
    turn = factors["turn"]
    split = torch.stack([turn // 4, turn % 4, factors["shape"], factors["scale"]], 1).double()
    result = dci(split, factors)
    assert result.disentanglement == pytest.approx(1, abs=1e-6)
    assert 0.7 < result.completeness < 0.9
    assert result.informativeness == 1


def test_same_seed_same_scores_and_three_quarters_are_fitted(factors, monkeypatch):
    from sklearn.ensemble import RandomForestClassifier

    fitted, scored = [], []
    fit, score = RandomForestClassifier.fit, RandomForestClassifier.score

    def counting(self, z, v):
        fitted.append((self.n_estimators, len(z)))
        return fit(self, z, v)

    def scoring(self, z, v):
        scored.append(len(z))
        return score(self, z, v)

    monkeypatch.setattr(RandomForestClassifier, "fit", counting)
    monkeypatch.setattr(RandomForestClassifier, "score", scoring)
    codes = copies(factors) + noise(960, 3) * torch.tensor([0.3, 0.9, 0.01])
    first, second, other = dci(codes, factors), *(dci(codes, factors, seed=seed) for seed in (0, 1))
    assert torch.equal(first.importance, second.importance)
    assert first.informativeness == second.informativeness
    assert not torch.equal(first.importance, other.importance)
    dci(codes, factors, num_trees=3)
    assert fitted == 9 * [(20, 720)] + 3 * [(3, 720)]
    assert scored == 12 * [240]


# --- bad input


@pytest.mark.parametrize("score", [mutual_information_gap, dci])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": torch.zeros(960)}, r"codes must have shape \(N, D\).*\(960,\)"),
        ({"codes": torch.zeros(960, 1)}, "D of at least 2"),
        ({"codes": noise(3, 3)}, "N of at least 4"),
        ({"codes": torch.full((960, 3), torch.nan)}, "aren't finite"),
        ({"factors": {}}, "at least one factor"),
        ({"factors": {"a": torch.zeros(959, dtype=torch.int64)}}, r"'a' must be whole numbers.*\(960,\)"),
        ({"factors": {"a": torch.rand(960)}}, "'a' must be whole numbers.*float32"),
        ({"factors": {"a": torch.arange(960) - 1}}, "'a' must be whole numbers from 0"),
        ({"factors": {"a": torch.arange(960), "b": torch.full((960,), 3)}}, "'b' takes one value only"),
    ],
)
def test_bad_codes_and_factors_are_refused(score, change, message, factors):
    with pytest.raises(ValueError, match=message):
        score(**{"codes": noise(960, 3), "factors": factors, **change})


def test_bad_sizes_are_refused(factors):
    with pytest.raises(ValueError, match="num_bins must be an integer of at least 1"):
        mutual_information_gap(noise(960, 3), factors, num_bins=0)
    with pytest.raises(ValueError, match="num_trees must be an integer of at least 1"):
        dci(noise(960, 3), factors, num_trees=0)
    four = {"a": torch.arange(4), "b": torch.arange(4) % 2}
    assert dci(noise(4, 2), four, num_trees=1).importance.shape == (2, 2)
    with pytest.raises(ValueError, match=r"at least 2 factors.*\['turn'\]"):
        dci(noise(960, 3), {"turn": factors["turn"]})


@pytest.mark.situation(
    "Odd tensors",
    "the constant codes of a collapsed encoder",
    "Disentanglement and completeness are 0, not NaN and perfect.",
)
def test_constant_codes_score_nothing():
    """As disentanglement_lib has it: an empty row or column counts as a uniform one."""
    factors = {"a": torch.arange(60) % 3, "b": torch.arange(60) % 4}
    scores = dci(torch.full((60, 3), 0.7), factors, num_trees=2)
    assert (scores.disentanglement, scores.completeness) == (0, 0)
    assert not scores.importance.any()
    # one factor that nothing knows of beside one that a single dimension knows: half of the completeness
    table = torch.tensor([[0.8, 0.0], [0.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    assert disentanglement_completeness(table) == pytest.approx((1.0, 0.5))
