"""A run on disk, so that it can go on after a crash exactly as if nothing had happened: safetensors, never pickles.

A state is nested: dictionaries, lists and tuples of tensors, numbers, words and None, as ``state_dict`` gives them.
Its tensors go into the file as they are, everything around them as JSON into the file's notes.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` to ``path``: the file there before is replaced by a whole one or not at all.

    Raises ``FloatingPointError``, and leaves the old file, if a tensor of the state holds NaN or infinity;
    ``TypeError`` for what is neither a tensor nor a plain value.
    """
    tensors: dict[str, Tensor] = {}
    structure = _pack(state, "state", tensors)
    bad = [name for name, t in tensors.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if bad:
        raise FloatingPointError(
            f"{', '.join(bad[:3])} isn't finite; the last checkpoint, if any, is kept: {path}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(save(tensors, metadata={"structure": json.dumps(structure)}))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The state that was saved, its tensors on ``device``.

    Raises ``FileNotFoundError``, and ``ValueError`` for a file that is truncated, damaged or no checkpoint.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            notes = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return _unpack(json.loads(notes["structure"]), tensors)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is no whole checkpoint ({type(error).__name__}: {error}); delete it to start afresh"
        ) from error


def _pack(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """``value`` as JSON, with each tensor put into ``tensors`` and its name in its place."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, f"{name}.{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        items = [_pack(item, f"{name}.{number}", tensors) for number, item in enumerate(value)]
        return {type(value).__name__: items}
    if value is None or isinstance(value, bool | int | float | str):
        return {"plain": value}
    raise TypeError(f"a checkpoint holds tensors and plain values, but {name} is a {type(value).__name__}")


def _unpack(packed: Any, tensors: dict[str, Tensor]) -> Any:
    ((kind, content),) = packed.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpack(item, tensors) for key, item in content}
    if kind == "plain":
        return content
    items = [_unpack(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
