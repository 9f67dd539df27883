r"""The relativistic game: each real point against one generated point.

Of one pair the discriminator asks for :math:`l(x) > l(G(z))`, the generator for the opposite, each by
:math:`-\log\sigma` of the gap (Jolicoeur-Martineau 2019, arXiv:1807.00734; so used by Huang et al. 2024,
arXiv:2501.05441).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.probes.ex08 import D_LOSS, G_LOSS, both_losses
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Both = tuple[Tensor, Tensor]


def _cases(seed: int) -> list[Case]:
    """Five pairs, one pair, pairs so far apart that no float holds the exponential of the gap, and float64."""
    source = generator(seed)
    cases: list[Case] = []
    for size, scale, dtype in ((5, 1.0, _F32), (1, 1.0, _F32), (6, 170.0, _F32), (4, 1.5, _F64)):
        real, fake = (scale * away_from_zero((size,), source, dtype=dtype) for _ in range(2))
        if scale > 100:  # gaps of either sign, and one of a common size
            fake = -real
            fake[0] = real[0] - 0.7
            fake[1:3] = torch.tensor([-150.0, 190.0])
            real[1:3] = torch.tensor([160.0, -140.0])
        cases.append({"real_logits": real.requires_grad_(), "fake_logits": fake.requires_grad_()})
    return cases


def relativistic_losses(real_logits: Tensor, fake_logits: Tensor) -> Both:
    """The discriminator's loss and the generator's, () each, of B pairs."""
    gap = real_logits - fake_logits
    return F.softplus(-gap).mean(), F.softplus(gap).mean()


def _of_gap(of_gap: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Both]:
    """Both losses by a function of the gap that is to be large: real minus fake, and fake minus real."""
    return lambda real, fake: (of_gap(real - fake), of_gap(fake - real))


def _by_targets(real_logits: Tensor, fake_logits: Tensor) -> Both:
    gap, ones = real_logits - fake_logits, torch.ones_like(real_logits)
    loss = F.binary_cross_entropy_with_logits
    return loss(gap, ones), loss(gap, 1 - ones)


def _changed(change: Callable[[Tensor, Tensor, Tensor, Tensor], Any]) -> Callable[[Tensor, Tensor], Any]:
    """An answer made of the right losses and the logits."""
    return lambda real, fake: change(*relativistic_losses(real, fake), real, fake)


def _average(real: Tensor, fake: Tensor) -> Both:
    """The relativistic average game, halves added."""
    one, other = real - fake.mean(), fake - real.mean()
    d = F.softplus(-one).mean() + F.softplus(other).mean()
    return d, F.softplus(one).mean() + F.softplus(-other).mean()


def _to_average(real: Tensor, fake: Tensor) -> Both:
    return F.softplus(fake.mean() - real).mean(), F.softplus(real.mean() - fake).mean()


def _all_pairs(real: Tensor, fake: Tensor) -> Both:
    return relativistic_losses(real[:, None], fake[None])


def _plain(real: Tensor, fake: Tensor) -> Both:
    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which of the two is right."""
    off = [n for n in (D_LOSS, G_LOSS) if not torch.allclose(got[n].double(), expected[n].double(), rtol=1e-4)]
    if len(off) == 1:
        return f"{off[0]} is off; the other one is right. Both are made of the same gap, with opposite signs."
    return ""


_STABLE = (
    "the logarithm of a sigmoid or of an exponential was written out, and with logits far apart it gives "
    "inf. F.softplus and F.logsigmoid know how to avoid that."
)

RELATIVISTIC_LOSSES = Task(
    name="relativistic_losses",
    points=2,
    cases=_cases,
    reference=relativistic_losses,
    alternatives=(_by_targets, _of_gap(lambda gap: -F.logsigmoid(gap).mean())),
    probe=both_losses,
    explain=_told,
    mistakes=(
        Mistake(
            _changed(lambda d, g, real, fake: (g, d)),
            "the players changed places: the discriminator's loss is small where the real point of a pair "
            "has the larger logit. Either the order of what is returned or the sign of the gap is turned "
            "round.",
        ),
        Mistake(
            _changed(lambda d, g, real, fake: (d, -d)),
            "the generator's loss is minus the discriminator's. That is a game of one sum; here the "
            "generator has a loss of its own, with the gap turned round inside the logarithm.",
        ),
        Mistake(
            _changed(lambda d, g, real, fake: (d, d)),
            "both players have the same loss. The generator wants the gap the other way round.",
        ),
        Mistake(
            _changed(lambda d, g, real, fake: (g, g)),
            "both players have the same loss, the generator's. The discriminator wants real minus generated "
            "to be large.",
        ),
        Mistake(
            _changed(lambda d, g, real, fake: (-d, -g)),
            "both losses have the wrong sign: these are objectives to be maximised. A loss is minimised.",
        ),
        Mistake(
            _all_pairs,
            "every real point was set against every generated one: B² gaps, as a (B, 1) beside a (B,) gives "
            "them. Real point i is paired with generated point i alone.",
        ),
        Mistake(
            _to_average,
            "each point was set against the mean of the other kind: this is the relativistic average game. "
            "Here it is pairs, real point i and generated point i.",
        ),
        Mistake(
            _average,
            "each point was set against the mean of the other kind, and two halves were added: this is the "
            "relativistic average game. Here it is pairs, with one term each.",
        ),
        Mistake(
            _plain,
            "the logits stand alone: this is the non-saturating game. Here only the gap within a pair counts.",
        ),
        Mistake(
            _changed(lambda d, g, real, fake: (d, F.softplus(-fake).mean())),
            "the generator's loss looks at the generated logit alone, as in the non-saturating game. It, "
            "too, is made of the gap within a pair.",
        ),
        Mistake(
            _changed(lambda d, g, real, fake: (_plain(real, fake)[0], g)),
            "the discriminator's loss is that of the non-saturating game, where each logit stands alone. It "
            "is made of the gap within a pair.",
        ),
        Mistake(
            _of_gap(lambda gap: F.softplus(-gap).sum()),
            "you summed over the pairs. Their mean was asked for.",
        ),
        Mistake(
            _of_gap(lambda gap: F.softplus(-gap)),
            "one loss for each pair came, (B,). Their mean was asked for, one number for each player.",
        ),
        Mistake(
            _of_gap(lambda gap: 0.5 * F.softplus(-gap).mean()),
            "there is a factor one half too much.",
        ),
        Mistake(
            _of_gap(lambda gap: F.softplus(-gap.mean())),
            "you averaged the gaps first. The mean is over the pairs' losses: a pair that is told apart by "
            "far must not pay for one that isn't.",
        ),
        Mistake(
            _of_gap(lambda gap: -torch.log(torch.sigmoid(gap)).mean()),
            _STABLE,
        ),
        Mistake(
            _of_gap(lambda gap: -torch.log(torch.sigmoid(gap) + 1e-8).mean()),
            "a small constant stands inside the logarithm. It keeps inf away and takes the gradient with "
            "it: where the gap is far on the wrong side, nothing is learned. F.softplus and F.logsigmoid "
            "need no constant.",
        ),
        Mistake(
            lambda real, fake: tuple(
                F.binary_cross_entropy(torch.sigmoid(gap), torch.ones_like(gap))
                for gap in (real - fake, fake - real)
            ),
            "cross-entropy got probabilities, and it cuts their logarithms off at -100, without a gradient "
            "beyond. binary_cross_entropy_with_logits takes the gap itself.",
        ),
        Mistake(
            _of_gap(lambda gap: (1 - torch.sigmoid(gap)).mean()),
            "this is the probability that the pair is taken for the wrong way round. Its logarithm is "
            "missing: -log σ(gap).",
        ),
        Mistake(
            _of_gap(lambda gap: -torch.sigmoid(gap).mean()),
            "the logarithm is missing: -σ(gap) came, asked for was -log σ(gap).",
        ),
        Mistake(
            lambda real, fake: _of_gap(lambda gap: F.softplus(-gap).mean())(real.sigmoid(), fake.sigmoid()),
            "each logit went through a sigmoid before the difference. The gap is one of logits; a single "
            "sigmoid comes after it.",
        ),
        Mistake(
            _of_gap(lambda gap: F.relu(1 - gap).mean()),
            "this is the hinge loss of the gap. Asked for was -log σ(gap).",
        ),
        Mistake(
            _of_gap(lambda gap: (gap - 1).square().mean()),
            "this is the squared error of the gap. Asked for was -log σ(gap).",
        ),
        Mistake(
            _of_gap(lambda gap: -gap.mean()),
            "this is the gap itself, as in the Wasserstein game, where a pair counts however far it is told "
            "apart. Asked for was -log σ(gap).",
        ),
        Mistake(
            lambda real, fake: relativistic_losses(real, fake.flip(0)),
            "the pairs aren't those of the batch: the generated points were turned round. Real point i is "
            "paired with generated point i.",
        ),
        Mistake(
            lambda real, fake: relativistic_losses(real.sort().values, fake.sort().values),
            "the logits were sorted before they were paired. Real point i is paired with generated point i.",
        ),
        Mistake(
            lambda real, fake: relativistic_losses(real, fake.detach())[:1] + relativistic_losses(real, fake)[1:],
            "the discriminator gets no gradient from the generated logits. What is cut off for its turn are "
            "the generated *points*, before the discriminator looks at them; a loss is given logits and "
            "cuts nothing.",
        ),
        Mistake(
            lambda real, fake: relativistic_losses(real, fake)[:1] + relativistic_losses(real, fake.detach())[1:],
            "the generated logits are cut off in the generator's loss, so the generator learns nothing. A "
            "loss is given logits and cuts nothing.",
        ),
    ),
)
