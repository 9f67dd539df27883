"""Lesson 07's game and its judge, computed in node as front ends compute them, against torch."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from conftest import needs_node
from test_viz_widgets_js import node
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, MixtureSameFamily, Normal

from course_lib.data import ring
from course_lib.metrics import mode_coverage
from course_lib.models import ToyDiscriminator, ToyGenerator
from course_lib.objectives import r1_penalty
from course_lib.viz import best_judge, ring_game

HIDDEN, ROWS, TURNS = 12, 20, 12
GAMES = {
    "plain": {"gamma": 0.0, "beta1": 0.9, "saturating": False, "detach": True},
    "R1": {"gamma": 1.3, "beta1": 0.5, "saturating": False, "detach": True},
    "saturating": {"gamma": 0.0, "beta1": 0.0, "saturating": True, "detach": True},
    "without detach": {"gamma": 0.4, "beta1": 0.5, "saturating": False, "detach": False},
}
PLAY = """(it, { hidden, G, D, real, noise, settings }) => {
  const now = it.game(hidden, G, D);
  const losses = [];
  real.forEach((x, i) => {
    it.turnOfD(now, Float64Array.from(x), Float64Array.from(noise[2 * i]), settings);
    losses.push(now.lossOfD);
    if (i % 3) it.turnOfG(now, Float64Array.from(noise[2 * i + 1]), settings);
  });
  const points = Float64Array.from(real[0]);
  return { G: Array.from(now.G.values), D: Array.from(now.D.values), losses, turns: [now.turnsOfD, now.turnsOfG],
    push: Array.from(it.push(now, points, settings)), judged: Array.from(it.judged(now, points)) };
}"""


def numbers_of(network: nn.Module) -> list[float]:
    return nn.utils.parameters_to_vector(network.parameters()).tolist()


def players() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(3)
    return ToyGenerator(2, HIDDEN).double(), ToyDiscriminator(HIDDEN).double()


@needs_node
@pytest.mark.parametrize("name", GAMES)
def test_turns_of_both_players_are_torchs(tmp_path: Path, name: str) -> None:
    settings: dict[str, Any] = GAMES[name] | {"rate": 3e-3}
    generator, discriminator = players()
    real = ring(std=0.1).sample(TURNS * ROWS).double().reshape(TURNS, ROWS, 2)
    noise = torch.randn(2 * TURNS, ROWS, 2, dtype=torch.float64)
    given = {
        "hidden": HIDDEN,
        "G": numbers_of(generator),
        "D": numbers_of(discriminator),
        "real": real.flatten(1).tolist(),
        "noise": noise.flatten(1).tolist(),
        "settings": settings,
    }
    found = node(tmp_path, "game.js", PLAY, given)

    betas = (settings["beta1"], 0.99)
    of_g, of_d = (torch.optim.Adam(p.parameters(), lr=3e-3, betas=betas) for p in (generator, discriminator))
    losses = []
    for i, x in enumerate(real):
        fake = generator(noise[2 * i])
        fake = fake.detach() if settings["detach"] else fake
        loss = F.softplus(-discriminator(x)).mean() + F.softplus(discriminator(fake)).mean()
        of_d.zero_grad()
        (loss + r1_penalty(discriminator, x, settings["gamma"]).mean()).backward()
        of_d.step()
        losses.append(loss.item())
        if i % 3:
            logits = discriminator(generator(noise[2 * i + 1]))
            (-F.softplus(logits) if settings["saturating"] else F.softplus(-logits)).mean().backward()
            of_g.step()
            of_g.zero_grad()
    assert found["turns"] == [TURNS, 8]
    assert found["losses"] == pytest.approx(losses, abs=1e-8)
    assert found["G"] == pytest.approx(numbers_of(generator), abs=1e-6)
    assert found["D"] == pytest.approx(numbers_of(discriminator), abs=1e-6)
    assert max(abs(a - b) for a, b in zip(found["G"], given["G"], strict=True)) > 0.01, "a test of nothing"

    x = real[0].clone().requires_grad_()
    logits = discriminator(x)
    loss = -F.softplus(logits) if settings["saturating"] else F.softplus(-logits)
    total = loss.sum() + (0 if settings["detach"] else F.softplus(logits).sum())
    (slope,) = torch.autograd.grad(total, x)
    assert found["push"] == pytest.approx((-slope).flatten().tolist(), abs=1e-6)
    assert found["judged"] == pytest.approx(logits.sigmoid().tolist(), abs=1e-6)


@needs_node
def test_modes_are_counted_as_the_library_counts_them(tmp_path: Path) -> None:
    mixture = ring(std=0.07)
    torch.manual_seed(1)
    points = torch.cat([mixture.sample(300)[:200], 0.5 * torch.randn(200, 2)]).double()
    given = {"points": points.flatten().tolist(), "centers": mixture.centers.tolist()}
    expression = "(it, { points, centers }) => it.coverage(Float64Array.from(points), centers, 0.07)"
    counts = node(tmp_path, "game.js", expression, given)
    expected = mode_coverage(points, mixture)
    assert sum(counts) / len(points) == pytest.approx(expected.high_quality)
    assert sum(count > 0 for count in counts) == expected.modes
    assert 0.4 < expected.high_quality < 0.9, "a test of nothing"


@needs_node
def test_noise_is_standard_normal_and_weights_are_as_torch_draws_them(tmp_path: Path) -> None:
    expression = """(it) => {
      const play = (seed) => it.newGame(seed, 32);
      return { again: [play(4), play(4), play(5)].map((now) => Array.from(now.D.values)),
        noise: Array.from(it.noise(20000, play(1).numbers)),
        real: Array.from(it.drawn(20000, [[3, 0], [3, 4]], 0.5, play(2).numbers)) };
    }"""
    found = node(tmp_path, "game.js", expression, {})
    first, second, other = (torch.tensor(values) for values in found["again"])
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    weight = first[96 : 96 + 32 * 32]
    assert weight.abs().max() < 32**-0.5
    assert weight.std().item() == pytest.approx((32 * 3) ** -0.5, rel=0.1)
    noise = torch.tensor(found["noise"])
    assert noise.mean().abs() < 0.02
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    assert (noise.abs() > 1.96).double().mean().item() == pytest.approx(0.05, abs=0.005)
    x, y = torch.tensor(found["real"]).reshape(-1, 2).T
    assert x.std().item() == pytest.approx(0.5, abs=0.02)
    assert (y > 2).double().mean().item() == pytest.approx(0.5, abs=0.02)


@needs_node
def test_the_game_that_the_widget_starts_with_finds_all_modes(tmp_path: Path) -> None:
    data = ring_game().data
    expression = """(it, { start, centers, hidden, rate, batch }) => {
      const now = it.newGame(0, hidden);
      const rules = { ...start, beta1: start.momentum, criticSteps: start.critic_steps, rate, batch };
      for (let i = 0; i < 500; i++) it.turn(now, centers, start.std, rules);
      return it.coverage(it.generated(now, it.noise(500, now.numbers)), centers, start.std);
    }"""
    counts = node(tmp_path, "game.js", expression, data)
    assert sum(count >= 5 for count in counts) >= 7
    assert sum(counts) > 0.3 * 500


PAIRS = [((0.4, 0.7, 0.0), (1.1, 0.9)), ((-1.0, 0.5, 1.4), (0.3, 1.5)), ((-3.0, 0.4, 0.0), (3.0, 0.5))]
Z = torch.linspace(-18, 18, 36_001, dtype=torch.float64)


def both(p: tuple[float, ...], q: tuple[float, ...]) -> tuple[Distribution, Distribution]:
    mean, std, gap = p
    centers = torch.tensor([mean - gap, mean + gap], dtype=torch.float64)
    return MixtureSameFamily(Categorical(torch.ones(2)), Normal(centers, std)), Normal(*torch.tensor(q).double())


def average(distribution: Distribution, values: Tensor) -> float:
    return float(torch.trapezoid(torch.nan_to_num(distribution.log_prob(Z).exp() * values), Z))


@needs_node
@pytest.mark.parametrize("pair", PAIRS)
def test_the_best_judge_and_its_pushes_are_torchs(tmp_path: Path, pair: Any) -> None:
    (mean, std, gap), (q_mean, q_std) = pair
    places = [-2.0, -0.3, 0.9, 2.5]
    given = {
        "p": {"mean": mean, "std": std, "gap": gap},
        "q": {"mean": q_mean, "std": q_std},
        "places": places,
    }
    expression = """(it, { p, q, places }) => ({ ...it.reached(p, q), ...it.meanPushes(p, q),
      at: places.map((x) => ({ logit: it.bestLogit(x, p, q), ...it.pushes(x, p, q) })) })"""
    found = node(tmp_path, "judging.js", expression, given)
    p, q = both(*pair)
    x = torch.tensor(places, dtype=torch.float64, requires_grad=True)
    logit = p.log_prob(x) - q.log_prob(x)
    for one, value in zip(found["at"], logit.tolist(), strict=True):
        assert one["logit"] == pytest.approx(value, abs=1e-6, rel=1e-6)
    for name, loss in (("plain", F.softplus(-logit)), ("saturating", -F.softplus(logit))):
        (slope,) = torch.autograd.grad(loss.sum(), x, retain_graph=True)
        assert [one[name] for one in found["at"]] == pytest.approx((-slope).tolist(), abs=1e-6, rel=1e-5)

    log_p, log_q = p.log_prob(Z), q.log_prob(Z)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    divergence = 0.5 * (average(p, log_p - log_m) + average(q, log_q - log_m))
    assert found["divergence"] == pytest.approx(divergence, abs=1e-6)
    value = average(p, F.logsigmoid(log_p - log_q)) + average(q, F.logsigmoid(log_q - log_p))
    assert found["value"] == pytest.approx(value, abs=1e-6)
    assert found["value"] == pytest.approx(2 * found["divergence"] - 2 * math.log(2), abs=1e-6)
    assert 0 < found["divergence"] < math.log(2) + 1e-9
    z = Z.clone().requires_grad_()
    logits = p.log_prob(z) - q.log_prob(z)
    for name, losses in (("plain", F.softplus(-logits)), ("saturating", -F.softplus(logits))):
        (slope,) = torch.autograd.grad(losses.sum(), z, retain_graph=True)
        assert found[name] == pytest.approx(average(q, slope.abs()), rel=1e-4, abs=1e-9)


def test_a_start_outside_the_sliders_is_refused() -> None:
    assert ring_game(gamma=0, momentum=0.9).value["momentum"] == 0.9
    with pytest.raises(ValueError, match=r"gamma must lie in \[0, 2\], where its slider is, got 3"):
        ring_game(gamma=3)


def test_the_stills_are_drawn_and_tell_what_they_show() -> None:
    figure = ring_game()._still()
    titles = [axes.get_title(loc="left") for axes in figure.axes[:8]]
    assert titles[0].startswith("plain: 100")
    assert titles[4].startswith("R1: 100")
    pair = best_judge()._still()
    far, near, equal = (float(axes.get_title(loc="left").split()[1]) for axes in pair.axes[:3])
    assert math.log(2) > far > near > equal == 0
