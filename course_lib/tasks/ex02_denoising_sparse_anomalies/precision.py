r"""The precision of the windows that somebody has the time to look at, each day anew, and with ties broken by chance.

Every day the :math:`k` windows of highest score are looked at. Where scores are equal, the expected number of faults
among them is what counts: :math:`a` places left for :math:`g` windows of equal score, :math:`f` of them faulty, hold
:math:`a f / g` faults on average (McSherry & Najork 2008, "Computing information retrieval performance measures
efficiently in the presence of tied scores", ECIR).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.probes.ex02 import one_number
from course_lib.tasks.core import Case, Mistake, Outputs, Task, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor, Tensor, int], Tensor]


def _cases(seed: int) -> list[Case]:
    """Days of unlike loudness without ties; ties across the last place; a single day; float64; ties of more windows
    for more places on each second day."""
    source = generator(seed)
    cases: list[Case] = []
    for num_days, num_windows, k, tied, more, dtype in [
        (4, 15, 4, False, 0, _F32),
        (3, 12, 5, True, 0, _F32),
        (1, 9, 4, True, 0, _F64),
        (5, 14, 3, True, 0, _F64),
        (4, 13, 4, True, 1, _F32),
    ]:
        faulty = _faulty(num_days, num_windows, source)
        noise = torch.rand(faulty.shape, generator=source, dtype=_F64)
        scores = 0.6 * faulty + noise
        if tied:
            scores = _tied(scores, faulty, k, more)
        else:
            _put(scores[0], k - 1, int(faulty[0].nonzero()[0]))
            _put(scores[0], k, int((~faulty[0]).nonzero()[0]))
        loud = 1 + 1.5 * torch.randperm(num_days, generator=source)[:, None]
        cases.append({"scores": (scores + loud).to(dtype), "faulty": faulty, "k": k})
    return cases


def _faulty(num_days: int, num_windows: int, source: torch.Generator) -> Tensor:
    """Two to five faults a day, not equally many."""
    order = torch.rand(num_days, num_windows, generator=source).argsort(1)
    counts = 2 + (torch.arange(num_days) + int(torch.randint(4, (), generator=source))) % 4
    return order < counts[:, None]


def _put(scores: Tensor, place: int, window: int) -> None:
    """Give a window (by number) the place in the day's ranking; who had it gets the window's."""
    other = int(scores.argsort(descending=True)[place])
    scores[window], scores[other] = scores[other].clone(), scores[window].clone()


def _tied(scores: Tensor, faulty: Tensor, k: int, more: int) -> Tensor:
    """In each day the windows on places k - 1 to k + 3, counted from 1, get one score, and on each second day ``more``
    of those before them; among these are faults and others."""
    scores = scores.clone()
    ranked = scores.argsort(1, descending=True)
    tie = torch.empty(len(scores), 1, dtype=scores.dtype)
    for day, (s, order) in enumerate(zip(scores, ranked, strict=True)):
        group = order[k - 2 - more * (day % 2) : k + 3]
        tie[day] = s[group[0]]
        s[group] = tie[day]
    for day, (s, f) in enumerate(zip(scores, faulty, strict=True)):
        group = s == tie[day]
        if not bool(f[group].any()):  # a fault from elsewhere changes places with a normal window of the group
            one, other = f.nonzero()[0, 0].item(), group.nonzero()[0, 0].item()
            scores[day, one], scores[day, other] = s[other].clone(), s[one].clone()
        elif bool(f[group].all()):
            one, other = (~f).nonzero()[0, 0].item(), group.nonzero()[0, 0].item()
            scores[day, one], scores[day, other] = s[other].clone(), s[one].clone()
    return scores


def _hits(scores: Tensor, faulty: Tensor, k: int) -> Tensor:
    """The expected number of faults among the k highest of one list, ()."""
    last = scores.topk(k).values[-1]
    above, equal = scores > last, scores == last
    places = k - above.sum()
    return faulty[above].sum() + places * faulty[equal].to(scores.dtype).mean()


def precision_at(scores: Tensor, faulty: Tensor, k: int) -> Tensor:
    """The expected share of faults, (), among the k windows of highest score of each day; scores and faulty (D, W)."""
    return torch.stack([_hits(s, f, k) for s, f in zip(scores, faulty, strict=True)]).mean() / k


def _at_once(scores: Tensor, faulty: Tensor, k: int) -> Tensor:
    last = scores.sort(dim=1, descending=True).values[:, k - 1 : k]
    above, equal = (scores > last), (scores == last)
    chance = above + equal * (k - above.sum(1, keepdim=True)) / equal.sum(1, keepdim=True)
    return (chance.to(scores.dtype) * faulty).sum() / (k * len(scores))


def _each_day(count: Callable[[Tensor, Tensor, int], Tensor]) -> Answer:
    """The mean over days of a day's precision."""
    return lambda scores, faulty, k: torch.stack(
        [count(s, f, k).to(scores.dtype) for s, f in zip(scores, faulty, strict=True)]
    ).mean()


def _ranked(scores: Tensor, faulty: Tensor, first: float) -> Tensor:
    """Faults in the order of the scores, from the highest; among equals those for which faulty == first stand first."""
    pairs = sorted(
        zip(scores.tolist(), faulty.tolist(), strict=True), key=lambda pair: (-pair[0], pair[1] != first)
    )
    return torch.tensor([float(f) for _, f in pairs])


def _in_order(scores: Tensor, faulty: Tensor, late: bool) -> Tensor:
    """Faults in the order of the scores, from the highest; among equals the earliest, or latest, window first."""
    if late:
        return faulty[scores.argsort(stable=True).flip(0)].double()
    return faulty[scores.argsort(descending=True, stable=True)].double()


def _faulty_first(s: Tensor, f: Tensor, k: int) -> Tensor:
    return _ranked(s, f, True)[:k].mean()


def _normal_first(s: Tensor, f: Tensor, k: int) -> Tensor:
    return _ranked(s, f, False)[:k].mean()


def _all_days(answer: Answer) -> Answer:
    return lambda scores, faulty, k: answer(scores.reshape(1, -1), faulty.reshape(1, -1), k * len(scores))


def _friends(scores: Tensor, faulty: Tensor, k: int) -> Tensor:
    num = k * len(scores)
    return _ranked(scores.flatten(), faulty.flatten(), True)[:num].mean().to(scores.dtype)


def _flagged(s: Tensor, f: Tensor, k: int) -> Tensor:
    return f[s >= s.topk(k).values[-1]].double().mean()


def _strictly(s: Tensor, f: Tensor, k: int) -> Tensor:
    above = s > s.topk(k).values[-1]
    return f[above].double().mean() if bool(above.any()) else torch.zeros((), dtype=_F64)


def _above_and(s: Tensor, f: Tensor, k: int, of_the_rest: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A day's precision, if of the places left for the group of equal scores so many hold a fault."""
    last = s.topk(k).values[-1]
    return (f[s > last].sum() + of_the_rest(k - (s > last).sum(), s == last)) / k


def _pooled(scores: Tensor, faulty: Tensor, k: int) -> Tensor:
    last = scores.topk(k, dim=1).values[:, -1:]
    share = faulty[scores == last].to(scores.dtype).mean()
    return ((faulty & (scores > last)).sum(1) + (k - (scores > last).sum(1)) * share).mean() / k


def _average_precision(s: Tensor, f: Tensor, k: int) -> Tensor:
    hits = _in_order(s, f, late=False)[:k]
    return (hits * hits.cumsum(0) / torch.arange(1, k + 1)).sum() / k


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """What the value is, or which of the two faults a wrong one speaks of. Without equal scores all orders are one."""
    scores, faulty, k = case["scores"], case["faulty"], int(case["k"])
    assert isinstance(scores, Tensor)
    assert isinstance(faulty, Tensor)
    value, right = got["the value"].item(), expected["the value"].item()
    if not 0 <= value <= 1:
        return f"a precision is a share, between 0 and 1; {value:.4g} came."
    if abs(value - round(right, 2)) < 1e-6:
        return f"it was rounded to two decimals: {right:.4f} became {value:.2f}. Return it as it is."
    worst, best = (_each_day(order)(scores, faulty, k).item() for order in (_normal_first, _faulty_first))
    ties = bool((scores.sort(1).values.diff(dim=1) == 0).any())
    if ties and worst - 1e-4 < value < best + 1e-4:
        return (
            "where no two scores of a day are equal it is right; where some are, it isn't. The places left for a group "
            "of equal scores go to some of it by chance, and its share of faults says what that gives on average. "
            f"Here that makes {right:.4f} in all; {value:.4f} came."
        )
    if not ties and abs(value - _all_days(precision_at)(scores, faulty, k).item()) < 1e-4:
        return f"{_DAYS} Each day has its own k places. (And see what becomes of equal scores.)"
    equal = "where some scores of a day are equal" if ties else "no two scores of a day equal"
    return (
        f"on {len(scores)} days of {scores.shape[1]} windows, {equal}, {k} of them looked at each day, it says that "
        f"{value:.4f} of these are faulty; {right:.4f} are."
    )


_BOTH = (
    "both faults are still there. The first test, where all windows have one score, shows what is done with equal "
    "scores; the second, with a quiet and a loud day, shows what a day is for."
)
_DAYS = (
    "one fault is left: the windows of all days stand in one list, so that a loud day takes another day's places."
)

PRECISION_AT = Task(
    name="precision_at",
    points=3,
    cases=_cases,
    reference=precision_at,
    alternatives=(_at_once,),
    probe=one_number,
    explain=_told,
    mistakes=(
        Mistake(_friends, _BOTH),
        Mistake(
            lambda scores, faulty, k: _all_days(precision_at)(scores, faulty, k),
            f"{_DAYS} Each day has its own k places.",
        ),
        Mistake(
            _each_day(_faulty_first),
            "one fault is left: among windows of equal score the faulty ones come first, as if the detector had known "
            "them. A pair (score, fault) is sorted by the fault where scores are equal.",
        ),
        Mistake(
            _each_day(_normal_first),
            "among the windows that share the last places no fault is counted now, as if normal ones came first. That "
            "is as unfair as the friend's way: chance decides, so the group's share of faults counts.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _in_order(s, f, late=False)[:k].mean()),
            "among windows of equal score the earliest are looked at. Nothing says that: chance decides, so the "
            "group's share of faults counts.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _in_order(s, f, late=True)[:k].mean()),
            "among windows of equal score the latest are looked at. Nothing says that: chance decides, so the group's "
            "share of faults counts.",
        ),
        Mistake(
            _each_day(lambda s, f, k: f[s.topk(k).indices].double().mean()),
            "among windows of equal score those are looked at that topk happens to give. Chance decides, so the "
            "group's share of faults counts.",
        ),
        Mistake(
            _each_day(_flagged),
            "all windows at least as high as the k-th are looked at. Where scores are equal these are more than k, and "
            "nobody has the time.",
        ),
        Mistake(
            _each_day(_strictly),
            "only windows above the k-th are looked at. That is fewer than k: the k-th has its place too.",
        ),
        Mistake(
            _each_day(lambda s, f, k: f[s >= s.topk(k).values[-1]].sum() / k),
            "all faults at least as high as the k-th score are counted, and divided by k. Where scores are equal these "
            "are more than there are places for.",
        ),
        Mistake(
            _pooled,
            "the share of faults was taken of all days' groups of equal scores together. Each day has a group of its "
            "own, with its own share, for its own places.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _above_and(s, f, k, lambda left, equal: left * f.double().mean())),
            "the places that are left went to the day's share of faults, among all its windows. They go to windows of "
            "the k-th score: that group's share counts.",
        ),
        Mistake(
            lambda scores, faulty, k: _each_day(
                lambda s, f, k: _above_and(s, f, k, lambda left, equal: left * faulty.double().mean())
            )(scores, faulty, k),
            "the places that are left went to the stream's share of faults, among all windows. They go to windows of "
            "the k-th score: that group's share counts.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _above_and(s, f, k, lambda left, equal: torch.zeros(()))),
            "only faults above the k-th score are counted, and divided by k. The windows that share the k-th score "
            "have the places that are left.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(s, f, k) / min(k, int(f.sum()))),
            "on days with fewer than k faults this was divided by the number of faults. Precision is the share of the "
            "k windows looked at, also where it can't be 1.",
        ),
        Mistake(
            _each_day(lambda s, f, k: f[s == s.topk(k).values[-1]].double().mean()),
            "only the windows that share the last places are counted. Those above them are looked at for certain.",
        ),
        Mistake(
            _each_day(
                lambda s, f, k: (
                    (f[s > s.topk(k).values[-1]].sum() + f[s == s.topk(k).values[-1]].double().mean()) / k
                )
            ),
            "the group of equal scores counts as one window. It takes all places that are left: k minus those above "
            "it.",
        ),
        Mistake(
            _each_day(
                lambda s, f, k: (
                    (f[s > s.topk(k).values[-1]].sum() + k * f[s == s.topk(k).values[-1]].double().mean()) / k
                )
            ),
            "the group of equal scores was given k places. Those of the windows above it are taken already.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(s, f, k) / f.sum()),
            "this was divided by the number of faults: it is the recall, the share of faults that are found. Precision "
            "is the share of the windows looked at.",
        ),
        Mistake(
            lambda scores, faulty, k: precision_at(scores, faulty, k) * k * len(scores) / faulty.sum(),
            "this was divided by the number of faults of all days: it is the recall. Precision is the share of the "
            "windows looked at.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(s, f, k) / len(s)),
            "this was divided by the number of windows a day. Only k of them are looked at.",
        ),
        Mistake(
            lambda scores, faulty, k: precision_at(scores, faulty, k) * k,
            "this is the number of faults found a day. Precision is its share of the k windows looked at.",
        ),
        Mistake(
            lambda scores, faulty, k: precision_at(scores, faulty, k) * k * len(scores),
            "this is the number of faults found on all days. Precision is its share of the windows looked at.",
        ),
        Mistake(
            lambda scores, faulty, k: precision_at(scores, faulty, k) * len(scores),
            "the days' precisions are added up. Average them.",
        ),
        Mistake(
            lambda scores, faulty, k: torch.stack(
                [_hits(s, f, k) / k for s, f in zip(scores, faulty, strict=True)]
            ),
            "one precision for each day came. Average them: one number was asked for.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(-s, f, k) / k),
            "the windows of lowest score are looked at. Sorting goes upwards unless it is told otherwise.",
        ),
        Mistake(
            _each_day(lambda s, f, k: 1 - _hits(s, f, k) / k),
            "this is the share of normal windows among those looked at: 1 minus the precision.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(s, f, k + 1) / (k + 1)),
            "one window too many is looked at each day.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(s, f, k - 1) / (k - 1)),
            "one window too few is looked at each day.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(s, f, k + 1) / k),
            "one window too many is looked at each day, and the number of faults is divided by k.",
        ),
        Mistake(
            _each_day(lambda s, f, k: _hits(s, f, k - 1) / k),
            "one window too few is looked at each day: k - 1, while the number of faults is divided by k.",
        ),
        Mistake(
            lambda scores, faulty, k: _each_day(lambda s, f, n: _hits(s, f, n) / n)(
                scores.reshape(1, -1), faulty.reshape(1, -1), k
            ),
            "only k windows of all days are looked at. It is k on each day.",
        ),
        Mistake(
            _each_day(lambda s, f, k: f.double().mean()),
            "this is the share of faults among all windows, whatever their scores.",
        ),
        Mistake(
            lambda scores, faulty, k: precision_at(scores[:1], faulty[:1], k),
            "only the first day is counted.",
        ),
        Mistake(
            lambda scores, faulty, k: faulty[scores >= scores[0].topk(k).values[-1]].double().mean(),
            "the first day's k-th score is the bound for all days. Each day has its own k places.",
        ),
        Mistake(
            _each_day(_average_precision),
            "this is a day's average precision, a mean over the places. Asked for is the share of faults among all k.",
        ),
        Mistake(
            _each_day(lambda s, f, k: (_hits(s, f, k) >= 1).double()),
            "this is the share of days on which a fault is found.",
        ),
        Mistake(
            lambda scores, faulty, k: torch.stack(
                [_hits(s, f, k) / k for s, f in zip(scores, faulty, strict=True)]
            ).max(),
            "only the best day counts. Average over the days.",
        ),
        Mistake(
            lambda scores, faulty, k: precision_at(scores.T, faulty.T, min(k, len(scores))),
            "days and windows changed places: a day is a row.",
        ),
    ),
)
