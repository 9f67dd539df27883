r"""A game with an averaged generator beside it: a friend's loop, whose two faults hide each other.

The friend lets the average make the discriminator's generated points, and averages with the weights of old and new
exchanged. With a decay near 1 the average is then the generator itself, so that the first fault does nothing; with the
second one repaired alone the discriminator plays against a generator of long ago.

The average: Yazıcı et al. 2018, arXiv:1806.04498.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.objectives import discriminator_loss, generator_loss
from course_lib.probes.ex07 import averaged
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Mix = Callable[[Tensor, Tensor, float], Tensor]


def _cases(seed: int) -> list[Case]:
    """Three batches, one of one point, and float64; the average begins at weights of its own."""
    source = generator(seed)
    cases: list[Case] = []
    for calls, batch, dtype, rates, decay in [
        (3, 5, _F32, (0.3, 0.7), 0.8),
        (1, 1, _F32, (0.6, 0.4), 0.7),
        (4, 3, _F64, (0.4, 0.5), 0.9),
    ]:
        shapes = {
            "g_first": (4, 3),
            "g_second": (2, 4),
            "d_first": (5, 2),
            "d_second": (5,),
            "a_first": (4, 3),
            "a_second": (2, 4),
            "z": (calls, batch, 3),
        }
        case: dict[str, Tensor | float] = {
            name: away_from_zero(shape, source, 0.3, 0.9, dtype) for name, shape in shapes.items()
        }
        case["x"] = 1.5 + away_from_zero((calls, batch, 2), source, 0.2, 0.8, dtype)
        cases.append(case | {"g_lr": rates[0], "d_lr": rates[1], "decay": decay})
    return cases


def _old_and_new(old: Tensor, new: Tensor, decay: float) -> Tensor:
    return decay * old + (1 - decay) * new


def play(
    g: nn.Module,
    d: nn.Module,
    average: nn.Module,
    g_opt: Optimizer,
    d_opt: Optimizer,
    x: Tensor,
    z: Tensor,
    decay: float,
    *,
    mix: Mix = _old_and_new,
    fake: str = "generator",
    judged: str = "generator",
    when: str = "after",
    into: str = "average",
    followed: str = "generator",
    value: Callable[[list[Tensor]], Tensor] = torch.stack,
) -> Tensor:
    """The repaired game; what the names after the star change are the mistakes. Returns the discriminator's losses."""
    networks = {"generator": g, "average": average, "discriminator": d}

    @torch.no_grad()
    def follow() -> None:
        for old, new in zip(networks[into].parameters(), networks[followed].parameters(), strict=True):
            old.copy_(mix(old if into == "average" else new, new if into == "average" else old, decay))

    losses: list[Tensor] = []
    for x_now, z_now in zip(x, z, strict=True):
        if when == "before":
            follow()
        loss = discriminator_loss(d(x_now), d(networks[fake](z_now).detach())).loss
        d_opt.zero_grad()
        loss.backward()
        d_opt.step()
        losses.append(loss.detach())
        if when == "between":
            follow()
        g_opt.zero_grad()
        generator_loss(d(networks[judged](z_now))).mean().backward()
        g_opt.step()
        if when == "after":
            follow()
        if when == "once":
            follow()
            break
    if when == "end":
        follow()
    for parameter in average.parameters():
        parameter.grad = None
    return value(losses)


def _with(**parts: Any) -> Callable[..., Tensor]:
    return lambda *given: play(*given, **parts)


def _by_states(
    g: nn.Module,
    d: nn.Module,
    average: nn.Module,
    g_opt: Optimizer,
    d_opt: Optimizer,
    x: Tensor,
    z: Tensor,
    decay: float,
) -> list[Tensor]:
    """Another style: whole states, and a copy of the average that is loaded."""
    losses = []
    for i in range(len(x)):
        fake = g(z[i])
        loss = -torch.sigmoid(d(x[i])).log().mean() - torch.sigmoid(-d(fake.detach())).log().mean()
        d_opt.zero_grad()
        loss.backward()
        d_opt.step()
        g_opt.zero_grad()
        (-torch.sigmoid(d(fake)).log().mean()).backward()
        g_opt.step()
        state = copy.deepcopy(average.state_dict())
        for name, new in g.state_dict().items():
            state[name] = torch.lerp(new, state[name], decay)
        average.load_state_dict(state)
        losses.append(loss.detach())
    return losses


def _lerped(
    g: nn.Module,
    d: nn.Module,
    average: nn.Module,
    g_opt: Optimizer,
    d_opt: Optimizer,
    x: Tensor,
    z: Tensor,
    decay: float,
) -> Tensor:
    return play(g, d, average, g_opt, d_opt, x, z, decay, mix=lambda old, new, share: old.lerp(new, 1 - share))


def _which_network(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which of the three networks went wrong first: an average can't be right beside a wrong generator."""
    wrong = [
        n for n in expected if got[n].shape != expected[n].shape or not torch.allclose(got[n], expected[n], 1e-3)
    ]
    if wrong == ["the losses"]:
        return "all weights are right, but the losses aren't: return the discriminator's own, one for each batch."
    if wrong == ["the average's weights"]:
        before = torch.cat([torch.as_tensor(case[f"a_{layer}"]).flatten() for layer in ("first", "second")])
        if torch.allclose(got["the average's weights"], before):
            return "the game is right now, but the average never moves."
        return (
            "the game is right now; the average isn't. After each of the generator's steps it keeps `decay` of itself "
            "and takes the rest from the generator."
        )
    if "the discriminator's weights" in wrong or "the generator's weights" in wrong:
        return (
            "the game itself is another one: discriminator or generator don't go where a plain game takes them. The "
            "average only looks on: it makes no points that are judged, and the generator isn't changed by it."
        )
    return ""


AVERAGED_GAME = Task(
    name="averaged_game",
    points=2,
    cases=_cases,
    probe=averaged,
    explain=_which_network,
    reference=play,
    alternatives=(_by_states, _lerped),
    mistakes=(
        Mistake(
            _with(fake="average", mix=lambda old, new, decay: decay * new + (1 - decay) * old),
            "both faults are still there. Ask whose points the discriminator is shown, and how much of itself the "
            "average keeps.",
        ),
        Mistake(
            _with(fake="average"),
            "one fault is found, the other is still there, and hurts only now: the discriminator is shown the "
            "average's points. It learns to tell a generator of long ago, and the one that plays gets no answer to "
            "what it does. The average only looks on.",
        ),
        Mistake(
            _with(mix=lambda old, new, decay: decay * new + (1 - decay) * old),
            "one fault is found, the other is still there: the average keeps 1 - decay of itself, so near 1 it is "
            "the generator, with all its jumps. `decay` is what it keeps.",
        ),
        Mistake(
            _with(mix=lambda old, new, decay: new),
            "the average is a copy of the generator: it keeps nothing of itself.",
        ),
        Mistake(
            _with(fake="average", mix=lambda old, new, decay: new),
            "the average is a copy of the generator, it keeps nothing of itself; and the discriminator is shown its "
            "points.",
        ),
        Mistake(
            _with(mix=lambda old, new, decay: old),
            "the game is right now, but the average never moves: a new tensor was made, and the average's own "
            "weights are the old ones. Overwrite them (copy_, lerp_, .data).",
        ),
        Mistake(
            _with(fake="average", mix=lambda old, new, decay: old),
            "the average never moves, and the discriminator is shown its points.",
        ),
        Mistake(
            _with(judged="average"),
            "the generator never moves: in its turn the average's points are judged. The one that learns has to make "
            "them.",
        ),
        Mistake(
            _with(fake="average", judged="average"),
            "the average plays in the generator's place, in both turns; so the generator never moves. The average "
            "only looks on.",
        ),
        Mistake(
            _with(into="generator", followed="average"),
            "the generator was overwritten with the average. The average follows; the generator goes where its "
            "optimiser takes it.",
        ),
        Mistake(
            _with(when="before"),
            "the average follows before the step, so it is one step behind. It takes in the generator as it is after "
            "its step.",
        ),
        Mistake(
            _with(when="once"),
            "it ends after the first batch: the return stands inside the loop.",
        ),
        Mistake(
            _with(when="end"),
            "the average follows once, at the end: the loop's last line stands outside of the loop.",
        ),
        Mistake(
            _with(mix=lambda old, new, decay: decay * old + new),
            "the average's weights grow without end: what it takes from the generator has no weight. Both weights "
            "add up to 1.",
        ),
        Mistake(
            _with(mix=lambda old, new, decay: decay * old + decay * new),
            "both have the weight `decay`. The two weights add up to 1.",
        ),
        Mistake(
            _with(mix=lambda old, new, decay: (old + new) / 2),
            "decay plays no part: half and half was averaged.",
        ),
        Mistake(
            _with(mix=lambda old, new, decay: old + decay * (old - new)),
            "the average runs away from the generator: a sign is turned round.",
        ),
        Mistake(
            _with(value=lambda losses: torch.stack(losses).mean()),
            "the repairs are right, but the losses were averaged. One for each batch was asked for.",
        ),
        Mistake(
            _with(value=lambda losses: losses[-1]),
            "the repairs are right, but only the last loss was returned. One for each batch was asked for.",
        ),
    ),
)
