r"""Pictures that please a judge who only gives marks: a mean reward over binary codes, climbed by sampled gradients.

The judge counts the pixels in which a picture is like one that it has in mind, so the expected mark of independent
pixels with probabilities :math:`p = \sigma(l)` is :math:`\sum_i p_i s_i + (1 - p_i)(1 - s_i)`, and what logits are
worth is computed here without a draw. Over 20 secrets the reference ends at 98.8 to 98.9 % of the pixels; the same
steps without a baseline at 54 to 62 %. A black picture has 88 %.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import load
from course_lib.probes.ex04 import painted
from course_lib.tasks.core import Case, Mistake, Outputs, Task, Verdict, generator
from course_lib.tasks.ex04_reparameterization.leave_one_out import leave_one_out_gradient
from course_lib.tasks.training import UNCLEARED

SIDE = 14
NUM_PIXELS = SIDE * SIDE
NUM_ASKS = 6000
THRESHOLD = 0.95  # of the pixels, on average

Paint = Callable[[int, int], Any]


@cache
def pictures() -> Tensor:
    """Binary pictures of glyphs, (N, 196): what the exercise's own cell makes."""
    return (F.avg_pool2d(load("glyphs", "test").x, 2) > 0.4).float().flatten(1)


class Judge(nn.Module):
    """Counts the pixels in which each picture z (..., 196) is like the one it has in mind."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.register_buffer("picture", picture)

    def forward(self, z: Tensor) -> Tensor:
        return torch.eq(z, self.picture).sum(-1).float()  # type: ignore[arg-type]


def new_judge(seed: int) -> Judge:
    """The judge that the exercise hands out."""
    return Judge(pictures()[seed % len(pictures())])


def _cases(seed: int) -> list[Case]:
    return [{"seed": seed % 9973, "num_asks": NUM_ASKS}]


_SHAPE = f"the logits of one picture were asked for, one for each pixel: shape ({NUM_PIXELS},)."
_NOT_FINITE = (
    "there are logits that aren't finite. Return the logits as they are, not made of a rounded picture; and if they "
    "grow without end, take smaller steps."
)
_NEVER_ASKED = (
    "the judge gave no mark at all. Make it by new_judge(seed), and ask it by judge(z) for marks of your draws."
)
_TOO_MANY = (
    "the judge was asked for more marks than num_asks. Every picture that it looks at counts: steps times draws."
)
_NOT_BINARY = (
    "the judge was shown grey pixels, probabilities perhaps. It marks pictures of zeros and ones: draw them."
)
_NOT_DRAWN = (
    "the first pictures aren't draws: at the start each pixel is a 1 with probability one half, since the logits are "
    "0. Draw every pixel by itself, as in torch.bernoulli(probabilities)."
)
_ONE_COLOUR = (
    "the first pictures are all black or all white: one random number decided all pixels of a picture. Each of its 196 "
    "pixels needs its own."
)
_ALIKE = (
    "all draws of a step are the same picture: with equal marks there is nothing to learn. Draw K pictures "
    "independently: the probabilities expanded to (K, 196), then one draw for each entry."
)
_SAME_AGAIN = "every step uses the same draws. Draw anew inside the loop, and don't seed the random numbers there."
_NO_STEP = (
    "the logits that came back are still 0: nothing has moved them. Add a step times your estimate in each round, or "
    "set logits.grad and call the optimiser's step()."
)
_PROBABILITIES = (
    "these are probabilities, or a picture. The logits were asked for: sigmoid makes probabilities of them."
)
_DOWNHILL = (
    "the pictures get worse marks than chance: the steps go downhill. The estimate points to where the marks rise, and "
    "an optimiser minimises."
)
_OLD_DRAWS = (
    "the logits moved, and the draws didn't follow: the judge's last marks are still those of chance. In each step "
    "draw with the probabilities of that step's logits."
)
_FEW_STEPS = "it learns, and stops early: the judge's patience isn't used up. Take more steps, or larger ones."
_SMALL_STEPS = "it learns, and too slowly for so few marks: take larger steps."
_LARGE_STEPS = (
    "the steps are so large that pixels are decided by the first marks, which are mostly chance: most logits are far "
    "from 0, many on the wrong side, and there no draw moves them any more. Take smaller steps."
)
_NOISE = (
    "the logits wander: they have moved a lot, and hardly towards better marks. Either what you follow is mostly noise "
    "(does the baseline of task 2 stand in your estimate?), or marks and draws got mixed up on the way into it."
)
_NOT_YET = (
    "it learns, but not far enough. Print the mean mark every 50 steps: while it rises, take more steps of fewer "
    "draws, or larger steps; where it has stopped, take smaller ones."
)


def expected_share(logits: Tensor, picture: Tensor) -> float:
    """The share of pixels in which a draw of these logits is like the picture, on average."""
    p = logits.double().sigmoid()
    return torch.where(picture > 0.5, p, 1 - p).mean().item()


def measure(case: Case, outputs: Outputs) -> Verdict:
    """Passes logits whose draws agree with the judge's picture in ``THRESHOLD`` of the pixels, found by asking it at
    most ``num_asks`` times for marks of draws."""
    logits, asked, first = (outputs.get(name) for name in ("the logits", "process: asked", "process: first"))
    if logits is None or logits.shape not in ((NUM_PIXELS,), (1, NUM_PIXELS)):
        came = "none" if logits is None else f"shape {tuple(logits.shape)}"
        return Verdict("wrong", f"Logits of shape ({NUM_PIXELS},) were expected; {came} came.", _SHAPE)
    logits, num_asks = logits.double().flatten(), int(case["num_asks"])
    if not bool(logits.isfinite().all()):
        return Verdict("wrong", f"{int((~logits.isfinite()).sum())} logits are nan or inf.", _NOT_FINITE)
    if asked is None or first is None or asked.ndim != 2 or asked.shape[1:] != (4,) or first.shape != (4,):
        return Verdict("wrong", "Nothing was seen of how the judge was asked.", _NEVER_ASKED)
    picture = new_judge(int(case["seed"])).picture
    assert isinstance(picture, Tensor)
    share = expected_share(logits, picture)
    total = int(asked[:, 0].sum())
    message = (
        f"A draw of these logits is like the judge's picture in {share:.1%} of the pixels on average (computed, not "
        f"drawn); it should be at least {THRESHOLD:.0%}{', and is' if share >= THRESHOLD else ''}. Chance has 50 %."
        f"\nSeen while it ran: the judge looked at {total:,} pictures in {len(asked):,} calls."
    )
    if len(asked):
        ends = [asked[part, 3].mean().item() / NUM_PIXELS for part in (slice(0, 10), slice(-10, None))]
        message += f" Its first ten marks are for {ends[0]:.0%} of the pixels, its last ten for {ends[1]:.0%}."
    hint = _asked_otherwise(asked, first, share, total, num_asks) if total else _NEVER_ASKED
    if share >= THRESHOLD:
        return Verdict("wrong", message, hint) if hint else Verdict("right")
    return Verdict("wrong", message, hint or _diagnosis(logits, picture, share, total, num_asks))


def _asked_otherwise(asked: Tensor, first: Tensor, share: float, total: int, num_asks: int) -> str:
    """What may not be, whatever comes of it; empty if all is well."""
    if (asked[:, 0] * asked[:, 2]).sum() < 0.99 * total:
        return _NOT_BINARY
    if total > num_asks:
        return _TOO_MANY
    if first[2] > 0.9 and 0.02 < first[0] < 0.98:
        return _ONE_COLOUR
    if abs(first[0].item() - 0.5) > 0.1:
        return _NOT_DRAWN
    if first[3] > 0.5:
        return UNCLEARED
    if first[1] > 0.85:
        return _SAME_AGAIN
    early = asked[: max(len(asked) // 10, 1)]
    several = early[early[:, 0] > 1]
    if len(several) and bool((several[:, 1] == 1).double().mean() > 0.9):
        return _ALIKE
    last = asked[-max(len(asked) // 20, 1) :, 3].mean().item() / NUM_PIXELS
    return _OLD_DRAWS if abs(last - 0.5) < 0.03 and share > 0.6 else ""


def _diagnosis(logits: Tensor, picture: Tensor, share: float, total: int, num_asks: int) -> str:
    """The first cause that the numbers allow."""
    if not bool(logits.any()):
        return _NO_STEP
    low, high = logits.min().item(), logits.max().item()
    if low >= 0 and high <= 1 and ((logits > 0.5) == (picture > 0.5)).double().mean() > 0.9:
        return _PROBABILITIES
    if share < 0.42:
        return _DOWNHILL
    right = ((logits > 0) == (picture > 0.5)).double().mean().item()
    sizes = logits.abs().median().item()
    if right < 0.85 and sizes > 4:
        return _LARGE_STEPS
    if right < 0.85 and share < 0.85 and total > 0.4 * num_asks and sizes > 0.3:
        return _NOISE
    if total < 0.5 * num_asks and share > 0.52:
        return _FEW_STEPS
    if right > 0.9 and sizes < 1.5:
        return _SMALL_STEPS
    return _NOT_YET


def _painted(
    *,
    num_draws: int = 8,
    num_steps: int = 600,
    lr: float = 0.1,
    estimate: Callable[[Tensor, Tensor, Tensor], Tensor] = leave_one_out_gradient,
    draw: Callable[[Tensor, torch.Generator], Tensor] = lambda p, source: torch.bernoulli(p, generator=source),
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    sign: float = -1.0,
    returned: Callable[[Tensor], Tensor] = lambda logits: logits,
    fresh: bool = True,
    of_start: bool = False,
) -> Paint:
    """The climb with one part changed."""

    def answer(seed: int, num_asks: int) -> Tensor:
        judge, source = new_judge(seed), generator(seed)
        logits = torch.zeros(1, NUM_PIXELS)
        ascent = optimizer([logits], lr=lr)
        for _ in range(num_steps):
            if not fresh:
                source = generator(seed)
            p = torch.sigmoid(0 * logits if of_start else logits)
            z = draw(p.expand(num_draws, 1, NUM_PIXELS), source)
            logits.grad = sign * estimate(logits, z, judge(z))
            ascent.step()
        return returned(logits[0])

    return answer


def _sgd(parameters: Any, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr)


def _plain(logits: Tensor, z: Tensor, reward: Tensor) -> Tensor:
    """Without a baseline."""
    return (reward[..., None] * (z - logits.sigmoid())).mean(0)


def _uncleared(seed: int, num_asks: int) -> Tensor:
    """Gradients of a surrogate by backward(), and none is ever cleared."""
    judge, source = new_judge(seed), generator(seed)
    logits = torch.zeros(1, NUM_PIXELS, requires_grad=True)
    descent = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        z = torch.bernoulli(logits.detach().sigmoid().expand(8, 1, NUM_PIXELS), generator=source)
        marks = judge(z)
        advantage = (marks - marks.mean(0)) * 8 / 7
        log_prob = -F.binary_cross_entropy_with_logits(logits.expand_as(z), z, reduction="none").sum(-1)
        torch.neg((advantage * log_prob).mean()).backward()
        descent.step()
    return logits.detach()


def _pixel_by_pixel(seed: int, num_asks: int) -> Tensor:
    """No chance at all: each pixel is turned on by itself."""
    judge = new_judge(seed)
    marks = judge(torch.eye(NUM_PIXELS)) - judge(torch.zeros(NUM_PIXELS))
    return 10 * marks


PAINT = Task(
    name="paint",
    points=2,
    cases=_cases,
    reference=_painted(),
    alternatives=(
        _painted(num_steps=500, lr=0.3, optimizer=_sgd),
        _painted(num_draws=16, num_steps=350, returned=lambda logits: logits[None]),
    ),
    probe=painted,
    measure=measure,
    public_in_grading=False,
    mistakes=(
        Mistake(_painted(returned=lambda logits: logits[:8]), _SHAPE),
        Mistake(_painted(returned=lambda logits: (logits > 0).float().logit()), _NOT_FINITE),
        Mistake(lambda seed, num_asks: 20 * new_judge(seed).picture - 10, _NEVER_ASKED),  # type: ignore[operator]
        Mistake(_painted(num_draws=16), _TOO_MANY),
        Mistake(_painted(draw=lambda p, source: p + 0.01 * torch.randn(p.shape, generator=source)), _NOT_BINARY),
        Mistake(_pixel_by_pixel, _NOT_DRAWN),
        Mistake(
            _painted(
                draw=lambda p, source: (torch.rand(len(p), 1, 1, generator=source) < p).float(), num_steps=50
            ),
            _ONE_COLOUR,
        ),
        Mistake(_uncleared, UNCLEARED),
        Mistake(
            _painted(draw=lambda p, source: torch.bernoulli(p[:1], generator=source).expand_as(p), num_steps=50),
            _ALIKE,
        ),
        Mistake(_painted(fresh=False), _SAME_AGAIN),
        Mistake(_painted(lr=0.0), _NO_STEP),
        Mistake(_painted(returned=torch.sigmoid), _PROBABILITIES),
        Mistake(_painted(sign=1.0), _DOWNHILL),
        Mistake(_painted(of_start=True), _OLD_DRAWS),
        Mistake(_painted(num_steps=100), _FEW_STEPS),
        Mistake(_painted(lr=0.01), _SMALL_STEPS),
        Mistake(_painted(lr=20.0, optimizer=_sgd), _LARGE_STEPS),
        Mistake(_painted(estimate=_plain), _NOISE),
        Mistake(_painted(num_draws=60, num_steps=100, lr=0.05), _NOT_YET),
    ),
)
