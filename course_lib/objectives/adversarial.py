r"""The games that a generator and a discriminator play, on logits :math:`l(x)`.

The first is that of Goodfellow et al. 2014 (arXiv:1406.2661), with :math:`D(x) = \sigma(l(x))`. It is written with
softplus, :math:`-\log\sigma(l) = \mathrm{softplus}(-l)`: a logarithm of a probability plus a small constant would
kill the gradient just where the generator needs it most. The others change the two functions of the logit and
nothing else: least squares (Mao et al. 2017, arXiv:1611.04076), Wasserstein (Arjovsky et al. 2017,
arXiv:1701.07875) and hinge (Lim & Ye 2017, arXiv:1705.02894). The relativistic game (Jolicoeur-Martineau 2019,
arXiv:1807.00734) compares a real and a generated image instead. In all of them a larger logit says real.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor


def _check_logits(logits: Tensor, name: str) -> None:
    if logits.ndim != 1 or len(logits) == 0:
        raise ValueError(
            f"{name} must hold one logit per image, B of them of shape (B,), got {tuple(logits.shape)}"
        )


@dataclass(frozen=True)
class DiscriminatorLoss:
    """The two halves of the discriminator's loss, one value per image; in nats where the loss is a logarithm.
    Raises ``ValueError`` unless both are (B,)."""

    real: Tensor
    fake: Tensor

    def __post_init__(self) -> None:
        _check_logits(self.real, "real_logits")
        _check_logits(self.fake, "fake_logits")

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised."""
        return self.real.mean() + self.fake.mean()


@dataclass(frozen=True)
class PairedLoss:
    """The discriminator's loss of each pair of a real and a generated image, (B,)."""

    pairs: Tensor

    @property
    def loss(self) -> Tensor:
        """Scalar to be minimised."""
        return self.pairs.mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> DiscriminatorLoss:
    r"""Minus the discriminator's objective, :math:`-\log D(x)` and :math:`-\log(1 - D(G(z)))` (eq. 1).

    A discriminator that can't tell, D = 1/2, has 2 log 2 = 1.386. ``real_logits`` and ``fake_logits``: (B,) each, of
    any two batch sizes. Generated images must be detached by the caller. Raises ``ValueError`` for any other shape.
    """
    return DiscriminatorLoss(F.softplus(-real_logits), F.softplus(fake_logits))


def generator_loss(fake_logits: Tensor, saturating: bool = False) -> Tensor:
    r"""The generator's loss: :math:`-\log D(G(z))`, or the saturating :math:`\log(1 - D(G(z)))` of eq. 1.

    Their derivatives with respect to the logit are :math:`-(1-D)` and :math:`-D`: the same direction and the same
    fixed point, but only the first is of use while the discriminator wins (section 3 of the paper).

    ``fake_logits``: (B,). Returns (B,), to be minimised. Raises ``ValueError`` for any other shape.
    """
    _check_logits(fake_logits, "fake_logits")
    return -F.softplus(fake_logits) if saturating else F.softplus(-fake_logits)


def least_squares_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> DiscriminatorLoss:
    r""":math:`\frac12(l(x) - 1)^2` and :math:`\frac12 l(G(z))^2` (Mao et al., with 0 for generated and 1 for real).

    The logit is a regression's, and no logarithm. Shapes and errors as for :func:`discriminator_loss`.
    """
    return DiscriminatorLoss(0.5 * (real_logits - 1).square(), 0.5 * fake_logits.square())


def least_squares_generator_loss(fake_logits: Tensor) -> Tensor:
    r""":math:`\frac12(l(G(z)) - 1)^2` (Mao et al.): its slope grows with the distance from real.

    Shapes and errors as for :func:`generator_loss`.
    """
    _check_logits(fake_logits, "fake_logits")
    return 0.5 * (fake_logits - 1).square()


def wasserstein_critic_loss(real_logits: Tensor, fake_logits: Tensor) -> DiscriminatorLoss:
    r""":math:`-l(x)` and :math:`l(G(z))` (Arjovsky et al., algorithm 1).

    The best of the critics whose slope is nowhere above 1 has minus the Wasserstein distance for its loss.
    ``clip_weights``, ``gradient_penalty`` and ``spectral_norm`` keep the slope in check, each in its own scale.
    Shapes and errors as for :func:`discriminator_loss`.
    """
    return DiscriminatorLoss(-real_logits, fake_logits)


def wasserstein_generator_loss(fake_logits: Tensor) -> Tensor:
    r""":math:`-l(G(z))`: what both the Wasserstein and the hinge game ask of the generator.

    Shapes and errors as for :func:`generator_loss`.
    """
    _check_logits(fake_logits, "fake_logits")
    return -fake_logits


def hinge_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> DiscriminatorLoss:
    r""":math:`\max(0, 1 - l(x))` and :math:`\max(0, 1 + l(G(z)))` (Lim & Ye, from support vector machines).

    Images that are told apart by a margin of 1 no longer count. Shapes and errors as for :func:`discriminator_loss`.
    """
    return DiscriminatorLoss(F.relu(1 - real_logits), F.relu(1 + fake_logits))


def relativistic_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> PairedLoss:
    r""":math:`-\log\sigma(l(x) - l(G(z)))` (Jolicoeur-Martineau, section 4; Huang et al. 2024, arXiv:2501.05441,
    eq. 2), where the sigmoid is the probability that the first image of a pair is the real one.

    Only differences count, so a constant added to all logits changes nothing. A discriminator that can't tell has
    log 2. ``real_logits``, ``fake_logits``: (B,), as many of each. Raises ``ValueError`` for other shapes.
    """
    _check_pairs(real_logits, fake_logits)
    return PairedLoss(F.softplus(fake_logits - real_logits))


def relativistic_generator_loss(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    r""":math:`-\log\sigma(l(G(z)) - l(x))`: the discriminator's with the two changed over.

    So a generated image has to look more real than its partner, wherever on the scale the two lie. Shapes and errors
    as for :func:`relativistic_discriminator_loss`; returns (B,).
    """
    _check_pairs(real_logits, fake_logits)
    return F.softplus(real_logits - fake_logits)


def _check_pairs(real_logits: Tensor, fake_logits: Tensor) -> None:
    _check_logits(real_logits, "real_logits")
    _check_logits(fake_logits, "fake_logits")
    if len(real_logits) != len(fake_logits):
        raise ValueError(
            f"real_logits and fake_logits must be as many, to make pairs, got {len(real_logits)} and "
            f"{len(fake_logits)}"
        )


@dataclass(frozen=True)
class Game:
    """The loss of each player.

    ``discriminator``: real and generated logits, (B,) each, to its loss. ``generator``: generated logits (B,) to
    (B,); where the game is ``paired``, the real logits are its second argument.
    """

    discriminator: Callable[[Tensor, Tensor], DiscriminatorLoss | PairedLoss]
    generator: Callable[..., Tensor]
    paired: bool = False


GAMES = {
    "non_saturating": Game(discriminator_loss, generator_loss),
    "saturating": Game(discriminator_loss, partial(generator_loss, saturating=True)),
    "least_squares": Game(least_squares_discriminator_loss, least_squares_generator_loss),
    "wasserstein": Game(wasserstein_critic_loss, wasserstein_generator_loss),
    "hinge": Game(hinge_discriminator_loss, wasserstein_generator_loss),
    "relativistic": Game(relativistic_discriminator_loss, relativistic_generator_loss, paired=True),
}


def game(name: str) -> Game:
    """The game of a name in ``GAMES``; ``ValueError`` for another name."""
    if name not in GAMES:
        raise ValueError(f"loss must be one of {', '.join(GAMES)}, got {name!r}")
    return GAMES[name]


def generator_push(discriminator: Callable[[Tensor], Tensor], x_fake: Tensor, loss: str) -> Tensor:
    """Where the generator's loss of a game wants its samples to go: minus the gradient at each of them.

    ``discriminator``: samples (B, ...) to logits (B,); ``x_fake``: (B, ...); ``loss``: a name in ``GAMES``.
    Returns the shape of ``x_fake``, without gradient. Raises ``ValueError`` as :func:`game` does, and for a paired
    game, whose push depends on the partner.
    """
    if game(loss).paired:
        unpaired = ", ".join(name for name, each in GAMES.items() if not each.paired)
        raise ValueError(f"loss must be a game that judges a sample without a partner ({unpaired}), got {loss!r}")
    x = x_fake.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(game(loss).generator(discriminator(x)).sum(), x)
    return -gradient
