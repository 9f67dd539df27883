"""Regularisers, small objects that keep a discriminator's slope in check. A step takes a sequence of them.

A regulariser of one's own is a frozen dataclass with a ``penalty``::

    @dataclass(frozen=True)
    class Drift(Regulariser):  # logits of real images stay near 0 (Karras et al. 2018, arXiv:1710.10196)
        epsilon: float = 1e-3

        def penalty(self, discriminator, x, x_fake, step):
            return self.epsilon * discriminator(x).square()
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from course_lib.checks import check_size
from course_lib.models import clip_weights
from course_lib.objectives import Schedule, gradient_penalty, r1_penalty, value_at
from course_lib.objectives.penalties import check_no_batch_norm


@dataclass(frozen=True)
class Regulariser:
    """A penalty on the discriminator's objective, a constraint on its weights, or both; without a state of its own.

    ``every``: a penalty may be lazy (Karras et al. 2020, arXiv:1912.04958, appendix B): it is added at every so many
    steps of the discriminator, times their number. Raises ``ValueError`` for ``every`` below 1.
    """

    every: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        check_size(self.every, "every")

    def check(self, discriminator: nn.Module) -> None:
        """Raises ``ValueError`` for a network that this regulariser makes no sense for."""

    def penalty(
        self, discriminator: Callable[[Tensor], Tensor], x: Tensor, x_fake: Tensor, step: int
    ) -> Tensor | None:
        """The penalty of each image, (B,), or None for nothing.

        ``discriminator``: images (B, ...) to logits (B,); ``x`` and ``x_fake``: real and generated images (B, ...),
        the latter detached; ``step``: how many steps the generator has taken, for a weight that is a schedule.
        """
        return None

    def constrain(self, discriminator: nn.Module) -> None:
        """Change the weights, in place, after each step of the discriminator."""


@dataclass(frozen=True)
class R1(Regulariser):
    """The squared slope at real images (Mescheder et al. 2018, arXiv:1801.04406). ``gamma`` may be a schedule."""

    gamma: float | Schedule = 0.5
    every: int = field(default=8, kw_only=True)

    def penalty(
        self, discriminator: Callable[[Tensor], Tensor], x: Tensor, x_fake: Tensor, step: int
    ) -> Tensor | None:
        gamma = value_at(step, self.gamma)
        return r1_penalty(discriminator, x, gamma) if gamma > 0 else None


@dataclass(frozen=True)
class R2(Regulariser):
    """The squared slope at generated images (Mescheder et al. 2018, eq. 10). ``gamma`` may be a schedule.

    Huang et al. 2024 (R3GAN, arXiv:2501.05441) play the relativistic game with R1 and R2 together.
    """

    gamma: float | Schedule = 0.5
    every: int = field(default=8, kw_only=True)

    def penalty(
        self, discriminator: Callable[[Tensor], Tensor], x: Tensor, x_fake: Tensor, step: int
    ) -> Tensor | None:
        gamma = value_at(step, self.gamma)
        return r1_penalty(discriminator, x_fake, gamma) if gamma > 0 else None


@dataclass(frozen=True)
class GradientPenalty(Regulariser):
    """A slope of 1 between real and generated images (WGAN-GP: Gulrajani et al. 2017, arXiv:1704.00028)."""

    lambda_gp: float = 10.0

    def check(self, discriminator: nn.Module) -> None:
        check_no_batch_norm(discriminator)

    def penalty(self, discriminator: Callable[[Tensor], Tensor], x: Tensor, x_fake: Tensor, step: int) -> Tensor:
        return gradient_penalty(discriminator, x, x_fake, self.lambda_gp)


@dataclass(frozen=True)
class WeightClipping(Regulariser):
    """No weight outside [-limit, limit] (Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1)."""

    limit: float = 0.01

    def constrain(self, discriminator: nn.Module) -> None:
        clip_weights(discriminator, self.limit)


def penalties(
    regularisers: Sequence[Regulariser],
    discriminator: Callable[[Tensor], Tensor],
    x: Tensor,
    x_fake: Tensor,
    *,
    step: int,
    number: int,
) -> list[Tensor]:
    """The terms that regularisers add to the discriminator's objective in its step ``number``, from 0: scalars.

    The rest as for :meth:`Regulariser.penalty`.
    """
    terms = []
    for regulariser in regularisers:
        if number % regulariser.every == 0:
            penalty = regulariser.penalty(discriminator, x, x_fake, step)
            if penalty is not None:
                terms.append(regulariser.every * penalty.mean())
    return terms
