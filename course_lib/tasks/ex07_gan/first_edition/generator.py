r"""The generator's loss: the one that still has a gradient when the discriminator wins.

Goodfellow et al. 2014, arXiv:1406.2661, section 3.
"""

import torch
import torch.nn.functional as F

from course_lib.objectives import generator_loss
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.ex07_gan.first_edition.discriminator import bce, clamped

_F32, _F64 = torch.float32, torch.float64


def _fake_cases(seed: int) -> list[Case]:
    """A batch, one image, a batch that the discriminator sees through (logits from -50 far downwards), float64."""
    source = generator(seed)
    lost = torch.cat([away_from_zero((3,), source, 150, 220), away_from_zero((3,), source, 45, 60)])
    shapes = [((5,), _F32), ((1,), _F32), ((3,), _F64)]
    batches = [away_from_zero(shape, source, 0.4, 3.0, dtype) for shape, dtype in shapes]
    batches.insert(2, torch.where(torch.arange(6) % 3 == 2, lost.abs(), -lost.abs()))
    return [{"fake_logits": logits.requires_grad_()} for logits in batches]


def _where_it_is_lost(case: Case, expected: Outputs, got: Outputs) -> str:
    """Whether the worst samples still have a gradient, and whether it pulls the right way."""
    logits = torch.as_tensor(case["fake_logits"])
    name = "the gradient of the sum of the value with respect to fake_logits"
    came, right = got[name], expected[name]
    lost = (came.abs() < 1e-3 * right.abs()) & (right.abs() > 1e-3)
    if bool(lost.any()):
        return (
            f"there is no gradient left at logits such as {logits.detach()[lost].max():.0f}: the samples that the "
            "discriminator sees through teach nothing. What was clamped, or has a small number added to it, "
            "doesn't depend on the logit any more. Work with the logits themselves."
        )
    if bool((came.sign() == -right.sign()).all()):
        return "it pushes the logits of generated samples down, and the generator wants them up."
    return ""


GENERATOR_LOSS = Task(
    name="generator_loss",
    points=2,
    explain=_where_it_is_lost,
    cases=_fake_cases,
    reference=lambda fake_logits: generator_loss(fake_logits).mean(),
    alternatives=(
        lambda fake_logits: bce(fake_logits, 1.0),
        lambda fake_logits: -F.logsigmoid(fake_logits).sum() / len(fake_logits),
        lambda fake_logits: (F.softplus(fake_logits) - fake_logits).mean(),
    ),
    mistakes=(
        Mistake(
            lambda fake_logits: generator_loss(fake_logits, saturating=True).mean(),
            "this is log(1 - D), the loss of the minimax game. Its derivative by the logit is -D: nothing is "
            "left of it when the discriminator sees through every image. The one asked for is the other.",
        ),
        Mistake(
            lambda fake_logits: (1 - torch.sigmoid(fake_logits)).log().mean(),
            "this is log(1 - D), the loss of the minimax game, and through a sigmoid that rounds to 1. The loss "
            "asked for is the other one, and is best written on the logits.",
        ),
        Mistake(
            lambda fake_logits: F.softplus(fake_logits).mean(),
            'this gives the generated images the label "generated": the generator learns to be recognised.',
        ),
        Mistake(
            lambda fake_logits: F.logsigmoid(fake_logits).mean(),
            "the sign is turned round: an optimiser would make D(G(z)) small, and the generator wants it large.",
        ),
        Mistake(
            lambda fake_logits: -torch.sigmoid(fake_logits).log().mean(),
            "right as mathematics, but sigmoid rounds to exactly 0 far below 0, and log(0) spoils value and "
            "gradient just where the generator needs them most. Work with the logits themselves.",
        ),
        Mistake(
            lambda fake_logits: -(torch.sigmoid(fake_logits) + 1e-8).log().mean(),
            "a small number inside the logarithm hides log(0), but it kills the gradient at logits below about "
            "-20, just where the generator needs it most. Work with the logits themselves.",
        ),
        Mistake(
            lambda fake_logits: -torch.sigmoid(fake_logits).clamp(min=1e-7).log().mean(),
            "clamping the probability hides log(0), but a clamped value has no gradient: the worst images teach "
            "nothing. Work with the logits themselves.",
        ),
        Mistake(
            lambda fake_logits: clamped(fake_logits, 1.0).mean(),
            "binary_cross_entropy on probabilities cuts the logarithm off at -100, and the gradient with it. "
            "There is a version which takes the logits.",
        ),
        Mistake(
            lambda fake_logits: generator_loss(fake_logits).sum(),
            "you summed over the batch. With the mean, loss and learning rate don't depend on the batch size.",
        ),
        Mistake(
            lambda fake_logits: generator_loss(fake_logits),
            "one value per image is left. backward() needs a scalar: take the mean over the batch.",
        ),
        Mistake(
            lambda fake_logits: 0.5 * generator_loss(fake_logits).mean(),
            "there is a factor one half too much.",
        ),
        Mistake(
            lambda fake_logits: generator_loss(torch.sigmoid(fake_logits)).mean(),
            "the sigmoid is applied twice: a function that takes logits applies one itself. What is left can't "
            "tell a lost image from a good one.",
        ),
        Mistake(
            lambda fake_logits: -torch.sigmoid(fake_logits).mean(),
            "this raises D itself, not its logarithm. D is flat where it is near 0, so the gradient vanishes "
            "there.",
        ),
        Mistake(
            lambda fake_logits: (1 - torch.sigmoid(fake_logits)).mean(),
            "this lowers 1 - D itself, without a logarithm. D is flat where it is near 0, so the gradient "
            "vanishes there.",
        ),
        Mistake(
            lambda fake_logits: -fake_logits.mean(),
            "this is the Wasserstein generator's loss: the logit without a logarithm. Nothing makes it stop at "
            "images that are good already.",
        ),
        Mistake(
            lambda fake_logits: (fake_logits - 1).square().mean(),
            "this is the least-squares GAN's loss; the logarithm of D was asked for.",
        ),
        Mistake(
            lambda fake_logits: -torch.sigmoid(fake_logits).mean().log(),
            "you took the logarithm of the mean probability. It is the mean of the logarithms.",
        ),
        Mistake(
            lambda fake_logits: F.softplus(-fake_logits.mean()),
            "you took the mean of the logits first, and one loss of that. It is the mean of the losses: samples "
            "that are seen through must not be averaged away by those that pass.",
        ),
        Mistake(
            lambda fake_logits: -fake_logits.log().mean(),
            "you took the logits for probabilities. A logit may be any number; sigmoid makes a probability of it.",
        ),
        Mistake(
            lambda fake_logits: generator_loss(fake_logits.detach()).mean(),
            "the value is right, but no gradient reaches the logits, and so none reaches the generator: "
            "something like .item(), .detach() or no_grad cuts it off.",
        ),
    ),
)
