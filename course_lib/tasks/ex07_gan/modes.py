r"""How much of a mixture a generator makes: modes, good samples, and how unevenly they spread.

After the protocol of PacGAN (Lin et al. 2018, arXiv:1712.04086), with a number of good samples that a mode needs.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.probes.ex07 import COUNTED, counted
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator, normal

_F32, _F64 = torch.float32, torch.float64
Three = tuple[Tensor, Tensor, Tensor]


def _around(center: Tensor, distances: list[float], std: float, source: torch.Generator) -> Tensor:
    """Samples at these distances, in standard deviations, in random directions."""
    way = normal((len(distances), len(center)), source, center.dtype)
    size = torch.tensor(distances, dtype=center.dtype)[:, None]
    return center + std * size * way / way.norm(dim=1, keepdim=True)


def _cases(seed: int) -> list[Case]:
    """Five modes, two of them near each other, one with too few good samples and one with none; nothing good at all;
    all in one mode, in three dimensions and float64; one sample."""
    source = generator(seed)
    cases: list[Case] = []
    std = 0.21
    centers = torch.tensor([[1.5, 0.0], [1.5, 0.9], [-1.5, 0.4], [-0.8, -2.0], [0.3, 2.5]])
    centers = centers + 0.05 * away_from_zero((5, 2), source)
    between = centers[0] + (0.42 + 0.02 * torch.rand(3, 1, generator=source)) * (centers[1] - centers[0])
    groups = [
        _around(centers[0], [0.3, 1.2, 2.4, 2.7, 2.8, 3.4], std, source),
        between,  # good for either, nearest to the first
        _around(centers[1], [0.5, 0.9, 1.5, 2.5, 2.9], std, source),
        _around(centers[2], [0.6, 1.1, 2.2, 2.7, 3.5, 4.5, 6.0, 3.2], std, source),
        _around(centers[3], [0.7, 2.6, 3.3, 3.7, 3.8], std, source),
        _around(centers[4], [3.6, 4.0, 5.0], std, source),
        centers[4] + std * torch.tensor([[2.5, 2.5], [-2.6, 2.3]]),  # within 3 on either axis, not in the plane
    ]
    samples = torch.cat(groups)
    order = torch.randperm(len(samples), generator=source)
    cases.append({"samples": samples[order], "centers": centers, "std": std, "least": 4})
    lost = torch.cat([_around(c, [3.3, 5.0, 8.0], std, source) for c in centers[2:]])
    cases.append({"samples": lost, "centers": centers[2:], "std": std, "least": 1})
    solid = 3 * torch.eye(3, dtype=_F64) + 0.1 * away_from_zero((3, 3), source, dtype=_F64)
    alone = _around(solid[1], [0.4, 1.1, 2.1, 2.2, 2.9, 3.3], 0.5, source)
    cases.append({"samples": alone, "centers": solid, "std": 0.5, "least": 2})
    cases.append(
        {"samples": _around(centers[2], [1.3], 1.5, source), "centers": centers[2:3], "std": 1.5, "least": 1}
    )
    return cases


def _parts(samples: Tensor, centers: Tensor, std: float, radius: float = 3.0) -> tuple[Tensor, Tensor]:
    """Good samples of each mode, (M,), and which samples are good, (N,)."""
    distance, nearest = torch.cdist(samples, centers, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    good = distance <= radius * std
    return torch.bincount(nearest[good], minlength=len(centers)), good


def _kl(counts: Tensor) -> Tensor:
    """The divergence of the counts' shares from equal ones, in nats; infinite for no counts."""
    if not bool(counts.any()):
        return torch.tensor(math.inf)
    shares = counts / counts.sum()
    return torch.xlogy(shares, shares * len(counts)).sum()


def count_modes(samples: Tensor, centers: Tensor, std: float, least: int) -> Three:
    """Modes with ``least`` good samples, the share of good samples, and their reverse KL from equal shares, in nats."""
    counts, good = _parts(samples, centers, std)
    return (counts >= least).sum(), good.float().mean(), _kl(counts)


def _one_by_one(samples: Tensor, centers: Tensor, std: float, least: int) -> tuple[int, float, float]:
    counts = [0] * len(centers)
    for sample in samples:
        squared = [float((sample - center).square().sum()) for center in centers]
        if min(squared) <= 9 * std**2:
            counts[squared.index(min(squared))] += 1
    good = sum(counts)
    if good == 0:
        return 0, 0.0, math.inf
    kl = sum(n / good * math.log(n / good * len(counts)) for n in counts if n)
    return sum(n >= least for n in counts), good / len(samples), kl


def _by_entropy(samples: Tensor, centers: Tensor, std: float, least: int) -> Three:
    counts, good = _parts(samples, centers, std)
    kl = (
        math.log(len(centers)) - torch.distributions.Categorical(counts / counts.sum()).entropy()
        if good.any()
        else (torch.tensor(math.inf))
    )
    return (counts >= least).sum(), good.float().mean(), kl


def _with(
    covered: Callable[[Tensor, int], Tensor] = lambda counts, least: (counts >= least).sum(),
    quality: Callable[[Tensor, Tensor], Tensor] = lambda counts, good: good.float().mean(),
    kl: Callable[[Tensor], Tensor] = _kl,
    radius: float = 3.0,
) -> Callable[..., Three]:
    """The three numbers of other counts, or made of them in another way."""

    def answer(samples: Tensor, centers: Tensor, std: float, least: int) -> Three:
        counts, good = _parts(samples, centers, std, radius)
        return covered(counts, least), quality(counts, good), kl(counts)

    return answer


def _everywhere(*, modes: bool, spread: bool, asks: bool = False) -> Callable[..., Three]:
    """Far samples count too, where modes are counted or where the spread is measured; there perhaps only if some sample
    is good (``asks``)."""

    def answer(samples: Tensor, centers: Tensor, std: float, least: int) -> Three:
        counts, good = _parts(samples, centers, std)
        every, _ = _parts(samples, centers, std, math.inf)
        covered = ((every if modes else counts) >= least).sum()
        return covered, good.float().mean(), _kl(every if spread and (good.any() or not asks) else counts)

    return answer


def _each_center(samples: Tensor, centers: Tensor, std: float, least: int) -> Three:
    near = torch.cdist(samples, centers) <= 3 * std
    return (near.sum(0) >= least).sum(), near.any(1).float().mean(), _kl(near.sum(0))


def _boxes(samples: Tensor, centers: Tensor, std: float, least: int) -> Three:
    apart = samples[:, None] - centers
    nearest = apart.norm(dim=2).argmin(1)
    good = (apart[torch.arange(len(samples)), nearest].abs() <= 3 * std).all(1)
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return (counts >= least).sum(), good.float().mean(), _kl(counts)


def _plain(counts: Tensor) -> Tensor:
    shares = counts / counts.sum()
    return (shares * (shares * len(counts)).log()).sum()


def _with_small(counts: Tensor) -> Tensor:
    shares = counts / counts.sum().clamp(min=1)
    return (shares * (shares * len(counts) + 1e-8).log()).sum()


def _guarded(of: Callable[[Tensor], Tensor], empty: float = math.inf) -> Callable[[Tensor], Tensor]:
    """A spread that is ``empty`` where no sample is good."""
    return lambda counts: of(counts) if bool(counts.any()) else torch.tensor(empty)


def _forward(counts: Tensor) -> Tensor:
    shares = counts / counts.sum()
    return -(shares * len(counts)).log().mean()


def _of_the_covered(counts: Tensor) -> Tensor:
    return _kl(counts[counts > 0])


def _of_the_three(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which of the three is off, and what it is instead where that can be told."""
    off = [name for name in COUNTED if not torch.allclose(got[name], expected[name], rtol=1e-3, atol=1e-4)]
    wrong = [_SAID[name] for name in off]
    if len(off) == 3:
        return (
            "none of the three is right: look at which samples are good. A sample is, or isn't, by its distance "
            "from its nearest centre."
        )
    fine = [name for name in COUNTED if name not in off]
    return f"{' and '.join(fine)} {'is' if len(fine) == 1 else 'are'} right. {' '.join(wrong)}"


_SAID = {
    "the modes covered": "A mode is covered if at least `least` good samples are nearest to it.",
    "the share of good samples": "Good samples are counted against all samples.",
    "the reverse KL": "The reverse KL takes each mode's share of the *good* samples, and compares it with 1/M.",
}

COUNT_MODES = Task(
    name="count_modes",
    points=3,
    cases=_cases,
    probe=counted,
    explain=_of_the_three,
    reference=count_modes,
    alternatives=(_one_by_one, _by_entropy),
    mistakes=(
        Mistake(
            _everywhere(modes=True, spread=True),
            "samples far from all modes are counted for the mode that happens to be nearest. Only good ones count.",
        ),
        Mistake(
            _everywhere(modes=True, spread=True, asks=True),
            "good samples are found, but all samples are counted: far ones belong to no mode. Count the modes of the "
            "good ones only.",
        ),
        Mistake(
            _everywhere(modes=True, spread=False),
            "a mode is covered here by samples far away from it. Only good samples count.",
        ),
        Mistake(
            _everywhere(modes=False, spread=True),
            "the reverse KL is that of all samples. Far ones belong to no mode: only good ones count.",
        ),
        Mistake(
            _each_center,
            "a sample that is near two centres counts for both. It belongs to its nearest mode only.",
        ),
        Mistake(
            _boxes,
            "each axis was compared with 3 std for itself: that is a box, whose corners are further off. The distance "
            "is the Euclidean one.",
        ),
        Mistake(
            lambda samples, centers, std, least: count_modes(samples, centers, std**2, least),
            "std was squared: 3 std was asked for, and std is no variance.",
        ),
        Mistake(
            lambda samples, centers, std, least: count_modes(samples, centers, (std / 3) ** 0.5, least),
            "the *squared* distance was compared with 3 std. Either take its root, or square the other side too.",
        ),
        Mistake(
            lambda samples, centers, std, least: count_modes(samples, centers, std / 3, least),
            "samples are good here within one std. Three were asked for.",
        ),
        Mistake(
            lambda samples, centers, std, least: count_modes(samples, centers, 1 / 3, least),
            "samples are good here within a distance of 1, and std plays no part. It was to be within 3 std.",
        ),
        Mistake(
            lambda samples, centers, std, least: count_modes(samples, centers, 1.0, least),
            "samples are good here within a distance of 3. It was to be within 3 std.",
        ),
        Mistake(
            lambda samples, centers, std, least: count_modes(samples, centers, 2 * std / 3, least),
            "samples are good here within 2 std. Three were asked for.",
        ),
        Mistake(
            _with(covered=lambda counts, least: (counts > least).sum()),
            "a mode with exactly `least` good samples is covered: at least, not more than.",
        ),
        Mistake(
            _with(covered=lambda counts, least: (counts > 0).sum()),
            "a mode counts as covered here by a single good sample. It needs `least` of them.",
        ),
        Mistake(
            _with(covered=lambda counts, least: (counts >= least).double().mean()),
            "the modes covered are their number, not their share.",
        ),
        Mistake(
            _with(covered=lambda counts, least: counts[counts >= least].sum()),
            "the good samples of the covered modes were counted, not the modes.",
        ),
        Mistake(
            _with(quality=lambda counts, good: good.sum()),
            "the number of good samples came. Their share of all samples was asked for.",
        ),
        Mistake(
            _with(quality=lambda counts, good: (~good).float().mean()),
            "this is the share of the bad samples.",
        ),
        Mistake(
            _with(kl=_plain),
            "nan came: 0 log 0 is 0 in this sum, while a computer says nan. torch.xlogy knows, or leave such modes "
            "out of the sum. And without any good sample the spread is infinite.",
        ),
        Mistake(
            _with(kl=_guarded(_plain)),
            "nan came where a mode has no good sample: 0 log 0 is 0 in this sum, while a computer says nan. "
            "torch.xlogy knows, or leave such modes out of the sum.",
        ),
        Mistake(
            _with(kl=lambda counts: torch.xlogy(counts / counts.sum(), counts / counts.sum() * len(counts)).sum()),
            "without a single good sample nan came: there are no shares, and 0/0 is nan. Ask for that case first; the "
            "reverse KL is infinite then.",
        ),
        Mistake(
            _with(kl=_with_small),
            "without a single good sample the reverse KL came out as 0, which is a perfect spread: a clamp, a small "
            "number or a value of your own hides the case. It is infinite then.",
        ),
        Mistake(
            _with(kl=_forward),
            "this is the forward KL, of equal shares from the counted ones: it is infinite as soon as one mode is "
            "missed. The reverse one weighs with the counted shares.",
        ),
        Mistake(
            _with(kl=_guarded(_forward)),
            "this is the forward KL, of equal shares from the counted ones: one missed mode makes it infinite. The "
            "reverse one weighs with the counted shares.",
        ),
        Mistake(
            _with(kl=_guarded(_of_the_covered)),
            "the modes without a good sample were left out, so that the others are compared with equal shares among "
            "*them*. It is 1/M of all M modes: missing ones must cost something.",
        ),
        Mistake(
            _with(kl=_guarded(lambda counts: _kl(counts[: int(counts.nonzero().max()) + 1]))),
            "the last modes are left out where they have no good sample, so M is too small: bincount needs "
            "minlength=len(centers), and the shares are compared with 1/M of all M modes.",
        ),
        Mistake(
            _with(kl=_guarded(lambda counts: math.log(len(counts)) - _kl(counts))),
            "this is the entropy of the shares. The reverse KL is log M minus it.",
        ),
        Mistake(
            _with(kl=_guarded(lambda counts: _kl(counts) - math.log(len(counts)))),
            "the equal shares are missing: this is the sum of s log s. Each share is compared with 1/M.",
        ),
        Mistake(
            _with(kl=_guarded(lambda counts: -_kl(counts))),
            "the sign is turned round. A KL is never below 0.",
        ),
        Mistake(
            _with(kl=_guarded(lambda counts: _kl(counts) / math.log(2))),
            "this is in bits. Nats were asked for: the natural logarithm.",
        ),
        Mistake(
            _with(kl=_guarded(lambda counts: _kl(counts) / len(counts))),
            "the terms were averaged over the modes. A KL is their sum.",
        ),
    ),
)
