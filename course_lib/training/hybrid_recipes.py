"""How the networks behind lesson 09's sliders are trained: VAE-GANs that differ in two weights and in nothing else.

One VAE is trained, and nine VAE-GANs go on from it (Larsen et al. 2016, arXiv:1512.09300).
"""

import copy

import torch
from torch import Tensor, nn

from course_lib.data import load
from course_lib.models import VAE, VAEGAN, ConvDecoder, evaluating
from course_lib.models.weights import load_weights
from course_lib.objectives import kl_standard_normal
from course_lib.training.loop import fit
from course_lib.training.recipes import GAN_BETAS, LATENT_DIM, as_vae, settling
from course_lib.training.reproducible import random_state_kept, seed_generators
from course_lib.training.run import Step
from course_lib.training.steps.regularisers import R1
from course_lib.training.steps.vae import VAEStep
from course_lib.training.steps.vae_gan import VAEGANStep

HYBRID_BETAS, HYBRID_GAMMAS = (0.002, 0.02, 0.5), (0.0, 0.2, 5.0)
HYBRID_IMAGES = 500
VAE_STEPS, HYBRID_STEPS, HYBRID_BATCH = 1_000, 250, 32
_RATE = 2e-3


class DrawnFrom(nn.Module):
    """What is kept of a VAE-GAN: its ``decoder``, the ``codes`` (N, D) of the first test images of glyphs, the middles
    of their clouds, and the ``rate``, their KL in nats, a mean over these images."""

    codes: Tensor
    rate: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.decoder = ConvDecoder(LATENT_DIM, batch_norm=True)
        self.register_buffer("codes", torch.zeros(HYBRID_IMAGES, LATENT_DIM))
        self.register_buffer("rate", torch.zeros(()))

    def keep(self, vae: VAE, x: Tensor) -> None:
        """Take over what ``vae`` makes of images ``x`` (N, 1, 28, 28)."""
        with evaluating(vae):
            mu, logvar = vae.encode(x)
        self.decoder.load_state_dict(vae.decoder.state_dict())
        self.codes.copy_(mu)
        self.rate.copy_(kl_standard_normal(mu, logvar).mean())

    def images(self, z: Tensor) -> Tensor:
        """Codes (B, D) to grey levels in [0, 1], (B, 1, 28, 28)."""
        with evaluating(self.decoder):
            return torch.sigmoid(self.decoder(z))


def build_hybrids() -> nn.ModuleList:
    """Nine of them, empty: for each beta one with each gamma, in order."""
    with random_state_kept():
        return nn.ModuleList(DrawnFrom() for _ in HYBRID_BETAS for _ in HYBRID_GAMMAS)


def train_hybrids(vae_steps: int = VAE_STEPS, num_steps: int = HYBRID_STEPS, seed: int = 0) -> nn.ModuleList:
    """One VAE on glyphs, and nine VAE-GANs that go on from it with discriminators of the same first weights."""
    x, test = load("glyphs").x, load("glyphs", "test", HYBRID_IMAGES).x
    with random_state_kept():
        seed_generators(seed)
        first = VAEGAN(LATENT_DIM)

    def trained(step: Step, steps: int) -> None:
        fit(step, x, num_steps=steps, batch_size=HYBRID_BATCH, seed=seed, progress=False)

    trained(VAEStep(first.vae, settling(_RATE, vae_steps)), vae_steps)
    made = build_hybrids()
    weights = [(beta, gamma) for beta in HYBRID_BETAS for gamma in HYBRID_GAMMAS]
    for kept, (beta, gamma) in zip(made, weights, strict=True):
        model = copy.deepcopy(first)
        step = VAEGANStep(
            model,
            lr=settling(_RATE, num_steps),
            betas=GAN_BETAS,
            beta=beta,
            gamma=gamma,
            regularisers=[R1(gamma=0.1)],
            ema_decay=0.99,
        )
        trained(step, num_steps)
        as_kept(kept).keep(as_vae(step.ema.module), test)
    return made.eval()


def shipped_hybrids() -> dict[tuple[float, float], DrawnFrom]:
    """By (beta, gamma), what is kept of the nine VAE-GANs that ship with the course, in eval mode.

    Raises ``ValueError`` for a damaged file.
    """
    made = build_hybrids()
    load_weights("hybrids", made)
    made.eval().requires_grad_(False)
    weights = [(beta, gamma) for beta in HYBRID_BETAS for gamma in HYBRID_GAMMAS]
    return {pair: as_kept(kept) for pair, kept in zip(weights, made, strict=True)}


def as_kept(module: nn.Module) -> DrawnFrom:
    """The same, of which it is known what it is."""
    assert isinstance(module, DrawnFrom)
    return module
