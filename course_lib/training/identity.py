"""What makes a run this run and no other: its data, its step and the step's settings, in words and numbers.

A checkpoint holds them, so that no run goes on from it under other settings unnoticed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from dis import get_instructions
from functools import partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.training.ema import EMA

_LONGEST = 150  # characters of what is shown of a setting
RATES = ("lr", "discriminator_lr")
"""What learning rates and their schedules are called, in steps and in optimisers."""


def settings_of(step: object) -> dict[str, Any]:
    """The settings of a step, by the names of its attributes: numbers, words, schedules, regularisers, what its
    optimisers and averages are set to, and how its networks are built. Weights and the counter are no settings: the
    step's state holds them."""
    settings = {"step": type(step).__name__}
    for name, value in vars(step).items():
        if name != "steps" and (isinstance(value, nn.Module) or not _holds_tensors(value)):
            settings[name] = described(value)
    return settings


def described(value: Any) -> Any:
    """``value`` in words and numbers that are the same in another process. A function is known by its name, its code
    and what it looks up; an array by its numbers; a network by its layers; any other object by its type and attributes,
    objects in there by their type alone."""
    return _described(value, ())


def _described(value: Any, above: tuple[object, ...]) -> Any:
    """``above``: what ``value`` is a part of."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | Tensor):
        return f"{type(value).__name__} {fingerprint((torch.as_tensor(value),))}"
    if isinstance(value, torch.optim.Optimizer):
        return {"optimizer": type(value).__name__} | _numbers_of(value)
    if isinstance(value, EMA):
        return {"decay": value.decay}
    if isinstance(value, nn.Module):
        return _architecture(value)
    if any(value is one for one in above):  # a function that calls itself
        return type(value).__name__
    parts = partial(_described, above=(*above, value))
    if isinstance(value, Mapping):
        return {str(key): parts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [parts(item) for item in value]
    if isinstance(value, set | frozenset):  # in each process of another order
        return sorted(repr(parts(item)) for item in value)
    compiled = vars(value).get("_torchdynamo_orig_callable") if isinstance(value, FunctionType) else None
    if compiled is not None:
        return f"compiled {compiled.__qualname__}"
    if isinstance(value, FunctionType):
        return f"{value.__qualname__} {_digest(_code(value.__code__), parts(_looked_up(value)))}"
    if isinstance(value, MethodType):
        return {"method": value.__func__.__qualname__, "of": parts(value.__self__)}
    if isinstance(value, partial):
        return {"partial": parts([value.func, value.args, value.keywords])}
    name = _name(value)
    if name is None and not any(type(one) is _Attributes for one in above):
        return {"is": type(value).__name__} | parts(_Attributes(_attributes(value)))
    return name or type(value).__name__


def _name(value: object) -> str | None:
    """What a function, a class or a module is called; None for anything else."""
    if isinstance(value, ModuleType):
        return value.__name__
    named = isinstance(value, type | FunctionType | BuiltinFunctionType | np.ufunc)
    return getattr(value, "__qualname__", type(value).__name__) if named else None


class _Attributes(dict[str, Any]):
    """An object's, by their names."""


def _attributes(value: object) -> dict[str, Any]:
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    attributes = getattr(value, "__dict__", None)
    return dict(attributes) if isinstance(attributes, dict) else {}


def _architecture(network: nn.Module) -> dict[str, Any]:
    """What weights don't tell of a network: each layer's kind and settings (a share of units dropped, a slope, how many
    entries of a code are kept), by the layer's name."""
    layers: dict[str, Any] = {}
    for name, layer in network.named_modules():
        own = {} if type(layer).__module__.startswith("torch.") else vars(layer)  # torch's say it themselves
        told = {key: item for key, item in own.items() if key[0] != "_" and key != "training" and _is_plain(item)}
        words = " ".join(filter(None, (type(layer).__name__, layer.extra_repr())))
        layers[name or "network"] = {"is": words} | _described(told, ())
    return layers


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


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
            found[name] = f"{_brief(a)} in the file, {_brief(b)} now"
    return found


def _brief(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


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
    constants = [_code(c) if isinstance(c, CodeType) else repr(_described(c, ())) for c in code.co_consts]
    return code.co_code, code.co_names, constants


def _looked_up(function: FunctionType) -> list[Any]:
    """What a function's result hangs on besides its arguments: defaults, what it closes over, global values (of global
    functions the names)."""
    code, cells = function.__code__, function.__closure__ or ()
    outside = {n: c.cell_contents for n, c in zip(code.co_freevars, cells, strict=True) if c != CellType()}
    for name in sorted(_global_names(code) & function.__globals__.keys()):
        value = function.__globals__[name]
        outside[name] = value if (own := _name(value)) is None else own
    return [function.__defaults__, function.__kwdefaults__, outside]


def _global_names(code: CodeType) -> set[str]:
    """The global names that code looks up, in its own functions too."""
    inner = [_global_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return {str(i.argval) for i in get_instructions(code) if i.opname == "LOAD_GLOBAL"}.union(*inner)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def _holds_tensors(value: Any) -> bool:
    """Whether this is a network or a tensor, or holds some, as a list of parameters does."""
    if isinstance(value, Mapping):
        return any(_holds_tensors(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_holds_tensors(item) for item in value)
    return isinstance(value, Tensor | nn.Module)
