"""How exercise 08 is looked at: losses, stretches, and who moved when in a game. No right answer is known here."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from course_lib.probes.calls import Case, call, copied, named_tensors, trained_parameters
from course_lib.probes.contract import AnswerError, kept
from course_lib.probes.ex07 import TwoLayers
from course_lib.probes.meaning import explained
from course_lib.probes.old_gradients import OldGradients

D_LOSS, G_LOSS = "the discriminator's loss", "the generator's loss"
SIGMA, NEW_U, GRAPH = "sigma", "the new u", "whether the new u has a graph behind it"
TURNS = "turns of the {}'s optimiser, and those of them at the rate 0"
RATES = "rates of the {}'s turns, -1 where there is no turn"
WEIGHTS = "the {}'s weights at the end"
ORDER = "whose turn it was, 0 for the generator's, -1 for nobody's"
GAME = "process: game"
_MOST = 40  # turns whose rate is kept


def _pair(outputs: dict[str, Tensor], what: str) -> list[str]:
    """The names of the two tensors that an answer returned."""
    names = [name for name in outputs if not name.startswith(("note: ", "the gradient of"))]
    if len(names) != 2:
        raise AnswerError(
            f"Two tensors were expected, {what}; {len(names)} came. Return both, separated by a comma."
        )
    return names


def both_losses(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Both players' losses; the gradient of the first with respect to all logits, that of the second with respect to
    the generated ones alone, through which the generator learns."""
    outputs = call(answer, case)
    first, second = _pair(outputs, "the losses of both players")
    of = "the gradient of the sum of {} with respect to {}"
    found = {D_LOSS: outputs[first], G_LOSS: outputs[second]}
    for loss, value, logits in (
        (D_LOSS, first, "real_logits"),
        (D_LOSS, first, "fake_logits"),
        (G_LOSS, second, "fake_logits"),
    ):
        found[f"the gradient of {loss} with respect to {logits}"] = outputs[of.format(value, logits)]
    return found | {name: x for name, x in outputs.items() if name.startswith("note: ")}


_STRETCH_ERRORS = {
    "size mismatch, got input": "The sizes of a matrix and a vector don't fit. u has one number for each row of the "
    "matrix (an output), v one for each column: v = Wᵀu and u = Wv, with W = weight.flatten(1).",
    "must be a 2-D": "A convolution's weight has four dimensions. weight.flatten(1) is the matrix: an output in each "
    "row.",
    "vector + vector dot product": "A matrix was expected and a weight of four dimensions came, or the product of "
    "vectors of other lengths. weight.flatten(1) is the matrix: an output in each row.",
    "inconsistent tensor size, expected tensor": "Two vectors of other lengths were multiplied. u has one number for "
    "each row of the matrix, v one for each column.",
    "Dimension out of range": "A dimension was asked for that isn't there. F.normalize takes dim=1 unless told "
    "otherwise; u and v have one dimension: F.normalize(x, dim=0).",
    "t() expects a tensor with <= 2 dimensions": "A convolution's weight has four dimensions. weight.flatten(1) is "
    "the matrix: an output in each row.",
}


def stretch(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The largest stretch and its gradient with respect to the weight, the new u, and whether that has a graph."""
    with explained(_STRETCH_ERRORS):
        outputs = call(answer, case)
    first, second = _pair(outputs, "sigma and the new u")
    if outputs[first].ndim == outputs[second].ndim == 4:
        raise AnswerError(
            "Sigma and the new u came with four dimensions. A convolution's weight is taken as a matrix, an output in "
            "each row: weight.flatten(1)."
        )
    values = list(named_tensors(answer(*copied(case).values()), case).values())
    wrt = "the gradient of the sum of {} with respect to weight"
    return {
        SIGMA: outputs[first],
        NEW_U: outputs[second],
        GRAPH: torch.tensor(float(values[1].requires_grad)),
        "the gradient of sigma with respect to weight": outputs[wrt.format(first)],
    } | {name: x for name, x in outputs.items() if name.startswith("note: ")}


_PROJECTION_ERRORS = {
    "Class values must be non-negative": "one_hot doesn't know the label -1. A point without a label gets nothing of "
    "the table: take care of it first, or compare y[:, None] with torch.arange(C).",
    "index -1 is out of bounds": "The label -1 is no place in a table. A point without a label gets nothing of it.",
    "index out of range in self": "An embedding doesn't know the label -1. A point without a label gets nothing of "
    "the table.",
    "Index tensor must have": "gather wants an index with as many dimensions as the table.",
}


def projected(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The logits, with a head made of the case's ``head_weight`` (F, H), which gives (B, 1)."""
    weight, features = case["head_weight"], case["features"]
    assert isinstance(weight, Tensor)
    assert isinstance(features, Tensor)
    width = features.shape[1]

    def head(x: Tensor) -> Tensor:
        if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != width:
            came = str(tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__
            raise AnswerError(f"head takes features of shape (B, {width}); it was given {came}.")
        return torch.sin(x @ weight).sum(1, keepdim=True)

    given: dict[str, Any] = {name: x for name, x in case.items() if name != "head_weight"}
    with explained(_PROJECTION_ERRORS):
        return call(answer, given | {"head": head})


_SECOND_TIME = "backward through the graph a second time"
_GAME_ERRORS = {
    _SECOND_TIME: "Two backward passes went through one graph. In the critic's turn the "
    "generated points are cut off from the generator, critic(fake.detach(), ...), and each turn asks the critic anew.",
    "modified by an inplace operation": "An optimiser's step moved weights that a later backward() still needs. After "
    "the critic's step ask the critic again: the generator's loss comes from new logits.",
}
_TRAINING_ERRORS = _GAME_ERRORS | {
    _SECOND_TIME: _GAME_ERRORS[_SECOND_TIME]
    + " A u that comes out of spectral_norm with a graph behind it ends the "
    "same way: task 2 says whether yours has one.",
}


class _Steps:
    """What optimisers did, seen by PyTorch's hooks: whose weights moved, and at which rate."""

    def __init__(self, networks: dict[str, nn.Module]) -> None:
        self.owners = {id(p): name for name, network in networks.items() for p in network.parameters()}
        self.turns: list[tuple[str, float]] = []

    def owner(self, optimizer: Optimizer) -> str:
        owners = {self.owners.get(id(p), "") for group in optimizer.param_groups for p in group["params"]}
        return owners.pop() if len(owners) == 1 else "both"

    def stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self.turns.append((self.owner(optimizer), float(optimizer.param_groups[0]["lr"])))


def two_clocks(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """Where a game takes two small networks, how often each moved, in which order and at which rates.

    ``case``: ``x`` (N, B, d) and ``z`` (N, B, k), a batch for each round; four weights; ``critic_steps`` and two rates.
    """
    tensors = {name: value for name, value in case.items() if isinstance(value, Tensor)}
    generator = TwoLayers(tensors["g_first"], tensors["g_second"])
    critic = TwoLayers(tensors["d_first"], tensors["d_second"])
    networks: dict[str, nn.Module] = {"generator": generator, "critic": critic}
    steps = _Steps(networks)
    handle = register_optimizer_step_post_hook(steps.stepped)
    given = networks | {"x": tensors["x"], "z": tensors["z"]}
    numbers = [case[name] for name in ("critic_steps", "g_lr", "d_lr")]
    try:
        with kept(given, gradients=True, weights=True), explained(_GAME_ERRORS):
            answer(*given.values(), *numbers)
    finally:
        handle.remove()
    if any(name == "both" for name, _ in steps.turns):
        raise AnswerError("One optimiser moved both players, or neither. Each player has its own.")
    outputs: dict[str, Tensor] = {}
    for name, network in networks.items():
        rates = [rate for player, rate in steps.turns if player == name]
        outputs[TURNS.format(name)] = torch.tensor([len(rates), rates.count(0.0)], dtype=torch.float32)
        outputs[RATES.format(name)] = _padded(rates)
        outputs[WEIGHTS.format(name)] = torch.cat([p.detach().flatten() for p in network.parameters()])
    outputs[ORDER] = _padded([float(name == "critic") for name, _ in steps.turns])
    return outputs


def _padded(numbers: list[float]) -> Tensor:
    """As many numbers, whatever came; -1 where there is none."""
    return torch.tensor((numbers + [-1.0] * _MOST)[:_MOST])


def trained_game(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The generator's parameters, and how the game was played, as seen from outside.

    ``process: game``: turns of the generator, of the critic, their largest rates, the share of real points that were
    judged under their own label, of generated points judged under the label that they were made for (nan for what
    wasn't seen), the median number of points that the generator made for a step, the share of the generator's turns
    along gradients that hold those of the turn before, that of the critic's, how many of the real points were seen in
    the first turns, how many optimisers held a weight of the generator that came back, how many of these held
    others too, the largest momentum (Adam's first beta), the share of the critic's turns without a gradient, whether
    the generator took the first turn, the share of different rows of noise in the first turns, and their numbers' mean
    and standard deviation.
    """
    x, y = case["x"], case["y"]
    assert isinstance(x, Tensor)
    assert isinstance(y, Tensor)
    seen = _Game(x, y)
    made: list[Any] = []

    def watched(*values: Any) -> Any:
        with seen.watching(), explained(_TRAINING_ERRORS):
            made.append(answer(*values))
        return made[0]

    outputs = trained_parameters(watched, case)
    return outputs | {GAME: seen.numbers(made[0])}


class _Game:
    """Collects what hooks see while a conditional game is played. Points are known again by one number each."""

    _looked_at = 400  # calls of the critic whose labels are compared

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self._key = torch.tensor([0.6180339887, 0.4142135624], dtype=torch.float64)
        self._labels = dict(zip(self._keys(x), y.tolist(), strict=True))
        self._asked: dict[float, int] = {}
        self._sizes: list[int] = []
        self._real: list[bool] = []
        self._fake: list[bool] = []
        self._distinct: set[float] = set()
        self._calls = 0
        self._optimizers: list[tuple[Optimizer, list[float]]] = []
        self._old, self._stale, self._empty = OldGradients(), Counter[int](), Counter[int]()
        self._momentum, self._noise = 0.0, list[Tensor]()

    def _keys(self, x: Tensor) -> list[float]:
        found: list[float] = (x.detach().double() @ self._key).tolist()
        return found

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every network and optimiser until the end of the block."""
        handles = [register_module_forward_hook(self._called), register_optimizer_step_pre_hook(self._stepping)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _called(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        name = type(module).__name__
        if name not in ("Generator", "Critic") or len(args) != 2 or not torch.is_grad_enabled():
            return
        given, y = args
        if not (isinstance(given, Tensor) and isinstance(y, Tensor) and given.ndim == 2 and len(y) == len(given)):
            return
        if name == "Generator":
            self._sizes.append(len(given))
            if self._calls < self._looked_at:
                self._noise.append(given.detach().clone())
                self._asked = dict(zip(self._keys(output), y.tolist(), strict=True))
        elif self._calls < self._looked_at:
            self._calls += 1
            for key, label in zip(self._keys(given), y.tolist(), strict=True):
                if key in self._labels:
                    self._distinct.add(key)
                    self._real.append(self._labels[key] == label)
                elif key in self._asked:
                    self._fake.append(self._asked[key] == label)

    def _stepping(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not any(optimizer is known for known, _ in self._optimizers):
            self._optimizers.append((optimizer, []))
        self._stale[id(optimizer)] += self._old.before_step(optimizer)
        weights = [p for group in optimizer.param_groups for p in group["params"]]
        self._empty[id(optimizer)] += all(p.grad is None or not bool(p.grad.any()) for p in weights)
        group = optimizer.param_groups[0]
        momentum = group.get("betas", (group.get("momentum", 0.0),))[0]
        self._momentum = max(self._momentum, float(momentum))
        next(rates for known, rates in self._optimizers if known is optimizer).append(
            float(optimizer.param_groups[0]["lr"])
        )

    def numbers(self, generator: nn.Module) -> Tensor:
        own = {id(p) for p in generator.parameters()}
        turns, rates, stale = [0, 0], [float("nan")] * 2, [0.0, 0.0]
        holders = shared = empty = 0
        first = [False]
        for optimizer, seen in self._optimizers:
            held = [id(p) in own for group in optimizer.param_groups for p in group["params"]]
            holders += any(held)
            shared += any(held) and not all(held)
            i = 0 if held[0] else 1
            empty += i * self._empty[id(optimizer)]
            first.append(i == 0)
            turns[i] += len(seen)
            rates[i] = max(seen)
            stale[i] = self._stale[id(optimizer)] / max(len(seen) - 1, 1)
        size = sorted(self._sizes)[len(self._sizes) // 2] if self._sizes else 0
        labels = [sum(s) / len(s) if s else float("nan") for s in (self._real, self._fake)]
        steps = [*turns, *rates, *labels, size, *stale, len(self._distinct), holders, shared]
        manner = [self._momentum, empty / max(turns[1], 1), first[1:2] == [True], *self._drawn()]
        return torch.tensor(steps + manner, dtype=torch.float64)

    def _drawn(self) -> tuple[float, float, float]:
        """The share of different rows of noise, and its numbers' mean and standard deviation."""
        if not self._noise:
            return 0.0, 0.0, 0.0
        rows = torch.cat([z.flatten(1).double() for z in self._noise])
        return len({tuple(row) for row in rows.tolist()}) / len(rows), rows.mean().item(), rows.std().item()
