r"""A threshold from the validation part's normal windows, and the alarms that it gives on new windows.

With at most the share :math:`\alpha` of false alarms among n normal scores, :math:`m = \lfloor \alpha n \rfloor` lie
above the threshold: the lowest such score is the (m + 1)-th from above. An interpolated quantile lies below it and lets
one more through (Hyndman & Fan 1996, "Sample quantiles in statistical packages", The American Statistician 50: this one
is their definition 1).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.probes.ex02 import threshold_and_alarms as probe
from course_lib.tasks.core import Case, Mistake, Outputs, Task, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]


def _scores(faulty: Tensor, source: torch.Generator) -> Tensor:
    """Scores of normal windows between 0.5 and 2, of faulty ones between 1 and 5, in no order; no two alike."""
    u = torch.rand(len(faulty), generator=source, dtype=_F64)
    u = (u.argsort().argsort() + 0.2 + 0.6 * torch.rand(len(faulty), generator=source, dtype=_F64)) / len(faulty)
    return torch.where(faulty, 1 + 4 * u**2, 0.5 + 1.5 * u**1.5)


def _cases(seed: int) -> list[Case]:
    """A share between two windows and nearer to the lower, then to the upper one; scores that occur several times, one
    of them the threshold; a share below one window, float64; a share that is a whole number of windows, exactly."""
    source = generator(seed)
    cases: list[Case] = []
    for num_normal, num_faulty, num_test, share, step, dtype in [
        (41, 17, 30, 0.085, 0.0, _F32),
        (60, 20, 24, 0.0625, 0.0, _F32),
        (50, 14, 26, 0.13, 0.125, _F32),
        (30, 25, 20, 0.02, 0.0, _F64),
        (40, 12, 22, 0.125, 0.0, _F32),
    ]:
        faulty = torch.arange(num_normal + num_faulty) >= num_normal
        faulty = faulty[torch.randperm(len(faulty), generator=source)]
        valid = _scores(faulty, source)
        # the test part has more faults and louder noise: a threshold made of it is another one
        test = 1.25 * _scores(torch.rand(num_test, generator=source) < 0.5, source)
        if step:
            valid, test = ((x / step).round() * step for x in (valid, test))
            test[:2] = _lowest(valid[~faulty], share)
        test[2] = 1.001 * _lowest(valid[~faulty], share)
        test[3] = 9.0
        cases.append(
            {
                "valid_scores": valid.to(dtype),
                "valid_faulty": faulty,
                "test_scores": test.to(dtype),
                "share": share,
            }
        )
    return cases


def _lowest(normal: Tensor, share: float, more: int = 0) -> Tensor:
    """The lowest of these scores above which lie at most that share of them, and ``more`` of them."""
    num_above = min(max(math.floor(share * len(normal)) + more, 0), len(normal) - 1)
    return normal.sort(descending=True).values[num_above]


def threshold_and_alarms(
    valid_scores: Tensor, valid_faulty: Tensor, test_scores: Tensor, share: float
) -> tuple[Tensor, Tensor]:
    """The threshold, (), of validation scores (N,) with ``valid_faulty`` (N,), and the alarms (M,) on "
    "``test_scores`` (M,)."""
    threshold = _lowest(valid_scores[~valid_faulty], share)
    return threshold, test_scores > threshold


def _with(
    threshold: Callable[[Tensor, Tensor, Tensor, float], Tensor],
    alarms: Callable[[Tensor, Tensor], Tensor] = lambda scores, threshold: scores > threshold,
) -> Answer:
    """Another threshold, made of the normal scores, the faulty ones, the test's and the share."""

    def answer(
        valid_scores: Tensor, valid_faulty: Tensor, test_scores: Tensor, share: float
    ) -> tuple[Tensor, Tensor]:
        t = threshold(valid_scores[~valid_faulty], valid_scores[valid_faulty], test_scores, share)
        return t, alarms(test_scores, t)

    return answer


def _quantile(kind: str) -> Answer:
    return _with(
        lambda normal, faulty, test, share: torch.quantile(normal.double(), 1 - share, interpolation=kind).to(
            normal.dtype
        )
    )


def _right_one(normal: Tensor, faulty: Tensor, test: Tensor, share: float) -> Tensor:
    return _lowest(normal, share)


def _by_counting(
    valid_scores: Tensor, valid_faulty: Tensor, test_scores: Tensor, share: float
) -> tuple[Tensor, Tensor]:
    normal = valid_scores[~valid_faulty]
    above = (normal[None, :] > normal[:, None]).double().mean(1)  # the share above each
    threshold = normal[above <= share].min()
    return threshold, test_scores > threshold


def _best(
    value: Callable[[Tensor, Tensor], Tensor], of: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[Tensor, Tensor, Tensor, float], Tensor]:
    """The candidate t = of(normal, faulty)[i] for which value(normal > t, faulty > t) is largest."""

    def threshold(normal: Tensor, faulty: Tensor, test: Tensor, share: float) -> Tensor:
        candidates = of(normal, faulty)
        return max(candidates, key=lambda t: float(value(normal > t, faulty > t)))

    return threshold


def _f1(false: Tensor, true: Tensor) -> Tensor:
    return 2 * true.sum() / (true.sum() + false.sum() + len(true))


def _youden(false: Tensor, true: Tensor) -> Tensor:
    return true.double().mean() - false.double().mean()


def _accuracy(false: Tensor, true: Tensor) -> Tensor:
    return true.sum() - false.sum()


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """What the threshold does on the validation part; whether alarms follow from it."""
    valid, faulty, test = case["valid_scores"], case["valid_faulty"], case["test_scores"]
    assert isinstance(valid, Tensor)
    assert isinstance(faulty, Tensor)
    assert isinstance(test, Tensor)
    t, share = got["the threshold"], float(case["share"])
    alarms = got["the alarms"]
    normal = valid[~faulty]
    if torch.allclose(t, expected["the threshold"], rtol=1e-4):
        return "the threshold is right. The alarms aren't: one for each test score above it, and for no other."
    count = int((normal > t).sum())
    told = (
        f"above this threshold lie {count} of the {len(normal)} normal windows of the validation part, a share of "
        f"{count / len(normal):.3f}"
    )
    if count > share * len(normal):
        told += f", which is more than {share:g}."
    else:
        told += f". That is no more than {share:g}, but a lower one of these scores would do too."
    follows = torch.equal(alarms, (test > t).to(alarms.dtype))
    return told + ("" if follows else " And the alarms aren't those of the test scores above your threshold.")


_ORDER = "sort the normal scores: at most the share of them may lie above the threshold, and it is one of them"

THRESHOLD_AND_ALARMS = Task(
    name="threshold_and_alarms",
    points=2,
    cases=_cases,
    reference=threshold_and_alarms,
    alternatives=(_by_counting,),
    probe=probe,
    explain=_told,
    mistakes=(
        Mistake(
            _quantile("linear"),
            "the quantile is interpolated between two scores. The upper one of the two lies above it then, and with it "
            "more than the allowed share: the threshold has to be one of the scores. Count in the sorted scores.",
        ),
        Mistake(
            _quantile("higher"),
            "where the share of n is a whole number, 5 of 40, so many windows may lie above, and here it is one fewer: "
            "a lower score would do. (torch.quantile counts the n - 1 steps between scores.) Round the share of n "
            "down, and count in the sorted scores.",
        ),
        Mistake(
            _quantile("lower"),
            "one normal window too many lies above the threshold: at most the share may. If you "
            "count places in the sorted scores, mind that the number of allowed false alarms is rounded down, and that "
            "Python counts from 0.",
        ),
        Mistake(
            _quantile("midpoint"),
            "the threshold is half-way between two scores. The upper one of them lies above it then, and with it more "
            "than the allowed share.",
        ),
        Mistake(
            _quantile("nearest"),
            "the nearer one of the two scores that the quantile lies between was taken. Where that is the lower one, "
            "more than the allowed share lies above it.",
        ),
        Mistake(
            _with(_right_one, lambda scores, t: scores >= t),
            "a test window whose score equals the threshold raised an alarm. Above means above: on the validation part "
            "such windows weren't counted either.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: _lowest(torch.cat([normal, faulty]), share)),
            "the threshold is made of all windows of the validation part. False alarms are those of normal windows: "
            "leave the faulty ones out.",
        ),
        Mistake(
            _with(
                lambda normal, faulty, test, share: torch.quantile(
                    torch.cat([normal, faulty]).double(), 1 - share
                ).to(normal.dtype)
            ),
            "the threshold is an interpolated quantile of all windows of the validation part. False alarms are those "
            "of normal windows; and the threshold has to be one of their scores.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: _lowest(faulty, share)),
            "the threshold is made of the faulty windows. False alarms are those of normal windows; valid_faulty is "
            "True for the others.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: torch.quantile(faulty.double(), 1 - share).to(test.dtype)),
            "the threshold is an interpolated quantile of the faulty windows. False alarms are those of normal "
            "windows; valid_faulty is True for the others.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: faulty.min()),
            "the threshold is the lowest score of a faulty window. Then every fault of the validation part is found, "
            "and how many false alarms that costs is left open.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: _lowest(test, share)),
            "the threshold is made of the test scores. It has to be fixed before the test part is looked at: else the "
            "share of alarms is what you asked for, whatever is in there.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: torch.quantile(test.double(), 1 - share).to(test.dtype)),
            "the threshold is a quantile of the test scores. It has to be fixed before the test part is looked at.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: _lowest(torch.cat([normal, test]), share)),
            "test scores went into the threshold too. It has to be fixed before the test part is looked at.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: _lowest(torch.cat([normal, faulty, test]), share)),
            "the threshold is made of all scores there are, test scores among them. It comes from the normal windows "
            "of the validation part alone.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: _lowest(normal, 1 - share)),
            "the share was counted from below: nearly all normal windows lie above this threshold. At most the share "
            "may.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: torch.quantile(normal.double(), share).to(test.dtype)),
            "this is the quantile of the share itself: nearly all normal windows lie above it. At most the share may, "
            "so 1 - share lie below or at the threshold.",
        ),
        Mistake(
            _with(
                lambda normal, faulty, test, share: normal.sort(descending=True).values[
                    max(math.floor(share * len(normal)) - 1, 0)
                ]
            ),
            f"the threshold is one score too high: a lower one would do. {_ORDER.capitalize()}. Python counts from 0.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: _lowest(normal, share, 2)),
            "two normal windows too many lie above the threshold: at most the share may. Round the number of allowed "
            "false alarms down, and mind that Python counts from 0.",
        ),
        Mistake(
            _with(
                lambda normal, faulty, test, share: _lowest(
                    normal, math.floor(share * (len(normal) + len(faulty))) / len(normal) + 1e-9
                )
            ),
            "the share was taken of all windows of the validation part. False alarms are a share of the normal ones.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: normal.max()),
            "the threshold is the largest score of a normal window: no false alarm at all. A share of them is allowed "
            "(0.05 means 5 of 100), and a lower threshold finds more faults.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: normal.mean() + 3 * normal.std()),
            "the threshold is the mean plus three standard deviations. How many normal scores lie above that depends "
            "on "
            f"their distribution, which is no Gaussian. {_ORDER.capitalize()}.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: normal.mean() + 2 * normal.std()),
            "the threshold is the mean plus two standard deviations. How many normal scores lie above that depends on "
            f"their distribution, which is no Gaussian. {_ORDER.capitalize()}.",
        ),
        Mistake(
            _with(
                lambda normal, faulty, test, share: (
                    normal.mean() + normal.std() * torch.special.ndtri(torch.tensor(1 - share, dtype=normal.dtype))
                )
            ),
            "the threshold is the quantile of a Gaussian fitted to the normal scores, which aren't Gaussian. "
            f"{_ORDER.capitalize()}.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: (1 - share) * normal.max()),
            "the threshold is a share of the largest score. It is windows that are counted.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: normal.median()),
            "the threshold is the median of the normal scores: half of them lie above it.",
        ),
        Mistake(
            _with(lambda normal, faulty, test, share: 0.5 * (normal.mean() + faulty.mean())),
            "the threshold is half-way between the means of normal and faulty windows. How many false alarms that "
            "costs is left open; asked for is at most a share.",
        ),
        Mistake(
            _with(_best(_f1, lambda normal, faulty: torch.cat([normal, faulty]).sort().values)),
            "the threshold has the best F1 on the validation part. Asked for is the lowest one with at most the share "
            "of false alarms.",
        ),
        Mistake(
            _with(_best(_youden, lambda normal, faulty: torch.cat([normal, faulty]).sort().values)),
            "the threshold has the best balance of found faults and false alarms on the validation part. Asked for is "
            "the lowest one with at most the share of false alarms.",
        ),
        Mistake(
            _with(_right_one, lambda scores, t: scores < t),
            "the threshold is right. The alarms are turned round: a high score looks like a fault.",
        ),
        Mistake(
            lambda valid_scores, valid_faulty, test_scores, share: (
                threshold_and_alarms(valid_scores, valid_faulty, test_scores, share)[0],
                valid_scores > _lowest(valid_scores[~valid_faulty], share),
            ),
            "the threshold is right. The alarms are those on the validation part; they were asked for on the test "
            "part.",
        ),
        Mistake(
            _with(_right_one, lambda scores, t: (scores > t).nonzero()[:, 0]),
            "the threshold is right. For the alarms the windows' numbers came; asked for is True or False for each "
            "window of the test part.",
        ),
        Mistake(
            _with(_right_one, lambda scores, t: scores[scores > t]),
            "the threshold is right. For the alarms the scores above it came; asked for is True or False for each "
            "window of the test part.",
        ),
        Mistake(
            _with(_right_one, lambda scores, t: (scores > t).sum()),
            "the threshold is right. For the alarms their number came; asked for is True or False for each window of "
            "the test part.",
        ),
        Mistake(
            _with(_right_one, lambda scores, t: scores > scores.sort().values[-max(int(0.1 * len(scores)), 1)]),
            "the threshold is right, and plays no part in the alarms: these are test scores above another bound.",
        ),
        Mistake(
            lambda valid_scores, valid_faulty, test_scores, share: threshold_and_alarms(
                valid_scores, valid_faulty, test_scores, share
            )[::-1],
            "the two changed places: return the threshold first.",
        ),
    ),
)
