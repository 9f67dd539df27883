"""How exercise 06 is looked at. No right answer is known here."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from course_lib.probes.calls import Case, call, copied, describe, trained_parameters
from course_lib.probes.contract import AnswerError
from course_lib.probes.training import Seen

REPORT = ("active", "told", "wasted")
REFUSED = "whether opposite ends are refused"
NUM_PIXELS, NUM_CLASSES, LATENT_DIM = 64, 10, 8
CODES = "process: codes"


def reported(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The three tensors of a report, by their names."""
    outputs = call(answer, case)
    given = {name: x for name, x in outputs.items() if not name.startswith("note: ")}
    if len(given) != len(REPORT):
        raise AnswerError(
            f"Three tensors were expected, {', '.join(REPORT)}; {len(given)} came. Return all three, separated by "
            f"commas."
        )
    notes = {name: x for name, x in outputs.items() if name not in given}
    return dict(zip(REPORT, given.values(), strict=True)) | notes


def walked(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The codes on the way, their gradients, and whether ends that point in opposite ways are refused by a
    ``ValueError`` that says something: 1 or 0."""
    outputs = call(answer, case)
    again = copied(case)
    start, end = again["start"], again["end"]
    assert isinstance(start, Tensor)
    assert isinstance(end, Tensor)
    signs = torch.where(torch.arange(start.shape[1]) % 3 == 0, -0.75, 0.75).to(start.dtype)
    start = torch.cat([start.detach(), signs[None]])
    end = torch.cat([end.detach(), -2 * signs[None]])
    try:
        answer(start, end, again["t"])
        refused = 0.0
    except ValueError as error:
        if not str(error).strip():
            raise AnswerError(
                "With ends that point in opposite ways it raises a ValueError without a word. Say what is wrong: raise "
                'ValueError("start and end point in opposite ways, ...").'
            ) from error
        refused = 1.0
    except Exception as error:
        raise AnswerError(
            "With ends that point in opposite ways, one pair of several, it should raise a ValueError that says so. It "
            f"didn't. {describe(error)}"
        ) from error
    return outputs | {REFUSED: torch.tensor(refused)}


def shares(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """What the answer says of a decoder of the case's ``weights``, (D + C, P), which gives logits (N, P)."""
    weights, z = case["weights"], case["z"]
    assert isinstance(weights, Tensor)
    assert isinstance(z, Tensor)
    latent_dim, num_classes = z.shape[1], len(weights) - z.shape[1]

    def decode(z: Tensor, y: Tensor) -> Tensor:
        if not isinstance(z, Tensor) or z.ndim != 2 or z.shape[1] != latent_dim:
            came = str(tuple(z.shape)) if isinstance(z, Tensor) else type(z).__name__
            raise AnswerError(f"decode(z, y) takes codes of shape (N, {latent_dim}) first; it was given {came}.")
        if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.shape != z.shape[:1]:
            came = f"{y.dtype} {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
            raise AnswerError(
                f"decode(z, y) takes one label for each code, int64 of shape ({len(z)},); it was given {came}. "
                "torch.full((len(z),), c) makes them of a number c."
            )
        if bool((y < 0).any() or (y >= num_classes).any()):
            raise AnswerError(
                f"decode(z, y) knows the labels 0 to {num_classes - 1}; it was given {int(y.min())} to {int(y.max())}."
            )
        given = torch.cat([z, F.one_hot(y, num_classes).to(z.dtype)], dim=1).double()
        return torch.tanh((given[:, :, None] * weights).sum(1)).mul(3).to(z.dtype)

    given: dict[str, Any] = {"decode": decode, "z": z, "num_classes": num_classes}
    return call(answer, given)


def trained_with_labels(answer: Callable[..., Any], case: Case) -> dict[str, Tensor]:
    """The network's parameters, how it was trained, and how the decoder's codes came about.

    ``process: codes``: the calls of the decoder, the share of them without a gradient, the root mean square of
    (z - mu) / sigma, and how alike that noise is from one call to the next; nan for what wasn't seen.
    """
    width = NUM_PIXELS + NUM_CLASSES
    seen = Seen(width, 0)
    posterior: list[Tensor] = []
    noises: list[Tensor] = []
    cut: list[bool] = []
    alike: list[float] = []
    made: list[Any] = []

    def listen(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        x = args[0] if args else None
        if not isinstance(x, Tensor) or x.ndim != 2 or not torch.is_grad_enabled():
            return
        if isinstance(output, Tensor) and x.shape[1] == width and output.shape[1] == 2 * LATENT_DIM:
            posterior[:] = [output.detach()]
        if isinstance(module, nn.Sequential) and x.shape[1] == LATENT_DIM + NUM_CLASSES:
            cut.append(not x.requires_grad)
            if posterior and len(posterior[0]) == len(x):
                mu, logvar = posterior[0].chunk(2, dim=1)
                noise = (x.detach()[:, :LATENT_DIM] - mu) * torch.exp(-0.5 * logvar)
                if noises and noises[-1].shape == noise.shape:
                    alike.append(float((noises[-1] - noise).abs().median() < 0.05))
                noises[:] = [*noises[-2:], noise]

    def watched(*values: Any) -> Any:
        with seen.watching():
            made.append(answer(*values))
        return made[0]

    handle = register_module_forward_hook(listen)
    try:
        outputs = trained_parameters(watched, case)
    finally:
        handle.remove()
    nan = float("nan")
    size = noises[-1].double().square().mean().sqrt().item() if noises else nan
    numbers = [
        len(cut),
        sum(cut) / len(cut) if cut else nan,
        size,
        sum(alike) / len(alike) if alike else nan,
    ]
    outputs[CODES] = torch.tensor(numbers, dtype=torch.float64)
    return outputs | (seen.process(made[0]).tensors() if seen.sizes else {})
