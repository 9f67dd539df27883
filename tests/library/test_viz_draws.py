"""Lesson 04's pictures and widgets: a gradient's estimates in the browser are those of torch, and arrows end where
they should."""

import base64
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import needs_node
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch
from test_viz_widgets_js import node
from torch import Tensor
from torch.distributions import Gumbel, Normal

from course_lib import viz
from course_lib.viz.style import VERMILION

COSTS = {
    "bowl": lambda z: 0.5 * (z - 1) ** 2,
    "wave": lambda z: 1 + torch.cos(3 * z),
    "step": lambda z: torch.where(z < 1, 2.0, 0.0) + 0 * z,
}
POINTS = [(-1.0, 0.8, 0.6), (0.4, 0.35, -1.7), (2.2, 1.9, 0.05)]  # mu, sigma, eps
TASK = {"weights": [0.3, -1.0, 2.5], "target": 0.7}
LOGITS = [0.5, -0.4, 0.2]


def gradients(value: Tensor, *leaves: Tensor) -> list[float]:
    found = torch.autograd.grad(value, leaves, allow_unused=True)
    return [0.0 if g is None else g.item() for g in found]


@needs_node
@pytest.mark.parametrize("name", COSTS)
def test_a_draws_two_gradients_are_those_of_autograd(tmp_path: Path, name: str) -> None:
    expression = """(it, g) => g.points.map(([mu, sigma, eps]) => {
      const cost = it.COSTS[g.name];
      return { path: it.pathwise(cost, mu, sigma, eps), score: it.scoreFunction(cost, mu, sigma, eps),
               value: cost.value(mu + sigma * eps), density: it.density(mu + sigma * eps, mu, sigma) };
    })"""
    found = node(tmp_path, "draws.js", expression, {"name": name, "points": POINTS})
    for one, (mu, sigma, eps) in zip(found, POINTS, strict=True):
        leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (mu, sigma)]
        z = leaves[0] + leaves[1] * eps
        value = COSTS[name](z)
        log_q = Normal(*leaves).log_prob(z.detach())
        assert one["value"] == pytest.approx(value.item())
        assert one["density"] == pytest.approx(log_q.exp().item())
        assert one["path"] == pytest.approx(gradients(value, *leaves), abs=1e-9)
        assert one["score"] == pytest.approx(gradients(value.detach() * log_q, *leaves), abs=1e-9)


@needs_node
@pytest.mark.parametrize("name", COSTS)
def test_the_true_gradient_is_that_of_the_integral(tmp_path: Path, name: str) -> None:
    expression = "(it, g) => g.points.map(([mu, sigma]) => it.COSTS[g.name].gradient(mu, sigma))"
    found = node(tmp_path, "draws.js", expression, {"name": name, "points": POINTS})
    z = torch.arange(-20, 20, 1e-4, dtype=torch.float64) + 5e-5  # the step lies between two of them
    for one, (mu, sigma, _) in zip(found, POINTS, strict=True):
        leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (mu, sigma)]
        mean = (Normal(*leaves).log_prob(z).exp() * COSTS[name](z)).sum() * 1e-4
        assert one == pytest.approx(gradients(mean, *leaves), abs=1e-5)


@needs_node
def test_relaxed_choices_and_their_gradients_are_those_of_torch(tmp_path: Path) -> None:
    noise = Gumbel(0.0, 1.0).sample((5, 3)).double().tolist()
    given = {"logits": LOGITS, "noise": noise, "task": TASK, "temperatures": [0.2, 1.0, 4.0]}
    expression = """(it, { logits, noise, task, temperatures }) => temperatures.map((t) => noise.map((g) => ({
      y: it.relaxed(logits, g, t), soft: it.relaxedGradient(logits, g, t, task),
      hard: it.relaxedGradient(logits, g, t, task, true), score: it.reinforce(logits, g, task, 0.9) })))"""
    found = node(tmp_path, "gumbel.js", expression, given)
    weights, target = torch.tensor(TASK["weights"], dtype=torch.float64), TASK["target"]

    def cost(y: Tensor) -> Tensor:
        return (y @ weights - target) ** 2

    for row, temperature in zip(found, given["temperatures"], strict=True):
        for one, g in zip(row, noise, strict=True):
            logits = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
            y = ((logits + torch.tensor(g, dtype=torch.float64)) / temperature).softmax(0)
            k = int(y.argmax())
            corner = F.one_hot(y.argmax(), 3).double()
            log_p = logits.log_softmax(0)[k]
            wanted = {
                "soft": cost(y),
                "hard": cost(y + (corner - y).detach()),
                "score": (cost(corner) - 0.9).detach() * log_p,
            }
            assert one["y"] == pytest.approx(y.tolist())
            for name, value in wanted.items():
                (gradient,) = torch.autograd.grad(value, logits, retain_graph=True)
                assert one[name] == pytest.approx(gradient.tolist(), abs=1e-9), name


@needs_node
def test_the_exact_gradient_is_that_of_the_sum_over_choices(tmp_path: Path) -> None:
    expression = "(it, g) => it.exactGradient(g.logits, g.task)"
    found = node(tmp_path, "gumbel.js", expression, {"logits": LOGITS, "task": TASK})
    logits = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
    costs = (torch.tensor(TASK["weights"], dtype=torch.float64) - TASK["target"]) ** 2
    (gradient,) = torch.autograd.grad((logits.softmax(0) * costs).sum(), logits)
    assert found == pytest.approx(gradient.tolist(), rel=1e-6)
    assert sum(found) == pytest.approx(0, abs=1e-9)


@needs_node
def test_the_corners_of_the_triangle_are_equally_far_apart(tmp_path: Path) -> None:
    corners = np.array(
        node(tmp_path, "gumbel.js", "(it) => [0, 1, 2].map((k) => it.inTriangle(it.corner(k, 3)))", 0)
    )
    assert [math.dist(a, b) for a, b in itertools.combinations(corners, 2)] == pytest.approx([1, 1, 1])


def test_the_noise_that_is_shipped_is_what_it_is_called() -> None:
    def values(data: dict) -> np.ndarray:
        return np.frombuffer(base64.b64decode(data["base64"]), data["dtype"]).reshape(data["shape"])

    eps = values(viz.draw_and_gradient().data["noise"])
    assert abs(eps.mean()) < 4 / len(eps) ** 0.5
    assert eps.std() == pytest.approx(1, abs=0.1)
    g = values(viz.gumbel_triangle().data["noise"])
    assert g.shape[1] == 3
    assert g.mean() == pytest.approx(0.5772, abs=0.15)  # Euler's constant
    assert g.std() == pytest.approx(math.pi / 6**0.5, abs=0.15)


def test_lessons_random_numbers_are_left_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    viz.draw_and_gradient()
    viz.gumbel_triangle()
    assert torch.equal(torch.rand(2), expected)


def test_chosen_values_are_small_enough_for_a_notebook() -> None:
    for widget in (viz.draw_and_gradient(), viz.gumbel_triangle()):
        assert len(json.dumps(widget.value)) < 100


def test_a_gradient_reaches_mu_and_sigma_in_two_of_three_drawings() -> None:
    used = {}
    for way in ("cut", "pathwise", "score"):
        figure = viz.draw_diagram(way)  # type: ignore[arg-type]
        arrows = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
        used[way] = sum(to_hex(arrow.get_edgecolor()).upper() == VERMILION for arrow in arrows)
        crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
        assert len(crosses) == (2 if way == "cut" else 0)
    assert used == {"cut": 1, "pathwise": 3, "score": 2}
    with pytest.raises(ValueError, match="got 'other'"):
        viz.draw_diagram("other")  # type: ignore[arg-type]


def test_arrows_join_points_with_the_same_share_of_draws_below() -> None:
    alpha, larger = 1.5, 3.0
    arrows = [text for text in viz.same_shares(alpha, larger).axes[0].texts if hasattr(text, "xyann")]
    assert len(arrows) >= 4
    for arrow in arrows:
        (end, share), (start, same) = arrow.xy, arrow.xyann
        assert share == same
        below = [
            torch.special.gammainc(torch.tensor(a), torch.tensor(z)).item()
            for a, z in ((alpha, start), (larger, end))
        ]
        assert below == pytest.approx([share, share], abs=1e-3)
    with pytest.raises(ValueError, match="less than larger, got 2 and 1"):
        viz.same_shares(2, 1)


def test_both_boxes_have_the_area_one() -> None:
    (first, second) = viz.wider_box(1.5, 2.5).axes[0].patches[:2]
    for stairs, b in ((first, 1.5), (second, 2.5)):
        data = stairs.get_data()  # type: ignore[attr-defined]
        assert (data.values * np.diff(data.edges)).sum() == pytest.approx(1)
        assert data.edges[-1] == b
    with pytest.raises(ValueError, match="less than wider, got 3 and 2"):
        viz.wider_box(3, 2)
