"""The state of a run: its records, its place in the epoch, the best networks so far.

All of it is in the run's state, so that a run which is resumed at some step equals the straight one.
"""

import copy
import math
import operator
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from course_lib.training.identity import differences, fingerprint, is_rate, settings_of
from course_lib.training.reproducible import random_state, set_random_state
from course_lib.training.steps.core import TrainingStep, learning_rates, set_learning_rates

Step = Callable[[Any], dict[str, Tensor]]
_SHOWN = 12  # of the differences between two runs
FORMAT = 3  # of what a checkpoint holds; the first didn't know the settings of its run, the second its networks'


@dataclass
class History:
    """The records of a run: for each name, its mean over each stretch of steps that ends at ``steps``."""

    steps: list[int] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0

    def last(self, name: str) -> float:
        """The mean of ``name`` over the last stretch."""
        return self.values[name][-1]

    def __repr__(self) -> str:
        ends = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.values.items() if values)
        return f"History({self.steps[-1] if self.steps else 0} steps in {self.seconds:.1f} s: {ends})"


class Shuffle:
    """Endless index tensors (batch_size,), each epoch a fresh permutation without its last, partial batch."""

    def __init__(self, num_images: int, batch_size: int, device: torch.device) -> None:
        self.num_images = num_images
        self.batch_size = batch_size
        self.order = torch.empty(0, dtype=torch.int64, device=device)
        self.position = 0

    def __next__(self) -> Tensor:
        if self.position + self.batch_size > len(self.order):
            self.order = torch.randperm(self.num_images, device=self.order.device)
            self.position = 0
        index = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return index


class Run:
    """One call of :func:`course_lib.training.fit` on ``tensors`` of one length."""

    def __init__(self, step: Step, tensors: tuple[Tensor, ...], batch_size: int, seed: int) -> None:
        self.step = step
        self.tensors = tensors
        self.identity: dict[str, Any] = {"batch_size": operator.index(batch_size), "seed": operator.index(seed)}
        self.shuffle = Shuffle(len(tensors[0]), batch_size, tensors[0].device)
        self.history = History()
        self.best: dict[str, Any] | None = None  # the step's state at the lowest validation loss
        self.best_loss = math.inf
        self.best_record = 0

    @property
    def done(self) -> int:
        """Steps taken and recorded."""
        return self.history.steps[-1] if self.history.steps else 0

    def note_identity(self) -> None:
        """Note what a checkpoint must agree with to be gone on from, the settings and the data, before the first step:
        steps change what they were set to."""
        shapes = [list(t.shape) for t in self.tensors]
        data = {"shapes": shapes, "fingerprint": fingerprint(self.tensors)}
        self.identity |= settings_of(self.step) | {"data": data}

    def record(self, stretch: list[dict[str, Tensor]]) -> None:
        """The means of a stretch of steps into the history; ``FloatingPointError`` if one isn't finite."""
        first = self.done + 1
        for parts in stretch:
            if parts.keys() != stretch[0].keys():
                raise ValueError(
                    f"the step must return the same names each time, got {sorted(stretch[0])} and then {sorted(parts)}"
                )
        for name in stretch[0]:
            values = torch.stack([parts[name] for parts in stretch])
            mean = values.mean().item()
            if not math.isfinite(mean):
                bad = int((~torch.isfinite(values)).int().argmax())
                raise FloatingPointError(
                    f"{name} became {values[bad].item()} at step {first + bad}; try a smaller learning rate, and "
                    "look at the values before it in a shorter run"
                )
            self.history.values.setdefault(name, []).append(mean)
        self.history.steps.append(self.done + len(stretch))

    def note_validation(self, value: Any) -> None:
        """Record a validation loss, and keep the networks if it is the lowest so far; ``FloatingPointError`` if it
        isn't finite, ``TypeError`` if it is no number."""
        loss = _number(value, "what validate returns")
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"validation became {loss} after step {self.done}; look at the networks and at what validate computes"
            )
        self.history.values.setdefault("validation", []).append(loss)
        if loss < self.best_loss:
            self.best_loss = loss
            self.best_record = len(self.history.steps)
            self.best = copy.deepcopy(self.training_step("validate").state_dict())

    def records_since_best(self) -> int:
        """Readings since the lowest validation loss; 0 where nothing is validated."""
        return 0 if self.best is None else len(self.history.steps) - self.best_record

    def restore_best(self) -> None:
        """Put the step's networks back to where the validation loss was lowest."""
        if self.best is not None:
            self.training_step("validate").load_state_dict(self.best)

    def training_step(self, what_for: str) -> TrainingStep:
        """The step, if its state can be read; ``TypeError`` if not."""
        if not isinstance(self.step, TrainingStep):
            raise TypeError(
                f"step must be a course_lib.training.TrainingStep for {what_for}, so that its state can be saved, "
                f"got a {type(self.step).__name__}"
            )
        return self.step

    def state_dict(self) -> dict[str, Any]:
        """Everything that a run needs to go on from here."""
        return {
            "format": FORMAT,
            "identity": self.identity,
            "step": self.training_step("checkpoint").state_dict(),
            "random": random_state(self.shuffle.order.device),
            "order": self.shuffle.order,
            "position": self.shuffle.position,
            "history": asdict(self.history),
            "best": self.best,
            "best_loss": self.best_loss,
            "best_record": self.best_record,
        }

    def load_state_dict(self, state: dict[str, Any], new_lr: bool = False) -> None:
        """Go on from a state that was saved; ``new_lr``: at the learning rates that the step has now.

        Raises ``ValueError`` for the state of another run or of other networks, or one of an earlier version.
        """
        if state.get("format") != FORMAT:
            raise ValueError(
                "the checkpoint was written by another version of course_lib, which noted other things about its run, "
                "and can't be resumed; delete it to start afresh, or name another file"
            )
        found = differences(state["identity"], self.identity)
        rates = {place: what for place, what in found.items() if is_rate(place)}
        if len(found) > (len(rates) if new_lr else 0):
            some = [f"{place}: {what}" for place, what in list(found.items())[:_SHOWN]]
            here = "; ".join(some) + (f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
            remedy = (
                "go on from it at the new learning rate with fit(..., new_lr=True), " if found == rates else ""
            )
            raise ValueError(
                f"the checkpoint must be of this very run, but they differ in {here}. Give what it was written with, "
                f"{remedy}delete it to start afresh, or name another file"
            )
        step = self.training_step("checkpoint")
        lr = learning_rates(step)
        step.load_state_dict(state["step"])
        if new_lr:
            set_learning_rates(step, lr)
        set_random_state(state["random"], self.shuffle.order.device)
        self.shuffle.order, self.shuffle.position = state["order"], state["position"]
        self.history = History(**state["history"])
        self.best, self.best_record = state["best"], state["best_record"]
        self.best_loss = state["best_loss"]


def scalars(parts: Any) -> dict[str, Tensor]:
    """What a step returns, each part as a tensor of its own; ``TypeError`` unless it is a dictionary of numbers."""
    if not isinstance(parts, dict):
        raise TypeError(
            f"the step must return a dictionary of numbers to record, such as {{'loss': loss}}, got a "
            f"{type(parts).__name__}"
        )
    return {name: scalar(name, value) for name, value in parts.items()}


def scalar(name: str, value: Any) -> Tensor:
    """What a step returns under ``name`` as a tensor of its own: 0-dimensional, without gradient."""
    t = (
        value.detach().clone()
        if isinstance(value, Tensor)
        else torch.tensor(_number(value, f"the step's {name!r}"))
    )
    if t.ndim:
        raise TypeError(
            f"the step's {name!r} must be one number, got a tensor of shape {tuple(t.shape)}; take a mean"
        )
    return t if t.is_floating_point() else t.float()  # a count has a mean, too


def _number(value: Any, name: str) -> float:
    """A Python float out of what is one number: of Python, of NumPy, or in a tensor."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        came = (
            f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        )
        raise TypeError(f"{name} must be one number, got {came}; take a mean") from error
