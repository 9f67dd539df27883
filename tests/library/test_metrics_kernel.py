"""The kernel distance against a naive double loop, and without bias where there is nothing to find."""

import math
import warnings

import pytest
import torch

from course_lib.metrics import kernel_distance, kernel_with_floor
from course_lib.metrics.kernel import squared_mmd


def cloud(n, shift=0.0, seed=0, d=3):
    return shift + torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def naive(a, b):
    def k(x, y):
        return (sum(p * q for p, q in zip(x, y, strict=True)) / len(x) + 1) ** 3

    a, b = a.tolist(), b.tolist()
    aa = [k(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j]
    bb = [k(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j]
    ab = [k(x, y) for x in a for y in b]
    return sum(aa) / len(aa) + sum(bb) / len(bb) - 2 * sum(ab) / len(ab)


def test_squared_mmd_is_that_of_a_naive_loop():
    a, b = cloud(7, shift=0.4), cloud(5, seed=1)
    assert squared_mmd(a, b).item() == pytest.approx(naive(a, b), rel=1e-12)
    assert squared_mmd(b, a).item() == pytest.approx(naive(a, b), rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*subsets overlap")
def test_a_subset_of_everything_gives_the_distance_of_the_sets_without_spread():
    a, b = cloud(7, shift=0.4), cloud(7, seed=1)
    result = kernel_distance(a, b, num_subsets=4, subset_size=7)
    assert result.mean == pytest.approx(naive(a, b), rel=1e-12)
    assert result.std == pytest.approx(0, abs=1e-12)


def test_mean_and_deviation_are_over_subsets_without_repetition():
    a, b = cloud(9, shift=0.4).float(), cloud(8, seed=1).float()
    source = torch.Generator().manual_seed(3)
    values = []
    for _ in range(5):
        i, j = (torch.randperm(n, generator=source)[:4] for n in (9, 8))
        values.append(naive(a[i].double(), b[j].double()))
    result = kernel_distance(a, b, num_subsets=5, subset_size=4, generator=torch.Generator().manual_seed(3))
    mean = sum(values) / 5
    assert result.mean == pytest.approx(mean, rel=1e-12), "float32 features are compared in float64"
    assert result.std == pytest.approx(math.sqrt(sum((v - mean) ** 2 for v in values) / 4), rel=1e-10)
    assert result.subset_size == 4
    assert str(result) == f"{mean:.4f} ± {result.std:.4f} (over subsets of n = 4)"


def test_real_against_real_is_zero_in_expectation_and_a_shift_is_its_closed_form():
    """Disjoint subsets are independent, so the standard error of their mean is known."""
    same = torch.stack([squared_mmd(cloud(50, seed=i), cloud(60, seed=1000 + i)) for i in range(300)])
    error = same.std() / math.sqrt(300)
    assert same.mean().abs() < 3 * error
    assert same.min() < 0, "an unbiased estimate of zero is negative now and then"
    moved = torch.stack([squared_mmd(cloud(50, shift=0.5, seed=i), cloud(60, seed=1000 + i)) for i in range(300)])

    # E (x.y/d + 1)^3 for independent x ~ N(m, I) and y ~ N(n, I), from s = x.y/d: 1 + 3 E s + 3 E s^2 + E s^3.
    # With p = |m|^2, q = |n|^2, r = m.n: E s = r/d, E s^2 = (d + p + q + r^2)/d^2,
    # E s^3 = r (3 d + 6 + 3 p + 3 q + r^2)/d^3.
    def expected(p, q, r, d=3):
        third = r * (3 * d + 6 + 3 * p + 3 * q + r**2) / d**3
        return 1 + 3 * r / d + 3 * (d + p + q + r**2) / d**2 + third

    squared = 3 * 0.5**2
    exact = expected(squared, squared, squared) + expected(0, 0, 0) - 2 * expected(squared, 0, 0)
    assert (moved.mean() - exact).abs() < 4 * moved.std() / math.sqrt(300)


@pytest.mark.filterwarnings("ignore:.*subsets overlap")
def test_the_floor_is_between_the_halves_of_the_real():
    generated, real = cloud(5, shift=2.0), cloud(11, seed=1)
    distance, floor = kernel_with_floor(generated, real, num_subsets=3, subset_size=5)
    assert distance.mean == pytest.approx(naive(generated, real[:5]), rel=1e-12)
    assert distance.subset_size == floor.subset_size == 5
    halves = cloud(10, seed=1)
    assert kernel_with_floor(generated, halves, num_subsets=3, subset_size=5)[1].mean == pytest.approx(
        naive(halves[5:], halves[:5]), rel=1e-12
    )
    source = torch.Generator().manual_seed(0)
    drawn = [
        kernel_distance(x, real[:5], num_subsets=3, subset_size=2, generator=source) for x in (generated, real[5:])
    ]
    source.manual_seed(0)
    assert list(kernel_with_floor(generated, real, num_subsets=3, subset_size=2, generator=source)) == drawn
    with pytest.raises(ValueError, match=r"real must have at least 12 rows, .* got 11"):
        kernel_with_floor(cloud(6), real, subset_size=6)


def test_subsets_are_a_hundred_of_a_thousand_unless_one_says_otherwise(monkeypatch):
    sizes = []

    def recorded(a, b):
        sizes.append((len(a), len(b)))
        return torch.tensor(float(len(sizes)))

    monkeypatch.setattr("course_lib.metrics.kernel.squared_mmd", recorded)
    result = kernel_distance(cloud(2000), cloud(2001))
    assert sizes == 100 * [(1000, 1000)]
    assert result.mean == 50.5
    kernel_with_floor(cloud(2000), cloud(4001))
    assert sizes == 300 * [(1000, 1000)]


def test_bad_sets_are_refused():
    a = cloud(9)
    for name, sets in (("generated", (a[:3], a)), ("real", (a, a[:3]))):
        with pytest.raises(
            ValueError, match=f"{name} must have at least 4 rows .* subset_size = 4, got 3; .*smaller"
        ):
            kernel_distance(*sets, subset_size=4)
    with pytest.raises(ValueError, match="aren't finite"):
        kernel_distance(a, a / 0, subset_size=4)
    with pytest.raises(ValueError, match="differ in number"):
        kernel_distance(a, a[:, :2], subset_size=4)
    for sizes in ({"num_subsets": 1}, {"subset_size": 1}):
        with pytest.raises(ValueError, match="must be at least 2"):
            kernel_distance(a, a, **{"subset_size": 4, **sizes})
    with pytest.raises(ValueError, match="subset_size must be an integer"):
        kernel_distance(a, a, subset_size=4.5)
    with pytest.raises(ValueError, match="num_subsets must be an integer"):
        kernel_distance(a, a, subset_size=4, num_subsets=2.5)
    assert math.isfinite(kernel_distance(a, a, subset_size=2, num_subsets=2).std)


@pytest.mark.situation(
    "Odd tensors",
    "a kernel distance over sets of fewer rows than its subsets, or of hardly more",
    "Refused, or warned of: subsets that overlap differ too little. Both name the caller's own rows and subset_size.",
)
def test_the_callers_own_rows_are_named():
    with pytest.raises(
        ValueError, match=r"real must have at least 2000 rows, as it is halved, .* = 1000, got 1500; "
    ):
        kernel_with_floor(cloud(2000), cloud(1500))
    with pytest.raises(ValueError, match=r"generated must have at least 1000 rows .* = 1000, got 999; "):
        kernel_with_floor(cloud(999), cloud(4000))
    with pytest.warns(UserWarning, match=r"real: 30 rows, 15 in each half, are fewer than twice .* at most 7$"):
        kernel_with_floor(cloud(99), cloud(30), subset_size=10, num_subsets=3)
    with pytest.warns(
        UserWarning, match=r"generated: 30 rows are fewer than twice subset_size = 20, .* at most 15$"
    ):
        kernel_distance(cloud(30), cloud(99), subset_size=20, num_subsets=3)


def test_without_a_warning_the_spread_is_that_of_fresh_sets():
    """Over 60 pairs of fresh sets; what is reported where every subset is the whole set says nothing."""
    fresh = [kernel_mmd(cloud(20, seed=i), cloud(20, seed=1000 + i)) for i in range(60)]
    true = torch.tensor(fresh).std().item()
    reported = [kernel_distance(cloud(40, seed=i), cloud(40, seed=900 + i), subset_size=20).std for i in range(5)]
    assert sum(reported) / 5 == pytest.approx(true, rel=0.35)
    with pytest.warns(UserWarning, match="spread is too small"):
        assert kernel_distance(cloud(20), cloud(20, seed=7), subset_size=20).std < 1e-12


def kernel_mmd(a, b):
    """With loops over all pairs, each sample's pair with itself left out."""
    k = lambda x, y: float((x @ y / len(x) + 1) ** 3)  # noqa: E731
    within = [sum(k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j) for s in (a, b)]
    between = sum(k(x, y) for x in a for y in b)
    return sum(w / (len(s) * (len(s) - 1)) for w, s in zip(within, (a, b), strict=True)) - 2 * between / (
        len(a) * len(b)
    )


@pytest.mark.parametrize("rows", [40, 50])
def test_sets_of_twice_the_subset_are_large_enough(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kernel_distance(cloud(rows), cloud(rows, seed=1), subset_size=20, num_subsets=2)


@pytest.mark.parametrize("measure", [kernel_distance, kernel_with_floor])
def test_the_set_that_is_at_fault_is_named(measure):
    a = cloud(9)
    for name, sets in (("generated", (a / 0, a)), ("real", (a, a / 0))):
        with pytest.raises(ValueError, match=f"^{name} holds values that aren't finite"):
            measure(*sets, subset_size=2)
