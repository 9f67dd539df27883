r"""What K weighted draws say of an image: the importance-weighted bound, and how many draws they are worth.

:math:`\log\frac1K\sum_k w_k` (Burda et al. 2016, arXiv:1509.00519, eq. 8), and the effective sample size
:math:`(\sum_k w_k)^2 / \sum_k w_k^2` (Kong, Liu & Wong 1994, JASA 89). Both from logarithms of weights, whose
exponentials no float holds.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.objectives import importance_weighted_bound
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor], Tensor]


def _weights(seed: int, gradient: bool) -> list[Case]:
    """Small weights, which any formula bears; images whose weights no float32 holds, each of another size; one image
    in float64 whose weights are beyond even that."""
    source = generator(seed)
    cases: list[Case] = []
    for num_draws, levels, dtype in [
        (5, (0.4, -0.9, 1.3, -0.2), _F32),
        (7, (-400.0, -150.0, -265.0), _F32),
        (6, (900.0,), _F64),
    ]:
        spread = 1.3 * torch.randn(num_draws, len(levels), generator=source, dtype=_F64).clamp(-2, 2)
        log_w = torch.tensor(levels, dtype=_F64) + spread + away_from_zero(spread.shape, source, dtype=_F64) / 4
        if len(levels) > 1 and levels[0] < -100:
            log_w[1] -= 150  # a draw that missed; what is set against it overflows
        cases.append({"log_w": log_w.to(dtype).requires_grad_(gradient)})
    return cases


def _shift_by_hand(log_w: Tensor) -> Tensor:
    top = log_w.max(dim=0).values
    return top + (log_w - top).exp().mean(dim=0).log()


def _two_by_two(log_w: Tensor) -> Tensor:
    total = log_w[0]
    for one in log_w[1:]:
        total = torch.logaddexp(total, one)
    return total - math.log(len(log_w))


def _other_maximum(log_w: Tensor) -> Tensor:
    return log_w.max() + (log_w - log_w.max()).exp().mean(dim=0).log()


def _bound_in_words(case: Case, expected: Outputs, got: Outputs) -> str:
    """By how much the bound is off where it is off by the same for all images, or where it is only off on small
    weights."""
    log_w, gap = case["log_w"], got["the value"].double() - expected["the value"].double()
    assert isinstance(log_w, Tensor)
    if bool(log_w.detach().abs().max() > 20):
        return (
            "it is right as long as weights are near 1, and wrong on those that no float holds, such as exp(-400). A "
            "small number inside the logarithm, or a clamp, hides that they became 0. Take the largest log-weight of "
            "each image out before exp, or ask logsumexp."
        )
    if (gap - gap.mean()).abs().max() < 1e-3:
        return (
            f"it is off by {gap.mean():+.4f} for every image; log K is {math.log(len(log_w)):.4f} here. Which factor "
            "stands inside the logarithm?"
        )
    return ""


IMPORTANCE_WEIGHTED_BOUND = Task(
    name="importance_weighted_bound",
    points=2,
    cases=lambda seed: _weights(seed, gradient=True),
    reference=importance_weighted_bound,
    alternatives=(_shift_by_hand, _two_by_two),
    explain=_bound_in_words,
    mistakes=(
        Mistake(
            lambda log_w: log_w.exp().mean(0).log(),
            "right as mathematics, but exp(-400) is 0 in a float, and exp(900) is infinite; the logarithm of that is "
            "no bound. Take the largest log-weight of each image out of the sum before you take exponentials.",
        ),
        Mistake(
            lambda log_w: log_w.double().exp().mean(0).log().to(log_w.dtype),
            "float64 puts the end off and doesn't remove it: exp(900) is infinite there too. Take the largest "
            "log-weight of each image out of the sum before you take exponentials.",
        ),
        Mistake(
            lambda log_w: log_w.double().exp().mean(0).log().float(),
            "float64 puts the end off and doesn't remove it: exp(900) is infinite there too, and .float() can't bring "
            "it back. Take the largest log-weight of each image out of the sum before you take exponentials.",
        ),
        Mistake(
            _other_maximum,
            "one maximum was taken out for all images together. An image whose weights are all far below it is left "
            "with nothing: each image needs its own, over dim 0.",
        ),
        Mistake(
            lambda log_w: log_w.min(0).values + (log_w - log_w.min(0).values).exp().mean(0).log(),
            "the *smallest* log-weight was taken out. Beside a draw that missed the image all others are infinite "
            "then: take out the largest.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0),
            "log K is missing: this is the logarithm of the *sum* of the weights. It grows with K even if all weights "
            "are equal, and is no bound.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0) + math.log(len(log_w)),
            "log K was added. A mean divides by K: in logarithms that is taking off.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0) - math.log(log_w.shape[1]),
            "log B was taken off, the logarithm of the number of images. The mean is over the K draws, dim 0.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0) / len(log_w),
            "you divided the logarithm by K. The mean stands inside: log(S / K) is log S - log K.",
        ),
        Mistake(
            lambda log_w: log_w.mean(0),
            "this is the mean of the logarithms: the ELBO, estimated by K draws. The bound is the logarithm of the "
            "mean.",
        ),
        Mistake(
            lambda log_w: log_w.max(0).values,
            "only the largest weight is left. The others count too.",
        ),
        Mistake(
            lambda log_w: log_w.max(0).values - math.log(len(log_w)),
            "only the largest weight is left, over K. The others count too.",
        ),
        Mistake(
            lambda log_w: (log_w - log_w.max(0).values).exp().mean(0).log(),
            "the maximum was taken out and never put back: add it to the logarithm at the end.",
        ),
        Mistake(
            lambda log_w: importance_weighted_bound(log_w) + log_w.max(0).values,
            "the largest log-weight counts twice: what was taken out once is put back once. (logsumexp does both by "
            "itself.)",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(1) - math.log(log_w.shape[1]),
            "this is the mean over images, one number for each draw. The K draws stand in dim 0.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(1) - math.log(len(log_w)),
            "the sum runs over images, one number for each draw. The K draws of an image stand in dim 0.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp((0, 1)) - math.log(log_w.numel()),
            "the weights of all images went into one mean. Each image has its own bound: one value per image, (B,).",
        ),
        Mistake(
            lambda log_w: importance_weighted_bound(log_w).mean(),
            "you averaged over images as well. One value per image was asked for, (B,).",
        ),
        Mistake(
            lambda log_w: importance_weighted_bound(log_w).sum(),
            "you added the images up as well. One value per image was asked for, (B,).",
        ),
        Mistake(
            lambda log_w: -importance_weighted_bound(log_w),
            "the sign is turned round: the bound is on log p(x), which is what the log-weights estimate.",
        ),
        Mistake(
            lambda log_w: importance_weighted_bound(log_w).exp(),
            "the last logarithm is missing: this is the estimate of p(x), which no float holds for an image.",
        ),
        Mistake(
            lambda log_w: torch.softmax(log_w, 0),
            "these are the shares of the draws. Asked for was the logarithm of the mean weight, one per image.",
        ),
        Mistake(
            lambda log_w: (torch.softmax(log_w, 0) * log_w).sum(0),
            "this is a mean of log-weights, in which large weights count more. The bound is the logarithm of the "
            "plain mean of the weights.",
        ),
        Mistake(
            lambda log_w: importance_weighted_bound(log_w.detach()),
            "the value is right, but no gradient reaches log_w: something like .item(), .detach() or no_grad cuts it "
            "off.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0) - math.log10(len(log_w)),
            "this is a logarithm to base 10. All is in nats here: natural logarithms.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0) - math.log2(len(log_w)),
            "this is a logarithm to base 2. All is in nats here: natural logarithms.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0) - math.log(len(log_w) - 1),
            "you divided by K - 1. The mean of K weights divides by K.",
        ),
        Mistake(
            lambda log_w: log_w.logsumexp(0) - len(log_w),
            "K itself was taken off. Dividing by K inside the logarithm is taking off log K.",
        ),
    ),
)


def effective_sample_size(log_w: Tensor) -> Tensor:
    """How many equal weights are as good as these, (K, B) over dim 0: (B,), from 1 to K."""
    return 1 / torch.softmax(log_w, 0).square().sum(0)


def _from_logsumexp(log_w: Tensor) -> Tensor:
    return torch.exp(2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0))


def _from_spread(log_w: Tensor) -> Tensor:
    w = torch.exp(log_w - log_w.max(0).values)
    return len(w) / (1 + w.var(0, correction=0) / w.mean(0).square())


def _size_in_words(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether the size can be one at all."""
    log_w, came = case["log_w"], got["the value"].double()
    assert isinstance(log_w, Tensor)
    if bool(log_w.abs().max() > 20):
        return (
            "it is right as long as weights are near 1, and wrong on those that no float holds, such as exp(-400). "
            "Only their shares matter: softmax gives them without an overflow."
        )
    if bool((came > len(log_w) + 1e-4).any()) or bool((came < 1 - 1e-4).any()):
        return (
            f"{came.min():.3g} to {came.max():.3g} came, but K = {len(log_w)} draws are worth between 1 (one weight "
            f"has it all) and {len(log_w)} (all are equal). Test both ends in a cell of your own."
        )
    return "it lies between 1 and K, but isn't the asked-for number. Test: weights 2, 1, 1 are worth 16/6 draws."


EFFECTIVE_SAMPLE_SIZE = Task(
    name="effective_sample_size",
    points=1,
    cases=lambda seed: _weights(seed, gradient=False),
    reference=effective_sample_size,
    alternatives=(_from_logsumexp, _from_spread),
    explain=_size_in_words,
    rtol=3e-4,
    mistakes=(
        Mistake(
            lambda log_w: log_w.exp().sum(0).square() / log_w.exp().square().sum(0),
            "right as mathematics, but exp(-400) is 0 in a float, and exp(900) is infinite: 0/0 came, or inf/inf. The "
            "size doesn't change if all weights of an image are divided by one number; choose that before exp.",
        ),
        Mistake(
            lambda log_w: (log_w.double().exp().sum(0).square() / log_w.double().exp().square().sum(0)).to(
                log_w.dtype
            ),
            "float64 puts the end off and doesn't remove it: exp(900) is infinite there too. Only shares matter; take "
            "them before the exponential.",
        ),
        Mistake(
            lambda log_w: _ratio(log_w.double().exp()).float(),
            "float64 puts the end off and doesn't remove it: exp(900) is infinite there too, and .float() can't bring "
            "it back. Only shares matter; take them before the exponential.",
        ),
        Mistake(
            lambda log_w: _ratio((log_w - log_w.max()).exp()),
            "one maximum was taken out for all images together. An image whose weights are all far below it is left "
            "with 0/0: each image needs its own, over dim 0.",
        ),
        Mistake(
            lambda log_w: _ratio((log_w - log_w.min(0).values).exp()),
            "the *smallest* log-weight was taken out. Beside a draw that missed the image all others are infinite "
            "then: take out the largest.",
        ),
        Mistake(
            lambda log_w: torch.softmax(log_w, 0).square().sum(0),
            "this is the sum of the squared shares, between 1/K and 1. The size is one over it.",
        ),
        Mistake(
            lambda log_w: effective_sample_size(log_w) / len(log_w),
            "this is a share of K, between 1/K and 1. The size itself was asked for, between 1 and K. (Means in place "
            "of sums do this.)",
        ),
        Mistake(
            lambda log_w: effective_sample_size(log_w) * len(log_w),
            "this is K times the size: is there a mean where a sum belongs?",
        ),
        Mistake(
            lambda log_w: torch.ones_like(log_w[0]),
            "this is 1 whatever the weights are: shares add up to 1, and so does the square of that sum. Square each "
            "share first, then add.",
        ),
        Mistake(
            lambda log_w: torch.exp(-(torch.softmax(log_w, 0) * torch.log_softmax(log_w, 0)).sum(0)),
            "this is the exponential of the entropy of the shares: another measure of the same thing, and another "
            "number. Asked for was (sum of w)² over sum of w².",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(log_w, 0).max(0).values,
            "this is one over the largest share. All shares count, squared.",
        ),
        Mistake(
            lambda log_w: len(log_w) / (1 + _relative_variance(log_w)),
            "this holds the variance over K - 1. With the variance over K (correction=0) it is the size.",
        ),
        Mistake(
            lambda log_w: torch.log(effective_sample_size(log_w)),
            "this is the logarithm of the size: the last exponential is missing.",
        ),
        Mistake(
            lambda log_w: torch.exp(2 * log_w.logsumexp(0) - log_w.square().logsumexp(0)),
            "the log-weights were squared. The logarithm of w² is 2 log w, not (log w)².",
        ),
        Mistake(
            lambda log_w: log_w.sum(0).square() / log_w.square().sum(0),
            "the formula was given log-weights in place of weights.",
        ),
        Mistake(
            lambda log_w: _ratio((log_w - log_w.max(0).values).exp(), 1),
            "this adds over images, one number for each draw. The K draws stand in dim 0.",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(log_w, 1).square().sum(1),
            "the shares are those of images in one draw. The K draws of one image stand in dim 0.",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(log_w, 0).square().sum(1),
            "the shares are right, the sum runs over images. Add over the draws, dim 0.",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(log_w, 1).square().sum(0),
            "the shares are those of images in one draw, the sum runs over draws. Both belong to dim 0.",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(log_w.flatten(), 0).square().sum(),
            "the weights of all images went into one sum. Each image has its own size: one value per image, (B,).",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(log_w, 0).square().sum(),
            "the squares of all images went into one sum. Add over the draws only, dim 0.",
        ),
        Mistake(
            lambda log_w: effective_sample_size(log_w).mean(),
            "you averaged over images as well. One value per image was asked for, (B,).",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(2 * log_w, 0).square().sum(0),
            "the weights were squared twice: once in the logarithm, once after it.",
        ),
        Mistake(
            lambda log_w: 1 / torch.softmax(log_w, 0).square().sum(0).sqrt(),
            "there is a root too many: this is the root of the size.",
        ),
    ),
)


def _ratio(w: Tensor, dim: int = 0) -> Tensor:
    return w.sum(dim).square() / w.square().sum(dim)


def _relative_variance(log_w: Tensor) -> Tensor:
    w = torch.exp(log_w - log_w.max(0).values)
    return w.var(0) / w.mean(0).square()
