"""How exercise 04 is looked at. No right answer is known here."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from course_lib.probes.calls import Case, call, gradients, named_tensors
from course_lib.probes.contract import AnswerError, kept
from course_lib.probes.training import Seen

NUM_ALONE = 4  # rows of a batch that are asked for one by one, too


def rows_among_and_alone(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The estimates of a batch, and those of its first rows, each alone: what is said of a row is its own affair."""
    outputs = call(answer, case)
    logits, z, reward = case["logits"], case["z"], case["reward"]
    assert isinstance(logits, Tensor)
    assert isinstance(z, Tensor)
    assert isinstance(reward, Tensor)
    if "the value" not in outputs or outputs["the value"].shape != logits.shape:
        return outputs
    alone = []
    for i in range(min(NUM_ALONE, len(logits))):
        one = {"logits": logits[i : i + 1], "z": z[:, i : i + 1], "reward": reward[:, i : i + 1]}
        value = named_tensors(answer(*one.values()), one)
        if set(value) != {"the value"} or value["the value"].shape != one["logits"].shape:
            raise AnswerError(
                f"With a batch of one row, logits of shape {tuple(one['logits'].shape)}, it gave something of another "
                "shape. Don't squeeze what may be of size 1."
            )
        alone.append(value["the value"].detach())
    return outputs | {"rows alone": torch.cat(alone)}


def value_and_backward(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The value, whether each of its entries is 0 or 1 to the last bit, and what comes back to the logits from a
    gradient that differs from entry to entry: that of the plain sum would be zero behind any softmax."""
    outputs = call(answer, case)
    value = outputs.get("the value")
    if value is None or value.shape != case["logits"].shape:  # type: ignore[union-attr]
        return {name: x for name, x in outputs.items() if not name.startswith("the gradient")}
    found = named_tensors(answer(*case.values()), case)["the value"]
    weights = (
        torch.cos(torch.arange(1, found.numel() + 1, dtype=torch.float64)).to(found.dtype).reshape(found.shape)
    )
    back = gradients((weights * found).sum(), {"logits": case["logits"]})["logits"]  # type: ignore[dict-item]
    exact = ((value == 0) | (value == 1)).all()
    return {
        "the value": value,
        "whether all entries are exactly 0 or 1": exact.to(torch.float32),
        "the gradient with respect to logits": back,
    } | {name: x for name, x in outputs.items() if name.startswith("note: ")}


def surrogate_gradients(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The gradients of a surrogate loss, one number. Its value isn't looked at: many values have one gradient."""
    outputs = call(answer, case)
    value = outputs.pop("the value", None)
    if value is None:
        raise AnswerError(
            "One number was expected, several tensors came. Return the loss itself; its gradients are taken outside."
        )
    if value.ndim:
        raise AnswerError(
            f"It gave a tensor of shape {tuple(value.shape)}; one number was expected, (). Average over the draws."
        )
    return {name.replace("the gradient of the sum of the value", "the gradient"): x for name, x in outputs.items()}


JUDGE = "Judge"  # the name of the class that the exercise hands out
NUM_FIRST = 16  # of the first pictures, how bright they are


def painted(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The logits that the answer returns, and what the judge was asked on the way to them, seen by PyTorch's hooks.

    "process: asked", one row for each call of the judge: how many pictures, how many of them in this call are unlike,
    the share of their entries that are 0 or 1, the mean of its marks. "process: first": the mean grey level of the
    first few pictures, the share of entries in which the second call is like the first, the share of the first pictures
    that are of one colour, and that of optimiser's steps whose gradients the next backward pass was added to.
    """
    asked: list[list[float]] = []
    brightness: list[float] = []
    seen = Seen(1, 0)
    last: list[Tensor] = []
    alike: list[float] = []

    def listen(module: nn.Module, args: tuple[Any, ...], marks: Any) -> None:
        if type(module).__name__ != JUDGE or not args or not isinstance(args[0], Tensor):
            return
        rows = args[0].detach().cpu().double()
        rows = rows.reshape(-1, rows.shape[-1])
        mark = float(marks.detach().double().mean()) if isinstance(marks, Tensor) and marks.numel() else 0.0
        plain = ((rows == 0) | (rows == 1)).double().mean().item()
        asked.append([len(rows), len(rows.unique(dim=0)), plain, mark])
        if len(brightness) < NUM_FIRST:
            brightness.extend(rows[: NUM_FIRST - len(brightness)].mean(1).tolist())
        if last and last[0].shape == rows.shape and not alike:
            alike.append((last[0] == rows).double().mean().item())
        last[:] = [rows]

    handle = register_module_forward_hook(listen)
    try:
        with kept(case), seen.watching():
            value = answer(*case.values())
    finally:
        handle.remove()
    (name, logits), *others = named_tensors(value, case).items()
    if others:
        raise AnswerError(f"One tensor was expected, the logits; {name} and {len(others)} more came.")
    return {
        "the logits": logits.detach().cpu(),
        "process: asked": torch.tensor(asked, dtype=torch.float64).reshape(-1, 4),
        "process: first": torch.tensor(
            [
                sum(brightness) / max(len(brightness), 1),
                alike[0] if alike else 0.0,
                sum(b in (0, 1) for b in brightness) / max(len(brightness), 1),
                seen.uncleared,
            ],
            dtype=torch.float64,
        ),
    }
