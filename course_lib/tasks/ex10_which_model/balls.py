r"""Precision and recall from balls around samples, where many samples lie on rims (Kynkäänniemi et al. 2019,
arXiv:1904.06991).

Points stand on a lattice, so that distances are exact and ties are ties.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from course_lib.probes.ex10 import two_shares
from course_lib.tasks.core import Case, Mistake, Outputs, Task, generator

Both = tuple[Tensor, Tensor]


def _lattice(num: int, d: int, half: int, source: torch.Generator) -> Tensor:
    return 0.5 * torch.randint(-half, half + 1, (num, d), generator=source)


def _cluster(x: Tensor, start: int, copies: int, at: float) -> None:
    """So many rows become copies of one that stands off."""
    x[start : start + copies] = torch.tensor([at] + [0.5] * (x.shape[1] - 1))


def _cases(seed: int) -> list[Case]:
    """Sets on which no two of some near answers agree."""
    source = generator(seed)
    while True:
        cases = _drawn(source)
        given = {tuple(float(x) for case in cases for x in answer(*case.values())) for answer in _NEAR}
        if len(given) == len(_NEAR):
            return cases


def _drawn(source: torch.Generator) -> list[Case]:
    """Points of a lattice; copies of real points among the generated; and in both sets clusters of copies that stand
    off, some nearer and some further than any ball reaches."""
    cases: list[Case] = []
    for num, other, d, k, half, dtype in (
        (33, 41, 2, 2, 6, torch.float32),
        (44, 30, 2, 1, 5, torch.float32),
        (43, 49, 3, 3, 3, torch.float64),
    ):
        real, generated = _lattice(other, d, half, source), _lattice(num, d, half, source)
        generated += torch.tensor([0.5 * (half // 2)] * d)  # so that each set has points far from the other
        generated[:3] = real[:3]
        for x, sign in ((generated, 1), (real, -1)):
            _cluster(x, 4, k + 2, sign * (0.75 * half + 6))
            _cluster(x, 6 + k, k + 1, sign * 40.0)
        generated[3], real[3] = real[4], generated[4]
        orders = torch.randperm(num, generator=source), torch.randperm(other, generator=source)
        cases.append({"generated": generated[orders[0]].to(dtype), "real": real[orders[1]].to(dtype), "k": k})
    return cases


def _between(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a.double(), b.double(), compute_mode="donot_use_mm_for_euclid_dist")


def _radius(x: Tensor, k: int) -> Tensor:
    """To the k-th nearest other row, (N,)."""
    return _between(x, x).sort(dim=1).values[:, k]


def _inside(points: Tensor, centers: Tensor, radius: Tensor) -> Tensor:
    """Whether each point is in a ball of any centre."""
    return (_between(points, centers) <= radius).any(1)


def precision_recall(generated: Tensor, real: Tensor, k: int) -> Both:
    """The shares of generated points in a ball of a real one, and of real ones in a ball of a generated one."""
    precision = _inside(generated, real, _radius(real, k)).double().mean()
    return precision, _inside(real, generated, _radius(generated, k)).double().mean()


def _without_diagonal(generated: Tensor, real: Tensor, k: int) -> Both:
    """Another style: the diagonal taken out, squared distances, floats."""

    def share(points: Tensor, centers: Tensor) -> Tensor:
        own = (centers[:, None] - centers[None]).square().sum(2)
        own.fill_diagonal_(torch.inf)
        rim = own.kthvalue(k, dim=1).values
        return ((points[:, None] - centers[None]).square().sum(2) <= rim).any(1).float().mean()

    return share(generated, real), share(real, generated)


Radius = Callable[[Tensor, int], Tensor]
Inside = Callable[[Tensor, Tensor, Tensor], Tensor]


def _with(radius: Radius = _radius, inside: Inside = _inside) -> Callable[[Tensor, Tensor, int], Both]:
    def answer(generated: Tensor, real: Tensor, k: int) -> Both:
        precision = inside(generated, real, radius(real, k)).double().mean()
        return precision, inside(real, generated, radius(generated, k)).double().mean()

    return answer


def _other_rows(x: Tensor, k: int) -> Tensor:
    """To the k-th nearest row at a distance above 0."""
    distance = _between(x, x)
    return torch.where(distance > 0, distance, torch.inf).sort(dim=1).values[:, k - 1]


def _distinct(x: Tensor, k: int) -> Tensor:
    """To the k-th of the different distances."""
    return torch.stack([row.unique()[min(k, len(row.unique()) - 1)] for row in _between(x, x)])


def _distinct_others(x: Tensor, k: int) -> Tensor:
    """To the k-th of the different distances to other rows."""
    own = _between(x, x).fill_diagonal_(torch.inf)
    return torch.stack([row.unique()[min(k, len(row.unique())) - 1] for row in own])


def _strict(points: Tensor, centers: Tensor, radius: Tensor) -> Tensor:
    return (_between(points, centers) < radius).any(1)


def _nearest_ball(points: Tensor, centers: Tensor, radius: Tensor) -> Tensor:
    """The ball of the nearest centre alone."""
    distance, nearest = _between(points, centers).min(1)
    return distance <= radius[nearest]


def _of_points(points: Tensor, centers: Tensor, k: int) -> Tensor:
    """Whether a point's own ball, to its k-th neighbour in its own set, holds a centre."""
    return (_between(points, centers) <= _radius(points, k)[:, None]).any(1)


def _own_balls(generated: Tensor, real: Tensor, k: int) -> Both:
    return tuple(_of_points(a, b, k).double().mean() for a, b in ((generated, real), (real, generated)))  # type: ignore[return-value]


def _pooled(generated: Tensor, real: Tensor, k: int) -> Both:
    """Balls reach to the k-th neighbour in both sets together."""
    both = _between(torch.cat([generated, real]), torch.cat([generated, real])).sort(1).values[:, k]
    of_generated, of_real = both[: len(generated)], both[len(generated) :]
    return (
        _inside(generated, real, of_real).double().mean(),
        _inside(real, generated, of_generated).double().mean(),
    )


def _to_the_others(generated: Tensor, real: Tensor, k: int) -> Both:
    """Balls reach to the k-th neighbour in the other set."""
    distance = _between(generated, real)
    of_generated, of_real = distance.sort(1).values[:, k - 1], distance.T.sort(1).values[:, k - 1]
    return (distance <= of_real).any(1).double().mean(), (of_generated >= distance.T).any(1).double().mean()


def _changed(change: Callable[[Tensor, Tensor], Both]) -> Callable[[Tensor, Tensor, int], Both]:
    return lambda generated, real, k: change(*precision_recall(generated, real, k))


def _counted(generated: Tensor, real: Tensor, k: int) -> Both:
    n, m = len(generated), len(real)
    precision, recall = precision_recall(generated, real, k)
    return precision * n, recall * m


def _density(points: Tensor, centers: Tensor, radius: Tensor) -> Tensor:
    return (_between(points, centers) <= radius).double().mean(1)


def _coverage(generated: Tensor, real: Tensor, k: int) -> Both:
    """Recall by the real balls: coverage."""
    distance = _between(generated, real)
    covered = (distance <= _radius(real, k)).any(0).double().mean()
    return precision_recall(generated, real, k)[0], covered


def _transposed(generated: Tensor, real: Tensor, k: int) -> Both:
    """Any over the wrong dimension: balls that hold something, in both."""
    distance = _between(generated, real)
    first = (distance <= _radius(real, k)).any(0).double().mean()
    return first, (_radius(generated, k) >= distance.T).any(0).double().mean()


_NEAR: tuple[Callable[..., Both], ...] = (
    precision_recall,
    _with(radius=_other_rows),
    _with(radius=_distinct),
    _with(radius=_distinct_others),
    _with(inside=_strict),
    _with(inside=_nearest_ball),
    *(_with(radius=partial(lambda more, x, k: _radius(x, k + more), more)) for more in (-1, 1)),
    _with(radius=lambda x, k: _radius(x, k).max().expand(len(x))),
    _own_balls,
    _transposed,
)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Rounded squares against radii that aren't squared; or which of the two is right."""
    generated, real, k = case["generated"], case["real"], int(case["k"])
    assert isinstance(generated, Tensor)
    assert isinstance(real, Tensor)
    squares = torch.cdist(generated, real).square()
    near = (
        (squares <= _radius(real, k).to(squares)).any(1),
        (_radius(generated, k).to(squares) >= squares.T).any(1),
    )
    if all(abs(float(got[name] - x.double().mean())) < 1e-6 for name, x in zip(expected, near, strict=True)):
        return "distances between the sets were squared, radii aren't squared. Square both, or neither."
    off = [name for name in expected if abs(float(got[name] - expected[name])) > 1e-6]
    if len(off) == 1:
        other = next(name for name in expected if name not in off)
        return f"{off[0]} is off; {other} is right. Precision has balls around real points, recall around others."
    return ""


PRECISION_RECALL = Task(
    name="precision_recall",
    points=3,
    cases=_cases,
    reference=precision_recall,
    alternatives=(_without_diagonal,),
    probe=two_shares,
    explain=_told,
    mistakes=(
        Mistake(
            _with(inside=_strict),
            "a point on the rim counts as outside. It is inside, <=: a copy of a point whose k-th neighbour is a copy "
            "too lies at distance 0 from a ball of radius 0.",
        ),
        Mistake(
            _with(radius=lambda x, k: _radius(x, k - 1)),
            "each point was counted as its own first neighbour, so the balls are one neighbour too small. The distance "
            "of a point to itself, 0, comes first in its row.",
        ),
        Mistake(
            _with(radius=lambda x, k: _radius(x, k - 1), inside=_strict),
            "each point was counted as its own first neighbour, and rims count as outside (<= was asked for).",
        ),
        Mistake(
            _with(radius=lambda x, k: _radius(x, k + 1)),
            "the balls reach to the (k + 1)-th neighbour: one too far. The point itself was skipped twice, or places "
            "were counted from 1.",
        ),
        Mistake(
            _with(radius=_other_rows),
            "all neighbours at distance 0 were left out. A point is no neighbour of itself, but a copy of it in its "
            "own set is one: of its own row only the entry on the diagonal goes.",
        ),
        Mistake(
            _with(radius=_distinct),
            "equal distances were counted once. Two neighbours at one distance are two neighbours.",
        ),
        Mistake(
            _with(radius=_distinct_others),
            "equal distances to others were counted once. Two copies of a point are two neighbours of it, at distance "
            "0.",
        ),
        Mistake(
            _changed(lambda precision, recall: (recall, precision)),
            "precision and recall changed places. Precision is the share of *generated* points, in balls of real ones.",
        ),
        Mistake(
            _with(inside=_nearest_ball),
            "only the ball of the nearest point was asked. Any ball will do, also a wide one of a point further off.",
        ),
        Mistake(
            _own_balls,
            "each point's own ball was used: whether it reaches a point of the other set. Precision asks whether a "
            "generated point lies in a ball of a *real* one, so the radius belongs to the centre.",
        ),
        Mistake(
            _pooled,
            "the neighbours were looked for in both sets together. A ball reaches to the k-th neighbour in its own.",
        ),
        Mistake(
            _to_the_others,
            "the balls reach to the k-th point of the *other* set. A radius comes from the centre's own set alone.",
        ),
        Mistake(
            _coverage,
            "recall has balls around real points: that is coverage. Recall asks whether a real point lies in a ball of "
            "a generated one.",
        ),
        Mistake(
            _transposed,
            "any() went over the wrong dimension: these are shares of balls that hold something, not of points that "
            "lie in one.",
        ),
        Mistake(
            _with(inside=_density),
            "the mean over all pairs came, a kind of density. A point counts once if any ball holds it.",
        ),
        Mistake(_counted, "the points were counted. Shares were asked for."),
        Mistake(
            _changed(lambda precision, recall: (1 - precision, 1 - recall)),
            "these are the shares of points outside of all balls.",
        ),
        Mistake(
            _changed(lambda precision, recall: (precision, precision)),
            "precision came twice. For recall the sets change places, and with them the balls.",
        ),
        Mistake(
            _changed(lambda precision, recall: (recall, recall)),
            "recall came twice. For precision the balls are around real points.",
        ),
        Mistake(
            _with(radius=lambda x, k: _radius(x, k).square()),
            "the balls are far too large. Either distances were compared with squared radii, or topk took the k "
            "*farthest* points: it takes the largest unless it is told largest=False.",
        ),
        Mistake(
            _with(radius=lambda x, k: _radius(x, k).sqrt()),
            "squared distances were compared with radii that aren't squared. Square both, or neither.",
        ),
        Mistake(
            _with(radius=lambda x, k: _radius(x, k).max().expand(len(x))),
            "all balls have the radius of the largest. Each centre has its own.",
        ),
        Mistake(
            _with(radius=lambda x, k: _radius(x, k).mean().expand(len(x))),
            "all balls have the mean radius. Each centre has its own.",
        ),
        Mistake(
            _with(radius=lambda x, k: _between(x, x).sort(dim=1).values[:, 1 : k + 1].mean(1)),
            "the radius is the mean distance of the k neighbours. It is the distance of the k-th.",
        ),
        Mistake(
            _with(inside=lambda points, centers, radius: (_between(points, centers) <= radius).all(1)),
            "a point counts only if all balls hold it. One will do.",
        ),
    ),
)
