"""The benchmark of the GAN's recipe: training by the clock ends in time, and its learning rate with it."""

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import gan_recipe

from course_lib.training.recipes import RECIPES

X = torch.rand(128, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The generator's learning rate in each step that the recipe takes."""
    seen: list[float] = []

    def watched(seed: int, num_steps: int) -> gan_recipe.Players:
        step, network = gan_recipe.recipe(seed, num_steps)
        step.generator.register_forward_hook(lambda *_: seen.append(step.g_optimizer.param_groups[0]["lr"]))
        return step, network

    monkeypatch.setitem(gan_recipe.CONTENDERS, "recipe", watched)
    return seen


def test_by_the_clock_and_by_a_count_the_rate_falls_alike(
    rates: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_count, steps, _ = gan_recipe.train("recipe", X, 0, None, 8)
    counted = list(rates)
    assert (steps, len(counted)) == (8, 8)
    assert counted == [RECIPES["gan"].rate * part for part in (1, 1, 1, 1, 1, 0.75, 0.5, 0.25)]
    rates.clear()
    # the clock is read at the start, before each step, and in it for either player: 0.5 s a reading after the first
    ticks = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: 0.5 * next(ticks), process_time=lambda: 0.0)
    monkeypatch.setattr(gan_recipe, "time", clock)
    by_clock, steps, _ = gan_recipe.train("recipe", X, 0, 12.0, 0)
    assert steps == len(rates) == 8
    assert rates[0] == counted[0]
    assert rates[-1] < 0.3 * rates[0]
    assert all(a >= b for a, b in itertools.pairwise(rates))
    z = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(by_count(z), by_clock(z))


def test_figures_know_real_images_from_noise() -> None:
    real, others = (gan_recipe.load("glyphs", "test", 400).x[i::2] for i in (0, 1))
    found = {name: gan_recipe.measure(x, others) for name, x in {"real": real, "noise": X}.items()}
    assert found["real"]["frechet"] < 0.2 * found["noise"]["frechet"]
    assert found["real"]["sure"] > 0.95
    assert found["real"]["rarest"] > 0.03 > found["noise"]["rarest"]
    assert found["real"]["sharpness"] < found["noise"]["sharpness"]
