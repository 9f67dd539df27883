r"""A choice that is one-hot on the way forward and soft on the way back: the straight-through Gumbel-softmax.

With Gumbel noise :math:`g`, :math:`\arg\max_i (l_i + g_i)` is a draw of the categorical distribution with logits
:math:`l`; backward it is replaced by :math:`\mathrm{softmax}((l + g)/T)` (Jang, Gu & Poole 2017, arXiv:1611.01144,
section 2.2; Bengio, Léonard & Courville 2013, arXiv:1308.3432).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.probes.ex04 import value_and_backward
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor, Tensor, float], Tensor]


def _cases(seed: int) -> list[Case]:
    """Many rows, codes of several choices each, float64; temperatures below and above 1. In the first rows the noise
    alone, the logits alone, and the logits over T with the noise each choose another entry than their sum."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, temperature, dtype in [((80, 5), 0.7, _F32), ((40, 3, 4), 2.5, _F32), ((60, 3), 0.4, _F64)]:
        logits = away_from_zero(shape, source, dtype=dtype)
        chance = 0.02 + 0.96 * torch.rand(shape, generator=source, dtype=_F64)
        noise = (-torch.log(-torch.log(chance))).to(dtype)
        cases.append({"logits": logits.requires_grad_(), "noise": noise, "temperature": temperature})
    return cases


def _one_hot(x: Tensor, dim: int = -1) -> Tensor:
    """1 where x is largest, else 0."""
    return torch.zeros_like(x).scatter(dim, x.argmax(dim, keepdim=True), 1.0)


def straight_through_one_hot(logits: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """The one-hot choice of logits + noise (..., C), with the gradient of its softmax at that temperature."""
    noisy = logits + noise
    soft = torch.softmax(noisy / temperature, dim=-1)
    return _one_hot(noisy).detach() + (soft - soft.detach())


class _Choice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, noisy: Tensor, temperature: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(torch.softmax(noisy / temperature, -1))
        ctx.temperature = temperature
        return _one_hot(noisy)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (soft,) = ctx.saved_tensors
        return soft * (gradient - (soft * gradient).sum(-1, keepdim=True)) / ctx.temperature, None


def _with(
    choose: Callable[[Tensor, Tensor, float], Tensor] = lambda logits, noise, t: _one_hot(logits + noise),
    soften: Callable[[Tensor, Tensor, float], Tensor] = lambda logits, noise, t: ((logits + noise) / t).softmax(
        -1
    ),
    join: Callable[[Tensor, Tensor], Tensor] = lambda hard, soft: hard + (soft - soft.detach()),
) -> Answer:
    """The choice with one part changed: what is chosen, what stands in for it backward, how the two are joined."""
    return lambda logits, noise, t: join(choose(logits, noise, t).detach(), soften(logits, noise, t))


_ROUNDED = (
    "the choice is one-hot only up to rounding: entries such as 0.9999999 came, since (1 + s) - s isn't 1 in floating "
    "point. Group the terms so that what is added to the hard choice is exactly 0."
)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether the way forward or the way back is right, and what factor the way back has."""
    forward = torch.allclose(got["the value"].double(), expected["the value"].double(), atol=1e-5)
    name = "the gradient with respect to logits"
    right, came = expected[name].double(), got[name].double()
    back = torch.allclose(came, right, rtol=1e-3, atol=1e-5)
    if forward and back:
        types = got["the value"].dtype, expected["the value"].dtype
        if types[0] != types[1]:
            given, wanted = (str(dtype).removeprefix("torch.") for dtype in types)
            return (
                f"the choice and its gradient are right, but the type isn't: {given} came, the logits are {wanted}. "
                "Keep their type; .float() always makes float32."
            )
        if bool(got["whether all entries are exactly 0 or 1"]):
            return "the choice is right, and its gradient nearly so: it went through a type of fewer digits."
        return _ROUNDED
    if back:
        return "the gradient is right, but the value isn't the one-hot choice of the largest of logits + noise."
    if not bool(came.any()):
        return f"the value is {'right' if forward else 'wrong'}, and no gradient comes back to the logits."
    factor = ((came * right).sum() / right.square().sum()).item()
    of_t = f" (the temperature is {case['temperature']})"
    if torch.allclose(came, factor * right, rtol=1e-2, atol=1e-4):
        side = "the value is right, but " if forward else "the value is wrong, and "
        return f"{side}the gradient is {factor:.3g} times what it should be{of_t}."
    if forward:
        return (
            "the value is right, but the gradient isn't that of the softmax of (logits + noise) / temperature, along "
            f"the last dimension{of_t}."
        )
    return ""


STRAIGHT_THROUGH_ONE_HOT = Task(
    name="straight_through_one_hot",
    points=2,
    cases=_cases,
    reference=straight_through_one_hot,
    alternatives=(
        lambda logits, noise, t: _Choice.apply(logits + noise, t),
        lambda logits, noise, t: (
            F.one_hot((logits + noise).argmax(-1), logits.shape[-1])
            + ((s := ((logits + noise) / t).softmax(-1)) - s.detach())
        ),
    ),
    probe=value_and_backward,
    explain=_told,
    mistakes=(
        Mistake(_with(join=lambda hard, soft: hard + soft - soft.detach()), _ROUNDED),
        Mistake(
            _with(join=lambda hard, soft: soft),
            "this is the soft choice. Forward, one entry has to be exactly 1 and all others 0.",
        ),
        Mistake(
            _with(join=lambda hard, soft: hard),
            "forward it is right, but no gradient comes back: argmax has none. Something that has the soft choice's "
            "gradient and the value 0 may be added.",
        ),
        Mistake(
            _with(join=lambda hard, soft: hard - (soft - soft.detach())),
            "the gradient's sign is turned round: what is added has the value 0 and minus the soft choice's gradient.",
        ),
        Mistake(
            _with(join=lambda hard, soft: hard + soft),
            "the soft choice is added in full. What is added has to be 0 forward, and to keep its gradient.",
        ),
        Mistake(
            _with(join=lambda hard, soft: hard * soft),
            "the hard choice is multiplied with the soft one: forward the 1 becomes a probability.",
        ),
        Mistake(
            _with(join=lambda hard, soft: hard + hard * (soft - soft.detach())),
            "only the chosen entry lets a gradient through. All entries of the soft choice have one: what the others "
            "would have given says how to choose.",
        ),
        Mistake(
            _with(join=lambda hard, soft: soft - soft.detach()),
            "this is 0 everywhere: the gradient is there, the hard choice isn't.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: logits + noise),
            "the gradient passes as if the choice were the logits themselves. Backward the softmax of (logits + noise) "
            "/ temperature stands in for it.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: (logits + noise) / t),
            "the gradient is that of (logits + noise) / temperature, without its softmax.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: ((logits + noise) / t).log_softmax(-1)),
            "the gradient is that of log_softmax. What stands in for the choice are probabilities, not their "
            "logarithms.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: (logits + noise).softmax(-1)),
            "the temperature plays no part in the gradient: it divides logits + noise inside the softmax.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: (logits + noise).softmax(-1) / t),
            "the temperature divides the softmax instead of what is inside it.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: ((logits + noise) * t).softmax(-1)),
            "the temperature multiplies where it should divide: a low temperature makes a choice sharp.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: (logits / t).softmax(-1)),
            "the soft choice has no noise: backward it stands in for the mean of the draws, not for this one.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: (logits / t + noise).softmax(-1)),
            "in the soft choice the temperature divides the logits alone. It divides logits + noise.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: (logits + noise / t).softmax(-1)),
            "in the soft choice the temperature divides the noise alone. It divides logits + noise.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: ((logits.softmax(-1) + noise) / t).softmax(-1)),
            "a softmax was taken of the logits before the noise came to them. Gumbel noise is added to logits.",
        ),
        Mistake(
            _with(soften=lambda logits, noise, t: ((logits + noise) / t).softmax(0)),
            "the softmax runs over the batch. Its entries add up to 1 over the choices, the last dimension.",
        ),
        Mistake(
            _with(
                soften=lambda logits, noise, t: ((logits + noise) / t).softmax(0),
                choose=lambda logits, noise, t: _one_hot(logits + noise, 0),
            ),
            "argmax and softmax run over the batch. One entry is chosen in each row, along the last dimension.",
        ),
        Mistake(
            _with(choose=lambda logits, noise, t: _one_hot(logits + noise, 0)),
            "argmax runs over the batch. One entry is chosen in each row, along the last dimension.",
        ),
        Mistake(
            _with(choose=lambda logits, noise, t: _one_hot(logits)),
            "the choice has no noise: the most probable is always taken. A draw is the largest of logits + noise.",
        ),
        Mistake(
            _with(
                choose=lambda logits, noise, t: _one_hot(logits),
                soften=lambda logits, noise, t: (logits / t).softmax(-1),
            ),
            "the noise plays no part, so nothing is drawn: the most probable entry is always taken.",
        ),
        Mistake(
            _with(choose=lambda logits, noise, t: _one_hot(noise)),
            "the choice is made by the noise alone.",
        ),
        Mistake(
            _with(
                choose=lambda logits, noise, t: _one_hot(logits / t + noise),
                soften=lambda logits, noise, t: (logits / t + noise).softmax(-1),
            ),
            "the temperature divides the logits before the noise is added: then it changes which entry is drawn, and "
            "how often. It divides the sum.",
        ),
        Mistake(
            _with(
                choose=lambda logits, noise, t: _one_hot(logits - noise),
                soften=lambda logits, noise, t: ((logits - noise) / t).softmax(-1),
            ),
            "the noise is subtracted. Gumbel noise isn't symmetric: only the sum's largest entry is a draw.",
        ),
        Mistake(
            _with(choose=lambda logits, noise, t: (((logits + noise) / t).softmax(-1) > 0.5).to(logits)),
            "the soft choice was cut at one half, or rounded: with more than two choices often none is above it. The "
            "largest entry is chosen.",
        ),
        Mistake(
            lambda logits, noise, t: F.gumbel_softmax(logits, tau=t, hard=True),
            "you drew noise of your own. The chance is in noise: only so can a draw be tested.",
        ),
        Mistake(
            lambda logits, noise, t: F.one_hot((logits + noise).argmax(-1), logits.shape[-1]),
            "these are integers, as one_hot makes them, and integers carry no gradient. Make floats of them, and add "
            "what has the soft choice's gradient and the value 0.",
        ),
        Mistake(
            lambda logits, noise, t: (logits + noise).argmax(-1),
            "this is the number of the chosen entry. A one-hot row was asked for, with a gradient.",
        ),
    ),
)
