r"""The decoder's side for grey levels: each pixel is one of K levels, with a probability for every one of them.

:math:`\log p(x|z) = \sum_i \log \mathrm{softmax}(l_i)_{x_i}`, a categorical distribution per pixel (as in van den Oord
et al. 2016, arXiv:1601.06759, section 3.3, there of 256 levels).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Categorical

from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Answer = Callable[[Tensor, Tensor], Tensor]


def levels(shape: tuple[int, ...], num_levels: int, source: torch.Generator) -> Tensor:
    """Grey levels as integers, the first pixels of each image unlike each other."""
    x = torch.randint(num_levels, shape, generator=source)
    flat = x.flatten(1)
    flat[:, 1] = (flat[:, 0] + 1 + flat[:, 1] % (num_levels - 1)) % num_levels
    return flat.reshape(shape)


def _cases(seed: int) -> list[Case]:
    """Vectors, one image of which the network is sure and wrong, and images with sides, in float64."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, num_levels, pixels, low, high, dtype in [
        (4, 5, (6,), 0.3, 3.0, _F32),
        (1, 4, (8,), 60.0, 200.0, _F32),
        (3, 6, (2, 4), 0.3, 3.0, _F64),
    ]:
        logits = away_from_zero((batch, num_levels, *pixels), source, low, high, dtype)
        x = levels((batch, *pixels), num_levels, source)
        if high > 100:
            x[:, :3] = logits[:, :, :3].argmin(1)  # surely wrong: that must cost the logits' difference
            logits[:, :, 3] /= 100  # in doubt: only a product of probabilities has a gradient of nan there
            x[:, 4] = logits[:, :, 4].argmax(
                1
            )  # surely right: so has the logarithm of all levels, not of the chosen
        cases.append({"logits": logits.requires_grad_(), "x": x})
    return cases


def per_pixel(logits: Tensor, x: Tensor) -> Tensor:
    """The log-probability of each pixel's level. logits: (B, K, ...), x: (B, ...). Returns (B, ...)."""
    return logits.log_softmax(1).gather(1, x[:, None]).squeeze(1)


def grey_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x|z) of images of grey levels, (B,), in nats."""
    return per_pixel(logits, x).flatten(1).sum(1)


def _chosen(logits: Tensor, x: Tensor) -> Tensor:
    """One for each pixel's level, zero for all others."""
    return F.one_hot(x, logits.shape[1]).movedim(-1, 1)


def _by_one_hot(logits: Tensor, x: Tensor) -> Tensor:
    return ((logits * _chosen(logits, x)).sum(1) - logits.logsumexp(1)).flatten(1).sum(1)


def _summed(pixels: Answer) -> Answer:
    """An answer from what it takes each pixel for."""
    return lambda logits, x: pixels(logits, x).flatten(1).sum(1)


def _normalised_over(dim: int) -> Answer:
    return lambda logits, x: logits.log_softmax(dim).gather(1, x[:, None]).flatten(1).sum(1)


def _naive(margin: float) -> Answer:
    return _summed(lambda logits, x: (logits.softmax(1).gather(1, x[:, None]) + margin).log())


def _grey(logits: Tensor) -> Tensor:
    """The mean level of each pixel."""
    return (logits.softmax(1) * torch.arange(logits.shape[1]).reshape(-1, *[1] * (logits.ndim - 2))).sum(1)


def _reshaped(logits: Tensor, x: Tensor) -> Tensor:
    rows = logits.reshape(-1, logits.shape[1])
    return -F.cross_entropy(rows, x.flatten(), reduction="none").reshape(len(x), -1).sum(1)


def _told(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether only sure answers go wrong, how often all counts, and over what probabilities add up to one."""
    logits = case["logits"]
    assert isinstance(logits, Tensor)
    if logits.detach().abs().max() > 20:
        return (
            "it is right as long as the network is in doubt, and wrong where it is surely wrong, at logits "
            "like 100. A small number inside the logarithm, or a clamp, hides log(0), and takes value and "
            "gradient away. Work with the logits themselves."
        )
    gradient = "the gradient of the sum of the value with respect to logits"
    should, came = expected[gradient].double(), got[gradient].double()
    if (came - should).abs().max() < 1e-2 * should.abs().max():
        return (
            "it is nearly right where the network is in doubt. A small number inside the logarithm does that, "
            "or a clamp: at logits like 100 it takes value and gradient away. Work with the logits themselves."
        )
    factor = ((should * came).sum() / should.square().sum()).item()
    if abs(factor) > 1e-3 and (came - factor * should).abs().max() < 1e-3 * abs(factor):
        return f"every pixel counts {factor:.3g} times; each should count once. Look at signs and factors."
    if bool(came.any()) and came.sum(1).abs().max() > 1e-3 * came.abs().max():
        return (
            "the probabilities of a pixel's levels don't add up to 1: a softmax over another dimension than 1, "
            "where the levels are, or none at all, or one too many."
        )
    return ""


GREY_LOG_LIKELIHOOD = Task(
    name="grey_log_likelihood",
    points=2,
    cases=_cases,
    reference=grey_log_likelihood,
    alternatives=(
        lambda logits, x: -F.cross_entropy(logits, x, reduction="none").flatten(1).sum(1),
        lambda logits, x: Categorical(logits=logits.movedim(1, -1)).log_prob(x).flatten(1).sum(1),
        _by_one_hot,
    ),
    explain=_told,
    mistakes=(
        Mistake(
            lambda logits, x: grey_log_likelihood(logits, x) / x[0].numel(),
            "you averaged over pixels. The log-probability of independent pixels adds up; with a mean, the KL "
            "would weigh as much as all pixels together, and the code would be ignored.",
        ),
        Mistake(
            lambda logits, x: grey_log_likelihood(logits, x).mean(),
            "you averaged over the batch as well. One value per image was asked for, shape (B,).",
        ),
        Mistake(
            lambda logits, x: grey_log_likelihood(logits, x).sum(),
            "you summed over the batch as well. One value per image was asked for, shape (B,).",
        ),
        Mistake(
            lambda logits, x: -F.cross_entropy(logits, x),
            "this is the mean over all pixels of all images, PyTorch's default. Ask it not to reduce, and sum "
            "over the pixels of each image yourself.",
        ),
        Mistake(
            lambda logits, x: F.cross_entropy(logits, x),
            "this is the cross-entropy averaged over everything: the sign is turned round, and the sum over "
            "pixels is missing.",
        ),
        Mistake(
            lambda logits, x: F.cross_entropy(logits, x, reduction="sum"),
            "this is the cross-entropy summed over everything: the sign is turned round, and one value per "
            "image was asked for.",
        ),
        Mistake(
            lambda logits, x: -grey_log_likelihood(logits, x),
            "this is the cross-entropy, which is minus the log-likelihood. The logarithm of a probability is "
            "never above 0.",
        ),
        Mistake(
            per_pixel, "you have one value per pixel. The log-probability of the image is their sum, shape (B,)."
        ),
        Mistake(
            lambda logits, x: -per_pixel(logits, x),
            "this is the cross-entropy of every pixel: the sign is turned round, and the sum over pixels is "
            "missing.",
        ),
        Mistake(
            _normalised_over(-1),
            "the softmax runs over the last dimension, where pixels are. The probabilities that add up to 1 "
            "are those of one pixel's levels, dimension 1.",
        ),
        Mistake(
            _normalised_over(0),
            "the softmax runs over dimension 0, the batch. The probabilities that add up to 1 are those of one "
            "pixel's levels, dimension 1.",
        ),
        Mistake(
            _reshaped,
            "the logits were reshaped to rows of K numbers, which doesn't move dimension 1 to the end: each "
            "row mixes pixels. movedim(1, -1) moves it; or leave the logits as they are, F.cross_entropy takes "
            "levels in dimension 1.",
        ),
        Mistake(
            _naive(0.0),
            "right as mathematics, but softmax rounds to exactly 0 at large logits, and log(0) spoils value "
            "and gradient. Work with the logits themselves.",
        ),
        Mistake(
            lambda logits, x: logits.softmax(1).log().gather(1, x[:, None]).flatten(1).sum(1),
            "right as mathematics, but softmax rounds to exactly 0 at large logits, and the logarithm of that is -inf. "
            "log_softmax takes both in one, without rounding between.",
        ),
        Mistake(
            _summed(lambda logits, x: (logits.softmax(1).log() * _chosen(logits, x)).sum(1)),
            "right as mathematics, but between lies what float32 can't hold: softmax rounds to exactly 0 at large "
            "logits, exp overflows, and 0 times infinity is nan. log_softmax and logsumexp subtract the largest logit "
            "first.",
        ),
        Mistake(
            _naive(1e-8),
            "a small number inside the logarithm hides log(0) but gives a wrong value, and no gradient, where "
            "the network is surely wrong. Work with the logits themselves.",
        ),
        Mistake(
            lambda logits, x: grey_log_likelihood(logits.softmax(1), x),
            "the softmax is applied twice: the function that takes logits applies one itself.",
        ),
        Mistake(
            lambda logits, x: logits.gather(1, x[:, None]).flatten(1).sum(1),
            "these are the logits of the levels themselves. They become log-probabilities only by what a softmax "
            "subtracts; without it, making every logit larger would do.",
        ),
        Mistake(
            lambda logits, x: -logits.gather(1, x[:, None]).flatten(1).sum(1),
            "these are minus the logits, as F.nll_loss gives them: it takes log-probabilities. Apply a "
            "log_softmax first, and mind the sign.",
        ),
        Mistake(
            lambda logits, x: logits.log_softmax(1).flatten(1).sum(1),
            "the log-probabilities of *all* levels were added up. Only the level that the pixel has counts.",
        ),
        Mistake(
            lambda logits, x: logits.log_softmax(1).max(1).values.flatten(1).sum(1),
            "this is the log-probability of the likeliest level, whatever the pixel is. That of the level in x "
            "was asked for.",
        ),
        Mistake(
            _summed(lambda logits, x: logits.softmax(1).gather(1, x[:, None])),
            "the probabilities of the pixels were added up, and the logarithm is missing.",
        ),
        Mistake(
            lambda logits, x: per_pixel(logits, x).exp().flatten(1).prod(1).log(),
            "the probabilities were multiplied before the logarithm: for an image of many pixels that is 0 in "
            "floats, and its logarithm -inf. Add up logarithms.",
        ),
        Mistake(
            lambda logits, x: per_pixel(logits, x).sum(-1),
            "you summed over the last dimension only. An image may have several dimensions of pixels.",
        ),
        Mistake(
            lambda logits, x: per_pixel(logits, x).sum(1),
            "you summed over dimension 1 only. An image may have several dimensions of pixels.",
        ),
        Mistake(
            lambda logits, x: per_pixel(logits, x).flatten(1).sum(0),
            "you summed over the batch (dimension 0) where the pixels were meant.",
        ),
        Mistake(
            _summed(lambda logits, x: -(_grey(logits) - x).square()),
            "this is a squared error between mean levels, as of a Gaussian. Here each level has a probability "
            "of its own.",
        ),
        Mistake(
            _summed(
                lambda logits, x: (
                    -F.binary_cross_entropy_with_logits(
                        logits, F.one_hot(x, logits.shape[1]).movedim(-1, 1).to(logits.dtype), reduction="none"
                    )
                )
            ),
            "each level got a yes or no of its own, by a sigmoid. A pixel has exactly one of the K levels: "
            "that is one softmax over all of them.",
        ),
        Mistake(
            _summed(lambda logits, x: logits.log_softmax(1).gather(1, (x[:, None] + 1) % logits.shape[1])),
            "every level is taken for the next one: levels count from 0.",
        ),
        Mistake(
            lambda logits, x: grey_log_likelihood(logits, torch.zeros_like(x)),
            "every pixel is taken for level 0. x holds the levels as integers already: nothing has to be "
            "divided or rounded.",
        ),
        Mistake(
            lambda logits, x: grey_log_likelihood(-logits, x),
            "the signs of the logits are turned round: a large logit means a likely level.",
        ),
    ),
)
