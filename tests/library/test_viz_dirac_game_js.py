"""Lesson 08's game of two weights, computed in node as front ends compute it, against autograd."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from conftest import needs_node
from test_viz_widgets_js import node
from torch import Tensor

from course_lib.objectives import gradient_penalty, r1_penalty
from course_lib.viz import dirac_game
from course_lib.viz.widgets.dirac_game import _push

STATES = [(1.0, 0.6), (-0.7, 1.3), (0.4, -0.9), (-1.5, -0.2)]
STRENGTH = 0.8


def losses(game: str, theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
    """The generator's and the discriminator's, from the course's own formulas: one real point at 0, one at theta."""

    def logits(x: Tensor) -> Tensor:
        return (STRENGTH * psi / psi.abs() if game == "spectral" else psi) * x[:, 0]

    real, fake = torch.zeros(1, 1, dtype=torch.float64), theta.reshape(1, 1)
    if game in ("wasserstein", "penalty"):
        of_g, of_d = -logits(fake), logits(fake) - logits(real)
    else:
        of_g, of_d = F.softplus(-logits(fake)), F.softplus(-logits(real)) + F.softplus(logits(fake))
    if game == "minimax":
        of_g = -F.softplus(logits(fake))
    if game == "r1":
        of_d = of_d + r1_penalty(logits, real, STRENGTH)
    if game == "penalty":
        of_d = of_d + gradient_penalty(logits, real, fake.detach(), STRENGTH)
    return of_g.sum(), of_d.sum()


def pushed(game: str, state: tuple[float, float]) -> list[float]:
    theta, psi = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in state)
    of_g, of_d = losses(game, theta, psi)
    (by_theta,) = torch.autograd.grad(of_g, theta, retain_graph=True)
    (by_psi,) = torch.autograd.grad(of_d, psi)
    return [-by_theta.item(), -by_psi.item()]


@needs_node
@pytest.mark.parametrize("game", ["minimax", "plain", "wasserstein", "r1", "penalty", "spectral"])
def test_pushes_paths_and_eigenvalues_are_those_of_the_losses(tmp_path: Path, game: str) -> None:
    expression = """(it, { game, states, strength }) => ({
      pushes: states.map((state) => it.GAMES[game].push(state, strength)),
      paths: [false, true].map((alternating) => it.path(states[0], { game, strength, rate: 0.2, alternating }, 3)),
      values: it.GAMES[game].around(strength) && it.eigenvalues(it.GAMES[game].around(strength)) })"""
    given: dict[str, Any] = {"game": game, "states": STATES, "strength": STRENGTH}
    found = node(tmp_path, "dirac.js", expression, given)
    for push, state in zip(found["pushes"], STATES, strict=True):
        assert push == pytest.approx(pushed(game, state), abs=1e-9)
    for path, alternating in zip(found["paths"], (False, True), strict=True):
        theta, psi = STATES[0]
        for step in range(3):
            assert path[step] == pytest.approx([theta, psi], abs=1e-9)
            moved = psi + 0.2 * pushed(game, (theta, psi))[1]
            theta += 0.2 * pushed(game, (theta, moved if alternating else psi))[0]
            psi = moved
        assert path[3] == pytest.approx([theta, psi], abs=1e-9)
    if game in ("penalty", "spectral"):
        above, below = pushed(game, (0.0, 1e-6)), pushed(game, (0.0, -1e-6))
        assert abs(above[0] - below[0]) + abs(above[1] - below[1]) > 0.1, "it jumps: there are no eigenvalues"
        assert found["values"] is None
        return
    step = 1e-5
    columns = [
        [(a - b) / (2 * step) for a, b in zip(pushed(game, up), pushed(game, down), strict=True)]
        for up, down in (((step, 0.0), (-step, 0.0)), ((0.0, step), (0.0, -step)))
    ]
    expected = torch.linalg.eigvals(torch.tensor(columns, dtype=torch.float64).T)
    order = sorted(expected.tolist(), key=lambda value: (-round(value.real, 6), -value.imag))
    for (real, imaginary), value in zip(found["values"], order, strict=True):
        assert (real, imaginary) == pytest.approx((value.real, value.imag), abs=1e-6)


@needs_node
def test_eigenvalues_of_a_strong_penalty_are_real(tmp_path: Path) -> None:
    expression = "(it) => it.eigenvalues(it.GAMES.r1.around(2))"
    found = node(tmp_path, "dirac.js", expression, {})
    expected = torch.linalg.eigvals(torch.tensor([[0, 0.5], [-0.5, -2]], dtype=torch.float64)).real
    assert [real for real, _ in found] == pytest.approx(sorted(expected.tolist(), reverse=True))
    assert all(imaginary == 0 for _, imaginary in found)


def test_the_still_takes_the_same_steps() -> None:
    start, strength = dirac_game().data["start"], dirac_game().data["settings"]["strength"]
    theta, psi = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in start)
    of_g = F.softplus(-psi * theta)
    of_d = F.softplus(psi * theta) + 0.5 * strength * psi.square()
    expected = [-torch.autograd.grad(of_g, theta)[0].item(), -torch.autograd.grad(of_d, psi)[0].item()]
    assert [float(value) for value in _push("r1", *start)] == pytest.approx(expected)
    ends = [axes.lines[3].get_xydata()[0] for axes in dirac_game()._still().axes]
    minimax, plain, r1, penalty = (float((end**2).sum() ** 0.5) for end in ends)
    before = (start[0] ** 2 + start[1] ** 2) ** 0.5
    assert r1 < 0.05 < 0.5 < penalty
    assert r1 < 0.5 * before < plain < before < minimax < 1.5 * before
