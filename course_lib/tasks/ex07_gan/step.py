r"""The game played: one step of both players, and which weights may move in it.

Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.objectives import discriminator_loss, generator_loss
from course_lib.probes.ex07 import two_steps
from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


def _step_cases(seed: int) -> list[Case]:
    """Two batches each: several points, one point, float64. The two learning rates differ."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, dtype in [(5, _F32), (1, _F32), (3, _F64)]:
        case: dict[str, Tensor | float] = {
            name: away_from_zero(shape, source, 0.3, 0.9, dtype)
            for name, shape in {
                "g_first": (4, 3),
                "g_second": (2, 4),
                "d_first": (5, 2),
                "d_second": (5,),
                "z": (2, batch, 3),
            }.items()
        }
        case["x"] = 1.5 + away_from_zero((2, batch, 2), source, 0.2, 0.8, dtype)
        cases.append(case | {"g_lr": 0.3, "d_lr": 0.7})
    return cases


def _d_loss(d: nn.Module, x: Tensor, x_fake: Tensor) -> Tensor:
    return discriminator_loss(d(x), d(x_fake)).loss


def _g_loss(d: nn.Module, x_fake: Tensor) -> Tensor:
    return generator_loss(d(x_fake)).mean()


def _update(optimizer: Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _right(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z)
    _update(d_opt, _d_loss(d, x, x_fake.detach()))
    _update(g_opt, _g_loss(d, x_fake))


def _drawn_twice(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    with torch.no_grad():
        x_fake = g(z)
    real_logits, fake_logits = d(torch.cat([x, x_fake])).chunk(2)
    _update(d_opt, discriminator_loss(real_logits, fake_logits).loss)
    _update(g_opt, _g_loss(d, g(z)))


def _by_autograd(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z)
    for optimizer, player, loss in (
        (d_opt, d, lambda: _d_loss(d, x, x_fake)),
        (g_opt, g, lambda: _g_loss(d, x_fake)),
    ):
        weights = list(player.parameters())
        retain = player is d  # x_fake isn't detached here: no other weight is asked for, so none gets a gradient
        for weight, gradient in zip(
            weights, torch.autograd.grad(loss(), weights, retain_graph=retain), strict=True
        ):
            weight.grad = gradient
        optimizer.step()


def _frozen(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    _update(d_opt, _d_loss(d, x, g(z).detach()))
    d.requires_grad_(False)
    _update(g_opt, _g_loss(d, g(z)))
    d.requires_grad_(True)


def _leaky(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    _update(d_opt, _d_loss(d, x, g(z)))
    _update(g_opt, _g_loss(d, g(z)))


def _tug_of_war(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    g_opt.zero_grad()
    _update(d_opt, _d_loss(d, x, g(z)))
    _g_loss(d, g(z)).backward()
    g_opt.step()


def _always_detached(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z).detach()
    _update(d_opt, _d_loss(d, x, x_fake))
    _update(g_opt, _g_loss(d, x_fake))


def _old_judge(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z)
    g_opt.zero_grad()
    _g_loss(d, x_fake).backward()
    _update(d_opt, _d_loss(d, x, x_fake.detach()))
    g_opt.step()


def _generator_first(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    _update(g_opt, _g_loss(d, g(z)))
    _update(d_opt, _d_loss(d, x, g(z).detach()))


def _accomplice(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    _update(d_opt, _d_loss(d, x, g(z).detach()))
    d_opt.zero_grad()
    _update(g_opt, _g_loss(d, g(z)))
    d_opt.step()


def _without_zero_grad(*, of_g: bool, of_d: bool) -> Callable[..., None]:
    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        if not of_d:
            d_opt.zero_grad()
        _d_loss(d, x, g(z).detach()).backward()
        d_opt.step()
        if not of_g:
            g_opt.zero_grad()
        _g_loss(d, g(z)).backward()
        g_opt.step()

    return answer


def _with_losses(
    of_d: Callable[..., Tensor] = _d_loss, of_g: Callable[..., Tensor] = _g_loss
) -> Callable[..., None]:
    """A step that is right but for the losses: ``of_d(d, x, x_fake)``, ``of_g(d, x_fake)``."""

    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        x_fake = g(z)
        _update(d_opt, of_d(d, x, x_fake.detach()))
        _update(g_opt, of_g(d, x_fake))

    return answer


def _idle(*, g_steps: bool, d_steps: bool) -> Callable[..., None]:
    """The gradients are computed, but a player doesn't move."""

    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        d_opt.zero_grad()
        _d_loss(d, x, g(z).detach()).backward()
        if d_steps:
            d_opt.step()
        g_opt.zero_grad()
        _g_loss(d, g(z)).backward()
        if g_steps:
            g_opt.step()

    return answer


def _own_noise(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    _right(g, d, g_opt, d_opt, x, torch.randn_like(z))


GAN_STEP = Task(
    name="gan_step",
    points=3,
    cases=_step_cases,
    probe=two_steps,
    reference=_right,
    alternatives=(_drawn_twice, _by_autograd, _frozen),
    mistakes=(
        Mistake(
            _leaky,
            "the weights are right, but the discriminator's loss was sent back through the generator as well. Only "
            "zero_grad saved you, and every step paid for it. Cut the generated points off before the discriminator's "
            "loss sees them.",
        ),
        Mistake(
            _tug_of_war,
            "the generator also moves along the gradient of the *discriminator's* loss, which wants its points to be "
            "recognised. Cut the generated points off before that loss sees them.",
        ),
        Mistake(
            _always_detached,
            "the generator never moves: its points are cut off in its own step too. There the gradient has to come "
            "through the discriminator to the generator.",
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
            "generator's step only the generator's optimiser steps.",
        ),
        Mistake(
            _without_zero_grad(of_g=True, of_d=True),
            "no gradient is ever cleared: each step adds to those before it. backward() adds; zero_grad() clears.",
        ),
        Mistake(
            _without_zero_grad(of_g=False, of_d=True),
            "the discriminator's gradients aren't cleared before its loss: what the generator's loss left in its "
            "weights is still there, and moves it.",
        ),
        Mistake(
            _without_zero_grad(of_g=True, of_d=False),
            "the generator's gradients aren't cleared before its loss: those of the step before are still there.",
        ),
        Mistake(
            _with_losses(of_d=lambda d, x, x_fake: discriminator_loss(d(x_fake), d(x)).loss),
            "real and generated points changed places in the discriminator's loss.",
        ),
        Mistake(
            _with_losses(of_d=lambda d, x, x_fake: -_d_loss(d, x, x_fake)),
            "the discriminator goes up its loss. The loss is written to be minimised.",
        ),
        Mistake(
            _with_losses(of_d=lambda d, x, x_fake: discriminator_loss(d(x), d(x)).loss),
            "the discriminator never sees a generated point: real ones stand in both places.",
        ),
        Mistake(
            _with_losses(of_d=lambda d, x, x_fake: 0.5 * _d_loss(d, x, x_fake)),
            "the discriminator takes half a step: a factor one half too much in its loss.",
        ),
        Mistake(
            _with_losses(of_g=lambda d, x_fake: generator_loss(d(x_fake), saturating=True).mean()),
            "the generator's loss is the saturating one, or minus the discriminator's. Use your generator_loss.",
        ),
        Mistake(
            _with_losses(of_g=lambda d, x_fake: -_g_loss(d, x_fake)),
            "the generator goes up its loss. The loss is written to be minimised.",
        ),
        Mistake(
            _with_losses(of_g=lambda d, x_fake: -generator_loss(d(x_fake), saturating=True).mean()),
            "the generator minimises the discriminator's loss: it learns to be recognised.",
        ),
        Mistake(
            _idle(g_steps=True, d_steps=False),
            "the discriminator never moves: its gradient is computed, but its optimiser doesn't step.",
        ),
        Mistake(
            _idle(g_steps=False, d_steps=True),
            "the generator never moves: its gradient is computed, but its optimiser doesn't step.",
        ),
        Mistake(
            _idle(g_steps=False, d_steps=False), "nobody moves: gradients are computed, but no optimiser steps."
        ),
        Mistake(
            _own_noise,
            "you drew noise of your own. Use the z that was given: only so can a step be tested exactly.",
        ),
    ),
)
