r"""Pictures out of a prior that isn't the standard one: codes, and the mean grey level of each pixel."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Categorical

from course_lib.models import reparameterize
from course_lib.probes.ex05 import NUM_LEVELS, pictures
from course_lib.tasks.core import Case, Mistake, Task, away_from_zero, generator, normal

_F32, _F64 = torch.float32, torch.float64
Decode = Callable[[Tensor], Tensor]


def _cases(seed: int) -> list[Case]:
    """Four pictures, one, and float64; the weights are those of the decoder that the probe makes."""
    source = generator(seed)
    cases: list[Case] = []
    for batch, latents, pixels, dtype in [(4, 3, 5, _F32), (1, 2, 7, _F32), (3, 4, 6, _F64)]:
        cases.append(
            {
                "weights": away_from_zero((latents, NUM_LEVELS * pixels), source, 0.3, 1.0, dtype),
                "mu_p": away_from_zero((batch, latents), source, dtype=dtype),
                "logvar_p": away_from_zero((batch, latents), source, dtype=dtype),
                "eps": normal((batch, latents), source, dtype),
            }
        )
    return cases


def mean_grey(logits: Tensor) -> Tensor:
    """The mean grey level, in [0, 1], of each pixel: logits (B, 17, P) to (B, P)."""
    grey = torch.arange(NUM_LEVELS, dtype=logits.dtype) / (NUM_LEVELS - 1)
    return torch.einsum("bkp,k->bp", logits.softmax(1), grey)


def draw_digits(decode: Decode, mu_p: Tensor, logvar_p: Tensor, eps: Tensor) -> Tensor:
    """The mean picture of each code that the noise eps makes of the prior, (B, P)."""
    return mean_grey(decode(reparameterize(mu_p, logvar_p, eps)))


def _by_distribution(decode: Decode, mu_p: Tensor, logvar_p: Tensor, eps: Tensor) -> Tensor:
    pixels = Categorical(logits=decode(mu_p + logvar_p.exp().sqrt() * eps).movedim(1, 2))
    return (pixels.probs * torch.arange(NUM_LEVELS)).sum(-1) / (NUM_LEVELS - 1)


def _one_by_one(decode: Decode, mu_p: Tensor, logvar_p: Tensor, eps: Tensor) -> Tensor:
    rows = zip(mu_p.split(1), logvar_p.split(1), eps.split(1), strict=True)
    return torch.cat([draw_digits(decode, *row) for row in rows])


def _with(
    code: Callable[[Tensor, Tensor, Tensor], Tensor] = reparameterize,
    picture: Callable[[Tensor], Tensor] = mean_grey,
) -> Callable[..., Tensor]:
    """The drawing with other codes of mu, logvar and eps, or other pictures of the logits."""
    return lambda decode, mu_p, logvar_p, eps: picture(decode(code(mu_p, logvar_p, eps)))


def _over(
    probabilities: Callable[[Tensor], Tensor], scale: float = NUM_LEVELS - 1, first: int = 0
) -> Callable[[Tensor], Tensor]:
    """The mean level by other probabilities, over another scale, or counted from another one."""
    grey = (torch.arange(NUM_LEVELS) + first) / scale
    return lambda logits: torch.einsum("bkp,k->bp", probabilities(logits), grey.to(logits.dtype))


DRAW_DIGITS = Task(
    name="draw_digits",
    points=2,
    cases=_cases,
    probe=pictures,
    reference=draw_digits,
    alternatives=(_by_distribution, _one_by_one),
    mistakes=(
        Mistake(
            _with(lambda mu, logvar, eps: mu + logvar.exp() * eps[:1]),
            "both faults are still there. Compare the spread of the codes of one digit with the prior's standard "
            "deviation, and the noise of two pictures with each other.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * eps[:1]),
            "one fault is found, the other is still there: every picture gets the noise of the first one.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + logvar.exp() * eps),
            "one fault is found, the other is still there: the noise is scaled with exp(logvar_p), which is the "
            "variance. The scale of a Gaussian is its standard deviation.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + 0.5 * logvar.exp() * eps),
            "the scale is half of the variance. The one half belongs inside the exp, where it takes the root.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + logvar * eps),
            "the noise is scaled with the logarithm of the variance. The scale of a Gaussian is its standard "
            "deviation.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + logvar.sqrt() * eps),
            "nan came: a root of logvar_p itself, or its logarithm, gives that. It is a logarithm already, and below 0 "
            "where the variance is below 1. The root is meant for the variance, exp(logvar_p).",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + 0.5 * logvar * eps),
            "the exp is missing: 0.5 * logvar_p is the logarithm of the standard deviation.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + torch.exp(-0.5 * logvar) * eps),
            "the sign inside the exp is turned round: a wide prior now gives little noise.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + torch.exp(2 * logvar) * eps),
            "the variance was squared, where its square root was needed.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + torch.exp(0.25 * logvar) * eps),
            "there is a root too many: exp(0.5 * logvar_p) is the standard deviation already.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: (mu + eps) * torch.exp(0.5 * logvar)),
            "the mean was scaled too. First the noise is scaled, then the mean is added.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu - torch.exp(0.5 * logvar) * eps),
            "the noise is subtracted. That draws from the same Gaussian, but it isn't the code of this eps.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu * eps + torch.exp(0.5 * logvar)),
            "mean and standard deviation changed places: the noise is scaled, then shifted by the mean.",
        ),
        Mistake(_with(lambda mu, logvar, eps: mu), "there is no noise: every code is the prior's mean."),
        Mistake(
            _with(lambda mu, logvar, eps: mu + eps),
            "the noise has scale 1 always; logvar_p plays no part.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: eps),
            "the codes are drawn from N(0, 1). This prior has a mean and a variance of its own.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: torch.exp(0.5 * logvar) * eps),
            "the prior's mean is missing: it says which digit is drawn.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * eps[:, :1]),
            "every latent dimension gets the noise of the first one. Each needs its own.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu[:1] + torch.exp(0.5 * logvar[:1]) * eps),
            "every picture is drawn from the prior of the first one.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)),
            "you drew noise of your own. Use the eps that was given: only so can a drawing be repeated, and "
            "tested.",
        ),
        Mistake(
            _with(lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * eps.mean(0)),
            "every picture gets the mean of all noise. Each needs its own.",
        ),
        Mistake(
            _with(picture=_over(lambda logits: logits.softmax(-1))),
            "the softmax runs over pixels. The friend's dim=1 was right: there the levels are, whose "
            "probabilities add up to 1.",
        ),
        Mistake(
            _with(picture=_over(lambda logits: logits.softmax(0))),
            "the softmax runs over the batch. The friend's dim=1 was right: there the levels are, whose "
            "probabilities add up to 1.",
        ),
        Mistake(
            _with(picture=_over(lambda logits: logits)),
            "logits aren't probabilities: the softmax is missing.",
        ),
        Mistake(
            _with(picture=_over(torch.sigmoid)),
            "a sigmoid for each level makes no probabilities that add up to 1. The friend's softmax was right.",
        ),
        Mistake(
            _with(picture=_over(lambda logits: logits.softmax(1), NUM_LEVELS)),
            "levels were divided by 17. There are 17 of them, from 0 to 16: white is 16/16.",
        ),
        Mistake(
            _with(picture=_over(lambda logits: logits.softmax(1), NUM_LEVELS, 1)),
            "levels were counted from 1 to 17. They are 0 to 16: black is 0.",
        ),
        Mistake(
            _with(picture=_over(lambda logits: logits.softmax(1), 1.0)),
            "these are levels from 0 to 16. Grey levels in [0, 1] were asked for.",
        ),
        Mistake(
            _with(picture=lambda logits: logits.argmax(1).to(logits.dtype) / (NUM_LEVELS - 1)),
            "this is the likeliest level of each pixel. The mean of all of them was asked for.",
        ),
        Mistake(
            _with(picture=lambda logits: logits.argmax(1) / (NUM_LEVELS - 1)),
            "this is the likeliest level of each pixel, argmax. The mean was asked for: every level counts, as "
            "much as it is probable. Keep the logits' type, too.",
        ),
        Mistake(
            _with(picture=lambda logits: logits.argmax(1)),
            "this is the likeliest level of each pixel, from 0 to 16. The mean of all of them was asked for, over 16.",
        ),
        Mistake(
            _with(picture=lambda logits: logits.softmax(1)),
            "these are the probabilities of all levels, (B, 17, P). What is asked for is their mean level, (B, "
            "P).",
        ),
        Mistake(
            _with(picture=lambda logits: mean_grey(logits).mean(0)),
            "the pictures were averaged over the batch. One for each code was asked for, (B, P).",
        ),
    ),
)
