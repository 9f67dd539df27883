r"""A conditional GAN in the plane, of four classes with two clusters each. Its generator is measured here.

The game is made of the exercise's own parts: paired losses, a critic whose layers stretch by 1 at most, and labels by
projection. Whether the class is got that was asked for, and whether both clusters of each class are found, are measured
from the generator's weights on noise of our own.

A second, short game has another number of steps and another seed, and both have to count.

Over 8 secrets, in two styles each, 500 steps give 96.8 to 98.7 % of the points in the class asked for and all eight
clusters, with at least 73 % of the points within four standard deviations of one. With rates of 2e-4 they give 24 %
and one cluster.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.probes.ex08 import GAME, trained_game
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.ex08_stable_and_conditional_gans.pairs import relativistic_losses
from course_lib.tasks.ex08_stable_and_conditional_gans.projection import projection_logits
from course_lib.tasks.ex08_stable_and_conditional_gans.stretch import spectral_norm

NUM_STEPS, BATCH, RATE = 500, 128, 5e-3
NUM_CLASSES, NUM_MODES, NOISE_DIM, HIDDEN_DIM = 4, 8, 4, 32
RADIUS, STD = 2.0, 0.1
ASKED = 0.9  # of the points have to be nearest to a cluster of their class
FOUND = 0.05  # of a cluster's fair share of points have to lie near it
_NEAR = 4.0  # standard deviations
_NUM_POINTS = 4000
_NUM_NUMBERS = 18  # in the account of the game
FEW = 30  # steps of the second game

_OTHER_NETWORK = (
    "another network came back. Make both players with new_players(seed), and return the generator itself."
)
_NOT_FINITE = "the generator's parameters aren't finite numbers any more: the game ran off. Smaller rates help."
_NO_STEP = (
    "the generator came back as new_players(seed) made it: no step of an optimiser moved it. Each turn is "
    "zero_grad(), backward() and step() of an optimiser that holds its parameters."
)
_NO_CRITIC = (
    "the critic never moved: its optimiser took no step. Without a critic that learns, the generator learns "
    "nothing."
)
_NOT_THE_PLAYER = (
    "the generator that came back isn't the one that played: no optimiser moved its weights. Return that one itself, "
    "not a copy, an average or a network made anew."
)
_STEPS_FIXED = "num_steps plays no part: a second game, with other num_steps, had another number of turns."
_SEED_FIXED = (
    "seed plays no part, or the players weren't made by new_players(seed): a second game, with another seed, didn't "
    "begin with its weights."
)
_STILL = (
    "the critic took its turns without a gradient, and so it never moved. zero_grad() stands before backward(), and "
    "step() after it."
)
_MOMENTUM = "an optimiser has another momentum than was asked for: betas=(0.5, 0.9). Adam's own first beta is 0.9."
_FIRST = (
    "the generator took the first turn. The critic moves first in each step, so that the generator is judged by the "
    "critic as it is after its turn."
)
_ONE_NOISE = "the same noise came again and again. Draw new noise, (128, 4), in each step."
_NOT_NORMAL = "the noise isn't normal: torch.randn(128, 4), a row for each point, with mean 0 and deviation 1."
_ONE_OPTIMISER = "one optimiser held both players. Each has its own, and its own rate."
_SHUFFLED = (
    "real points were judged under labels of other points. One index has to pick both: x[index] and y[index]."
)
_OTHER_LABEL = (
    "generated points were judged under another label than the one that they were made for, so that the "
    "generator's label means nothing. One y goes to the generator and, with its points, to the critic."
)
_UNCLEARED = (
    "the gradients of the {} are never cleared: each backward() adds to what all turns before it have left."
)
_MORE_STEPS = "the generator took far more turns than num_steps asks for, so what came out can't be compared."
_FEW_STEPS = "the generator took fewer turns than num_steps asks for: it learned, but not far enough."
_CRITIC_MORE = "the critic took several turns for each of the generator's. One each was asked for."
_CRITIC_FEW = "the critic took fewer turns than the generator. One each was asked for."
_SMALL_BATCH = "the batches are small, so the gradients are noisy. 128 points in each step were asked for."
_LARGE_BATCH = "the batches are large. 128 points in each step were asked for."
_FEW_POINTS = "only a few of the points in x were ever used. Draw each batch at random from all of them."
_SMALL_RATE = "the {}'s steps are too small: a rate of about 5e-3 was asked for."
_LARGE_RATE = "the {}'s steps are too large: a rate of about 5e-3 was asked for."
_WRONG_WAY = (
    "the points lie nowhere near the data. Each player goes down its own loss, the critic the first of "
    "relativistic_losses, the generator the second; and what is cut off in the critic's turn are the generated points, "
    "critic(fake.detach(), label), not its logits."
)
_UNHEEDED = (
    "labels were paired rightly, and still the class asked for isn't the class got. Did the loss of *both* "
    "players come from the critic with its labels, and does projection_logits pass its check?"
)
_DROPPED = (
    "the classes are right, and a cluster was lost: the critic let the generator put a class on one of its "
    "two clusters. Does each player's loss hang on the pair's gap (task 1), judged by the critic as it is "
    "now? Are the critic's gradients cleared right before its own backward()?"
)
_NOT_YET = (
    "it learns, but not well enough, and steps, rates, batches and labels aren't the reason. Are the "
    "critic's gradients cleared right before its own backward(), and is the generator judged by the critic "
    "as it is after its turn?"
)


class Generator(nn.Module):
    """Noise (B, 4) and labels (B,) to points (B, 2): the exercise's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(NOISE_DIM + NUM_CLASSES, HIDDEN_DIM)
        self.second, self.last = nn.Linear(HIDDEN_DIM, HIDDEN_DIM), nn.Linear(HIDDEN_DIM, 2)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        x = torch.cat([z, F.one_hot(y, NUM_CLASSES).to(z.dtype)], dim=1)
        x = F.leaky_relu(self.first(x), 0.2)
        points: Tensor = self.last(F.leaky_relu(self.second(x), 0.2))
        return points


class Critic(nn.Module):
    """Points (B, 2) and labels (B,) to logits (B,), with layers that stretch by 1 at most: the exercise's own."""

    u_first: Tensor
    u_second: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, HIDDEN_DIM), nn.Linear(HIDDEN_DIM, HIDDEN_DIM)
        self.head = nn.Linear(HIDDEN_DIM, 1)
        self.v = nn.Parameter(torch.randn(NUM_CLASSES, HIDDEN_DIM) / HIDDEN_DIM**0.5)
        self.register_buffer("u_first", torch.randn(HIDDEN_DIM))
        self.register_buffer("u_second", torch.randn(HIDDEN_DIM))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        sigma, self.u_first = spectral_norm(self.first.weight, self.u_first, 1)
        hidden = F.leaky_relu(F.linear(x, self.first.weight / sigma, self.first.bias), 0.2)
        sigma, self.u_second = spectral_norm(self.second.weight, self.u_second, 1)
        features = F.leaky_relu(F.linear(hidden, self.second.weight / sigma, self.second.bias), 0.2)
        logits: Tensor = projection_logits(features, y, self.v, self.head)
        return logits


def new_players(seed: int) -> tuple[Generator, Critic]:
    """The untrained players of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return Generator(), Critic()


def centers() -> Tensor:
    """The clusters' centres on a ring, (8, 2); the classes go round it twice."""
    angle = 2 * math.pi * torch.arange(NUM_MODES) / NUM_MODES
    return RADIUS * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)


def labelled_points(num_points: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points (N, 2) and their labels (N,)."""
    mode = torch.randint(NUM_MODES, (num_points,), generator=source)
    return centers()[mode] + STD * torch.randn(num_points, 2, generator=source), mode % NUM_CLASSES


def _cases(seed: int) -> list[Case]:
    """Labelled points; and the same for a few steps, with another seed."""
    x, y = labelled_points(2000, generator(seed))
    return [
        {"x": x, "y": y, "num_steps": NUM_STEPS, "seed": seed % 1000},
        {"x": x, "y": y, "num_steps": FEW, "seed": 1 + (seed + 500) % 1000},
    ]


def train_conditional_gan(
    x: Tensor,
    y: Tensor,
    num_steps: int,
    seed: int,
    *,
    g_lr: float = RATE,
    d_lr: float = RATE,
    batch: int = BATCH,
    real_labels: Callable[[Tensor], Tensor] = lambda y: y,
    judged_labels: Callable[[Tensor], Tensor] = lambda y: y,
    losses: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = relativistic_losses,
    g_turns: int = 1,
    d_turns: int = 1,
    cleared: str = "gd",
    order: str = "dg",
    one_optimiser: bool = False,
    betas: tuple[float, float] = (0.5, 0.9),
    noise: Callable[[int], Tensor] = lambda batch: torch.randn(batch, NOISE_DIM),
    lines: tuple[str, ...] = ("zero", "backward", "step"),
    returned: Callable[[Generator, Critic], Any] = lambda player, critic: player,
) -> Any:
    """The game by the book; what stands after the star is changed by mistakes."""
    torch.manual_seed(seed)
    player, critic = new_players(seed)
    optimizers = {
        "g": torch.optim.Adam(player.parameters(), lr=g_lr, betas=betas),
        "d": torch.optim.Adam(critic.parameters(), lr=d_lr, betas=betas),
    }
    if one_optimiser:
        both = [*player.parameters(), *critic.parameters()]
        optimizers = dict.fromkeys("gd", torch.optim.Adam(both, lr=g_lr, betas=(0.5, 0.9)))
    turns = {"g": g_turns, "d": d_turns}
    for _ in range(num_steps):
        index = torch.randint(len(x), (batch,))
        real, label = x[index], y[index]
        for who in order:
            for _ in range(turns[who]):
                fake = player(noise(batch), label)
                fake = fake.detach() if who == "d" else fake
                pair = critic(real, real_labels(label)), critic(fake, judged_labels(label))
                for line in lines if who == "d" else ("zero", "backward", "step"):
                    if line == "backward":
                        losses(*pair)["dg".index(who)].backward()
                    elif line == "step":
                        optimizers[who].step()
                    elif who in cleared:
                        optimizers[who].zero_grad()
    return returned(player, critic)


def _in_one_call(x: Tensor, y: Tensor, num_steps: int, seed: int) -> Generator:
    """The same in another style: shuffled epochs, and one set of generated points for both turns."""
    torch.manual_seed(seed)
    player, critic = new_players(seed)
    d_optimizer = torch.optim.Adam(critic.parameters(), lr=RATE, betas=(0.5, 0.9))
    g_optimizer = torch.optim.Adam(player.parameters(), lr=RATE, betas=(0.5, 0.9))
    order = torch.cat([torch.randperm(len(x)) for _ in range(num_steps * BATCH // len(x) + 1)])
    for index in order.split(BATCH)[:num_steps]:
        fake = player(torch.randn(len(index), NOISE_DIM), y[index])
        gap = critic(x[index], y[index]) - critic(fake.detach(), y[index])
        critic.zero_grad()
        (-F.logsigmoid(gap)).mean().backward()
        d_optimizer.step()
        player.zero_grad()
        with torch.no_grad():
            real = critic(x[index], y[index])
        (-F.logsigmoid(critic(fake, y[index]) - real)).mean().backward()
        g_optimizer.step()
    return player


def _by_hand(x: Tensor, y: Tensor, num_steps: int, seed: int) -> Generator:
    """Gradients asked for by name and put into the weights: nobody clears anything."""
    torch.manual_seed(seed)
    player, critic = new_players(seed)
    optimizers = [torch.optim.Adam(p.parameters(), lr=RATE, betas=(0.5, 0.9)) for p in (critic, player)]
    for _ in range(num_steps):
        index = torch.randint(len(x), (BATCH,))
        fake = player(torch.randn(BATCH, NOISE_DIM), y[index])
        for who, optimizer in enumerate(optimizers):
            points = fake if who else fake.detach()
            loss = relativistic_losses(critic(x[index], y[index]), critic(points, y[index]))[who]
            weights = optimizer.param_groups[0]["params"]
            for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.grad = gradient
            optimizer.step()
    return player


@dataclass(frozen=True)
class Worth:
    """The share of points nearest to a cluster of the class asked for; how many clusters are found; the share of points
    near any cluster."""

    asked: float
    found: int
    near: float


def worth(player: Generator) -> Worth:
    """Measured on as many points of each class."""
    source = generator(1)
    y = torch.arange(_NUM_POINTS) % NUM_CLASSES
    with torch.no_grad():
        points = player(torch.randn(_NUM_POINTS, NOISE_DIM, generator=source), y)
    distance, mode = torch.cdist(points, centers(), compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    right, near = mode % NUM_CLASSES == y, distance < _NEAR * STD
    counts = torch.bincount(mode[right & near], minlength=NUM_MODES)
    found = int((counts >= FOUND * _NUM_POINTS / NUM_MODES).sum())
    return Worth(right.double().mean().item(), found, near.double().mean().item())


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes a generator that draws the class asked for, from both of its clusters, trained as asked."""
    own = {name: value for name, value in outputs.items() if name != GAME}
    player = new_players(int(case["seed"]))[0]
    untrained = {name: value.clone() for name, value in player.state_dict().items()}
    if {name: value.shape for name, value in own.items()} != {name: v.shape for name, v in untrained.items()}:
        return Verdict("wrong", "The parameters that came back don't fit the generator.", _OTHER_NETWORK)
    if not all(value.is_floating_point() and bool(value.isfinite().all()) for value in own.values()):
        return Verdict("wrong", "There are parameters that aren't finite numbers.", _NOT_FINITE)
    player.load_state_dict(own)
    game = outputs.get(GAME, torch.zeros(0)).double().flatten()
    if case["num_steps"] == FEW:
        return _by_arguments(case, own, untrained, game)
    test = worth(player)
    message = (
        f"{test.asked:.1%} of the generated points are nearest to a cluster of the class that was asked for; at least "
        f"{ASKED:.0%} should be. {test.found} of {NUM_MODES} clusters are found under their own label (a twentieth of "
        "their share of points or more); all should be."
    )
    if all(torch.equal(own[name], value) for name, value in untrained.items()):
        return Verdict("wrong", message, _NO_STEP)
    if len(game) != _NUM_NUMBERS or not bool(game[:2].isfinite().all()):
        return Verdict("wrong", message, _NO_STEP)
    hint = _otherwise(case, game)
    message += (
        f"\nSeen while it ran: {game[0]:.0f} turns of the generator, {game[1]:.0f} of the critic, rates {game[2]:.2g} "
        f"and {game[3]:.2g}, {game[6]:.0f} points in each."
    )
    if test.asked >= ASKED and test.found == NUM_MODES:
        return Verdict("wrong", message, hint) if hint else Verdict("right")
    return Verdict("wrong", message, hint or _diagnosis(test))


def _otherwise(case: Case, game: Tensor) -> str:
    """What was done otherwise than asked, whatever came of it; empty if nothing was."""
    num_steps = int(case["num_steps"])
    g_turns, d_turns, g_rate, d_rate, real, fake, size, g_stale, d_stale, distinct, holders, shared = game[
        :12
    ].tolist()
    momentum, empty, generator_first, rows, mean, deviation = game[12:].tolist()
    seen = (
        (not g_turns and not d_turns, _NO_STEP),
        (not holders, _NOT_THE_PLAYER),
        (shared, _ONE_OPTIMISER),
        (not g_turns, _NO_STEP),
        (not d_turns, _NO_CRITIC),
        (empty > 0.4, _STILL),
        (real < 0.6, _SHUFFLED),
        (fake < 0.6, _OTHER_LABEL),
        (g_stale > 0.5, _UNCLEARED.format("generator")),
        (d_stale > 0.5, _UNCLEARED.format("critic")),
        (g_turns > 1.5 * num_steps, _MORE_STEPS),
        (g_turns < 0.6 * num_steps, _FEW_STEPS),
        (d_turns > 1.5 * g_turns, _CRITIC_MORE),
        (d_turns < 0.7 * g_turns, _CRITIC_FEW),
        (g_rate > 2.5 * RATE, _LARGE_RATE.format("generator")),
        (d_rate > 2.5 * RATE, _LARGE_RATE.format("critic")),
        (g_rate < 0.4 * RATE, _SMALL_RATE.format("generator")),
        (d_rate < 0.4 * RATE, _SMALL_RATE.format("critic")),
        (size < 0.4 * BATCH, _SMALL_BATCH),
        (size > 3 * BATCH, _LARGE_BATCH),
        (distinct < 0.5 * len(torch.as_tensor(case["x"])), _FEW_POINTS),
        (momentum > 0.7, _MOMENTUM),
        (rows < 0.4, _ONE_NOISE),
        (abs(mean) > 0.1 or abs(deviation - 1) > 0.1, _NOT_NORMAL),
        (generator_first, _FIRST),
    )
    return next((hint for found, hint in seen if found), "")


def _by_arguments(case: Case, own: Outputs, untrained: Outputs, game: Tensor) -> Verdict:
    """Whether both arguments play their part in a short game."""
    said = f"The second game was called with num_steps={FEW}, seed={case['seed']}."
    turns = game[:2].tolist() if len(game) == _NUM_NUMBERS else [0.0, 0.0]
    if not all(0.6 * FEW <= number <= 1.5 * FEW for number in turns):
        seen = f" The generator took {turns[0]:g} turns, the critic {turns[1]:g}."
        return Verdict("wrong", said + seen, _STEPS_FIXED)
    now, then = (torch.cat([x.flatten().double() for x in state.values()]) for state in (own, untrained))
    if torch.cosine_similarity(now, then, dim=0) < 0.5:
        return Verdict("wrong", said, _SEED_FIXED)
    return Verdict("right")


def _diagnosis(test: Worth) -> str:
    """The first cause that the numbers allow, of a game that was played as asked."""
    if test.near < 0.1:
        return _WRONG_WAY
    if test.asked < 0.6:
        return _UNHEEDED
    return _DROPPED if test.asked >= ASKED else _NOT_YET


def _nan(player: Generator, critic: Critic) -> Generator:
    nn.init.constant_(next(player.parameters()), float("nan"))
    return player


def _wrong(**parts: Any) -> Callable[..., Any]:
    return partial(train_conditional_gan, **parts)


def _few_points(x: Tensor, y: Tensor, num_steps: int, seed: int) -> Any:
    return train_conditional_gan(x[:200], y[:200], num_steps, seed)


def _steps(factor: float) -> Callable[..., Any]:
    return lambda x, y, num_steps, seed: train_conditional_gan(x, y, round(factor * num_steps), seed)


def _moved(y: Tensor) -> Tensor:
    return y[torch.randperm(len(y))]


TRAIN_CONDITIONAL_GAN = Task(
    name="train_conditional_gan",
    points=3,
    cases=_cases,
    reference=train_conditional_gan,
    alternatives=(_in_one_call, _by_hand),
    probe=trained_game,
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(_wrong(returned=lambda player, critic: critic), _OTHER_NETWORK),
        Mistake(_wrong(returned=_nan), _NOT_FINITE),
        Mistake(lambda x, y, num_steps, seed: new_players(seed)[0], _NO_STEP),
        Mistake(_wrong(returned=lambda player, critic: copy.deepcopy(player)), _NOT_THE_PLAYER),
        Mistake(_wrong(one_optimiser=True), _ONE_OPTIMISER),
        Mistake(_wrong(d_turns=0), _NO_CRITIC),
        Mistake(_wrong(lines=("backward", "zero", "step")), _STILL),
        Mistake(_wrong(betas=(0.9, 0.999)), _MOMENTUM),
        Mistake(_wrong(order="gd"), _FIRST),
        Mistake(_wrong(noise=lambda batch: torch.randn(1, NOISE_DIM).expand(batch, -1)), _ONE_NOISE),
        Mistake(_wrong(noise=lambda batch: torch.rand(batch, NOISE_DIM)), _NOT_NORMAL),
        Mistake(lambda x, y, num_steps, seed: train_conditional_gan(x, y, NUM_STEPS, seed), _STEPS_FIXED),
        Mistake(lambda x, y, num_steps, seed: train_conditional_gan(x, y, num_steps, 0), _SEED_FIXED),
        Mistake(_wrong(real_labels=_moved), _SHUFFLED),
        Mistake(_wrong(judged_labels=_moved), _OTHER_LABEL),
        Mistake(_wrong(cleared="d"), _UNCLEARED.format("generator")),
        Mistake(_wrong(cleared="g"), _UNCLEARED.format("critic")),
        Mistake(_steps(2), _MORE_STEPS),
        Mistake(_steps(0.3), _FEW_STEPS),
        Mistake(_wrong(d_turns=2), _CRITIC_MORE),
        Mistake(_wrong(g_lr=0.1), _LARGE_RATE.format("generator")),
        Mistake(_wrong(d_lr=0.1), _LARGE_RATE.format("critic")),
        Mistake(_wrong(g_lr=1e-3), _SMALL_RATE.format("generator")),
        Mistake(_wrong(d_lr=1e-3), _SMALL_RATE.format("critic")),
        Mistake(_wrong(batch=16), _SMALL_BATCH),
        Mistake(_few_points, _FEW_POINTS),
        Mistake(_wrong(losses=lambda real, fake: relativistic_losses(real, fake)[:1] * 2), _WRONG_WAY),
    ),
)
