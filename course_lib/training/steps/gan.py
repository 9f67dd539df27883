"""Training a GAN: steps of the discriminator, then one of the generator."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_lib.checks import check_grey_levels, check_size
from course_lib.models import pack
from course_lib.models.layers import standard_normal
from course_lib.objectives import Schedule, game
from course_lib.training.ema import EMA
from course_lib.training.steps.core import Betas, TrainingStep, adam, descend, follow
from course_lib.training.steps.regularisers import R1, Regulariser, penalties


class GANStep(TrainingStep):
    """``critic_steps`` of the discriminator, then one of the generator through the discriminator just improved.

    A batch is x (B, ...), or (x, y) with labels for two conditional networks, which then take the label as second
    argument; generated images get the labels of the real ones. Each discriminator step sees a share of the batch
    of its own, B / ``critic_steps`` images; the generator moves on the last share's generated images, detached for
    the discriminator; in a paired game its loss takes that share's real images too. ``packing``: how many samples
    the discriminator judges at once.

    ``loss``: a name in ``objectives.GAMES``. ``regularisers`` keep the discriminator in check; they are lazy in its
    own steps, and a plain game has none. ``ema.module`` is the generator with averaged weights, the one to draw
    samples from. ``squash`` puts a sigmoid on the generator's output, for images, and real ones must then lie in
    [0, 1] as well; points of the plane need none.

    Real and generated images go through the discriminator as one batch, whose statistics a batch normalisation there
    would mix.

    Raises ``ValueError`` for an unknown loss, sizes below 1, a discriminator that a regulariser refuses, batches
    that can't be shared out or packed, and grey levels outside [0, 1]; ``TypeError`` for integer images.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latent_dim: int,
        *,
        loss: str = "non_saturating",
        lr: float | Schedule = 1e-3,
        discriminator_lr: float | Schedule | None = None,
        betas: Betas = (0.5, 0.99),
        critic_steps: int = 1,
        packing: int = 1,
        regularisers: Sequence[Regulariser] = (R1(),),
        ema_decay: float = 0.999,
        squash: bool = True,
    ) -> None:
        check_size(critic_steps, "critic_steps")
        check_size(packing, "packing")
        for regulariser in regularisers:
            regulariser.check(discriminator)
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.game = game(loss)
        self.g_parameters = list(generator.parameters())
        self.d_parameters = list(discriminator.parameters())
        self.lr = lr
        self.discriminator_lr = lr if discriminator_lr is None else discriminator_lr
        self.g_optimizer = adam(self.g_parameters, self.lr, betas)
        self.d_optimizer = adam(self.d_parameters, self.discriminator_lr, betas)
        self.critic_steps = critic_steps
        self.packing = packing
        self.regularisers = regularisers
        self.squash = squash
        self.ema = EMA(generator, ema_decay)

    def generate(self, num_samples: int, *labels: Tensor) -> Tensor:
        """A batch of generated data, with gradient to the generator."""
        out = self.generator(standard_normal(self.generator, num_samples, self.latent_dim), *labels)
        return torch.sigmoid(out) if self.squash else out

    def __call__(self, batch: Tensor | tuple[Tensor, ...]) -> dict[str, Tensor]:
        tensors = batch if isinstance(batch, tuple) else (batch,)
        self._check(tensors)
        follow(self.g_optimizer, self.lr, self.steps)
        follow(self.d_optimizer, self.discriminator_lr, self.steps)
        shares = zip(*(t.chunk(self.critic_steps) for t in tensors), strict=True)
        for number, (x, *labels) in enumerate(shares, start=self.steps * self.critic_steps):
            x_fake = self.generate(len(x), *labels)
            d_loss = self._improve_discriminator(number, x, x_fake.detach(), labels)

        with _buffers_kept(self.discriminator):
            logits = [self.discriminator(pack(x_fake, self.packing), *labels)]
            if self.game.paired:
                with torch.no_grad():
                    logits.append(self.discriminator(pack(x, self.packing), *labels))
            g_loss = self.game.generator(*logits).mean()
            descend(self.g_optimizer, g_loss, self.g_parameters, self.max_norm)
        self.ema.update(self.generator)
        self.steps += 1
        return {"discriminator": d_loss, "generator": g_loss.detach()}

    def _improve_discriminator(self, number: int, x: Tensor, x_fake: Tensor, labels: Sequence[Tensor]) -> Tensor:
        """Step ``number``, counted from 0; returns its loss without penalties."""

        def logits(data: Tensor) -> Tensor:
            return self.discriminator(data, *labels)

        x, x_fake = pack(x, self.packing), pack(x_fake, self.packing)
        both = self.discriminator(torch.cat([x, x_fake]), *(torch.cat([y, y]) for y in labels))
        real_logits, fake_logits = both.chunk(2)
        loss = self.game.discriminator(real_logits, fake_logits).loss
        added = penalties(self.regularisers, logits, x, x_fake, step=self.steps, number=number)
        descend(self.d_optimizer, sum(added, start=loss), self.d_parameters, self.max_norm)
        for regulariser in self.regularisers:
            regulariser.constrain(self.discriminator)
        return loss.detach()

    def _check(self, tensors: tuple[Tensor, ...]) -> None:
        if self.squash:
            check_grey_levels(tensors[0])
        if len(tensors[0]) % self.critic_steps != 0:
            raise ValueError(
                f"a batch of {len(tensors[0])} can't be shared by {self.critic_steps} discriminator steps; "
                f"take a multiple of {self.critic_steps}"
            )
        if len(tensors) > 1 and self.packing > 1:
            raise ValueError("samples of different labels can't be packed; train with labels or with packing")


@contextmanager
def _buffers_kept(network: nn.Module) -> Iterator[None]:
    """Afterwards the buffers (batch statistics, the vectors of spectral normalisation) are as they were before."""
    before = [buffer.clone() for buffer in network.buffers()]
    yield
    with torch.no_grad():
        for buffer, old in zip(network.buffers(), before, strict=True):
            buffer.copy_(old)
