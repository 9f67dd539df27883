"""Lesson 02's widgets, computed in node as front ends compute them: a denoiser's field and alarms, against torch."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import needs_node
from test_viz_widgets_js import node

from course_lib.data import GaussianMixture2D, spiral
from course_lib.viz import alarm_stream, denoiser_field
from course_lib.viz.widgets.denoiser_field import _denoised
from course_lib.viz.widgets.host import packed

POINTS = [(-0.55, 0.75), (0.3, -0.9), (0.0, 0.2), (1.2, 1.1)]


def exact_score(y: torch.Tensor, data: dict[str, Any], sigma: float) -> torch.Tensor:
    centers = torch.tensor(data["centers"], dtype=torch.float64)
    noisy = GaussianMixture2D(centers, math.sqrt(data["std"] ** 2 + sigma**2))
    y = y.clone().requires_grad_()
    (slope,) = torch.autograd.grad(noisy.log_prob(y).sum(), y)
    return slope


@needs_node
@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.7])
def test_the_fields_arrow_is_the_posterior_mean_and_its_slope_the_score(tmp_path: Path, sigma: float) -> None:
    data = denoiser_field().data
    expression = """(it, { points, data, sigma }) => points.map((y) => ({
      answer: it.denoised(y, data, sigma), score: it.score(y, data, sigma),
      shares: it.shares(y, data, sigma), distance: it.distanceTo(y, data.centers) }))"""
    given = {"points": POINTS, "data": {k: data[k] for k in ("centers", "std")}, "sigma": sigma}
    found = node(tmp_path, "denoising.js", expression, given)
    y = torch.tensor(POINTS, dtype=torch.float64)
    centers = torch.tensor(data["centers"], dtype=torch.float64)
    score = exact_score(y, data, sigma)
    for i, one in enumerate(found):
        assert one["score"] == pytest.approx(score[i].tolist(), rel=1e-4, abs=1e-4)
        assert one["answer"] == pytest.approx((y[i] + sigma**2 * score[i]).tolist(), abs=1e-6)
        assert sum(one["shares"]) == pytest.approx(1)
        assert one["distance"] == pytest.approx(torch.cdist(y[i : i + 1], centers).min().item(), abs=1e-6)
    still = _denoised(y.numpy(), data, sigma)
    assert torch.allclose(torch.from_numpy(still), y + sigma**2 * score, atol=1e-6)


def test_a_drawn_pair_has_the_answer_as_its_mean() -> None:
    """Monte Carlo: the mean clean point of draws whose noisy one falls near y."""
    data, sigma, y = denoiser_field().data, 0.3, torch.tensor([0.5, 0.1])
    torch.manual_seed(3)
    clean = spiral(turns=1.25, std=0.01, num_centers=96).sample(500_000)
    noisy = clean + sigma * torch.randn_like(clean)
    near = clean[(noisy - y).norm(dim=1) < 0.06]
    assert len(near) > 1_000
    error = near.std(0) / len(near) ** 0.5
    answer = torch.from_numpy(_denoised(y[None].double().numpy(), data, sigma))[0]
    assert ((near.mean(0) - answer).abs() < 4.5 * error + 5e-3).all()


@needs_node
def test_a_point_that_is_denoised_again_and_again_ends_on_the_curve(tmp_path: Path) -> None:
    data = denoiser_field().data
    expression = "(it, { points, data }) => points.map((y) => it.path(y, data, 0.6))"
    given = {"points": POINTS, "data": {k: data[k] for k in ("centers", "std")}}
    paths = torch.tensor(node(tmp_path, "denoising.js", expression, given), dtype=torch.float64)
    assert paths.shape == (4, 41, 2)
    assert torch.equal(paths[:, 0], torch.tensor(POINTS, dtype=torch.float64))
    centers = torch.tensor(data["centers"], dtype=torch.float64)
    assert torch.cdist(paths[:, -1], centers).amin(1).max() < 0.02
    first = POINTS[0]
    answer = _denoised(torch.tensor([first], dtype=torch.float64).numpy(), data, 0.6)[0]
    step = [a + 0.3 * (b - a) for a, b in zip(first, answer.tolist(), strict=True)]
    assert paths[0, 1].tolist() == pytest.approx(step, abs=1e-9)


ENDS = [3, 5, 7]
SCORES = torch.tensor(
    [[0.2, 0.9, 0.3], [0.1, 0.1, 0.1], [0.8, 0.2, 0.9], [0.9, 0.1, 0.2], [0.3, 0.3, 0.4], [0.7, 0.6, 0.1]]
)
FAULTS = torch.zeros(6, 8, dtype=torch.bool)
FAULTS[1, 2:5] = FAULTS[2, 4:] = FAULTS[3, 6:] = FAULTS[5, 0] = True


@needs_node
@pytest.mark.parametrize("threshold", [0.05, 0.35, 0.65, 0.95])
def test_alarms_are_counted_as_by_hand(tmp_path: Path, threshold: float) -> None:
    onsets = [int(row.int().argmax()) if row.any() else -1 for row in FAULTS]
    given = {"scores": packed(SCORES), "ends": ENDS, "onsets": onsets, "threshold": threshold}
    found = node(tmp_path, "alarms.js", "(it, g) => it.outcome(g.scores, g.ends, g.onsets, g.threshold)", given)
    waits = []
    for row, onset in zip(SCORES.tolist(), onsets, strict=True):
        late = [end - onset for end, s in zip(ENDS, row, strict=True) if s > threshold and end >= onset >= 0]
        waits.append(late[0] if late else None)
    hits = [wait for wait in waits if wait is not None]
    raised = (SCORES.amax(1) > threshold).tolist()
    assert found["raised"] == raised
    assert found["found"] == len(hits)
    assert found["alarms"] == sum(raised)
    assert found["falseAlarms"] == sum(raised) - len(hits)
    assert found["faults"] == 4
    assert found["precision"] == (pytest.approx(len(hits) / sum(raised)) if any(raised) else None)
    delay = torch.tensor(hits, dtype=torch.float64).quantile(0.5).item() if hits else None
    assert found["delay"] == (pytest.approx(delay) if hits else None)


@needs_node
def test_the_next_one_is_searched_in_a_circle(tmp_path: Path) -> None:
    expression = (
        "(it) => [it.next(5, 3, (n) => n === 1), it.next(5, 1, (n) => n === 1), it.next(5, 2, () => false)]"
    )
    assert node(tmp_path, "alarms.js", expression, {}) == [1, 1, 2]


def test_a_stream_is_refused_whose_parts_do_not_fit() -> None:
    stream = torch.randn(7, 8)
    faults = torch.zeros(7, 8, dtype=torch.bool)
    faults[4, 2:4] = True
    scores, limits = {"a": torch.rand(7, 3)}, {"a": 0.5}
    widget = alarm_stream(stream, faults, scores, ENDS, limits)
    assert widget.data["onsets"] == [-1, -1, -1, -1, 2, -1, -1]
    assert widget.data["start"] == 1
    for changed, message in (
        ((stream[0], faults, scores, ENDS, limits), r"shape \(N, T\)"),
        ((stream, faults, scores, ENDS, {"b": 0.5}), "must name the detectors of scores"),
        ((stream, faults, scores, ENDS[:2], limits), r"must have shape \(7, 2\), got \(7, 3\)"),
        ((stream, faults, scores, ENDS, {"a": 0.0}), "above 0, got 0.0"),
    ):
        with pytest.raises(ValueError, match=message):
            alarm_stream(*changed)
