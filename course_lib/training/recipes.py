"""How the models that the course compares are trained: one size, one number of steps, one place.

Lesson 09 trains each of them briefly by these recipes and then works with the weights of a full-length run, which
``make checkpoints`` makes again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import load
from course_lib.models import VAE, VAEGAN, Classifier, ConvAutoencoder, ConvVAE, Discriminator, Generator
from course_lib.models.weights import load_weights
from course_lib.objectives import LinearSchedule, Schedule
from course_lib.training.loop import fit
from course_lib.training.reproducible import random_state_kept, seed_generators
from course_lib.training.run import History, Step
from course_lib.training.steps.autoencoder import AutoencoderStep
from course_lib.training.steps.core import adam
from course_lib.training.steps.gan import GANStep
from course_lib.training.steps.regularisers import R1
from course_lib.training.steps.vae import VAEStep
from course_lib.training.steps.vae_gan import VAEGANStep

LATENT_DIM = 16
BATCH_SIZE = 64
FULL_LENGTH = 8_000
GAN_BETAS = (0.0, 0.99)  # no momentum
BETAS = (0.1, 0.5, 1.0, 4.0, 16.0)  # of the sweep in lesson 05
SWEEP_SEEDS = 3
SWEEP_STEPS = 1_000


def settling(rate: float, num_steps: int) -> LinearSchedule:
    """A learning rate that holds for half of the training and falls to 0 over the other."""
    return LinearSchedule(rate, 0.0, num_steps, begin=num_steps // 2)


@dataclass(frozen=True)
class Recipe:
    """``build``: the network that makes images, freshly initialised. ``make``: from such a network and a learning rate
    to its training step and the network to draw from (itself, or its average). ``rate``: the learning rate of the first
    half, the best of those that ``benchmarks/tuning.py`` tries alike for every model.
    """

    build: Callable[[], nn.Module]
    make: Callable[[nn.Module, float | Schedule], tuple[Step, nn.Module]]
    rate: float

    def step(self, model: nn.Module, num_steps: int, lr: float | Schedule | None = None) -> tuple[Step, nn.Module]:
        """The training step of such a network and the network to draw from, for a training of ``num_steps``.

        ``lr``: another learning rate than the recipe's, which settles.
        """
        return self.make(model, settling(self.rate, num_steps) if lr is None else lr)


def _vae_step(model: nn.Module, lr: float | Schedule) -> tuple[Step, nn.Module]:
    return VAEStep(as_vae(model), lr), model


def _gan_step(model: nn.Module, lr: float | Schedule) -> tuple[Step, nn.Module]:
    step = GANStep(model, Discriminator(), LATENT_DIM, lr=lr, betas=GAN_BETAS)
    return step, step.ema.module


def _vae_gan_step(model: nn.Module, lr: float | Schedule) -> tuple[Step, nn.Module]:
    pair = VAEGAN(LATENT_DIM)
    pair.vae.load_state_dict(model.state_dict())
    # the discriminator's features are small, so their Gaussian is narrow: beta is its variance
    step = VAEGANStep(pair, lr=lr, beta=0.02, gamma=0.2, regularisers=[R1(gamma=0.1)])
    return step, step.ema.module


def _build_vae() -> nn.Module:
    return ConvVAE(LATENT_DIM, batch_norm=True)


RECIPES = {
    "vae": Recipe(_build_vae, _vae_step, rate=4e-3),
    "gan": Recipe(lambda: Generator(LATENT_DIM), _gan_step, rate=4e-3),
    "vae_gan": Recipe(_build_vae, _vae_gan_step, rate=4e-3),
}


def build(name: str, seed: int = 0) -> nn.Module:
    """The network of the recipe ``vae``, ``gan`` or ``vae_gan``, initialised from ``seed``.

    Raises ``KeyError`` for another name.
    """
    with random_state_kept():
        seed_generators(seed)
        return RECIPES[name].build()


def train(
    name: str,
    x: Tensor,
    *,
    num_steps: int,
    seed: int = 0,
    lr: float | Schedule | None = None,
    progress: bool = True,
) -> tuple[nn.Module, History]:
    """Train by a recipe on grey levels ``x`` (N, 1, 28, 28); returns the network to draw from, in eval mode.

    ``lr``: another learning rate than the recipe's.
    """
    with random_state_kept():
        seed_generators(seed)
        step, result = RECIPES[name].step(build(name, seed).to(x.device), num_steps, lr)
    history = fit(step, x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=progress)
    return result.eval(), history


def shipped(name: str) -> tuple[nn.Module, str]:
    """The network of a full-length run that ships with the course, and the first characters of its file's hash."""
    network = build(name)
    digest = load_weights(name, network)
    return network.eval(), digest


def train_classifier(num_steps: int = 1_500, seed: int = 0) -> Classifier:
    """The classifier of ten digits behind the course's Fréchet distance, trained on glyphs."""
    data = load("glyphs", num_images=40_000, seed=seed)
    with random_state_kept():
        seed_generators(seed)
        classifier = Classifier()
    optimizer = adam(classifier.parameters(), lr=1e-3)

    def step(index: Tensor) -> dict[str, Tensor]:
        loss = F.cross_entropy(classifier(data.x[index]), data.y[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return {"cross-entropy": loss.detach()}

    fit(step, torch.arange(len(data.x)), num_steps=num_steps, batch_size=256, seed=seed)
    return classifier.eval()


def train_plane(num_steps: int = FULL_LENGTH, seed: int = 0) -> ConvAutoencoder:
    """The autoencoder behind the widget of lesson 01, whose codes are points of the plane, trained on glyphs."""
    x = load("glyphs").x
    with random_state_kept():
        seed_generators(seed)
        model = ConvAutoencoder(latent_dim=2)
    step = AutoencoderStep(model, lr=LinearSchedule(3e-3, 1e-5, num_steps))
    fit(step, x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed)
    return model.eval()


def train_plane_vae(num_steps: int = FULL_LENGTH, seed: int = 0) -> VAE:
    """The VAE beside that autoencoder in the first widget of lesson 05: the same halves, but for twice as many outputs
    of the encoder, trained as long, on glyphs binarised afresh at every step."""
    x = load("glyphs").x
    with random_state_kept():
        seed_generators(seed)
        model = ConvVAE(latent_dim=2)
    fit(
        VAEStep(model, lr=LinearSchedule(3e-3, 1e-5, num_steps)),
        x,
        num_steps=num_steps,
        batch_size=BATCH_SIZE,
        seed=seed,
    )
    return model.eval()


def build_beta_sweep() -> nn.ModuleList:
    """The networks of the sweep over beta, freshly initialised: for each seed one with each of ``BETAS``, in order."""
    with random_state_kept():
        networks = []
        for seed in range(SWEEP_SEEDS):
            for _ in BETAS:  # the same first weights for every beta
                seed_generators(seed)
                networks.append(ConvVAE(latent_dim=2, batch_norm=True))
        return nn.ModuleList(networks)


def train_beta_sweep(num_steps: int = SWEEP_STEPS) -> nn.ModuleList:
    """VAEs with two numbers per image, alike but for beta and seed, trained on glyphs."""
    x, networks = load("glyphs").x, build_beta_sweep()
    for index, model in enumerate(networks):
        assert isinstance(model, VAE)
        seed, number = divmod(index, len(BETAS))
        step = VAEStep(model, lr=LinearSchedule(6e-3, 1e-5, num_steps), beta=BETAS[number])
        fit(step, x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed)
    return networks.eval()


def shipped_beta_sweep() -> dict[float, list[VAE]]:
    """For each beta its networks, one a seed, in eval mode, as they ship with the course.

    Two numbers per image of 28 x 28 pixels, Bernoulli logits. Raises ``ValueError`` for a damaged file.
    """
    networks = build_beta_sweep()
    load_weights("beta_sweep", networks)
    networks.eval().requires_grad_(False)
    return {beta: [as_vae(m) for m in networks[number :: len(BETAS)]] for number, beta in enumerate(BETAS)}


def as_vae(model: nn.Module) -> VAE:
    """The same network, of which it is known that it is a VAE."""
    assert isinstance(model, VAE)
    return model
