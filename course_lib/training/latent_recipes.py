"""How the networks are trained whose codes lesson 06 looks into: three objectives on shapes, and on glyphs a
conditional VAE, a ladder VAE, and a VAE whose prior is learned with it.

``make checkpoints`` trains them at full length, ``python -m course_lib.training.ship NAME ...`` some of them.
"""

from torch import nn

from course_lib.data import load
from course_lib.models import VAE, ConvVAE
from course_lib.models.weights import load_weights
from course_lib.training.loop import fit
from course_lib.training.recipes import BATCH_SIZE, as_vae
from course_lib.training.reproducible import random_state_kept, seed_generators
from course_lib.training.steps.tc_vae import TCVAEStep
from course_lib.training.steps.vae import VAEStep

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
