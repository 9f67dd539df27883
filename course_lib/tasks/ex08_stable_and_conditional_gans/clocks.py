r"""A game of two clocks, repaired: the critic moves in each round, the generator in every k-th, and each
player's rate falls with that player's own turns.

The friend's game has two faults: the players' turns are swapped, and the generator's rate follows the rounds, which are
the critic's clock, so that it is 0 after the k-th part of the game.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from course_lib.probes.ex07 import TwoLayers
from course_lib.probes.ex08 import ORDER, RATES, TURNS, two_clocks
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

Moves = Callable[[int, int], bool]
Rate = Callable[[int, int, int, int], float]


def _weights(source: torch.Generator) -> dict[str, Tensor]:
    return {
        "g_first": away_from_zero((5, 3), source, 0.3, 0.8),
        "g_second": away_from_zero((2, 5), source, 0.3, 0.8),
        "d_first": away_from_zero((5, 2), source, 0.2, 0.5),
        "d_second": away_from_zero((5,), source, 0.1, 0.15),
    }


def _logits(weights: dict[str, Tensor], x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """What the critic says at the start of all real points, and of all generated ones."""
    player, critic = (TwoLayers(weights[f"{who}_first"], weights[f"{who}_second"]) for who in "gd")
    with torch.no_grad():
        return critic(x.flatten(0, 1)), critic(player(z.flatten(0, 1)))


def _beyond(source: torch.Generator, x: Tensor, z: Tensor) -> dict[str, Tensor]:
    """Weights whose logits go beyond the hinge's margin.

    One in seven is between 1 and 2 on their right side, so that another margin is seen, and a fifth of the
    generated ones above 2, so that a hinge of the generator's is; no weight is so large that they fall below 1 within
    a few turns.
    """
    while True:
        weights = _weights(source)
        weights["d_second"] *= 2 / torch.cat(_logits(weights, x, z)).abs().median()
        real, fake = _logits(weights, x, z)
        told_apart = torch.cat([real, -fake])
        between = (told_apart > 1) & (told_apart < 2)
        steep = weights["d_second"].abs().max() > 6
        if not steep and between.double().mean() >= 0.15 and (fake > 2).double().mean() >= 0.2:
            return weights


def _cases(seed: int) -> list[Case]:
    """Rounds that critic_steps divides and that it doesn't; logits within the hinge's margin, and beyond it."""
    source = generator(seed)
    cases: list[Case] = []
    for rounds, critic_steps, size, g_lr, d_lr, beyond in (
        (12, 3, 4, 0.03, 0.01, False),
        (11, 2, 3, 0.01, 0.04, False),
        (7, 2, 24, 0.03, 0.01, True),
    ):
        x, z = (away_from_zero((rounds, size, width), source) for width in (2, 3))
        weights = _beyond(source, x, z) if beyond else _weights(source)
        cases.append({"x": x, "z": z} | weights | {"critic_steps": critic_steps, "g_lr": g_lr, "d_lr": d_lr})
    return cases


def _last(t: int, k: int) -> bool:
    return t % k == k - 1


def _always(t: int, k: int) -> bool:
    return True


def _set_rate(optimizer: Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _fall(done: float, all_of_them: float) -> float:
    return max(0.0, 1 - done / all_of_them)


def repaired_game(
    player: nn.Module,
    critic: nn.Module,
    x: Tensor,
    z: Tensor,
    critic_steps: int,
    g_lr: float,
    d_lr: float,
    *,
    g_moves: Moves = _last,
    d_moves: Moves = _always,
    g_rate: Rate = lambda t, done, rounds, k: _fall(done, rounds // k),
    d_rate: Rate = lambda t, done, rounds, k: _fall(done, rounds),
    generator_first: bool = False,
    d_turns: int = 1,
    clear: bool = True,
    d_sign: float = 1.0,
    g_sign: float = 1.0,
    new_noise: bool = False,
    judged: Callable[[nn.Module, Tensor], Tensor] = lambda critic, fake: critic(fake.detach()),
    margin: Callable[[Tensor], Tensor] = lambda t: F.relu(1 + t),
    g_loss: Callable[[Tensor], Tensor] = lambda logits: -logits.mean(),
    moving: bool = True,
) -> None:
    """The game by the book; what stands after the star is changed by mistakes. ``g_rate`` and ``d_rate``: the part of
    the rate that is left, by the round, the player's own turns so far, all rounds and critic_steps."""
    g_optimizer = Adam(player.parameters(), lr=g_lr, betas=(0.5, 0.9))
    d_optimizer = Adam(critic.parameters(), lr=d_lr, betas=(0.5, 0.9))
    done = {"g": 0, "d": 0}
    rounds, k = len(x), critic_steps

    def turn(optimizer: Optimizer, loss: Tensor, name: str) -> None:
        if clear:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        done[name] += 1

    def d_turn(t: int, real: Tensor, noise: Tensor) -> None:
        for _ in range(d_turns if d_moves(t, k) else 0):
            _set_rate(d_optimizer, d_lr * d_rate(t, done["d"], rounds, k))
            wrong = margin(-critic(real)).mean() + margin(judged(critic, player(noise))).mean()
            turn(d_optimizer, d_sign * wrong, "d")

    def g_turn(t: int, noise: Tensor) -> None:
        if g_moves(t, k):
            _set_rate(g_optimizer, g_lr * g_rate(t, done["g"], rounds, k))
            drawn = torch.randn_like(noise) if new_noise else noise
            fake = player(drawn)
            turn(g_optimizer, g_sign * g_loss(critic(fake if moving else fake.detach())), "g")

    for t, (real, noise) in enumerate(zip(x, z, strict=True)):
        if generator_first:
            g_turn(t, noise)
        d_turn(t, real, noise)
        if not generator_first:
            g_turn(t, noise)


def _by_rounds(
    player: nn.Module, critic: nn.Module, x: Tensor, z: Tensor, k: int, g_lr: float, d_lr: float
) -> None:
    """The same in another style: rounds in groups of k, rates set by lists, new groups of parameters' gradients."""
    rates = [g_lr * (1 - i / (len(x) // k)) for i in range(len(x) // k)]
    g_optimizer, d_optimizer = (Adam(n.parameters(), lr=1.0, betas=(0.5, 0.9)) for n in (player, critic))
    for t in range(len(x)):
        d_optimizer.param_groups[0]["lr"] = d_lr * (len(x) - t) / len(x)
        with torch.no_grad():
            fake = player(z[t])
        critic.zero_grad()
        ((1 - critic(x[t])).clamp(min=0).mean() + (1 + critic(fake)).clamp(min=0).mean()).backward()
        d_optimizer.step()
        if (t + 1) % k == 0:
            g_optimizer.param_groups[0]["lr"] = rates[t // k]
            player.zero_grad()
            critic(player(z[t])).mean().neg().backward()
            g_optimizer.step()


def _with(**parts: Any) -> Callable[..., Any]:
    def answer(*given: Any) -> None:
        repaired_game(*given, **parts)

    return answer


def _rates_swapped(player: Any, critic: Any, x: Tensor, z: Tensor, k: int, g_lr: float, d_lr: float) -> None:
    repaired_game(player, critic, x, z, k, d_lr, g_lr)


def _rate_by_steps(player: Any, critic: Any, x: Tensor, z: Tensor, k: int, g_lr: float, d_lr: float) -> None:
    repaired_game(player, critic, x, z, k, k * g_lr, d_lr)


_ROUNDS: Rate = lambda t, done, rounds, k: _fall(t, rounds // k)  # noqa: E731
_WHOLE: Rate = lambda t, done, rounds, k: _fall(t, rounds)  # noqa: E731
_CONSTANT: Rate = lambda t, done, rounds, k: 1.0  # noqa: E731
_OWN_SWAPPED: Rate = lambda t, done, rounds, k: _fall(t // k, rounds // k)  # noqa: E731


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """How often each player moved, in which order, and where its rates part from what they should be."""
    k = int(case["critic_steps"])
    whose = got[ORDER].tolist()
    first = whose.index(0.0) if 0.0 in whose else -1
    if first >= 0 and first != k:
        return (
            f"the generator's first turn comes after {first} of the critic's, and should come after {k}: the critic "
            "moves in each round, the generator after every critic_steps of them."
        )
    told = []
    for name in ("critic", "generator"):
        came, right = got[TURNS.format(name)][0].item(), expected[TURNS.format(name)][0].item()
        if came != right:
            told.append(
                f"the {name} took {came:g} turns in {len(torch.as_tensor(case['x']))} rounds, not {right:g}"
            )
    if not told and not torch.equal(got[ORDER], expected[ORDER]):
        return (
            "each player took as many turns as it should, and in another order: the generator's turn comes "
            "after every "
            f"{case['critic_steps']} of the critic's."
        )
    for name in ("critic", "generator"):
        rates, wanted = got[RATES.format(name)], expected[RATES.format(name)]
        off = (rates - wanted).abs() > 1e-6
        if not told and bool(off.any()):
            i = int(off.int().argmax())
            return (
                f"the {name}'s rate in its turn {i}, counted from 0, is {rates[i]:.3g}, and should be {wanted[i]:.3g}. "
                "Who moved when is right."
            )
    if not told:
        return (
            "turns, order and rates are right, the weights aren't: the losses, what is cut off before the critic "
            "judges, the batch of a round, its noise, the clearing of gradients, or Adam (its betas; made once, before "
            "the loop) aren't those of the friend's game. They were right there."
        )
    return " and ".join(told) + ". The critic moves in each round, the generator after every critic_steps of them."


REPAIRED_GAME = Task(
    name="repaired_game",
    points=3,
    cases=_cases,
    reference=repaired_game,
    alternatives=(_by_rounds, _with(g_rate=_OWN_SWAPPED)),
    probe=two_clocks,
    explain=_told,
    rtol=1e-3,
    atol=1e-4,
    mistakes=(
        Mistake(
            _with(g_moves=_always, d_moves=_last, g_rate=_ROUNDS, d_rate=_WHOLE),
            "both faults are still there. Count each player's turns, then look at the generator's rate in "
            "its last one.",
        ),
        Mistake(
            _with(g_rate=_ROUNDS),
            "one fault is left: the turns are right now, but the generator's rate falls with the rounds, "
            "the critic's clock, and is 0 long before its last turn. It falls with the generator's own "
            "turns.",
        ),
        Mistake(
            _with(g_moves=_always, d_moves=_last, g_rate=_OWN_SWAPPED, d_rate=_WHOLE),
            "one fault is left: the generator moves in each round and the critic in every k-th one. It is "
            "the critic that takes critic_steps turns for each of the generator's.",
        ),
        Mistake(
            _with(g_moves=_always, d_moves=_last, g_rate=_WHOLE, d_rate=_WHOLE),
            "one fault is left, the turns: the generator moves in each round and the critic in every k-th "
            "one. The rate was fitted to them. It is the critic that takes critic_steps turns for each of "
            "the generator's.",
        ),
        Mistake(
            _with(g_moves=_always, d_moves=_last, g_rate=_WHOLE, d_rate=_OWN_SWAPPED),
            "one fault is left, the turns: the generator moves in each round and the critic in every k-th "
            "one; both rates were fitted to them. It is the critic that takes critic_steps turns for each "
            "of the generator's.",
        ),
        Mistake(
            _with(g_rate=_WHOLE),
            "the turns are right, but the generator's rate falls with the rounds, over all rounds: nearly "
            "right, and still the critic's clock. In the generator's first turn its rate is g_lr, whatever "
            "round it is.",
        ),
        Mistake(
            _with(g_rate=lambda t, done, rounds, k: _fall(done, rounds)),
            "the generator's rate falls with its own turns, but over the number of the critic's: in its "
            "last turn most of the rate is left. The generator has len(x) // critic_steps turns.",
        ),
        Mistake(
            _with(g_rate=_CONSTANT),
            "the generator's rate no longer falls. It has a clock of its own: from g_lr in its first turn "
            "down, over len(x) // critic_steps turns.",
        ),
        Mistake(
            _with(g_rate=_CONSTANT, d_rate=_CONSTANT),
            "the rates no longer fall: both clocks are gone. Only the generator's was wrong.",
        ),
        Mistake(
            _with(d_rate=_CONSTANT),
            "the critic's rate no longer falls. It was right: from d_lr in its first turn down, over len(x) turns.",
        ),
        Mistake(
            _with(d_rate=_OWN_SWAPPED),
            "the critic's rate follows the generator's turns now. Each rate follows the turns of its own "
            "player, and the critic's was right.",
        ),
        Mistake(
            _with(d_rate=_ROUNDS),
            "the critic's rate falls to 0 in the k-th part of the game: it was given the generator's number "
            "of turns.",
        ),
        Mistake(
            _with(g_rate=lambda t, done, rounds, k: _fall(done + 1, rounds // k)),
            "the generator's clock is one turn ahead, so that its last turn has the rate 0. In its first "
            "turn the rate is g_lr.",
        ),
        Mistake(
            _rates_swapped,
            "the learning rates changed places. g_lr belongs to the generator, and that was right.",
        ),
        Mistake(
            _rate_by_steps,
            "the generator's rate was multiplied by critic_steps. Fewer turns are what two clocks are "
            "about; its rate is g_lr.",
        ),
        Mistake(
            _with(g_moves=lambda t, k: t % k == 0),
            "the generator moves in the first of critic_steps rounds, before the critic has had its turns. "
            "It moves after the last of them.",
        ),
        Mistake(
            _with(g_moves=lambda t, k: t > 0 and t % k == 0),
            "the generator moves after k + 1 turns of the critic at first: rounds are counted from 0, so "
            "the k-th is t = k - 1.",
        ),
        Mistake(
            _with(g_moves=_always, g_rate=_OWN_SWAPPED),
            "both players move in each round. The generator waits until the critic has had critic_steps turns.",
        ),
        Mistake(
            _with(g_moves=_always, g_rate=_ROUNDS),
            "both players move in each round, and the generator's rate is 0 after the k-th part of them. "
            "The generator waits until the critic has had critic_steps turns.",
        ),
        Mistake(
            _with(g_moves=_always, g_rate=_WHOLE),
            "both players move in each round, each over all of them. The generator waits until the critic "
            "has had critic_steps turns.",
        ),
        Mistake(
            _with(d_moves=lambda t, k: not _last(t, k)),
            "the players take turns in other rounds: where the generator moves, the critic doesn't. The "
            "critic moves in each round.",
        ),
        Mistake(
            _with(d_moves=lambda t, k: not _last(t, k), d_rate=_WHOLE),
            "the players take turns in other rounds: where the generator moves, the critic doesn't; its "
            "clock goes on. The critic moves in each round.",
        ),
        Mistake(
            _with(d_turns=2, d_rate=_WHOLE),
            "the critic moves twice in each round. One batch of real points is one turn of the critic's.",
        ),
        Mistake(
            lambda g, d, x, z, k, g_lr, d_lr: repaired_game(
                g, d, x, z, k, g_lr, d_lr, d_turns=k, d_rate=_WHOLE, g_moves=_always, g_rate=_WHOLE
            ),
            "in each round the critic takes critic_steps turns on one and the same batch, and the generator "
            "one. A round is one turn of the critic's, on a batch of its own; the generator moves after "
            "every critic_steps of them.",
        ),
        Mistake(
            _with(generator_first=True),
            "the generator moves before the critic in its round, and so is judged by the critic of the "
            "round before.",
        ),
        Mistake(
            _with(clear=False),
            "no gradient is ever cleared now: zero_grad() was right in the friend's game.",
        ),
        Mistake(
            _with(g_sign=-1.0),
            "the generator goes the other way now. The losses were right in the friend's game.",
        ),
        Mistake(
            _with(d_sign=-1.0),
            "the critic goes the other way now. The losses were right in the friend's game.",
        ),
        Mistake(
            _with(judged=lambda critic, fake: critic(fake).detach()),
            "the critic's own logits were cut off, so that it never hears of generated points. What is cut off is the "
            "generator's points: critic(fake.detach()), as in the friend's game.",
        ),
        Mistake(
            _with(moving=False),
            "the generator never moves: its points were cut off in its own turn too, and no gradient reaches it. Make "
            "them anew for that turn, without detach() and no_grad().",
        ),
        Mistake(
            _with(margin=lambda t: 1 + t),
            "the critic's loss has no hinge: without relu it is paid for what it knows already. The losses were right "
            "in the friend's game.",
        ),
        Mistake(
            _with(margin=lambda t: F.relu(2 + t)),
            "the hinge has another margin than 1. The losses were right in the friend's game.",
        ),
        Mistake(
            _with(g_loss=lambda logits: F.relu(1 - logits).mean()),
            "the generator was given a hinge too. Its loss is minus the mean logit, and was right in the friend's "
            "game.",
        ),
        Mistake(
            _with(new_noise=True),
            "the generator's turn has noise of its own. Both turns of a round use the noise that was given "
            "for it.",
        ),
    ),
)
