"""Learning rates that follow a schedule, and gradients that are clipped, in every kind of step."""

import copy
import math

import pytest
import torch

from course_lib.models import MLPVAE, VAEGAN, Discriminator, Generator, ToyDiscriminator, ToyGenerator
from course_lib.objectives import LinearSchedule
from course_lib.training import GANStep, VAEGANStep, VAEStep, fit

X = torch.rand(12, 6, generator=torch.Generator().manual_seed(0))
IMAGES = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def cosine(step):
    return 0.01 * (1 + math.cos(math.pi * min(step / 6, 1))) / 2


def vae_step(lr):
    torch.manual_seed(0)
    return VAEStep(MLPVAE(6, 8, 2), lr)


@pytest.mark.situation(
    "What users look for",
    "a learning-rate schedule, or gradient clipping, in a step",
    "lr may be a function of the step; step.max_norm bounds each network's gradient.",
)
def test_a_rate_that_follows_a_schedule():
    """As where the rate is set by hand before each step."""
    scheduled, by_hand = vae_step(cosine), vae_step(0.5)
    for number in range(8):
        by_hand.optimizer.param_groups[0]["lr"] = cosine(number)
        for step in (scheduled, by_hand):
            torch.manual_seed(number)
            step(X)
        assert scheduled.optimizer.param_groups[0]["lr"] == cosine(number)
    for mine, theirs in zip(scheduled.model.parameters(), by_hand.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_each_player_follows_its_own_schedule():
    step = GANStep(
        ToyGenerator(),
        ToyDiscriminator(),
        2,
        squash=False,
        lr=cosine,
        discriminator_lr=LinearSchedule(1.0, 2.0, 4),
    )
    rates = lambda: [o.param_groups[0]["lr"] for o in (step.g_optimizer, step.d_optimizer)]  # noqa: E731
    assert rates() == [0.01, 1.0]
    for number in range(3):
        step(torch.randn(4, 2))
        assert rates() == [cosine(number), 1 + number / 4]
    assert GANStep(ToyGenerator(), ToyDiscriminator(), 2, lr=cosine).discriminator_lr is cosine
    step = VAEGANStep(VAEGAN(2), lr=cosine)
    for _ in range(3):
        step(IMAGES)
    assert {o.param_groups[0]["lr"] for o in step.optimizers.values()} == {cosine(2)}


def test_a_resumed_run_goes_on_with_its_schedule(tmp_path):
    run = {"batch_size": 4, "num_records": 8, "progress": False}
    straight, first, resumed = (vae_step(LinearSchedule(0.01, 0.001, 7)) for _ in range(3))
    fit(straight, X, num_steps=8, **run)
    fit(first, X, num_steps=4, checkpoint=tmp_path / "run", **run)
    fit(resumed, X, num_steps=8, checkpoint=tmp_path / "run", **run)
    for mine, theirs in zip(straight.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(ValueError, match=r"differ in lr\.end: 0\.001 in the file, 0\.002 now.*new_lr=True"):
        fit(vae_step(LinearSchedule(0.01, 0.002, 7)), X, num_steps=9, checkpoint=tmp_path / "run", **run)


class Noting(torch.optim.SGD):
    """Notes the norm of the gradient that it is given."""

    def __init__(self, parameters):
        super().__init__(parameters, lr=0.0)
        self.norms = []

    def step(self):
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        self.norms.append(torch.stack([g.norm() for g in gradients]).norm().item())
        return super().step()


def steps_that_note():
    vae = vae_step(1e-3)
    vae.optimizer = Noting(vae.parameters)
    torch.manual_seed(0)
    gan = GANStep(Generator(3, (3, 2)), Discriminator((2, 2, 2)), 3)
    gan.g_optimizer, gan.d_optimizer = Noting(gan.g_parameters), Noting(gan.d_parameters)
    vae_gan = VAEGANStep(VAEGAN(2, (2, 2)))
    vae_gan.optimizers = {name: Noting(parameters) for name, parameters in vae_gan.parameters.items()}
    return {
        "VAE": (vae, [vae.optimizer], X),
        "GAN": (gan, [gan.g_optimizer, gan.d_optimizer], IMAGES),
        "VAE-GAN": (vae_gan, list(vae_gan.optimizers.values()), IMAGES),
    }


@pytest.mark.parametrize("name", ["VAE", "GAN", "VAE-GAN"])
def test_each_networks_gradient_is_scaled_down_to_the_norm(name):
    step, optimizers, x = steps_that_note()[name]
    for max_norm in (None, 1e-3, 1e6):
        step.max_norm = max_norm
        torch.manual_seed(3)
        step(copy.deepcopy(x))
    for optimizer in optimizers:
        free, clipped, wide = optimizer.norms
        assert free > 1e-3
        assert clipped == pytest.approx(1e-3, rel=1e-2)
        assert wide == pytest.approx(free, rel=0.3)  # nothing learns here, but the batch statistics move
    step.max_norm = 0.0
    with pytest.raises(ValueError, match="max_norm must be above 0, got 0"):
        step(x)
