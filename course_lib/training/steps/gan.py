"""Training a GAN: one step for each player."""

import torch
from torch import Tensor, nn

from course_lib.objectives import discriminator_loss, generator_loss, r1_penalty
from course_lib.training.ema import EMA
from course_lib.training.steps.core import Betas, TrainingStep, adam, descend


class GANStep(TrainingStep):
    """One step of the discriminator, then one of the generator through the discriminator just improved.

    Both use the same generated batch, detached for the discriminator. R1 is lazy (Karras et al. 2020,
    arXiv:1912.04958, appendix B): every ``r1_every`` steps, times ``r1_every``. ``ema.module`` is the generator
    with averaged weights, the one to draw samples from. ``squash`` turns the generator's output into data: a
    sigmoid for images, ``None`` for points of the plane.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latent_dim: int,
        *,
        lr: float = 1e-3,
        discriminator_lr: float | None = None,
        betas: Betas = (0.5, 0.99),
        r1_gamma: float = 0.5,
        r1_every: int = 8,
        ema_decay: float = 0.999,
        saturating: bool = False,
        squash: bool = True,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.g_parameters = list(generator.parameters())
        self.d_parameters = list(discriminator.parameters())
        self.g_optimizer = adam(self.g_parameters, lr, betas)
        self.d_optimizer = adam(self.d_parameters, lr if discriminator_lr is None else discriminator_lr, betas)
        self.r1_gamma = r1_gamma
        self.r1_every = r1_every
        self.saturating = saturating
        self.squash = squash
        self.ema = EMA(generator, ema_decay)

    def generate(self, num_samples: int, device: torch.device) -> Tensor:
        """A batch of generated data, with gradient to the generator."""
        dtype = self.g_parameters[0].dtype
        out = self.generator(torch.randn(num_samples, self.latent_dim, device=device, dtype=dtype))
        return torch.sigmoid(out) if self.squash else out

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        x_fake = self.generate(len(x), x.device)
        real_logits, fake_logits = self.discriminator(torch.cat([x, x_fake.detach()])).chunk(2)
        d_loss = discriminator_loss(real_logits, fake_logits).loss
        objective = d_loss
        if self.r1_gamma > 0 and self.steps % self.r1_every == 0:
            objective = objective + self.r1_every * r1_penalty(self.discriminator, x, self.r1_gamma).mean()
        descend(self.d_optimizer, objective, self.d_parameters)

        g_loss = generator_loss(self.discriminator(x_fake), self.saturating).mean()
        descend(self.g_optimizer, g_loss, self.g_parameters)
        self.ema.update(self.generator)
        self.steps += 1
        return {"discriminator": d_loss.detach(), "generator": g_loss.detach()}
