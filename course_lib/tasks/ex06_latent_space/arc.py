r"""A walk between codes along an arc, where straight walks pass through a middle in which no codes lie.

:math:`\frac{\sin((1 - t)\,\omega)}{\sin \omega}\,a + \frac{\sin(t\,\omega)}{\sin \omega}\,b` with the angle
:math:`\omega` between a and b (Shoemake 1985, "Animating rotation with quaternion curves"; White 2016,
arXiv:1609.04468). At :math:`\omega = 0` it is 0/0, with the straight walk as its limit, in value and gradient; at
:math:`\omega = \pi` there are many arcs, and the formula names none.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.probes.ex06 import REFUSED, walked
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor, Tensor, Tensor], Tensor]


def _cases(seed: int) -> list[Case]:
    """Five pairs, one, and float64. Two pairs of five point the same way, and the lengths differ; their entries are
    short numbers, so that every way to a cosine gives exactly 1. One of the last has a small angle."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, size, steps, parallel, dtype in (
        (5, 4, 3, (1, 3), _F32),
        (1, 4, 2, (0,), _F32),
        (3, 16, 4, (), _F64),
    ):
        start = away_from_zero((batch, size), source, dtype=_F64)
        # between a quarter and three quarters of the signs agree
        agree = torch.stack([torch.randperm(size, generator=source) for _ in range(batch)])
        count = torch.arange(batch)[:, None] % (size // 2 + 1) + size // 4
        end = torch.where(agree < count, 1.0, -1.0) * start.sign()
        end = end * (0.3 + 1.2 * torch.rand((batch, size), generator=source, dtype=_F64))
        for i, row in enumerate(parallel):
            entry, longer = (
                (5 + int(torch.randint(8, (), generator=source))) / 8,
                (1.0, 1.5)[(i + len(parallel)) % 2],
            )
            start[row] = start[row].sign() * entry
            end[row] = start[row] * longer
        if not parallel:
            end[0] = 1.3 * start[0] + 0.3 * end[0]
        t = (
            torch.arange(steps, dtype=_F64) + 0.15 + 0.5 * torch.rand(steps, generator=source, dtype=_F64)
        ) / steps
        cases.append(
            {
                "start": start.to(dtype).requires_grad_(),
                "end": end.to(dtype).requires_grad_(),
                "t": t.to(dtype),
            }
        )
    return cases


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    """The cosine of the angle between the codes of each pair, (B, 1, 1)."""
    lengths = a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True)
    return (a * b).sum(-1, keepdim=True) / lengths


def _of_batch(a: Tensor, b: Tensor) -> Tensor:
    """One cosine, as if all codes were a single one."""
    return ((a * b).sum() / (a.norm() * b.norm())).expand(len(a), 1, 1)


def _straight(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return (1 - t) * a + t * b


def _weights(angle: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    return torch.sin((1 - t) * angle) / torch.sin(angle), torch.sin(t * angle) / torch.sin(angle)


def _refuse(cosine: Tensor) -> None:
    if bool((cosine < -1 + 1e-6).any()):
        raise ValueError("start and end must not point in opposite ways: no one arc leads from one to the other")


def _with(
    cosine: Callable[[Tensor, Tensor], Tensor] = _cosine,
    weights: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = _weights,
    straight: Callable[[Tensor, Tensor, Tensor], Tensor] = _straight,
    angle: Callable[[Tensor], Tensor] = torch.acos,
    aligned: float = 1 - 1e-6,
    refuse: Callable[[Tensor], None] = _refuse,
    ends: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda a, b: (a, b),
    safe: bool = True,
    returned: Callable[[Tensor], Tensor] = lambda walk: walk,
) -> Answer:
    """The walk with one part changed; ``aligned``: the cosine above which it is straight; ``safe``: the branch that
    isn't taken is kept away from 0/0."""

    def answer(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
        a, b, t = start[:, None], end[:, None], t[None, :, None]
        c = cosine(a, b)
        refuse(_cosine(a, b))
        near = c > aligned
        first, second = weights(angle(torch.where(near, 0.0, c) if safe else c), t)
        a, b = ends(a, b)
        return returned(torch.where(near, straight(a, b, t), first * a + second * b))

    return answer


arc = _with()


def _by_angle(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Another style: the angle from the sides of a rhombus, and sinc, which is 1 at 0."""
    a, b = (x / x.norm(dim=1, keepdim=True) for x in (start, end))
    if bool(((a + b).norm(dim=1) < 1e-3).any()):
        raise ValueError("opposite ends: the arc between them isn't one")
    angle = 2 * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1))[:, None]
    weights = [s * torch.sinc(s * angle / math.pi) / torch.sinc(angle / math.pi) for s in (1 - t, t)]
    return weights[0][..., None] * start[:, None] + weights[1][..., None] * end[:, None]


def _unguarded(start: Tensor, end: Tensor, t: Tensor, refuse: Callable[[Tensor], None] = _refuse) -> Tensor:
    a, b, t = start[:, None], end[:, None], t[None, :, None]
    cosine = _cosine(a, b)
    refuse(cosine)
    first, second = _weights(torch.acos(cosine), t)
    return first * a + second * b


def _shifted(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """A little is added to the sine below."""
    a, b, t = start[:, None], end[:, None], t[None, :, None]
    angle = torch.acos(_cosine(a, b).clamp(-1 + 1e-6, 1 - 1e-6))
    _refuse(_cosine(a, b))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / (torch.sin(angle) + 1e-2)


def _lengths(walk: Answer) -> Answer:
    """The direction by the arc of unit vectors, the length by a straight line."""

    def answer(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
        a, b = start.norm(dim=1, keepdim=True), end.norm(dim=1, keepdim=True)
        return walk(start / a, end / b, t) * ((1 - t) * a + t * b)[..., None]

    return answer


def _unit_ends(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """The arc of unit vectors, and the straight walk of the ends as they are."""
    a, b = start[:, None], end[:, None]
    walk = arc(start / start.norm(dim=1, keepdim=True), end / end.norm(dim=1, keepdim=True), t)
    return torch.where(_cosine(a, b) > 1 - 1e-6, _straight(a, b, t[None, :, None]), walk)


def _scaled_line(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """The straight walk, scaled to the length between those of its ends."""
    _refuse(_cosine(start[:, None], end[:, None]))
    walk = _straight(start[:, None], end[:, None], t[None, :, None])
    lengths = [x.norm(dim=1, keepdim=True) for x in (start, end)]
    return walk / walk.norm(dim=2, keepdim=True) * ((1 - t) * lengths[0] + t * lengths[1])[..., None]


def _whole_batch(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """The straight walk for all pairs as soon as one is parallel."""
    cosine = _cosine(start[:, None], end[:, None])
    _refuse(cosine)
    if bool((cosine > 1 - 1e-6).any()):
        return _straight(start[:, None], end[:, None], t[None, :, None])
    return arc(start, end, t)


def _nothing(cosine: Tensor) -> None:
    """Refuses nothing."""


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which pairs are right; whether opposite ends are refused."""
    start, end = case["start"], case["end"]
    assert isinstance(start, Tensor)
    assert isinstance(end, Tensor)
    same = torch.isclose(got["the value"].double(), expected["the value"].double(), rtol=1e-4, atol=1e-5)
    right = same.flatten(1).all(1)
    parallel = _cosine(start[:, None], end[:, None]).flatten() > 1 - 1e-6
    if bool(right.all()):
        if not bool(got[REFUSED] == expected[REFUSED]):
            return "the walks are right. What is missing: ends that point in opposite ways raise a ValueError."
        return ""
    if bool(parallel.any()) and bool(right[parallel].all()) and not bool(right[~parallel].any()):
        return "pairs that point the same way are right, the others aren't."
    if bool((~parallel).any()) and bool(right[~parallel].all()):
        return "only pairs that point the same way are wrong: there the walk is the straight one."
    return ""


ARC = Task(
    name="arc",
    points=3,
    cases=_cases,
    reference=arc,
    alternatives=(_by_angle,),
    probe=walked,
    explain=_told,
    mistakes=(
        Mistake(
            _unguarded,
            "nan came: ends that point the same way have the angle 0, and 0/0 comes out. There the walk is the "
            "straight "
            "one.",
        ),
        Mistake(
            lambda start, end, t: _unguarded(start, end, t, _nothing),
            "nan came: ends that point the same way have the angle 0, and 0/0 comes out. There the walk is the "
            "straight "
            "one. And opposite ends have to raise a ValueError.",
        ),
        Mistake(
            _with(safe=False),
            "the values are right, and the gradient is nan: torch.where takes the straight walk, but the way back goes "
            "through the other branch too, and 0 times infinity is nan. Give the formula a harmless angle in the rows "
            "that it isn't taken for, before acos.",
        ),
        Mistake(
            _with(safe=False, refuse=_nothing),
            "the values are right, and the gradient is nan: the way back goes through the branch that torch.where "
            "doesn't "
            "take, too. Give it a harmless angle there, before acos. And opposite ends have to raise a ValueError.",
        ),
        Mistake(
            _with(refuse=_nothing),
            "ends that point in opposite ways got a walk: sin(pi) is almost 0 there, and its weights are huge. No "
            "one arc "
            "leads from one to the other: raise a ValueError that says so.",
        ),
        Mistake(
            lambda start, end, t: _straight(start[:, None], end[:, None], t[None, :, None]),
            "this is the straight walk. And opposite ends have to raise a ValueError.",
        ),
        Mistake(
            _with(weights=lambda angle, t: (1 - t + 0 * angle, t + 0 * angle)),
            "this is the straight walk for every pair. It is that only where both point the same way.",
        ),
        Mistake(
            _whole_batch,
            "as soon as one pair points the same way, all pairs got the straight walk. Decide for each pair by "
            "itself, as "
            "torch.where does.",
        ),
        Mistake(
            _with(straight=lambda a, b, t: a + 0 * b * t),
            "where both ends point the same way the walk stays at its start. There it is the straight one: the "
            "lengths may "
            "differ.",
        ),
        Mistake(
            _with(straight=lambda a, b, t: 0 * _straight(a, b, t)),
            "where both ends point the same way the walk is 0. There it is the straight one.",
        ),
        Mistake(
            _with(straight=lambda a, b, t: b + 0 * a * t),
            "where both ends point the same way the walk is at its end always. There it is the straight one.",
        ),
        Mistake(
            _with(weights=lambda angle, t: tuple(reversed(_weights(angle, t)))),  # type: ignore[arg-type,return-value]
            "the two weights changed places: at t = 0 the walk should be at start.",
        ),
        Mistake(
            lambda start, end, t: arc(start, end, 1 - t),
            "the walk runs backwards: at t = 0 it should be at start.",
        ),
        Mistake(
            _with(cosine=lambda a, b: _cosine(a, b) * a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True)),
            "acos was given the dot product itself, which isn't a cosine: divide it by both lengths.",
        ),
        Mistake(
            _with(cosine=lambda a, b: _cosine(a, b) * b.norm(dim=-1, keepdim=True)),
            "the dot product was divided by one length only. A cosine needs both.",
        ),
        Mistake(
            _with(cosine=lambda a, b: _cosine(a, b).abs()),
            "the angle was taken of the cosine's size, so it never exceeds 90 degrees. Ends may be further apart.",
        ),
        Mistake(
            _with(cosine=lambda a, b: (a * b).sum() / (a.norm() * b.norm()) * torch.ones_like(a[..., :1])),
            "one angle was taken for all pairs together. Each pair has its own: sum over the last dimension, and "
            "keep it.",
        ),
        Mistake(
            _with(angle=lambda cosine: cosine),
            "the cosine was used as the angle. acos makes an angle of it.",
        ),
        Mistake(
            _with(angle=lambda cosine: torch.rad2deg(torch.acos(cosine))),
            "the angle is in degrees, and sin wants radians.",
        ),
        Mistake(
            _with(angle=lambda cosine: torch.asin(cosine)),
            "asin was taken of the cosine. Its angle is acos.",
        ),
        Mistake(
            _with(aligned=0.9),
            "pairs at a small angle got the straight walk. It is right only where the angle is 0 but for rounding: a "
            "cosine above 1 - 1e-6.",
        ),
        Mistake(
            _with(cosine=_of_batch, refuse=_nothing),
            "one angle was taken for the whole batch. Each pair has its own: sum over dimension 1 alone.",
        ),
        Mistake(
            _with(angle=lambda cosine: 0.5 * torch.acos(cosine)),
            "the angle is half of what it should be.",
        ),
        Mistake(
            _with(weights=lambda angle, t: (torch.cos(t * angle), torch.sin(t * angle))),
            "these are the weights cos(tω) and sin(tω), which are right for ends at a right angle only.",
        ),
        Mistake(
            _with(weights=lambda angle, t: (torch.sin((1 - t) * angle), torch.sin(t * angle))),
            "the division by sin ω is missing: at t = 0 the walk should be at start.",
        ),
        Mistake(
            _with(
                weights=lambda angle, t: (
                    (1 - t) * torch.ones_like(angle),
                    torch.sin(t * angle) / torch.sin(angle),
                )
            ),
            "the weight of the start is that of a straight walk, 1 - t. It is sin((1 - t) ω) / sin ω.",
        ),
        Mistake(
            _with(weights=lambda angle, t: (torch.sin(1 - t * angle) / torch.sin(angle), _weights(angle, t)[1])),
            "brackets: sin(1 - t ω) stands where sin((1 - t) ω) belongs.",
        ),
        Mistake(
            _with(
                weights=lambda angle, t: (
                    _weights(angle, t)[1] * 0 + torch.sin(angle - t) / torch.sin(angle),
                    _weights(angle, t)[1],
                )
            ),
            "brackets: sin(ω - t) stands where sin((1 - t) ω) belongs.",
        ),
        Mistake(
            _with(ends=lambda a, b: (a / a.norm(dim=-1, keepdim=True), b / b.norm(dim=-1, keepdim=True))),
            "the walk is made of unit vectors: the ends have lost their lengths. The formula's a and b are start and "
            "end as "
            "they are; only the angle is taken without their lengths.",
        ),
        Mistake(
            _unit_ends,
            "the arc is made of unit vectors: the ends have lost their lengths, but for pairs that point the same way. "
            "The formula's a and b are start and end as they are.",
        ),
        Mistake(
            _lengths(arc),
            "the length was led along a straight line of its own. The formula has none: a and b, with their lengths, "
            "are "
            "weighted by the two sines.",
        ),
        Mistake(
            _scaled_line,
            "the straight walk was scaled to a length. It has the right circle and the wrong pace: near the middle "
            "it is "
            "faster. The weights are the two sines.",
        ),
        Mistake(
            _shifted,
            "something was added to sin ω so as not to divide by 0. That changes every walk: take the straight one "
            "where "
            "the angle is 0, and leave the others alone.",
        ),
        Mistake(
            _with(returned=lambda walk: walk.transpose(0, 1)),
            "positions and pairs changed places: the shape is (B, T, D), a walk for each pair.",
        ),
        Mistake(
            _with(returned=lambda walk: walk.detach()),
            "the values are right, and no gradient comes back to start and end: something like .detach(), .item() or "
            "numpy cuts it off.",
        ),
        Mistake(
            _with(cosine=lambda a, b: _cosine(a, b).detach()),
            "the values are right, but not the gradient: the angle was detached, and it changes with both ends.",
        ),
    ),
)
