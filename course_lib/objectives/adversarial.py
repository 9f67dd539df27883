r"""The two-player game of Goodfellow et al. 2014 (arXiv:1406.2661), on logits: :math:`D(x) = \sigma(l(x))`.

Everything is written with softplus, :math:`-\log\sigma(l) = \mathrm{softplus}(-l)`: a logarithm of a
probability plus a small constant would kill the gradient just where the generator needs it most.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


def _check_logits(logits: Tensor, name: str) -> None:
    if logits.ndim != 1:
        raise ValueError(f"{name} must hold one logit per image, shape (B,), got {tuple(logits.shape)}")


@dataclass(frozen=True)
class DiscriminatorLoss:
    """The two halves of the discriminator's loss, one value per image, in nats."""

    real: Tensor
    fake: Tensor

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised. A discriminator that can't tell, D = 1/2, has 2 log 2 = 1.386."""
        return self.real.mean() + self.fake.mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> DiscriminatorLoss:
    r"""Minus the discriminator's objective, :math:`-\log D(x)` and :math:`-\log(1 - D(G(z)))` (eq. 1).

    ``real_logits`` and ``fake_logits``: (B,) each, of any two batch sizes. Generated images must be detached by
    the caller. Raises ``ValueError`` for any other shape.
    """
    _check_logits(real_logits, "real_logits")
    _check_logits(fake_logits, "fake_logits")
    return DiscriminatorLoss(F.softplus(-real_logits), F.softplus(fake_logits))


def generator_loss(fake_logits: Tensor, saturating: bool = False) -> Tensor:
    r"""The generator's loss: :math:`-\log D(G(z))`, or the saturating :math:`\log(1 - D(G(z)))` of eq. 1.

    Their derivatives by the logit are :math:`-(1-D)` and :math:`-D`: the same direction and the same fixed point,
    but only the first is of use while the discriminator wins (section 3 of the paper).

    ``fake_logits``: (B,). Returns (B,), to be minimised. Raises ``ValueError`` for any other shape.
    """
    _check_logits(fake_logits, "fake_logits")
    return -F.softplus(fake_logits) if saturating else F.softplus(-fake_logits)
