"""The one training loop. The data are tensors that stay where the model is; a step is a callable on a batch.

There is no loader: an epoch is a permutation of indices. On images this small a loader that fetches one sample at
a time costs more than the training.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, SupportsIndex

from torch import Tensor

from course_lib.checks import check_size
from course_lib.training.checkpoint import load_checkpoint, save_checkpoint
from course_lib.training.reproducible import deterministic_algorithms, random_state_kept, seed_generators
from course_lib.training.run import History, Run, Step, scalars


def fit(
    step: Step,
    x: Tensor | tuple[Tensor, ...],
    *,
    num_steps: int,
    batch_size: int,
    seed: int = 0,
    num_records: int = 50,
    progress: bool = True,
    on_record: Callable[[int], None] | None = None,
    validate: Callable[[], float] | None = None,
    patience: int = 5,
    checkpoint: str | Path | None = None,
    new_lr: bool = False,
    deterministic: bool = False,
) -> History:
    """Train for ``num_steps`` batches of ``x`` and return what was recorded, as means over stretches.

    ``step``: takes a batch (batch_size, ...) and returns named scalars (0-dimensional), which are read ``num_records``
    times in all, after equal stretches, or at each step if there are fewer. ``x``: (N, ...), or several such tensors
    (images and labels) for a step that takes a tuple; already on the model's device. ``on_record(steps_done)`` is
    called after each reading. The same seed on the same machine gives the same losses; the random state outside, of the
    CPU and of every accelerator in use, is left as it was.

    ``validate``: a loss on held-out data, called after each reading and recorded as "validation". Training stops
    when it hasn't improved for ``patience`` readings, and ends with the networks as they were at its lowest.
    ``checkpoint``: a file, written at each reading; if it is there already, the run goes on from it, as if it had
    never stopped. It must be of the same data, step, settings, layers, batch size and seed; only ``num_steps`` and how
    often is read may be others. ``new_lr``: go on from it at the learning rate that ``step`` has now, whatever it was
    written with. ``deterministic``: only algorithms that give the same bits each time, or an error. ``validate`` and
    ``checkpoint`` need a :class:`TrainingStep`.

    An interruption, ``KeyboardInterrupt``, says after which step it came; the networks keep what they have learned.
    Raises ``ValueError`` if there is less than one batch of data or the checkpoint is of another run, ``TypeError``
    for data that are no tensors, for a step without a state where one is needed, and for a part or a validation that is
    no number, and ``FloatingPointError`` naming the first step with a value that isn't finite; the last checkpoint is
    kept. ``deterministic`` on a GPU raises ``RuntimeError`` until ``CUBLAS_WORKSPACE_CONFIG`` is set.
    """
    tensors = _tensors(x)
    _check(tensors, seed, batch_size, num_steps=num_steps, num_records=num_records, patience=patience)
    device = tensors[0].device
    file = None if checkpoint is None else Path(checkpoint)
    run = Run(step, tensors, batch_size, seed)
    if file is not None:
        run.note_identity()
    ends = _ends(num_steps, num_records)
    with random_state_kept(), deterministic_algorithms() if deterministic else nullcontext():
        seed_generators(seed)
        if file is not None and file.is_file():
            run.load_state_dict(load_checkpoint(file, device), new_lr)
        started = time.perf_counter() - run.history.seconds
        taken = run.done
        try:
            while run.done < num_steps and run.records_since_best() < patience:
                stretch: list[dict[str, Tensor]] = []
                for _ in range(next(end for end in ends if end > run.done) - run.done):
                    index = next(run.shuffle)
                    parts = step(tuple(t[index] for t in tensors) if isinstance(x, tuple) else x[index])
                    taken += 1
                    stretch.append(scalars(parts))
                try:
                    run.record(stretch)
                    if validate is not None:
                        with random_state_kept():  # looking on doesn't change the training
                            run.note_validation(validate())
                except FloatingPointError as error:
                    raise FloatingPointError(f"{error}{_way_on(file)}") from None
                run.history.seconds = time.perf_counter() - started
                if progress:
                    _show(run.history, num_steps)
                if on_record is not None:
                    on_record(run.done)
                if file is not None:
                    save_checkpoint(file, run.state_dict())
        except KeyboardInterrupt:  # somebody pressed stop; where in a step that was is of no interest
            raise KeyboardInterrupt(_stopped(taken, num_steps, file)) from None
    run.restore_best()
    if progress:
        print()
    return run.history


def _ends(num_steps: int, num_records: int) -> list[int]:
    """The steps after which is read: ``num_records`` stretches whose lengths differ by one at most (or one step each,
    where there are fewer steps than that), the longer ones first."""
    num_records = min(num_records, num_steps)
    length, longer = divmod(num_steps, num_records)
    return [i * length + min(i, longer) for i in range(1, num_records + 1)]


def _way_on(file: Path | None) -> str:
    """What can be done with the checkpoint of a run that diverged."""
    if file is None or not file.is_file():
        return ""
    return (
        f". The last checkpoint is kept: {file}. Go on from it at a smaller learning rate with fit(..., new_lr=True), "
        "or delete it to start afresh"
    )


def _stopped(taken: int, num_steps: int, file: Path | None) -> str:
    """Where a run was interrupted, and what is left of it."""
    kept = file is not None and file.is_file()
    way_on = f"; the same call goes on from its last checkpoint, {file}" if kept else ""
    return f"stopped after step {taken} of {num_steps}; the networks keep what they have learned until now{way_on}"


def _tensors(x: Any) -> tuple[Tensor, ...]:
    tensors = x if isinstance(x, tuple) else (x,)
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"x must be a tensor or a tuple of tensors, got a {type(t).__name__}; of a data set take its tensors, "
                "data.x or (data.x, data.y)"
            )
    return tensors


def _check(tensors: tuple[Tensor, ...], seed: int, batch_size: int, **counts: int) -> None:
    if not isinstance(seed, SupportsIndex):
        raise TypeError(f"seed must be an integer, got {seed!r}")
    for name, count in {"batch_size": batch_size, **counts}.items():
        check_size(count, name)
    lengths = [len(t) for t in tensors]
    if len(set(lengths)) != 1:
        raise ValueError(f"the tensors of x must be of one length, got {lengths}")
    if lengths[0] < batch_size:
        raise ValueError(
            f"x holds {lengths[0]} images, less than one batch of {batch_size}; take a smaller batch_size"
        )


def _show(history: History, num_steps: int) -> None:
    done = history.steps[-1]
    left = history.seconds * (num_steps - done) / done
    values = "  ".join(f"{name} {values[-1]:.3f}" for name, values in history.values.items())
    print(
        f"\rstep {done}/{num_steps}  {history.seconds:.0f} s, {left:.0f} s left  {values}   ",
        end="",
        flush=True,
    )
