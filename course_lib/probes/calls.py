"""The side of a task that runs beside the learner's code: call the answer, name what comes back.

A probe takes the answer and one case and returns named tensors. No right answer is known here. Probes for one
exercise only stand in a module beside this one (``ex07.py``), imported by that exercise's tasks.
"""

import linecache
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from inspect import unwrap
from pathlib import Path
from traceback import walk_tb
from types import CodeType
from typing import Any

import torch
from torch import Tensor, allclose, nn  # bound here: a notebook may put something else in torch.allclose
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from course_lib.probes.contract import AnswerError, kept
from course_lib.probes.settings import as_at_the_start

Case = Mapping[str, Tensor | int | float]

DRAWS = "note: it draws random numbers"  # an output that isn't compared
_SEED = 0
_NOT_THE_LEARNERS = tuple(
    str(path)
    for path in (
        Path(__file__).parents[1],
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
    )
)


@dataclass(frozen=True)
class Observation:
    """What one call of an answer gave: tensors, or an error in words. ``untouched``: the stub is still there."""

    outputs: Mapping[str, Tensor]
    error: str = ""
    untouched: bool = False


def observe(
    probe: Callable[[Callable[..., Any], Case], Mapping[str, Tensor]], answer: Any, case: Case
) -> Observation:
    """Run ``probe`` on ``answer`` with a copy of ``case``; whatever the answer does wrong ends up in words.

    The global random state is set before and put back after, so an answer that draws noise of its own repeats; so
    are torch's other global settings, so that what a notebook has set is no part of its answers.
    """
    if not callable(answer):
        return Observation({}, error=f"A function was expected, got {_kind(answer)}.")
    with torch.random.fork_rng(devices=[]), as_at_the_start():
        torch.default_generator.manual_seed(
            _SEED
        )  # not torch.manual_seed, which queues a call for each accelerator
        try:
            return Observation(dict(probe(answer, copied(case))))
        except NotImplementedError as error:
            return _not_written(error, answer)
        except AnswerError as error:
            return Observation({}, error=str(error))
        except (Exception, SystemExit) as error:
            return Observation({}, error=describe(error))


def call(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The answer's value, and the gradient of its sum with respect to each input that asks for one.

    One tensor is called "the value"; a tuple's are counted, a dictionary's or dataclass's bear their names. A
    gradient that doesn't exist is given as zeros. It is called twice, and leaves its inputs as they are. That it drew
    random numbers is noted.
    """
    again = copied(case)
    before = torch.default_generator.get_state()
    with kept(case):
        values = named_tensors(answer(*case.values()), case)
    draws = not torch.equal(before, torch.default_generator.get_state())
    outputs = {name: value.detach() for name, value in values.items()}
    torch.default_generator.manual_seed(_SEED)
    _compare(outputs, lambda: named_tensors(answer(*again.values()), again))
    wanted = {name: x for name, x in case.items() if isinstance(x, Tensor) and x.requires_grad}
    for name, value in values.items():
        for wrt, gradient in gradients(value.sum(), wanted).items():
            outputs[f"the gradient of the sum of {name} with respect to {wrt}"] = gradient
    return outputs | ({DRAWS: torch.ones(())} if draws else {})


def _compare(first: Mapping[str, Tensor], second: Callable[[], Mapping[str, Tensor]]) -> None:
    """Raises ``AnswerError`` if a second call with the same inputs stops or gives something else."""
    try:
        values = second()
    except Exception as error:
        raise AnswerError(
            f"Called once it works; called again with the same inputs it doesn't. {describe(error)}"
        ) from error
    if first.keys() != values.keys() or not all(
        x.shape == values[name].shape and allclose(x, values[name].detach(), rtol=1e-3, atol=1e-4, equal_nan=True)
        for name, x in first.items()
    ):
        raise AnswerError(
            "Called again with the same inputs, it gave something else: it must not depend on what an earlier call "
            "left behind."
        )


def trained_parameters(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The parameters and buffers of the network that the answer returns."""
    with kept(case):
        network = answer(*case.values())
    if not isinstance(network, nn.Module):
        raise AnswerError(f"A network (torch.nn.Module) was expected, got {_kind(network)}.{_forgotten(network)}")
    return {name: value.detach().cpu() for name, value in unwrapped(network).state_dict().items()}


def unwrapped(network: nn.Module) -> nn.Module:
    """The network itself: inside ``torch.compile``, ``DataParallel`` or ``AveragedModel`` its names have a prefix."""
    while True:
        inner = getattr(network, "_orig_mod", None)
        if isinstance(network, nn.DataParallel | DistributedDataParallel | AveragedModel):
            inner = network.module
        if not isinstance(inner, nn.Module):
            return network
        network = inner


def named_tensors(result: Any, case: Case) -> dict[str, Tensor]:
    """The tensors in what an answer returned, by name. Raises ``AnswerError`` for anything that isn't one."""
    if isinstance(result, Tensor):
        parts: dict[str, Any] = {"the value": result}
    elif isinstance(result, Mapping):
        parts = {str(name): value for name, value in result.items()}
    elif is_dataclass(result) and not isinstance(result, type):
        parts = {f.name: getattr(result, f.name) for f in fields(result)}
    elif isinstance(result, tuple | list):
        parts = {f"value {i} of {len(result)}": value for i, value in enumerate(result, 1)}
    else:
        raise AnswerError(f"A tensor was expected, got {_kind(result)}.{_forgotten(result)}")
    device = next((x.device for x in case.values() if isinstance(x, Tensor)), None)
    for name, value in parts.items():
        if not isinstance(value, Tensor):
            inside = f", in a {type(result).__name__} of {len(parts)}" if isinstance(result, tuple | list) else ""
            raise AnswerError(f"For {name} a tensor was expected, got {_kind(value)}{inside}.")
        if device is not None and value.device != device:
            raise AnswerError(f"{name} is on device {value.device}, but the inputs are on {device}: stay there.")
    return parts


def gradients(scalar: Tensor, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The gradient of ``scalar`` with respect to each tensor of ``wanted``; zeros where nothing flows."""
    if not wanted:
        return {}
    if not scalar.requires_grad:
        return {name: torch.zeros_like(x) for name, x in wanted.items()}
    found = torch.autograd.grad(
        scalar, list(wanted.values()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return {name: gradient.detach() for name, gradient in zip(wanted, found, strict=True)}


def describe(error: BaseException) -> str:
    """An exception in words: the learner's own line, and what Python says of it."""
    says = ": ".join(filter(None, (type(error).__name__, _text(error))))
    source, place = _own_line(error)
    if not place:
        return f"It stopped with {says}"
    return f"It stopped at {place}:\n    {source}\n{says}" if source else f"It stopped at {place}: {says}"


def _not_written(error: NotImplementedError, answer: Any) -> Observation:
    """A stub that raises is an answer not yet written, if it is the answer's own, or one that the answer calls; PyTorch
    raises this exception too, for what it can't do."""
    code, line = _own_frame(error)
    if code is None or not linecache.getline(code.co_filename, line).strip().startswith("raise"):
        return Observation({}, error=describe(error))
    if code is getattr(unwrap(answer), "__code__", code):
        return Observation({}, error=_text(error), untouched=True)
    return Observation({}, error=f"NotImplementedError: it calls {code.co_name}, which is not written yet.")


def _own_line(error: BaseException) -> tuple[str, str]:
    """The last line of the learner's own that an exception came through, and where that is; empty if none."""
    code, line = _own_frame(error)
    if code is None:
        return "", ""
    source = linecache.getline(code.co_filename, line).strip()
    return source, f"line {line} of the cell" + (f", in {code.co_name}" if code.co_name != "<module>" else "")


def _own_frame(error: BaseException) -> tuple[CodeType | None, int]:
    """The innermost code of the learner's own that an exception came through, and its line there."""
    own: tuple[CodeType | None, int] = (None, 0)
    for frame, line in walk_tb(error.__traceback__):
        of_ours = frame.f_globals.get("__name__", "").startswith("course_variants_")  # an instructor's probe
        if not of_ours and not frame.f_code.co_filename.startswith((*_NOT_THE_LEARNERS, "<frozen")):
            own = frame.f_code, line
    return own


def copied(case: Case) -> dict[str, Tensor | int | float]:
    """A fresh copy, so that an answer that writes into its inputs harms nobody else."""
    return {
        name: x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x
        for name, x in case.items()
    }


def _text(error: BaseException) -> str:
    """What an exception says; its own class may be the learner's and fail at that."""
    try:
        return str(error)
    except Exception:
        return ""


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    return (
        f"{value!r} (a {type(value).__name__})"
        if isinstance(value, int | float | str)
        else f"a {type(value).__name__}"
    )


def _forgotten(value: Any) -> str:
    return " Is the return statement missing?" if value is None else ""
