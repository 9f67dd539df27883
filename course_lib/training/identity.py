"""What makes a run this run and no other: its data, its step and the step's settings, in words and numbers.

A checkpoint holds them, so that no run goes on from it under other settings unnoticed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.training.ema import EMA

RATES = ("lr", "discriminator_lr")
"""What learning rates and their schedules are called, in steps and in optimisers."""


def settings_of(step: object) -> dict[str, Any]:
    """The settings of a step, by the names of its attributes: numbers, words, schedules, regularisers, and what its
    optimisers and averages are set to. Networks and the counter are no settings: the step's state holds them."""
    settings = {"step": type(step).__name__}
    for name, value in vars(step).items():
        if name != "steps" and not _holds_tensors(value):
            settings[name] = described(value)
    return settings


def described(value: Any) -> Any:
    """``value`` in words and numbers that are the same in another process. A function is known by its name, its code
    and the plain values that it closes over; any other object by its fields, or by its type alone."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [described(item) for item in value]
    if isinstance(value, torch.optim.Optimizer):
        return {"optimizer": type(value).__name__} | _numbers_of(value)
    if isinstance(value, EMA):
        return {"decay": value.decay}
    if isinstance(value, FunctionType):
        return f"{value.__qualname__} {_digest(_code(value.__code__), value.__defaults__, _closed_over(value))}"
    if isinstance(value, partial):
        return {"partial": described([value.func, value.args, value.keywords])}
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": type(value).__name__} | {f.name: described(getattr(value, f.name)) for f in fields(value)}
    return getattr(value, "__qualname__", type(value).__name__)


def fingerprint(tensors: tuple[Tensor, ...]) -> str:
    """The first characters of a SHA-256 over tensors: their shapes, types and bytes."""
    digest = hashlib.sha256()
    for t in tensors:
        digest.update(f"{tuple(t.shape)} {t.dtype} ".encode())
        digest.update(t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:12]


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Where two identities differ: the dotted name of each place, and what stands there in both."""
    found: dict[str, str] = {}
    for name in dict.fromkeys([*saved, *now]):
        a, b = saved.get(name), now.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            found |= {f"{name}.{place}": what for place, what in differences(a, b).items()}
        elif a != b:
            found[name] = f"{a!r} in the file, {b!r} now"
    return found


def is_rate(place: str) -> bool:
    """Whether the place of a difference is a learning rate's, or in a learning rate's schedule."""
    return any(part in RATES for part in place.split("."))


def _numbers_of(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Rate, moments' decay and the like, of each group of parameters if there are several. Flags only say how the
    same update is computed, and their names come and go with versions of torch."""
    groups = [
        {name: list(n) if isinstance(n, tuple) else n for name, n in group.items() if _is_number(n)}
        for group in optimizer.param_groups
    ]
    return groups[0] if len(groups) == 1 else {str(i): group for i, group in enumerate(groups)}


def _is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_number(item) for item in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _code(code: CodeType) -> tuple[Any, ...]:
    constants = [_code(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return code.co_code, code.co_names, constants


def _closed_over(function: FunctionType) -> list[Any]:
    contents = [cell.cell_contents for cell in function.__closure__ or ()]
    return [c if c is None or isinstance(c, bool | int | float | str) else type(c).__name__ for c in contents]


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def _holds_tensors(value: Any) -> bool:
    """Whether this is a network or a tensor, or holds some, as a list of parameters does."""
    if isinstance(value, Mapping):
        return any(_holds_tensors(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_tensors(item) for item in value)
    return isinstance(value, Tensor | nn.Module)
