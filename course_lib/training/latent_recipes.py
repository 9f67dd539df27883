"""How the networks are trained whose codes lesson 06 looks into: three objectives on shapes, and on glyphs a
conditional VAE, a ladder VAE, and a VAE whose prior is learned with it.

``make checkpoints`` trains them at full length, ``python -m course_lib.training.ship NAME ...`` some of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from course_lib.data import load
from course_lib.models import (
    VAE,
    ConditionalVAE,
    ConvConditionalVAE,
    ConvLadderVAE,
    ConvVAE,
    LadderVAE,
    MixturePrior,
)
from course_lib.models.weights import load_weights
from course_lib.objectives import LinearSchedule, Schedule
from course_lib.training.loop import fit
from course_lib.training.recipes import BATCH_SIZE, LATENT_DIM, as_vae
from course_lib.training.reproducible import random_state_kept, seed_generators
from course_lib.training.steps.conditional_vae import ConditionalVAEStep
from course_lib.training.steps.core import ObjectiveStep
from course_lib.training.steps.ladder_vae import LadderVAEStep
from course_lib.training.steps.learned_prior import LearnedPriorStep
from course_lib.training.steps.tc_vae import TCVAEStep
from course_lib.training.steps.vae import VAEStep

GLYPH_STEPS = 3_000
LADDER_DIMS = (LATENT_DIM, 8)
NUM_COMPONENTS = 10
SHAPES_DIM, SHAPES_STEPS, SHAPES_RATE = 10, 3_000, 1e-3
SHAPES_BETAS = {"vae": 1.0, "beta_vae": 4.0, "tc_vae": 6.0}


def shapes_step(name: str, model: VAE, num_images: int) -> VAEStep:
    """The step of one of ``SHAPES_BETAS``, all of one learning rate; ``num_images``: of the training set."""
    beta = SHAPES_BETAS[name]
    if name == "tc_vae":
        return TCVAEStep(model, num_images, beta=beta, lr=SHAPES_RATE)
    return VAEStep(model, SHAPES_RATE, beta=beta)


def build_shapes_vaes(seed: int = 0) -> nn.ModuleDict:
    """The three networks on shapes, with the same first weights."""
    with random_state_kept():
        networks: dict[str, nn.Module] = {}
        for name in SHAPES_BETAS:
            seed_generators(seed)
            networks[name] = ConvVAE(SHAPES_DIM)
        return nn.ModuleDict(networks)


def train_shapes_vaes(num_steps: int = SHAPES_STEPS, seed: int = 0) -> nn.ModuleDict:
    """VAE, beta-VAE and beta-TCVAE with ten numbers per image, alike but for the objective, as
    ``benchmarks/disentanglement.py`` scores them over five seeds."""
    x, networks = load("shapes").x, build_shapes_vaes(seed)
    for name, model in networks.items():
        fit(
            shapes_step(name, as_vae(model), len(x)),
            x,
            num_steps=num_steps,
            batch_size=BATCH_SIZE,
            seed=seed,
            progress=False,
        )
    return networks.eval()


def shipped_shapes_vaes() -> dict[str, VAE]:
    """The networks ``"vae"``, ``"beta_vae"`` (beta = 4) and ``"tc_vae"`` (beta = 6) on shapes, in eval mode, as they
    ship with the course.

    Ten numbers per image of 28 x 28 pixels, Bernoulli logits. Raises ``ValueError`` for a damaged file.
    """
    networks = build_shapes_vaes()
    load_weights("shapes_vaes", networks)
    networks.eval().requires_grad_(False)
    return {name: as_vae(model) for name, model in networks.items()}


@dataclass(frozen=True)
class GlyphRecipe:
    """``build``: the network, freshly initialised; ``step``: of such a network, a learning rate and a number of steps;
    ``labels``: whether it is told the classes."""

    build: Callable[[], nn.Module]
    step: Callable[[Any, float | Schedule, int], ObjectiveStep]
    labels: bool = False


def _build_mixture_vae() -> nn.Module:
    vae = ConvVAE(LATENT_DIM, batch_norm=True)
    return nn.ModuleDict({"vae": vae, "prior": MixturePrior(NUM_COMPONENTS, LATENT_DIM)})


GLYPH_RECIPES = {
    "conditional_vae": GlyphRecipe(
        lambda: ConvConditionalVAE(LATENT_DIM, batch_norm=True),
        lambda model, lr, num_steps: ConditionalVAEStep(model, lr),
        labels=True,
    ),
    # the weight of both KLs grows over a quarter of the run, lest the upper layer is switched off before it is of use
    "ladder_vae": GlyphRecipe(
        lambda: ConvLadderVAE(LADDER_DIMS, batch_norm=True),
        lambda model, lr, num_steps: LadderVAEStep(model, lr, LinearSchedule(0.0, 1.0, max(1, num_steps // 4))),
    ),
    "mixture_vae": GlyphRecipe(
        _build_mixture_vae, lambda model, lr, num_steps: LearnedPriorStep(model["vae"], model["prior"], lr)
    ),
}


def build_glyph_model(name: str, seed: int = 0) -> nn.Module:
    """The network of one of ``GLYPH_RECIPES``, initialised from ``seed``. Raises ``KeyError`` for another name."""
    with random_state_kept():
        seed_generators(seed)
        return GLYPH_RECIPES[name].build()


def train_glyph_model(
    name: str,
    x: Tensor,
    y: Tensor,
    *,
    num_steps: int = GLYPH_STEPS,
    seed: int = 0,
    lr: float | Schedule | None = None,
    progress: bool = False,
) -> nn.Module:
    """Train one of ``GLYPH_RECIPES`` on grey levels ``x`` (N, 1, 28, 28) and classes ``y``, int64 (N,); in eval mode.

    ``lr``: the learning rate; if None it falls from 6e-3 to 0, as that of the shipped networks did.
    """
    recipe, model = GLYPH_RECIPES[name], build_glyph_model(name, seed)
    step = recipe.step(model, lr or LinearSchedule(6e-3, 1e-5, num_steps), num_steps)
    data = (x, y) if recipe.labels else x
    fit(step, data, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=progress)
    return model.eval()


def _shipped(name: str) -> nn.Module:
    model = build_glyph_model(name)
    load_weights(name, model)
    return model.eval().requires_grad_(False)


def shipped_conditional_vae() -> ConditionalVAE:
    """The conditional VAE that ships with the course, in eval mode: ten digits, 16 numbers per image of 28 x 28 pixels,
    Bernoulli logits. Raises ``ValueError`` for a damaged file."""
    model = _shipped("conditional_vae")
    assert isinstance(model, ConditionalVAE)
    return model


def shipped_ladder_vae() -> LadderVAE:
    """The ladder VAE that ships with the course, as :func:`shipped_conditional_vae`: z1 of 16 numbers, z2 of 8."""
    model = _shipped("ladder_vae")
    assert isinstance(model, LadderVAE)
    return model


def shipped_mixture_vae() -> tuple[VAE, MixturePrior]:
    """The VAE of 16 numbers and the prior of ten components that was learned with it, as they ship with the course."""
    model = _shipped("mixture_vae")
    assert isinstance(model, nn.ModuleDict)
    prior = model["prior"]
    assert isinstance(prior, MixturePrior)
    return as_vae(model["vae"]), prior
