"""Steps of a GAN, right ones and wrong ones, each of both players, both optimisers, x and z."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.objectives import discriminator_loss, generator_loss
from course_lib.tasks.core import Case, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


def step_cases(seed: int) -> list[Case]:
    """Two batches each: several points, one point, float64, with learning rates that differ; and the exercise's
    last cell in small, six batches and Adam (a rate of 0 stands for it)."""
    source = generator(seed)
    cases: list[Case] = []
    for calls, batch, dtype, rates in [
        (2, 5, _F32, (0.3, 0.7)),
        (2, 1, _F32, (0.3, 0.7)),
        (2, 3, _F64, (0.3, 0.7)),
        (6, 4, _F64, (0.0, 0.0)),
    ]:
        case: dict[str, Tensor | float] = {
            name: away_from_zero(shape, source, 0.3, 0.9, dtype)
            for name, shape in {
                "g_first": (4, 3),
                "g_second": (2, 4),
                "d_first": (5, 2),
                "d_second": (5,),
                "z": (calls, batch, 3),
            }.items()
        }
        case["x"] = 1.5 + away_from_zero((calls, batch, 2), source, 0.2, 0.8, dtype)
        cases.append(case | {"g_lr": rates[0], "d_lr": rates[1]})
    return cases


def d_loss(d: nn.Module, x: Tensor, x_fake: Tensor) -> Tensor:
    return discriminator_loss(d(x), d(x_fake)).loss


def g_loss(d: nn.Module, x_fake: Tensor) -> Tensor:
    return generator_loss(d(x_fake)).mean()


def update(optimizer: Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def right(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z)
    update(d_opt, d_loss(d, x, x_fake.detach()))
    update(g_opt, g_loss(d, x_fake))


def drawn_twice(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    with torch.no_grad():
        x_fake = g(z)
    real_logits, fake_logits = d(torch.cat([x, x_fake])).chunk(2)
    update(d_opt, discriminator_loss(real_logits, fake_logits).loss)
    update(g_opt, g_loss(d, g(z)))


def by_autograd(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z)
    for optimizer, player, loss in (
        (d_opt, d, lambda: d_loss(d, x, x_fake)),
        (g_opt, g, lambda: g_loss(d, x_fake)),
    ):
        weights = list(player.parameters())
        retain = player is d  # x_fake isn't detached here: no other weight is asked for, so none gets a gradient
        for weight, gradient in zip(
            weights, torch.autograd.grad(loss(), weights, retain_graph=retain), strict=True
        ):
            weight.grad = gradient
        optimizer.step()


def frozen(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    update(d_opt, d_loss(d, x, g(z).detach()))
    d.requires_grad_(False)
    update(g_opt, g_loss(d, g(z)))
    d.requires_grad_(True)


def in_parts(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    for optimizer, loss in (
        (d_opt, lambda x_one, z_one: d_loss(d, x_one, g(z_one).detach())),
        (g_opt, lambda _, z_one: g_loss(d, g(z_one))),
    ):
        optimizer.zero_grad()
        for x_one, z_one in zip(x.split(1), z.split(1), strict=True):
            (loss(x_one, z_one) / len(x)).backward()
        optimizer.step()


def leaky(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    update(d_opt, d_loss(d, x, g(z)))
    update(g_opt, g_loss(d, g(z)))


def tug_of_war(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    g_opt.zero_grad()
    update(d_opt, d_loss(d, x, g(z)))
    g_loss(d, g(z)).backward()
    g_opt.step()


def always_detached(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z).detach()
    update(d_opt, d_loss(d, x, x_fake))
    update(g_opt, g_loss(d, x_fake))


def old_judge(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    x_fake = g(z)
    g_opt.zero_grad()
    g_loss(d, x_fake).backward()
    update(d_opt, d_loss(d, x, x_fake.detach()))
    g_opt.step()


def generator_first(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    update(g_opt, g_loss(d, g(z)))
    update(d_opt, d_loss(d, x, g(z).detach()))


def accomplice(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    update(d_opt, d_loss(d, x, g(z).detach()))
    d_opt.zero_grad()
    update(g_opt, g_loss(d, g(z)))
    d_opt.step()


def without_zero_grad(*, of_g: bool, of_d: bool) -> Callable[..., None]:
    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        if not of_d:
            d_opt.zero_grad()
        d_loss(d, x, g(z).detach()).backward()
        d_opt.step()
        if not of_g:
            g_opt.zero_grad()
        g_loss(d, g(z)).backward()
        g_opt.step()

    return answer


def with_losses(of_d: Callable[..., Tensor] = d_loss, of_g: Callable[..., Tensor] = g_loss) -> Callable[..., None]:
    """A step that is right but for the losses: ``of_d(d, x, x_fake)``, ``of_g(d, x_fake)``."""

    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        x_fake = g(z)
        update(d_opt, of_d(d, x, x_fake.detach()))
        update(g_opt, of_g(d, x_fake))

    return answer


def turns(
    d_turn: tuple[str, ...] = ("zero", "backward", "step"), g_turn: tuple[str, ...] = ("zero", "backward", "step")
) -> Callable[..., None]:
    """The right losses, each turn's lines in another order or with some missing."""

    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        for lines, optimizer, loss in (
            (d_turn, d_opt, lambda: d_loss(d, x, g(z).detach())),
            (g_turn, g_opt, lambda: g_loss(d, g(z))),
        ):
            for line in lines:
                if line == "zero":
                    optimizer.zero_grad()
                elif line == "backward":
                    loss().backward()
                else:
                    optimizer.step()

    return answer


def sum_of_both(*, detached: bool) -> Callable[..., None]:
    """One backward of the sum, and both optimisers."""

    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        g_opt.zero_grad()
        d_opt.zero_grad()
        x_fake = g(z)
        (d_loss(d, x, x_fake.detach() if detached else x_fake) + g_loss(d, x_fake)).backward()
        d_opt.step()
        g_opt.step()

    return answer


def swapped(*, detached: bool) -> Callable[..., None]:
    """Each loss with the other player's optimiser."""

    def answer(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
        x_fake = g(z)
        update(g_opt, d_loss(d, x, x_fake.detach() if detached else x_fake))
        update(d_opt, g_loss(d, g(z)))

    return answer


def unclear(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    """The discriminator is cleared after its step, so that it keeps what the generator's loss leaves in it."""
    d_loss(d, x, g(z).detach()).backward()
    d_opt.step()
    d_opt.zero_grad()
    update(g_opt, g_loss(d, g(z)))


def own_noise(g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor) -> None:
    right(g, d, g_opt, d_opt, x, torch.randn_like(z))


def own_noise_for_the_generator(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor
) -> None:
    update(d_opt, d_loss(d, x, g(z).detach()))
    update(g_opt, g_loss(d, g(torch.randn_like(z))))
