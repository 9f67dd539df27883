"""Distances in blocks, precision and recall, density and coverage, memorization: against naive double loops."""

import math

import pytest
import torch

from course_lib.metrics import density_coverage, memorization, precision_recall
from course_lib.metrics.distances import distance_blocks, kth_nearest

SCORES = [precision_recall, density_coverage]


def cloud(n, d=3, std=1.0, shift=0.0, seed=0):
    return shift + std * torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def naive(generated, real, k_pr, k_dc):
    """Precision, recall, density, coverage by loops over points, with Python's own square root."""
    gen, real = generated.tolist(), real.tolist()

    def radius(points, i, k):
        return sorted(math.dist(points[i], other) for j, other in enumerate(points) if j != i)[k - 1]

    real_pr = [radius(real, i, k_pr) for i in range(len(real))]
    gen_pr = [radius(gen, j, k_pr) for j in range(len(gen))]
    real_dc = [radius(real, i, k_dc) for i in range(len(real))]
    precision = sum(any(math.dist(g, r) <= real_pr[i] for i, r in enumerate(real)) for g in gen) / len(gen)
    recall = sum(any(math.dist(g, r) <= gen_pr[j] for j, g in enumerate(gen)) for r in real) / len(real)
    inside = [[math.dist(g, r) <= real_dc[i] for g in gen] for i, r in enumerate(real)]
    density = sum(map(sum, inside)) / (k_dc * len(gen))
    return precision, recall, density, sum(map(any, inside)) / len(real)


@pytest.mark.parametrize("chunk", [1, 7, 41, 47, 1000])
def test_scores_are_those_of_a_naive_loop_for_any_chunk(chunk):
    generated, real = cloud(41, std=0.8, shift=0.9, seed=1), cloud(47)
    precision, recall, density, coverage = naive(generated, real, 2, 4)
    assert 0.2 < recall < precision < 0.95
    assert 0.2 < coverage < 0.95
    ours = precision_recall(generated, real, k=2, chunk=chunk)
    assert (ours.precision, ours.recall) == pytest.approx((precision, recall))
    ours = density_coverage(generated, real, k=4, chunk=chunk)
    assert (ours.density, ours.coverage) == pytest.approx((density, coverage))


def test_default_neighbours_are_those_of_the_papers():
    generated, real = cloud(41, std=0.8, shift=0.9, seed=1), cloud(47)
    assert precision_recall(generated, real) == precision_recall(generated, real, k=3)
    assert precision_recall(generated, real) != precision_recall(generated, real, k=2)
    assert density_coverage(generated, real) == density_coverage(generated, real, k=5)
    assert density_coverage(generated, real) != density_coverage(generated, real, k=4)


def test_a_point_on_the_rim_is_inside():
    """On a line with integer places distances are exact: real 0, 2, 4, so every ball has radius 2."""
    real = torch.tensor([[0.0], [2.0], [4.0]])
    generated = torch.tensor([[-2.0], [-2.0], [-9.0]])  # balls of the generated have radius 0, 0 and 7
    result = precision_recall(generated, real, k=1)
    assert result.precision == pytest.approx(2 / 3)
    assert result.recall == 0
    result = density_coverage(generated, real, k=1)
    assert result.density == pytest.approx(2 / 3)
    assert result.coverage == pytest.approx(1 / 3)
    shifted = precision_recall(real - 9, generated, k=1)  # real radii 0, 0 and 7; generated places -9, -7, -5
    assert (shifted.precision, shifted.recall) == pytest.approx((1.0, 1 / 3))


def test_a_collapsed_cloud_is_precise_and_forgetful_and_a_wide_one_the_reverse():
    real = cloud(400)
    narrow = cloud(400, std=0.05, seed=1)
    collapsed, wide = precision_recall(narrow, real), precision_recall(cloud(400, std=4.0, seed=1), real)
    assert collapsed.precision == 1
    assert collapsed.recall < 0.05
    assert wide.precision < 0.4
    assert wide.recall > 0.9
    result = density_coverage(narrow, real)
    assert result.density > 1.3
    assert result.coverage < 0.2


def test_a_set_against_itself_and_two_sets_of_one_distribution():
    real, other = cloud(1000, 2), cloud(1000, 2, seed=1)
    assert vars(precision_recall(real, real.clone())) == {"precision": 1, "recall": 1}
    result = density_coverage(real, real.clone())
    assert result.density == pytest.approx(1.2, abs=1e-12)
    assert result.coverage == 1
    result = density_coverage(other, real)
    assert result.density == pytest.approx(1, abs=0.08)
    assert result.coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_equal_features_cover_themselves_far_from_the_origin():
    same = torch.full((9, 3), 1e4 + 0.1)
    assert vars(precision_recall(same, same)) == {"precision": 1, "recall": 1}
    assert density_coverage(same, same).coverage == 1


@pytest.mark.parametrize("d", [1, 3, 64])
def test_copies_lie_on_the_rim_and_the_rim_is_inside_in_any_chunk(d):
    """Where distinct samples meet themselves, each ball holds k + 1; and equal ones are at a distance of 0."""
    real = 3 + cloud(60, d)
    copied = cloud(7, d, std=1e3).repeat(6, 1)
    for chunk in (1, 13, 60, 2000):
        assert density_coverage(real.clone(), real, k=4, chunk=chunk).density == pytest.approx(5 / 4, abs=1e-12)
        assert vars(precision_recall(copied[:35], copied, chunk=chunk)) == {"precision": 1, "recall": 1}
        assert vars(density_coverage(copied[:35], copied, chunk=chunk)) == {"density": 6 / 5, "coverage": 1}


def test_the_room_on_the_rim_is_too_small_to_see():
    # radii of 1, 1 and 2; and those of two points far away, of which the ball of the first holds all places near 99
    real = torch.tensor([[100.0], [101.0], [103.0], [-1e6], [1e6 + 200]], dtype=torch.float64)
    for place, coverage in ((99.0, 2 / 5), (99 - 1e-6, 1 / 5)):
        generated = torch.tensor([[place]], dtype=torch.float64)
        assert density_coverage(generated, real, k=1).coverage == pytest.approx(coverage)


def test_the_unit_of_the_features_makes_no_difference():
    generated, real = cloud(41, std=0.8, shift=0.9, seed=1), cloud(47)
    for unit in (1e-7, 1e7):
        assert precision_recall(unit * generated, unit * real) == precision_recall(generated, real)


def test_few_features_are_compared_far_from_the_origin_as_near_it():
    generated, real = cloud(41, std=0.8, shift=0.9, seed=1), cloud(47)
    assert precision_recall(generated + 1e7, real + 1e7) == precision_recall(generated, real)


@pytest.mark.parametrize("score", SCORES)
def test_bad_clouds_are_refused(score):
    real = cloud(6)
    with pytest.raises(ValueError, match=r"real must have shape.*at least 7, got"):
        score(cloud(9), real, k=6)
    score(cloud(9), real, k=5)
    with pytest.raises(ValueError, match="k must be an integer of at least 1"):
        score(real, real, k=0)
    with pytest.raises(ValueError, match="chunk must be an integer"):
        score(real, real, k=1, chunk=0)
    with pytest.raises(ValueError, match="differ in number: 2 and 3"):
        score(real[:, :2], real, k=1)
    for place in (0, 1):
        sets = [real, real]
        sets[place] = real / 0
        with pytest.raises(ValueError, match=r"(generated|real) holds values that aren't finite"):
            score(*sets, k=1)
    with pytest.raises(ValueError, match=r"generated must have shape \(N, d\)"):
        score(real[0], real, k=1)


def test_sets_as_small_as_can_be():
    assert density_coverage(cloud(1), cloud(6), k=5).coverage in (0, *(i / 6 for i in range(1, 7)))
    with pytest.raises(ValueError, match=r"generated must have shape.*at least 4, got"):
        precision_recall(cloud(3), cloud(6))
    precision_recall(cloud(4), cloud(6))


def test_kth_nearest_sorts_all_distances_in_blocks_that_stay_small():
    queries, reference = cloud(11, 4), cloud(17, 4, seed=1)
    expected = torch.tensor([[math.dist(q, r) for r in reference.tolist()] for q in queries.tolist()]).double()
    for chunk in (1, 5, 11, 17, 2000):
        for k in (1, 3, 17):
            found = kth_nearest(queries, reference, k, chunk)
            torch.testing.assert_close(found, expected.sort(1).values[:, k - 1], rtol=1e-6, atol=1e-9)
        blocks = list(distance_blocks(queries, reference, chunk))
        assert max(max(distance.shape) for _, _, distance in blocks) <= chunk
        assert sum(distance.numel() for _, _, distance in blocks) == 11 * 17


# --- memorization


def test_memorization_is_that_of_a_naive_loop():
    generated, train, held_out = cloud(23, std=0.6, seed=1), cloud(31), cloud(29, seed=2)

    def nearest(points):
        return [min(math.dist(p, t) for t in train.tolist()) for p in points.tolist()]

    ours, theirs = nearest(generated), nearest(held_out)
    closer = sum((a < b) + 0.5 * (a == b) for a in ours for b in theirs) / (23 * 29)
    limit = torch.quantile(torch.tensor(theirs).double(), 0.3).item()
    median = sorted(ours)[11] / sorted(theirs)[14]
    for chunk in (1, 8, 31, 500):
        result = memorization(generated, train, held_out, quantile=0.3, chunk=chunk)
        assert result.closer == pytest.approx(closer)
        assert result.share_below == pytest.approx(sum(a < limit for a in ours) / 23)
        assert result.ratio == pytest.approx(median)
        assert result.quantile == 0.3


def test_planted_copies_are_found_and_fresh_samples_are_not():
    train, held_out, fresh = (cloud(1000, 2, seed=seed) for seed in range(3))
    honest = memorization(fresh, train, held_out)
    assert honest.quantile == 0.05
    assert honest.share_below == pytest.approx(0.05, abs=0.03)
    assert honest.closer == pytest.approx(0.5, abs=4.5 / math.sqrt(6 * 1000))  # sd of a Mann-Whitney share
    assert honest.ratio == pytest.approx(1, abs=0.15)
    fifth = torch.cat([train[:200], fresh[200:]])
    assert memorization(fifth, train, held_out).share_below == pytest.approx(0.2 + 0.8 * 0.05, abs=0.03)
    far = torch.tensor([1e5, -1e5])
    copies = memorization(train[:300] + far, train + far, held_out + far)
    assert copies.ratio == pytest.approx(0, abs=1e-4)
    assert copies.closer == pytest.approx(1, abs=1e-3)


def test_ties_count_half_and_only_what_is_closer_lies_below():
    train = torch.tensor([[0.0]])
    result = memorization(torch.tensor([[2.0], [1.0]]), train, torch.tensor([[2.0], [-2.0], [2.0]]))
    assert result.closer == pytest.approx((1 + 0.5) / 2)
    assert result.share_below == 0.5
    assert result.ratio == pytest.approx(0.75)


def test_memorization_refuses_nonsense():
    x = cloud(5)
    for quantile in (0.0, 1.0):
        with pytest.raises(ValueError, match="quantile must lie between 0 and 1"):
            memorization(x, x, x, quantile=quantile)
    with pytest.raises(ValueError, match="chunk must be an integer of at least 1, got 0"):
        memorization(x, x, x, chunk=0)
    for place, name in enumerate(("generated", "train", "held_out")):
        sets = [x, x, x]
        sets[place] = x[None]
        with pytest.raises(ValueError, match=rf"{name} must have shape \(N, d\)"):
            memorization(*sets)
    for sets in ((x[:, :2], x, x), (x, x, x[:, :2])):
        with pytest.raises(ValueError, match="differ in number: 2 and 3"):
            memorization(*sets)
