"""The recipes of the three models that the course compares: what their steps are, and what the shipped GAN draws."""

import pytest
import torch

from course_lib.metrics import class_shares, feature_classifier
from course_lib.training.recipes import RECIPES, build, shipped, train


def optimizers(step):
    return [part for part in step.parts().values() if isinstance(part, torch.optim.Optimizer)]


@pytest.mark.parametrize("name", RECIPES)
def test_a_rate_holds_for_half_of_the_training_and_is_zero_at_its_end(name):
    rate = RECIPES[name].rate
    step, _ = RECIPES[name].step(build(name), 10)
    rates = [step.lr(number) for number in range(11)]
    assert rates[:6] == [rate] * 6
    assert rates[6:] == pytest.approx([rate * part for part in (0.8, 0.6, 0.4, 0.2, 0.0)])


def test_the_gan_has_no_momentum_and_draws_from_its_average():
    step, network = RECIPES["gan"].step(build("gan"), 10)
    assert network is step.ema.module
    assert {optimizer.param_groups[0]["betas"] for optimizer in optimizers(step)} == {(0.0, 0.99)}


@pytest.mark.parametrize("name", RECIPES)
def test_training_knows_its_length_and_another_rate_and_gives_a_network_in_eval_mode(name, monkeypatch):
    steps = []
    recipe = RECIPES[name]

    class Watched:
        build = recipe.build

        @staticmethod
        def step(*given):
            steps.append(recipe.step(*given)[0])
            return steps[-1], recipe.step(*given)[1]

    monkeypatch.setitem(RECIPES, name, Watched)
    x = torch.rand(128, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    network, history = train(name, x, num_steps=3, progress=False)
    assert history.steps[-1] == 3
    assert not network.training
    train(name, x, num_steps=1, lr=0.5, progress=False)
    assert [steps[0].lr(number) for number in (1, 3)] == [recipe.rate, 0.0]
    assert {group["lr"] for optimizer in optimizers(steps[1]) for group in optimizer.param_groups} == {0.5}


def test_the_shipped_gan_draws_every_digit_and_most_of_them_well():
    z = torch.randn(1_000, 16, generator=torch.Generator().manual_seed(0))
    shares, sure = class_shares(
        feature_classifier().probabilities(shipped("gan")[0].sample(1_000, z)), confidence=0.9
    )
    assert sure > 0.8
    assert shares.min() > 0.05
