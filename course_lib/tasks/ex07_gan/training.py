r"""A GAN on a ring of eight Gaussians, trained by the learner's own round. Both players' parameters come back.

With gamma = 0.1 and 500 rounds one right game in fifty still held only three modes: it had lost the others at the start
and wins them back after 500 to 800 rounds. With 0.3 none of 190 had lost one at 500 rounds; hence 0.3, and 800 rounds,
after which 69 % or more of the samples are good, 88 % at the median. With a momentum of 0.9 it is 3 to 51 %.
In the second training, of 60 rounds with gamma = 30, the discriminator's slope is 0.014 to 0.027 (root of the mean
square); with gamma = 0.3 it is 0.15 to 0.23.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.models import ToyDiscriminator, ToyGenerator
from course_lib.objectives import discriminator_loss, r1_penalty
from course_lib.probes.ex07_ring import PROCESS, trained_ring
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.ex07_gan.modes import count_modes
from course_lib.tasks.ex07_gan.round import PLAY_ROUND
from course_lib.tasks.ex07_gan.round import play as play_round
from course_lib.tasks.training import NO_GRADIENT, UNCLEARED

NUM_STEPS, GAMMA, BATCH, LR = 800, 0.3, 128, 2e-3
NUM_MODES, STD, NUM_POINTS = 8, 0.1, 4_000
QUALITY, LEAST, NUM_SAMPLES = 0.6, 50, 2_500
FEW, OTHER_GAMMA, STEEP = 60, 30.0, 0.06

OTHER_NETWORK = "other networks came back. Make them with new_players(seed), and return both, the generator first."
EXCHANGED = "the discriminator came back first. Return generator, discriminator, in this order."
NOT_FINITE = "training ran off to infinity or nan. A smaller learning rate helps; so do losses on logits."
NO_STEP = (
    "no optimiser of the networks that came back took a step. Make them once, before the loop, and play rounds."
)
NOT_THE_GENERATOR = (
    "no optimiser of the generator that came back took a step: it is as new_players(seed) made it. Its optimiser needs "
    "the parameters of that very generator."
)
NOT_THE_DISCRIMINATOR = (
    "no optimiser of the discriminator that came back took a step. Its optimiser needs the parameters of that very "
    "discriminator."
)
NO_ROUND = "the optimisers stepped, and nothing moved. Each player's gradient has to reach its own weights."
FEW_STEPS = "it took fewer rounds than num_steps asks for."
MORE_STEPS = "it took far more steps than num_steps asks for, so what came out can't be compared."
STEPS_FIXED = (
    "num_steps plays no part, or not alone: a second training, with another one, took another number of rounds."
)
SEED_FIXED = (
    "seed plays no part: a second training, with another seed, didn't begin with the weights of new_players(seed)."
)
GAMMA_FIXED = (
    "gamma plays no part: in a second training, with a large one, the discriminator became as steep as with a small "
    "one. Hand play_round the argument, not a number."
)
NO_PENALTY = (
    "the penalty plays no part: nobody asked for the discriminator's gradient with respect to real points. It is part "
    "of a round."
)
SMALL_STEPS = "the steps are too small: it learned, but not far enough. Adam with 2e-3 was asked for."
LARGE_STEPS = "the steps are too large: the players throw each other about. Adam with 2e-3 was asked for."
MOMENTUM = (
    "an optimiser has momentum: Adam's first beta is 0.9 by itself, and betas=(0.0, 0.99) was asked for. Old gradients "
    "point to where the opponent was."
)
SMALL_BATCH = "the batches are small, so that both players follow noise. 128 points in each round were asked for."
LARGE_BATCH = "the batches are large: 128 points in each round were asked for."
FEW_POINTS = "the discriminator saw only a few of the points in x. Draw each batch at random from all of them."
NO_POINTS = "the discriminator was never given points of x: real points are rows of x, as they are."
ONE_NOISE = (
    "the generator was given the same noise in every round. It learns these few codes and nothing between: draw z "
    "anew, inside the loop."
)
NEW_OPTIMIZERS = (
    "a new optimiser took every step or so. Adam's running averages then start anew each time: make both once, before "
    "the loop."
)
ONE_OPTIMIZER = (
    "one optimiser holds the weights of both players, so each turn moves both. Each player gets its own."
)
COLLAPSED = (
    "modes are missing: the generator makes some places well and others not at all. Is the penalty part of every "
    "round, and the noise normal and new in each?"
)
SPREAD = (
    "too few of the points lie on a mode: the generator hasn't found them, or not yet. Is it judged by the new "
    "discriminator, on points that carry its gradient? Does its noise come from N(0, I)?"
)


class Players(NamedTuple):
    generator: ToyGenerator
    discriminator: ToyDiscriminator


def new_players(seed: int) -> Players:
    """The untrained players of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return Players(ToyGenerator(latent_dim=2), ToyDiscriminator())


def _centers(seed: int) -> Tensor:
    """Eight places on a circle, turned and sized by the seed."""
    turn, size = torch.rand(2, generator=generator(seed), dtype=torch.float64).tolist()
    angle = 2 * math.pi * (torch.arange(NUM_MODES) + turn) / NUM_MODES
    return (0.95 + 0.1 * size) * torch.stack([angle.cos(), angle.sin()], dim=1)


def _cases(seed: int) -> list[Case]:
    """Points of a ring; and the same for a few rounds, with other numbers."""
    source, number = generator(seed), seed % 1000
    mode = torch.randint(NUM_MODES, (NUM_POINTS,), generator=source)
    x = _centers(number)[mode] + STD * torch.randn(NUM_POINTS, 2, generator=source)
    return [
        {"x": x, "num_steps": NUM_STEPS, "seed": number, "gamma": GAMMA},
        {"x": x, "num_steps": FEW, "seed": 1 + (number + 500) % 1000, "gamma": OTHER_GAMMA},
    ]


def train_ring(
    x: Tensor,
    num_steps: int,
    seed: int,
    gamma: float,
    *,
    lr: float = LR,
    betas: tuple[float, float] = (0.0, 0.99),
    batch: int = BATCH,
    points: Callable[[Tensor], Tensor] = lambda x: x,
    same_noise: bool = False,
    new_optimizers: bool = False,
    one_optimizer: bool = False,
    a_round: Callable[..., None] = play_round,
    returned: Callable[[Players], Any] = lambda players: players,
) -> Any:
    """A ring by the book; what the names after the star change are the mistakes."""
    players = new_players(seed)
    torch.manual_seed(seed)
    x, z = points(x), torch.randn(batch, 2)

    def optimizers() -> Sequence[Optimizer]:
        if one_optimizer:
            return 2 * [torch.optim.Adam([p for player in players for p in player.parameters()], lr, betas)]
        return [torch.optim.Adam(player.parameters(), lr, betas) for player in players]

    both = optimizers()
    for _ in range(num_steps):
        both = optimizers() if new_optimizers else both
        z = z if same_noise else torch.randn(batch, 2)
        a_round(*players, *both, x[torch.randint(len(x), (batch,))], z, gamma)
    return returned(players)


def _by_epochs(x: Tensor, num_steps: int, seed: int, gamma: float) -> Players:
    """The same in another style: shuffled epochs, and the second beta's default."""
    source, players = generator(seed), new_players(seed)
    torch.manual_seed(seed)
    g_opt, d_opt = (torch.optim.Adam(player.parameters(), LR, (0.0, 0.999)) for player in players)
    batches = [b for _ in range(num_steps // 30 + 1) for b in torch.randperm(len(x), generator=source).split(125)]
    for index in batches[:num_steps]:
        play_round(*players, g_opt, d_opt, x[index], torch.randn(len(index), 2), gamma)
    return players


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes players whose generator covers all modes with good samples, trained as it was asked for."""
    told = outputs.get(PROCESS, torch.zeros(0)).double()
    own = {name: x for name, x in outputs.items() if name != PROCESS}
    seed = int(case["seed"])
    modules = nn.ModuleDict(dict(new_players(seed)._asdict()))
    fresh = {name: x.clone() for name, x in modules.state_dict().items()}
    shapes = {name: x.shape for name, x in own.items()}
    if shapes != {name: x.shape for name, x in fresh.items()}:
        other = {
            name.replace("generator", "?").replace("discriminator", "generator").replace("?", "discriminator")
            for name in shapes
        }
        back = other == set(fresh) and shapes["generator.4.weight"][0] == 1
        return Verdict(
            "wrong", "The parameters that came back don't fit the networks.", EXCHANGED if back else OTHER_NETWORK
        )
    if not all(x.is_floating_point() and bool(x.isfinite().all()) for x in own.values()):
        return Verdict("wrong", "There are parameters that aren't finite numbers.", NOT_FINITE)
    process = Process(*told.tolist()) if told.shape == (len(Process._fields),) else None
    modules.load_state_dict(own)
    if case["num_steps"] == FEW:
        hint = _by_arguments(case, modules, fresh, process)
        numbers = f"num_steps={FEW}, seed={seed}, gamma={OTHER_GAMMA:g}"
        said = f"The second training was called with {numbers}.{_in_numbers(process)}"
        return Verdict("wrong", said, hint) if hint else Verdict("right")
    modes, quality, kl = worth(modules["generator"], seed)
    enough = modes == NUM_MODES and quality >= QUALITY
    message = (
        f"Of {NUM_SAMPLES} samples {quality:.0%} lie within 3 std of a mode, at least {QUALITY:.0%} should; {modes} of "
        f"{NUM_MODES} modes have {LEAST} of them or more, all should (reverse KL {kl:.2f} nats).{_in_numbers(process)}"
    )
    otherwise = _otherwise(case, process)
    if enough:
        return Verdict("wrong", message, otherwise) if otherwise else Verdict("right")
    still = all(torch.equal(own[name], fresh[name]) for name in fresh if name.startswith("generator"))
    return Verdict("wrong", message, otherwise or (NO_ROUND if still else _diagnosis(quality)))


def worth(player: nn.Module, seed: int) -> tuple[int, float, float]:
    """Modes with enough good samples, the share of good ones, and the reverse KL, of a ring's generator."""
    with torch.no_grad():
        samples = player(torch.randn(NUM_SAMPLES, 2, generator=generator(1)))
    modes, quality, kl = count_modes(samples, _centers(seed), STD, LEAST)
    return int(modes), float(quality), float(kl)


class Process(NamedTuple):
    """How it was trained; see the probe."""

    g_steps: float
    d_steps: float
    shared_steps: float
    optimizers: float
    g_lr: float
    d_lr: float
    batch: float
    real: float
    noise: float
    wanted: float
    momentum: float
    uncleared: float
    empty: float


def _in_numbers(process: Process | None) -> str:
    if process is None:
        return ""
    return (
        f"\nSeen while it ran: {process.g_steps:g} steps of the generator, {process.d_steps:g} of the discriminator, "
        f"learning rates {process.g_lr:.2g} and {process.d_lr:.2g}, batches of {process.batch:g}."
    )


def _otherwise(case: Case, process: Process | None) -> str:
    """What was done otherwise than asked, whatever came of it; empty if nothing was."""
    if process is None:
        return NO_STEP
    num_steps, rate = int(case["num_steps"]), max(process.g_lr, process.d_lr)
    seen = (
        (process.g_steps == process.d_steps == 0, NO_STEP),
        (process.g_steps == 0, NOT_THE_GENERATOR),
        (process.d_steps == 0, NOT_THE_DISCRIMINATOR),
        (process.shared_steps > 0, ONE_OPTIMIZER),
        (process.optimizers > 10, NEW_OPTIMIZERS),
        (process.empty > 0.4, NO_GRADIENT),
        (process.uncleared > 0.4, UNCLEARED),
        (process.real == 0, NO_POINTS),
        (max(process.g_steps, process.d_steps) > 1.5 * num_steps, MORE_STEPS),
        (min(process.g_steps, process.d_steps) < 0.7 * num_steps, FEW_STEPS),
        (rate > 0.015, LARGE_STEPS),
        (rate < 5e-4, SMALL_STEPS),
        (process.momentum > 0.3, MOMENTUM),
        (process.wanted < 0.05, NO_PENALTY),
        (process.batch < 40, SMALL_BATCH),
        (process.batch > 600, LARGE_BATCH),
        (process.real < 0.5, FEW_POINTS),
        (process.noise < 0.1, ONE_NOISE),
    )
    return next((hint for found, hint in seen if found), "")


def _diagnosis(quality: float) -> str:
    return COLLAPSED if quality >= QUALITY else SPREAD


def _by_arguments(case: Case, modules: nn.ModuleDict, fresh: Outputs, process: Process | None) -> str:
    """Which argument plays no part in a training of a few rounds; empty if all do."""
    if process and not (0.5 < process.g_steps / FEW < 1.5 and 0.5 < process.d_steps / FEW < 1.5):
        return STEPS_FIXED
    now, then = (torch.cat([x.flatten() for x in state.values()]) for state in (modules.state_dict(), fresh))
    if torch.cosine_similarity(now, then, dim=0) < 0.5:
        return SEED_FIXED
    x = torch.as_tensor(case["x"])
    slope = (2 * r1_penalty(modules["discriminator"], x).mean()).sqrt().item()
    return GAMMA_FIXED if slope > STEEP else ""


def _with(**parts: Any) -> Callable[..., Any]:
    return partial(train_ring, **parts)


def _round_of(**parts: Any) -> Callable[..., Any]:
    """A training whose rounds are wrong in this way."""
    return partial(train_ring, a_round=partial(play_round, **parts))


def _ignoring(**fixed: float) -> Callable[..., Any]:
    """A training in which these arguments have one value, whatever comes."""
    return lambda x, num_steps, seed, gamma: train_ring(
        x, **({"num_steps": num_steps, "seed": seed, "gamma": gamma} | fixed)
    )


def _positive_noise(
    g: nn.Module, d: nn.Module, g_opt: Optimizer, d_opt: Optimizer, x: Tensor, z: Tensor, c: float
) -> None:
    play_round(g, d, g_opt, d_opt, x, z.sigmoid(), c)


def _other_returned(which: int) -> Callable[..., Any]:
    """A trained game of which one player is made anew at the end."""

    def answer(x: Tensor, num_steps: int, seed: int, gamma: float) -> Players:
        trained, fresh = train_ring(x, num_steps, seed, gamma), new_players(seed)
        if which == 0:
            return Players(fresh.generator, trained.discriminator)
        return Players(trained.generator, fresh.discriminator)

    return answer


def _nan(players: Players) -> Players:
    nn.init.constant_(next(players.generator.parameters()), float("nan"))
    return players


def _steps(factor: float) -> Callable[..., Any]:
    return lambda x, num_steps, seed, gamma: train_ring(x, round(factor * num_steps), seed, gamma)


TRAIN_RING = Task(
    name="train_ring",
    points=3,
    cases=_cases,
    reference=train_ring,
    alternatives=(_by_epochs, *(partial(train_ring, a_round=other) for other in PLAY_ROUND.alternatives)),
    probe=trained_ring,
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(
            _with(returned=lambda players: (nn.Sequential(*players[0], nn.Linear(2, 2)), players[1])),
            OTHER_NETWORK,
        ),
        Mistake(_with(returned=lambda players: players[::-1]), EXCHANGED),
        Mistake(_with(returned=_nan), NOT_FINITE),
        Mistake(lambda x, num_steps, seed, gamma: new_players(seed), NO_STEP),
        Mistake(_other_returned(0), NOT_THE_GENERATOR),
        Mistake(_other_returned(1), NOT_THE_DISCRIMINATOR),
        Mistake(_with(one_optimizer=True), ONE_OPTIMIZER),
        Mistake(_with(new_optimizers=True), NEW_OPTIMIZERS),
        Mistake(_round_of(d_turn=("backward", "zero", "step"), g_turn=("backward", "zero", "step")), NO_GRADIENT),
        Mistake(_round_of(d_turn=("backward", "step"), g_turn=("backward", "step")), UNCLEARED),
        Mistake(_with(points=lambda x: x * 2 - 0.01), NO_POINTS),
        Mistake(_steps(2), MORE_STEPS),
        Mistake(_steps(0.3), FEW_STEPS),
        Mistake(_with(lr=0.05), LARGE_STEPS),
        Mistake(_with(lr=1e-4), SMALL_STEPS),
        Mistake(_round_of(of_d=lambda d, x, x_fake, c: discriminator_loss(d(x), d(x_fake)).loss), NO_PENALTY),
        Mistake(_with(batch=8), SMALL_BATCH),
        Mistake(_with(batch=1_000), LARGE_BATCH),
        Mistake(_with(points=lambda x: x[:256]), FEW_POINTS),
        Mistake(_with(same_noise=True), ONE_NOISE),
        Mistake(_with(betas=(0.5, 0.99)), MOMENTUM),
        Mistake(_with(a_round=_positive_noise), SPREAD),
        Mistake(_with(points=lambda x: x[x[:, 0] > -0.6]), COLLAPSED),
        Mistake(_ignoring(num_steps=NUM_STEPS), STEPS_FIXED),
        Mistake(_ignoring(seed=0), SEED_FIXED),
        Mistake(_ignoring(gamma=GAMMA), GAMMA_FIXED),
    ),
)
