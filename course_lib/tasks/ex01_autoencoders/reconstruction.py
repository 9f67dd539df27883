"""The error of a reconstruction: squared grey levels, summed over pixels, the mean over images."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.objectives import squared_error
from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64


def _pair_cases(seed: int) -> list[Case]:
    """Images with sides, one flat image, and float64; grey levels away from 0, 1 and their reconstructions."""
    source = generator(seed)
    cases: list[Case] = []
    for shape, dtype in [((4, 1, 3, 5), _F32), ((1, 7), _F32), ((3, 6), _F64)]:
        x = 0.5 + 0.5 * away_from_zero(shape, source, 0.1, 0.9, dtype)
        x_hat = x + away_from_zero(shape, source, 0.2, 1.1, dtype)
        cases.append({"x_hat": x_hat.requires_grad_(), "x": x})
    return cases


def _summed(error: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The reduction that is right, of an error that isn't."""
    return lambda x_hat, x: error(x_hat - x).flatten(1).sum(1).mean()


RECONSTRUCTION_LOSS = Task(
    name="reconstruction_loss",
    points=2,
    cases=_pair_cases,
    reference=lambda x_hat, x: squared_error(x_hat, x).mean(),
    alternatives=(
        lambda x_hat, x: F.mse_loss(x_hat, x, reduction="sum") / len(x),
        lambda x_hat, x: torch.linalg.vector_norm((x_hat - x).flatten(1), dim=1).square().mean(),
        lambda x_hat, x: F.mse_loss(x_hat, x) * x[0].numel(),
    ),
    mistakes=(
        Mistake(
            lambda x_hat, x: F.mse_loss(x_hat, x),
            "you averaged over the pixels as well. An image of four times as many pixels has four times as much to "
            "explain: pixels add up, and only images are averaged.",
        ),
        Mistake(
            lambda x_hat, x: F.mse_loss(x_hat, x, reduction="sum"),
            "you summed over the batch too. With the mean, loss and learning rate don't depend on the batch size.",
        ),
        Mistake(
            squared_error,
            "one value per image is left. backward() needs a scalar: what remains to be done with the batch?",
        ),
        Mistake(
            lambda x_hat, x: (x_hat - x).square().sum(0).mean(),
            "the two reductions changed places: you summed over images and averaged over pixels.",
        ),
        Mistake(
            lambda x_hat, x: (x_hat - x).square().sum(-1).mean(),
            "you summed over the last dimension only, and averaged over the others. An image of shape (1, 28, 28) has "
            "its pixels in three dimensions.",
        ),
        Mistake(
            lambda x_hat, x: (x_hat - x).square().sum(1).mean(),
            "you summed over dimension 1 only, which in an image with sides is the channel, and averaged over rows and "
            "columns. All pixels add up.",
        ),
        Mistake(
            lambda x_hat, x: squared_error(x_hat, x).mean().sqrt(),
            "you took the root of the mean. The squared error itself was asked for.",
        ),
        Mistake(
            _summed(torch.abs),
            "these are absolute differences. The exponent of a Gaussian holds their squares.",
        ),
        Mistake(
            lambda x_hat, x: squared_error(x_hat, x).sqrt().mean(),
            "you took the root, which gives the distance. The squared error is the square of that.",
        ),
        Mistake(
            lambda x_hat, x: (x_hat - x).flatten(1).sum(1).square().mean(),
            "you squared after adding up. Then a pixel too bright makes up for one too dark.",
        ),
        Mistake(
            _summed(lambda d: d),
            "the square is missing: errors of opposite sign cancel, and the loss has no lower end.",
        ),
        Mistake(
            _summed(lambda d: 0.5 * d.square()),
            "this is half of it. The one half belongs to the Gaussian's log-density, not to the squared error.",
        ),
        Mistake(
            _summed(lambda d: -d.square()),
            "the sign is turned round: an optimiser would make the reconstruction worse without end.",
        ),
        Mistake(
            lambda x_hat, x: (x_hat.square() - x.square()).flatten(1).sum(1).mean(),
            "this is the difference of the squares. The square of the difference was asked for.",
        ),
        Mistake(
            lambda x_hat, x: F.binary_cross_entropy_with_logits(x_hat, x, reduction="sum") / len(x),
            "this is cross-entropy. It is for images of zeros and ones; the grey levels here get a Gaussian.",
        ),
        Mistake(
            lambda x_hat, x: squared_error(x_hat.detach(), x).mean(),
            "the value is right, but no gradient reaches x_hat: something like .item(), .detach() or no_grad cuts it "
            "off.",
        ),
    ),
)
