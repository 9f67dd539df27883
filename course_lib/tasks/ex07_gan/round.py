r"""A round with a penalty: each player moves once, and the other is left as it was.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1; the penalty: Mescheder et al. 2018, arXiv:1801.04406.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from course_lib.objectives import discriminator_loss, generator_loss, r1_penalty
from course_lib.probes.ex07 import rounds
from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, generator
from course_lib.tasks.ex07_gan.words import in_its_terms

_F32, _F64 = torch.float32, torch.float64
Loss = Callable[..., Tensor]
_TURN = ("zero", "backward", "step")


def _cases(seed: int) -> list[Case]:
    """Two batches each: several points, a discriminator in eval mode, one point and a frozen layer, float64; and six
    batches with Adam, as in the exercise's last task (a rate of 0 stands for it)."""
    source = generator(seed)
    cases: list[Case] = []
    for calls, batch, dtype, rates, gamma, eval_mode, frozen in [
        (2, 5, _F32, (0.3, 0.7), 0.45, 0, 0),
        (2, 1, _F32, (0.3, 0.6), 0.9, 0, 1),
        (2, 3, _F64, (0.4, 0.7), 1.7, 1, 0),
        (6, 4, _F64, (0.0, 0.0), 0.6, 0, 0),
    ]:
        shapes = {
            "g_first": (4, 3),
            "g_second": (2, 4),
            "d_first": (5, 2),
            "d_second": (5,),
            "z": (calls, batch, 3),
        }
        case: dict[str, Tensor | float] = {
            name: away_from_zero(shape, source, 0.3, 0.9, dtype) for name, shape in shapes.items()
        }
        case["x"] = 1.5 + away_from_zero((calls, batch, 2), source, 0.2, 0.8, dtype)
        rest = {"g_lr": rates[0], "d_lr": rates[1], "gamma": gamma, "eval_mode": eval_mode, "frozen_layer": frozen}
        cases.append(case | rest)
    return cases


def d_loss(d: nn.Module, x: Tensor, x_fake: Tensor, gamma: float) -> Tensor:
    return discriminator_loss(d(x), d(x_fake)).loss + r1_penalty(d, x, gamma).mean()


def g_loss(d: nn.Module, x_fake: Tensor) -> Tensor:
    return generator_loss(d(x_fake)).mean()


class _Aside:
    """While the generator moves: the discriminator's flags off, and its buffers put back afterwards."""

    def __init__(self, d: nn.Module, *, freeze: bool = True, buffers: bool = True) -> None:
        self.d, self.freeze, self.buffers = d, freeze, buffers

    def __enter__(self) -> None:
        self.flags = [p.requires_grad for p in self.d.parameters()]
        self.kept = [b.clone() for b in self.d.buffers()]
        if self.freeze:
            self.d.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        for parameter, flag in zip(self.d.parameters(), self.flags, strict=True):
            parameter.requires_grad_(flag)
        for buffer, old in zip(self.d.buffers(), self.kept, strict=True):
            if self.buffers:
                buffer.copy_(old)


def _turn(optimizer: Optimizer, loss: Callable[[], Tensor], lines: tuple[str, ...] = _TURN) -> None:
    for line in lines:
        if line == "zero":
            optimizer.zero_grad()
        elif line == "backward":
            loss().backward()
        else:
            optimizer.step()


def play(
    g: nn.Module,
    d: nn.Module,
    g_opt: Optimizer,
    d_opt: Optimizer,
    x: Tensor,
    z: Tensor,
    gamma: float,
    *,
    of_d: Loss = d_loss,
    of_g: Loss = g_loss,
    d_turn: tuple[str, ...] = _TURN,
    g_turn: tuple[str, ...] = _TURN,
    freeze: bool = True,
    buffers: bool = True,
    detached: bool = True,
) -> None:
    """A round by the book; what the names after the star change are the mistakes."""
    x_fake = g(z)
    seen = x_fake.detach() if detached else g(z)
    _turn(d_opt, lambda: of_d(d, x, seen, gamma), d_turn)
    with _Aside(d, freeze=freeze, buffers=buffers):
        _turn(g_opt, lambda: of_g(d, x_fake), g_turn)


def _with(**parts: Any) -> Callable[..., None]:
    return lambda *given: play(*given, **parts)


def _cleared(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    """Another way to leave nothing behind: gradients cleared at the end, buffers of a copy."""
    with torch.no_grad():
        x_fake = g(z)
    _turn(d_opt, lambda: d_loss(d, x, x_fake, c))
    copies = {name: buffer.clone() for name, buffer in d.named_buffers()}
    _turn(g_opt, lambda: generator_loss(functional_call(d, copies, (g(z),))).mean())
    d_opt.zero_grad()


def _by_autograd(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    """Gradients of one player's weights only; the judge in eval mode for the generator's turn."""
    _turn(d_opt, lambda: d_loss(d, x, g(z).detach(), c))
    modes = [module.training for module in d.modules()]
    d.eval()
    weights = list(g.parameters())
    for weight, gradient in zip(weights, torch.autograd.grad(g_loss(d, g(z)), weights), strict=True):
        weight.grad = gradient
    for module, mode in zip(d.modules(), modes, strict=True):
        module.training = mode
    g_opt.step()


def _two_steps(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    _turn(d_opt, lambda: discriminator_loss(d(x), d(g(z).detach())).loss)
    _turn(d_opt, lambda: r1_penalty(d, x, c).mean())
    with _Aside(d):
        _turn(g_opt, lambda: g_loss(d, g(z)))


def _old_judge(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    x_fake = g(z)
    with _Aside(d):
        g_opt.zero_grad()
        g_loss(d, x_fake).backward()
    _turn(d_opt, lambda: d_loss(d, x, x_fake.detach(), c))
    g_opt.step()


def _generator_first(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    with _Aside(d):
        _turn(g_opt, lambda: g_loss(d, g(z)))
    _turn(d_opt, lambda: d_loss(d, x, g(z).detach(), c))


def _accomplice(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    _turn(d_opt, lambda: d_loss(d, x, g(z).detach(), c))
    d_opt.zero_grad()
    kept = [b.clone() for b in d.buffers()]
    _turn(g_opt, lambda: g_loss(d, g(z)))
    for buffer, old in zip(d.buffers(), kept, strict=True):
        buffer.copy_(old)
    d_opt.step()


def _swapped(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    x_fake = g(z)
    _turn(g_opt, lambda: d_loss(d, x, x_fake.detach(), c))
    _turn(d_opt, lambda: g_loss(d, g(z)))


def _one_sum(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    g_opt.zero_grad()
    d_opt.zero_grad()
    x_fake = g(z)
    (d_loss(d, x, x_fake.detach(), c) + g_loss(d, x_fake)).backward()
    d_opt.step()
    g_opt.step()


def _own_noise(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    play(g, d, g_opt, d_opt, x, torch.randn_like(z), c)


def _penalised(penalty: Callable[[nn.Module, Tensor, Tensor, float], Tensor]) -> Loss:
    """The discriminator's loss with another penalty."""
    return lambda d, x, x_fake, c: discriminator_loss(d(x), d(x_fake)).loss + penalty(d, x, x_fake, c)


PLAY_ROUND = Task(
    name="play_round",
    points=3,
    cases=_cases,
    probe=rounds,
    explain=in_its_terms,
    reference=play,
    alternatives=(_cleared, _by_autograd),
    mistakes=(
        Mistake(
            _with(freeze=False, buffers=False),
            "both players move as they should, but the generator's turn leaves two things in the discriminator: "
            "gradients of the generator's loss in its weights, and running means that saw the generated points once "
            "more.",
        ),
        Mistake(
            _with(freeze=False),
            "both players move as they should, but the generator's turn leaves gradients of its own loss in the "
            "discriminator's weights. Whoever calls next and doesn't clear them moves along the wrong loss.",
        ),
        Mistake(
            _with(buffers=False),
            "both players move as they should, but the generator's turn moves the discriminator's running means "
            "(discriminator.buffers()): a frozen weight stops no buffer. Put the old ones back.",
        ),
        Mistake(
            _with(detached=False),
            "the discriminator's loss was sent back through the generator as well. Only zero_grad saved you, and every "
            "round paid for it. Cut the generated points off before the discriminator's loss sees them.",
        ),
        Mistake(
            _with(detached=False, freeze=False, buffers=False),
            "the discriminator's loss was sent back through the generator, and the generator's turn leaves gradients "
            "and moved running means in the discriminator. In each turn one player is only looked at.",
        ),
        Mistake(
            _with(of_g=lambda d, x_fake: g_loss(d, x_fake.detach().requires_grad_())),
            "the generator never moves: no gradient comes back to it in its own turn. Its points are cut off there "
            "too; the gradient has to come through the discriminator to the generator.",
        ),
        Mistake(
            _old_judge,
            "the generator's gradient was taken through the discriminator as it was *before* its step. Let the "
            "discriminator move first, and judge the points again by the new one.",
        ),
        Mistake(_generator_first, "the generator moves first here. The discriminator was to begin."),
        Mistake(
            _accomplice,
            "the discriminator moves along the generator's loss as well, and so helps to be fooled. In the "
            "generator's turn only the generator's optimiser steps.",
        ),
        Mistake(
            _two_steps,
            "the discriminator takes two steps, one for its loss and one for the penalty. It is one loss, their sum, "
            "and one step.",
        ),
        Mistake(
            _swapped,
            "the optimisers are swapped: after the discriminator's loss the generator's optimiser steps, and the "
            "other way round. Each optimiser holds its own player's weights only.",
        ),
        Mistake(
            _one_sum,
            "both losses were sent back as one sum. The generator then follows the old discriminator, and the "
            "discriminator helps to be fooled: send back and step for the discriminator, then for the generator.",
        ),
        Mistake(
            _with(d_turn=("backward", "step"), g_turn=("backward", "step")),
            "no gradient is ever cleared: each step adds to those before it. backward() adds; zero_grad() clears.",
        ),
        Mistake(
            _with(d_turn=("backward", "step")),
            "the discriminator's gradients aren't cleared before its loss: what stood in its weights before is "
            "still there, and moves it.",
        ),
        Mistake(
            _with(g_turn=("backward", "step")),
            "the generator's gradients aren't cleared before its loss: what stood in its weights before is still "
            "there, and moves it.",
        ),
        Mistake(
            _with(d_turn=("backward", "step", "zero"), g_turn=("backward", "step", "zero")),
            "gradients are cleared after each step only. Those that stood there before the first call were taken "
            "along: clear before backward().",
        ),
        Mistake(
            _with(d_turn=("backward", "zero", "step"), g_turn=("backward", "zero", "step")),
            "both players never move: zero_grad() stands between backward() and step(), so their optimisers step "
            "over nothing. Clear first, then fill, then step.",
        ),
        Mistake(
            _with(d_turn=("zero", "backward"), g_turn=("zero", "backward")),
            "nobody moves: gradients are computed, but no optimiser steps.",
        ),
        Mistake(
            _with(d_turn=("zero", "backward")),
            "the discriminator never moves: its turn is missing, or its optimiser doesn't step.",
        ),
        Mistake(
            _with(g_turn=("zero", "backward")),
            "the generator never moves: its gradient is computed, but its optimiser doesn't step.",
        ),
        Mistake(_with(g_turn=()), "the generator's turn is missing: only the discriminator moves."),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: 0 * x.sum())),
            "the penalty plays no part: the discriminator moves down its loss alone. It is missing, or was cut off "
            "from its gradient (detach, item, float, a create_graph that is missing).",
        ),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: -r1_penalty(d, x, c).mean())),
            "the penalty is subtracted: the discriminator is paid for being steep.",
        ),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: r1_penalty(d, x, c).sum())),
            "the penalty is summed over the batch. Like both halves of the loss it is a mean.",
        ),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: c * r1_penalty(d, x, c).mean())),
            "gamma counts twice: r1_penalty has it inside already.",
        ),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: c / 2 * r1_penalty(d, x, c).mean())),
            "gamma / 2 counts twice: r1_penalty has it inside already.",
        ),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: r1_penalty(d, x, 1.0).mean())),
            "gamma plays no part: the penalty has a weight of its own. Hand r1_penalty the gamma that was given.",
        ),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: r1_penalty(d, x_fake, c).mean())),
            "the penalty is that of the generated points (R2). R1 is about the real ones.",
        ),
        Mistake(
            _with(of_d=_penalised(lambda d, x, x_fake, c: r1_penalty(d, torch.cat([x, x_fake]), c).mean())),
            "the penalty is the mean over real and generated points. R1 is about the real ones alone.",
        ),
        Mistake(
            _with(
                of_d=lambda d, x, x_fake, c: (
                    0.5 * discriminator_loss(d(x), d(x_fake)).loss + r1_penalty(d, x, c).mean()
                )
            ),
            "the discriminator's loss was halved. The value of the game is the *sum* of two means.",
        ),
        Mistake(
            _with(
                of_d=lambda d, x, x_fake, c: discriminator_loss(d(x_fake), d(x)).loss + r1_penalty(d, x, c).mean()
            ),
            "real and generated points changed places in the discriminator's loss.",
        ),
        Mistake(
            _with(
                of_d=lambda d, x, x_fake, c: -discriminator_loss(d(x), d(x_fake)).loss + r1_penalty(d, x, c).mean()
            ),
            "the discriminator goes up its loss. The loss is written to be minimised.",
        ),
        Mistake(
            _with(
                of_d=lambda d, x, x_fake, c: (
                    discriminator_loss(d(x), d(x_fake).detach()).loss + r1_penalty(d, x, c).mean()
                )
            ),
            "you detached the *logits* of the generated points, so the discriminator learns from real ones only. "
            "Detach the points, before the discriminator sees them.",
        ),
        Mistake(
            _with(of_g=lambda d, x_fake: generator_loss(d(x_fake), saturating=True).mean()),
            "the generator's loss is the saturating one, log(1 - D). The one asked for is -log D.",
        ),
        Mistake(
            _with(of_g=lambda d, x_fake: -generator_loss(d(x_fake), saturating=True).mean()),
            "the generator minimises the discriminator's half of the loss: it learns to be recognised.",
        ),
        Mistake(
            _with(of_g=lambda d, x_fake: -g_loss(d, x_fake)),
            "the generator goes up its loss. The loss is written to be minimised.",
        ),
        Mistake(
            _own_noise,
            "you drew noise of your own. Use the z that was given: only so can a round be tested exactly.",
        ),
    ),
)
