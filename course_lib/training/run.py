"""The state of a run: its records, its place in the epoch, the best networks so far.

All of it is in the run's state, so that a run which is resumed at some step equals the straight one.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from course_lib.training.reproducible import random_state, set_random_state
from course_lib.training.steps.core import TrainingStep

Step = Callable[[Any], dict[str, Tensor]]


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
    """One call of :func:`course_lib.training.fit`."""

    def __init__(self, step: Step, num_images: int, batch_size: int, seed: int, device: torch.device) -> None:
        self.step = step
        self.identity = {"num_images": num_images, "batch_size": batch_size, "seed": seed}
        self.shuffle = Shuffle(num_images, batch_size, device)
        self.history = History()
        self.best: dict[str, Any] | None = None  # the step's state at the lowest validation loss
        self.best_loss = math.inf
        self.best_record = 0

    @property
    def done(self) -> int:
        """Steps taken and recorded."""
        return self.history.steps[-1] if self.history.steps else 0

    def record(self, stretch: list[dict[str, Tensor]]) -> None:
        """The means of a stretch of steps into the history; ``FloatingPointError`` if one isn't finite."""
        first = self.done + 1
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

    def note_validation(self, loss: float) -> None:
        """Record a validation loss, and keep the networks if it is the lowest so far."""
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

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that was saved; ``ValueError`` if it is that of another run or another network."""
        identity = state.get("identity")
        if identity != self.identity:
            raise ValueError(
                f"the checkpoint must be of a run with {self.identity}, got {identity}; name another file"
            )
        self.training_step("checkpoint").load_state_dict(state["step"])
        set_random_state(state["random"], self.shuffle.order.device)
        self.shuffle.order, self.shuffle.position = state["order"], state["position"]
        self.history = History(**state["history"])
        self.best, self.best_record = state["best"], state["best_record"]
        self.best_loss = state["best_loss"]
