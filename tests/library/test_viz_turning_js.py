"""A turned code, computed in node as front ends compute it, against the library's scores and torch's divergences."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import needs_node
from test_viz_widgets_js import node
from torch.distributions import MultivariateNormal, kl_divergence

from course_lib.metrics import mutual_information_gap
from course_lib.viz import turned_code
from course_lib.viz.widgets.turned_code import _drawn

pytestmark = needs_node
CASES = [(0.0, (0.15, 0.15)), (30.0, (0.15, 0.15)), (45.0, (0.15, 0.6)), (72.0, (0.4, 0.1))]


def turn_of(angle: float) -> torch.Tensor:
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


def found_in_node(tmp_path: Path, angle: float, along: tuple[float, float]) -> dict[str, Any]:
    factors, noise = _drawn()
    given = {
        "factors": factors.tolist(),
        "noise": noise.tolist(),
        "values": 10,
        "along": list(along),
        "angle": angle,
        "bins": 20,
    }
    found: dict[str, Any] = node(tmp_path, "turning.js", "(it, given) => it.turnedCode(given)", given)
    return found


@pytest.mark.parametrize(("angle", "along"), CASES)
def test_the_gap_is_the_librarys(tmp_path: Path, angle: float, along: tuple[float, float]) -> None:
    found = found_in_node(tmp_path, angle, along)
    factors = torch.from_numpy(_drawn()[0])
    codes = torch.tensor(found["codes"], dtype=torch.float64).T
    scored = mutual_information_gap(codes, {"x": factors[:, 0], "y": factors[:, 1]})
    assert found["mig"] == pytest.approx(scored.mig, abs=1e-6)
    assert torch.allclose(torch.tensor(found["information"]).double(), scored.information.T, atol=1e-6)


@pytest.mark.parametrize(("angle", "along"), CASES)
def test_what_a_diagonal_q_loses_is_its_divergence(
    tmp_path: Path, angle: float, along: tuple[float, float]
) -> None:
    found = found_in_node(tmp_path, angle, along)
    turn = turn_of(angle)
    posterior = MultivariateNormal(
        torch.zeros(2).double(), turn @ torch.diag(torch.tensor(along).double() ** 2) @ turn.T
    )

    def lost(widths: torch.Tensor) -> float:
        return kl_divergence(MultivariateNormal(torch.zeros(2).double(), torch.diag(widths**2)), posterior).item()

    widths = torch.tensor(found["widths"], dtype=torch.float64)
    assert found["lost"] == pytest.approx(lost(widths), abs=1e-6)
    for other in ((1.05, 1.0), (0.95, 1.0), (1.0, 1.05), (1.0, 0.95)):
        assert lost(widths * torch.tensor(other).double()) > found["lost"], "no other widths are better"


@pytest.mark.parametrize(("angle", "along"), CASES)
def test_the_rate_is_that_of_torch(tmp_path: Path, angle: float, along: tuple[float, float]) -> None:
    found = found_in_node(tmp_path, angle, along)
    factors = torch.from_numpy(_drawn()[0]).double()
    standard = (factors - factors.mean(0)) / factors.std(0, unbiased=False)
    q = MultivariateNormal(
        standard @ turn_of(angle).T, torch.diag(torch.tensor(found["widths"], dtype=torch.float64) ** 2)
    )
    prior = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
    assert found["rate"] == pytest.approx(kl_divergence(q, prior).mean().item(), abs=1e-6)


def test_a_turn_by_45_degrees_ends_the_gap_and_costs_nothing_where_widths_are_equal(tmp_path: Path) -> None:
    straight, turned = (found_in_node(tmp_path, angle, (0.15, 0.15)) for angle in (0.0, 45.0))
    assert straight["mig"] > 0.5
    assert turned["mig"] < 0.1
    assert turned["rate"] == pytest.approx(straight["rate"], abs=1e-9)
    assert turned["lost"] == pytest.approx(0, abs=1e-9)
    assert turned_code().value == {"angle": 0.0, "ratio": 1.0}
