"""A run on disk, so that it can go on after a crash exactly as if nothing had happened.

A state is nested: dictionaries, lists and tuples of tensors, numbers, words and None, as ``state_dict`` gives them.
Nothing else is written, and nothing else is read: loading a file never runs code from it.
"""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def save_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """Write ``state`` to ``path``: the file there before is replaced by a whole one or not at all.

    Raises ``FloatingPointError``, and leaves the old file, if a tensor of the state holds NaN or infinity;
    ``TypeError`` for what is neither a tensor nor a plain value.
    """
    path = Path(path)
    try:
        plain = _plain(state, "state")
    except FloatingPointError as error:
        raise FloatingPointError(f"{error}; the last checkpoint, if any, is kept: {path}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save(plain, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The state that was saved, its tensors on ``device``.

    Raises ``FileNotFoundError``, and ``ValueError`` for a file that is truncated, damaged or no checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        if not isinstance(state, dict):
            raise ValueError(f"it holds a {type(state).__name__}")
        return _plain(state, "state")
    except torch.OutOfMemoryError:  # the file may be in order
        raise
    except Exception as error:  # what a damaged file runs into has many types
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} is no whole checkpoint ({type(error).__name__}: {reason}); delete it to start afresh"
        ) from error


def _plain(value: Any, name: str) -> Any:
    """``value`` made of Python's own types and tensors; ``name`` is its place in the state, for messages.

    A tensor is copied if it is a part of a larger one, which would be written as a whole.
    """
    if isinstance(value, Tensor):
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise FloatingPointError(f"{name} isn't finite")
        part = value.untyped_storage().nbytes() > value.numel() * value.element_size()
        return value.detach().clone() if part else value.detach()
    if isinstance(value, dict):
        return {_plain(key, f"a key of {name}"): _plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_plain(item, f"{name}.{number}") for number, item in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    for kind in (bool, int, float, str):  # NumPy's float64 is a float too
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    raise TypeError(f"{name} must be a tensor or a plain value to be saved, got a {type(value).__name__}")
