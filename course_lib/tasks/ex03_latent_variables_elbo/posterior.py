r"""The exact posterior of a linear-Gaussian model with one latent number and a noise of its own in each pixel.

:math:`z \sim \mathcal N(0, 1)`, :math:`x_i = w_i z + b_i + s_i \epsilon_i`: factor analysis with one factor (Rubin &
Thayer 1982, Psychometrika 47). Precisions add up: :math:`1/v = 1 + \sum_i w_i^2/s_i^2`, and
:math:`m = v \sum_i w_i (x_i - b_i)/s_i^2`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Pair = tuple[Tensor, Tensor]


def _cases(seed: int) -> list[Case]:
    """Several images, one, float64; every pixel with a weight, an offset and a noise of its own."""
    source = generator(seed)
    cases: list[Case] = []
    for num_images, num_pixels, dtype in [(4, 5, _F32), (1, 7, _F32), (3, 4, _F64)]:
        cases.append(
            {
                "x": away_from_zero((num_images, num_pixels), source, dtype=dtype),
                "w": away_from_zero((num_pixels,), source, 0.4, 1.6, dtype),
                "b": away_from_zero((num_pixels,), source, 0.3, 1.2, dtype),
                "s": away_from_zero((num_pixels,), source, 0.4, 1.8, dtype).abs(),
            }
        )
    return cases


def exact_posterior(x: Tensor, w: Tensor, b: Tensor, s: Tensor) -> Pair:
    """Mean (B,) and variance () of p(z|x): x (B, P), weights, offsets and standard deviations of the noise (P,)."""
    variance = 1 / (1 + (w / s).square().sum())
    return variance * ((x - b) * w / s.square()).sum(1), variance


def _by_conditioning(x: Tensor, w: Tensor, b: Tensor, s: Tensor) -> Pair:
    """From the joint Gaussian of z and x, whose covariance matrix has P rows."""
    gain = torch.linalg.solve(torch.outer(w, w) + torch.diag(s.square()), w)
    return (x - b) @ gain, 1 - w @ gain


def _pixel_by_pixel(x: Tensor, w: Tensor, b: Tensor, s: Tensor) -> Pair:
    """Bayes' rule once for each pixel: the posterior of one is the prior of the next."""
    mean, variance = torch.zeros_like(x[:, 0]), torch.ones_like(w[0])
    for i in range(len(w)):
        gain = variance * w[i] / (w[i] ** 2 * variance + s[i] ** 2)
        mean = mean + gain * (x[:, i] - b[i] - w[i] * mean)
        variance = variance * (1 - gain * w[i])
    return mean, variance


def _from_sums(
    made: Callable[[Tensor, Tensor], Pair],
    weigh: Callable[[Tensor], Tensor] = lambda s: 1 / s.square(),
    centre: Callable[[Tensor, Tensor], Tensor] = lambda x, b: x - b,
) -> Callable[[Tensor, Tensor, Tensor, Tensor], Pair]:
    """What ``made`` makes of the two sums: of w (x - b) / s² (B,), and of w² / s²."""

    def answer(x: Tensor, w: Tensor, b: Tensor, s: Tensor) -> Pair:
        each = weigh(s)
        return made((centre(x, b) * w * each).sum(1), (w.square() * each).sum())

    return answer


def _right(a: Tensor, c: Tensor) -> Pair:
    return a / (1 + c), 1 / (1 + c)


def _after(change: Callable[[Tensor, Tensor], Pair]) -> Callable[[Tensor, Tensor, Tensor, Tensor], Pair]:
    """The right answer, and something done to it."""
    return lambda x, w, b, s: change(*exact_posterior(x, w, b, s))


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which of the two numbers is right, and by how much precisions differ."""
    names = list(expected)
    wrong = [
        not torch.allclose(got[name].double(), expected[name].double(), rtol=1e-4, atol=1e-5) for name in names
    ]
    if wrong == [True, False]:
        return (
            "the variance is right, the mean isn't. Two tests in a cell of your own: an image that is b itself has "
            "mean 0; one that is b + 2 w, seen with next to no noise, has a mean near 2."
        )
    right, came = (1 / outputs[names[1]].double().item() for outputs in (expected, got))
    if wrong[1] and came > 0:
        return (
            f"the precision (one over the variance) should be {right:.4g}, yours is {came:.4g}. The prior gives 1; so "
            f"all pixels together should give {right - 1:.4g}, and yours give {came - 1:.4g}."
        )
    return ""


EXACT_POSTERIOR = Task(
    name="exact_posterior",
    points=2,
    cases=_cases,
    reference=exact_posterior,
    alternatives=(_by_conditioning, _pixel_by_pixel),
    explain=_told,
    mistakes=(
        Mistake(
            _from_sums(lambda a, c: (a / c, 1 / c)),
            "the prior is missing: this is where the likelihood alone has its maximum. The prior N(0, 1) says "
            "something about z too, with a precision of its own.",
        ),
        Mistake(
            _from_sums(lambda a, c: (a / c, 1 / (1 + c))),
            "the variance knows of the prior, the mean doesn't: a mean without the prior isn't drawn towards 0.",
        ),
        Mistake(
            _from_sums(lambda a, c: (a / (1 + c), 1 / c)),
            "the mean knows of the prior, the variance doesn't: its precision is added to those of the pixels.",
        ),
        Mistake(
            _from_sums(_right, weigh=lambda s: 1 / s),
            "the noise enters by its standard deviation. In the exponent of a Gaussian stands its square: s is a "
            "standard deviation, s² a variance.",
        ),
        Mistake(
            _from_sums(_right, weigh=lambda s: s.square()),
            "noisy pixels count most here. The more noise a pixel has, the less it says about z: divide by s², don't "
            "multiply.",
        ),
        Mistake(
            _from_sums(_right, weigh=torch.ones_like),
            "the noise plays no part. A pixel with much noise says little about z.",
        ),
        Mistake(
            _from_sums(_right, weigh=lambda s: torch.ones_like(s) / s.square().mean()),
            "all pixels share one noise here, the mean of s². Each has its own: weigh it inside the sum over pixels.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) @ w) / (s.square().sum() + w.square().sum()),
                s.square().sum() / (s.square().sum() + w.square().sum()),
            ),
            "this is the formula for one noise in all pixels, with the sum of s² put in. Each pixel has its own: "
            "divide by s² inside the sum over pixels.",
        ),
        Mistake(
            _from_sums(_right, centre=lambda x, b: x),
            "the offset b wasn't taken off x: an image that is b itself says z = 0.",
        ),
        Mistake(
            _from_sums(_right, centre=lambda x, b: x + b),
            "the offset b was added to x. Without z the image is b, so what z has to explain is x - b.",
        ),
        Mistake(
            _from_sums(_right, centre=lambda x, b: b - x),
            "the mean's sign is turned round: what z has to explain is x - b.",
        ),
        Mistake(
            _from_sums(lambda a, c: (a, 1 / (1 + c))),
            "the mean isn't divided by the precision: this is the sum over pixels alone, which grows with every "
            "pixel.",
        ),
        Mistake(
            _from_sums(lambda a, c: (a * (1 + c), 1 / (1 + c))),
            "the mean is multiplied by the precision. Multiply by the variance, which is one over it.",
        ),
        Mistake(
            _from_sums(lambda a, c: (a / (1 + c).sqrt(), 1 / (1 + c))),
            "the mean is multiplied by the standard deviation. Complete the square: it is the variance.",
        ),
        Mistake(
            lambda x, w, b, s: exact_posterior(x, w, b, s)[0],
            "the mean alone came back, and it is right. Return both numbers, the mean and the variance.",
        ),
        Mistake(_after(lambda m, v: (m, v.sqrt())), "you returned the standard deviation, not the variance."),
        Mistake(_after(lambda m, v: (m, 1 / v)), "you returned the precision: the variance is one over it."),
        Mistake(_after(lambda m, v: (m, v.log())), "you returned the logarithm of the variance."),
        Mistake(_after(lambda m, v: (v, m)), "mean and variance changed places: the mean is asked for first."),
        Mistake(
            _after(lambda m, v: (m, v.expand_as(m))),
            "right, but the variance is repeated for every image. It is one number for all, of shape (): no x stands "
            "in it.",
        ),
        Mistake(
            _after(lambda m, v: (m, v[None])),
            "right, but the variance has shape (1,). Add up over all pixels without keeping a dimension: it is one "
            "number, of shape ().",
        ),
        Mistake(
            _after(lambda m, v: (m[:, None], v)),
            "right, but the means stand in a column, (B, 1). One for each image was asked for, (B,).",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w / s.square()).mean(1) / (1 + (w / s).square().mean()),
                1 / (1 + (w / s).square().mean()),
            ),
            "you averaged over pixels. Every pixel is one more measurement of z: what they say adds up.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w / s.square()).sum(1) / (1 + (w / s.square()).sum()),
                1 / (1 + (w / s.square()).sum()),
            ),
            "the precision of a pixel has w in place of w²: it must not depend on the sign of w.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w / s.square()).sum(1) / (1 + (w.abs() / s.square()).sum()),
                1 / (1 + (w.abs() / s.square()).sum()),
            ),
            "the precision of a pixel has |w| in place of w²: a pixel with twice the weight says four times as much.",
        ),
        Mistake(
            _from_sums(_right, weigh=lambda s: torch.ones_like(s) / s.mean().square()),
            "all pixels share one noise here, the mean of s. Each has its own: weigh it inside the sum over pixels.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w / s.square()).sum(1) / (1 + (w / s).square()).sum(),
                1 / (1 + (w / s).square()).sum(),
            ),
            "the prior counts once for every pixel: its 1 stands inside of the sum. All pixels were made by one z, so "
            "it is added once, after the sum.",
        ),
        Mistake(
            lambda x, w, b, s: (
                exact_posterior(x, w, b, s)[0],
                1 / (1 + (w / s).square()).sum(),
            ),
            "the prior counts once for every pixel in the variance: its 1 stands inside of the sum. All pixels were "
            "made by one z, so it is added once, after the sum.",
        ),
        Mistake(
            lambda x, w, b, s: (
                exact_posterior(x, w, b, s)[0],
                1 / (1 + (w.abs() / s.square()).sum()),
            ),
            "the mean is right, and the precision in the variance has |w| in place of w²: a pixel with twice the "
            "weight says four times as much.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w / s.square()).sum(1) / (1 + (w / s).sum().square()),
                1 / (1 + (w / s).sum().square()),
            ),
            "you squared after adding up. Then pixels with weights of opposite sign cancel: add the squares.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w / (w.square() + s.square())).mean(1),
                (s.square() / (w.square() + s.square())).mean(),
            ),
            "this is the posterior from each pixel by itself, averaged. The pixels were seen together: their "
            "precisions add up, and the prior's is added once.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w / (w.square() + s.square())).sum(1),
                (s.square() / (w.square() + s.square())).prod(),
            ),
            "this is made of the posterior from each pixel by itself, and holds the prior once for every pixel. The "
            "pixels were seen together: their precisions add up, and the prior's is added once.",
        ),
        Mistake(
            lambda x, w, b, s: (((x - b) / w).mean(1), exact_posterior(x, w, b, s)[1]),
            "every pixel was solved for z, and the results averaged. Neither noise nor prior has a say in that.",
        ),
        Mistake(
            lambda x, w, b, s: (
                ((x - b) * w).sum(1) / (1 + (w / s).square().sum()),
                exact_posterior(x, w, b, s)[1],
            ),
            "the noise counts in the variance and not in the mean: there too each pixel is divided by s².",
        ),
    ),
)
