"""The one training loop. The data is a tensor that stays where the model is; a step is a callable on a batch.

There is no loader: an epoch is a permutation of indices. On images this small a loader that fetches one sample at
a time costs more than the training.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

Step = Callable[[Tensor], dict[str, Tensor]]


@dataclass
class History:
    """What a run recorded: for each name, its mean over each stretch of steps that ends at ``steps``."""

    steps: list[int] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0

    def last(self, name: str) -> float:
        """The mean of ``name`` over the last stretch."""
        return self.values[name][-1]

    def __repr__(self) -> str:
        ends = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.values.items() if values)
        return f"History({self.steps[-1] if self.steps else 0} steps in {self.seconds:.1f} s: {ends})"


def batches(num_images: int, batch_size: int, device: torch.device) -> Iterator[Tensor]:
    """Endless index tensors (batch_size,), each epoch a fresh permutation without its last, partial batch."""
    while True:
        order = torch.randperm(num_images, device=device)
        yield from order.split(batch_size)[: num_images // batch_size]


def fit(
    step: Step,
    x: Tensor,
    *,
    num_steps: int,
    batch_size: int,
    seed: int = 0,
    num_records: int = 50,
    progress: bool = True,
    on_record: Callable[[int], None] | None = None,
) -> History:
    """Train for ``num_steps`` batches of ``x`` and return what was recorded, as means over stretches.

    ``step``: takes a batch (batch_size, ...) and returns named scalars (0-dimensional, detached); they are added up
    on the device and read ``num_records`` times in all. ``x``: (N, ...), already on the model's device.
    ``on_record(steps_done)`` is called after each reading. The same seed on the same machine gives the same
    losses; the random state outside is left as it was.

    Raises ``ValueError`` if there is less than one batch of data, and ``FloatingPointError`` naming the stretch of
    steps when a recorded value is no longer finite.
    """
    if num_steps < 1 or batch_size < 1 or num_records < 1:
        raise ValueError(
            f"num_steps, batch_size and num_records must be at least 1, got {num_steps}, {batch_size}, {num_records}"
        )
    if len(x) < batch_size:
        raise ValueError(
            f"x holds {len(x)} images, less than one batch of {batch_size}; take a smaller batch_size"
        )
    history = History()
    started = time.perf_counter()
    every = math.ceil(num_steps / num_records)
    sums: dict[str, Tensor] = {}
    in_stretch = 0
    devices = [x.device] if x.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        source = batches(len(x), batch_size, x.device)
        for number in range(1, num_steps + 1):
            for name, value in step(x[next(source)]).items():
                sums[name] = sums[name] + value if name in sums else value.clone()
            in_stretch += 1
            if number % every == 0 or number == num_steps:
                _record(history, number, {name: total.item() / in_stretch for name, total in sums.items()})
                sums, in_stretch = {}, 0
                history.seconds = time.perf_counter() - started
                if progress:
                    _show(history, num_steps)
                if on_record is not None:
                    on_record(number)
    history.seconds = time.perf_counter() - started
    if progress:
        print()
    return history


def _record(history: History, step: int, means: dict[str, float]) -> None:
    first = history.steps[-1] + 1 if history.steps else 1
    for name, mean in means.items():
        if not math.isfinite(mean):
            raise FloatingPointError(
                f"{name} became {mean} between steps {first} and {step}; try a smaller learning rate, and look at "
                "the last finite values in a shorter run"
            )
        history.values.setdefault(name, []).append(mean)
    history.steps.append(step)


def _show(history: History, num_steps: int) -> None:
    done = history.steps[-1]
    left = history.seconds * (num_steps - done) / done
    values = "  ".join(f"{name} {values[-1]:.3f}" for name, values in history.values.items())
    print(
        f"\rstep {done}/{num_steps}  {history.seconds:.0f} s, {left:.0f} s left  {values}   ",
        end="",
        flush=True,
    )
