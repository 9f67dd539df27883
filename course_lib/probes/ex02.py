"""How exercise 02 is looked at. No right answer is known here."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from course_lib.probes.calls import Case, call, gradients, named_tensors
from course_lib.probes.contract import AnswerError
from course_lib.probes.training import PREFIX, watched_training


def kept_entries(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The value, and what comes back to z from a gradient that differs from entry to entry.

    Where entries of a row are of equal size, it is left open which of them is kept: then only what doesn't depend on
    that is given, how many entries are kept in each row, their sizes, and that they are those of z.
    """
    outputs = call(answer, case)
    value, z = outputs.get("the value"), case["z"]
    assert isinstance(z, Tensor)
    if value is None or value.shape != z.shape:
        return {name: x for name, x in outputs.items() if not name.startswith("the gradient")}
    found = named_tensors(answer(*case.values()), case)["the value"]
    weights = torch.cos(torch.arange(1, found.numel() + 1, dtype=torch.float64)).to(z.dtype).reshape(z.shape)
    back = gradients((weights * found).sum(), {"z": z})["z"]
    notes = {name: x for name, x in outputs.items() if name.startswith("note: ")}
    sizes = z.detach().abs().sort(dim=1).values
    if not bool((sizes[:, 1:] == sizes[:, :-1]).any()):
        return {"the value": value, "the gradient with respect to z": back} | notes
    through = value != 0
    return {
        "how many entries are kept in each row": through.sum(1).to(z.dtype),
        "the sizes of what is kept, sorted": value.abs().sort(dim=1, descending=True).values,
        "z where it isn't 0": torch.where(through, value - z.detach(), 0.0),
        "the gradient of what is kept": torch.where(through, back / weights, 0.0).sum(1),
        "the gradient of what is dropped": torch.where(through, 0.0, back),
    } | notes


def denoised_and_score(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The two tensors that the answer returns, in this order."""
    outputs = call(answer, case)
    values = [name for name in outputs if not name.startswith("note: ")]
    if len(values) != 2:
        raise AnswerError(
            "Two tensors were expected, the posterior mean and the score: return mean, score, each of shape (N,)."
        )
    names = dict(zip(values, ("the posterior mean", "the score"), strict=True))
    return {names.get(name, name): x for name, x in outputs.items()}


def threshold_and_alarms(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """A threshold, which may be a plain number, and a truth value for each window of the test part."""
    scores = case["test_scores"]
    assert isinstance(scores, Tensor)
    found = call(lambda *given: _as_tensors(answer(*given), scores), case)
    return {name: x for name, x in found.items() if not name.startswith("the gradient")}


def _as_tensors(result: Any, scores: Tensor) -> dict[str, Tensor]:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise AnswerError("Two things were expected, the threshold and the alarms: return threshold, alarms.")
    threshold, alarms = (torch.as_tensor(x) for x in result)
    if alarms.dtype != torch.bool and alarms.shape == scores.shape and alarms.unique().numel() > 2:
        raise AnswerError(
            "The alarms should be truth values, one for each window of the test part: True for an alarm."
        )
    threshold = threshold.to(scores.dtype)
    return {
        "the threshold": threshold.reshape(()) if threshold.numel() == 1 else threshold,
        "the alarms": alarms.to(scores.dtype),
    }


def one_number(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """One number, plain or a tensor, in the scores' type."""
    scores = case["scores"]
    assert isinstance(scores, Tensor)

    def as_tensor(*given: Any) -> Any:
        result = answer(*given)
        if isinstance(result, int | float) and not isinstance(result, bool):
            return torch.tensor(result, dtype=scores.dtype)
        if isinstance(result, Tensor) and result.numel() == 1 and result.ndim < 2:
            return result.to(scores.dtype).reshape(())
        return result

    return call(as_tensor, case)


_NUM_PAIRS = 256


def trained_denoiser(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The network's parameters, how it was trained, and what it makes of windows, which the last cell draws.

    "process: pairs", (n, 2, P): the first two rows of each of the first batches that the network was given. "process:
    start", (P,): what the first row of its first parameter was when it was given the first one.
    """
    x = case["x"]
    assert isinstance(x, Tensor)
    pairs: list[Tensor] = []
    start: list[Tensor] = []
    last: list[Tensor] = []

    def listen(module: nn.Module, args: tuple[Any, ...]) -> None:
        batch = args[0] if args else None
        if not isinstance(batch, Tensor) or not torch.is_grad_enabled() or len(pairs) == _NUM_PAIRS:
            return
        if batch.ndim == 2 and batch.shape[1] == x.shape[1] and len(batch) > 1 and not batch.requires_grad:
            if not (last and last[0] is batch):  # the same batch, one module further in
                if not start:
                    start.extend(p[0].detach().cpu().clone() for p in [*module.parameters()][:1] if p.ndim)
                pairs.append(batch[:2].detach().cpu().double().clone())
            last[:] = [batch]

    handle = register_module_forward_pre_hook(listen)
    try:
        outputs = watched_training(answer, case, lambda network, images: network(images))
    finally:
        handle.remove()
    seen = {f"{PREFIX}pairs": torch.stack(pairs)} if pairs else {}
    return outputs | seen | ({f"{PREFIX}start": start[0]} if start else {})
