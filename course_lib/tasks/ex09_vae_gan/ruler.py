"""The ruler of the VAE-GAN: the error in the discriminator's features (Larsen et al. 2016, eq. 7)."""

import math

import torch
import torch.nn.functional as F

from course_lib.objectives import feature_error, squared_error
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator
from course_lib.tasks.parts import in_words, made_of

_F32, _F64 = torch.float32, torch.float64


def _feature_cases(seed: int) -> list[Case]:
    """Four images, one image, and float64. What is asked for is the gradient of the reconstruction's features."""
    source = generator(seed)
    return [
        {
            "features_hat": away_from_zero(shape, source, dtype=dtype).requires_grad_(),
            "features": 2 * away_from_zero(shape, source, dtype=dtype),
        }
        for shape, dtype in [((4, 3), _F32), ((1, 5), _F32), ((6, 2), _F64)]
    ]


def _of_the_distance(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which powers of the distance between the features it is made of."""
    difference = torch.as_tensor(case["features_hat"]).detach() - torch.as_tensor(case["features"])
    squares = difference.square().sum(1)
    name = "‖f(x̃) − f(x)‖"
    powers = {f"{name}²": squares, name: squares.sqrt(), "1": torch.ones_like(squares)}
    factors = made_of(got["the value"], powers) if len(squares) > 3 else None
    if factors and not torch.allclose(got["the value"], expected["the value"], rtol=1e-3):
        return f"this is {in_words(factors)}; it should be 0.5 × {name}²."
    if len(squares) > 3 and factors is None and got["the value"].shape == squares.shape:
        return f"this isn't made of the distance {name} between the features of each image."
    return ""


FEATURE_ERROR = Task(
    name="feature_error",
    explain=_of_the_distance,
    points=1,
    cases=_feature_cases,
    reference=feature_error,
    alternatives=(
        lambda features_hat, features: torch.linalg.vector_norm(features_hat - features, dim=1) ** 2 / 2,
        lambda features_hat, features: F.mse_loss(features_hat, features, reduction="none").sum(1) / 2,
        lambda features_hat, features: 0.5 * torch.einsum("bd,bd->b", *(2 * [features - features_hat])),
    ),
    mistakes=(
        Mistake(
            squared_error,
            "the factor one half is missing. It comes from the exponent of the Gaussian, and without it "
            "the error weighs twice what it should against the KL.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * (features_hat - features).square().mean(1),
            "you averaged over the features. Minus a log-density is a sum over them. With a mean, the "
            "weight of the error against the KL would fall as the layer gets wider.",
        ),
        Mistake(
            lambda features_hat, features: (features_hat - features).square().mean(1),
            "you averaged over the features, and the factor one half is missing: both follow from the "
            "logarithm of the Gaussian density.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * squared_error(features_hat, features).mean(),
            "you averaged over the batch as well. One value per image was asked for, shape (B,).",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * squared_error(features_hat, features).sum(),
            "you summed over the batch as well. One value per image was asked for, shape (B,).",
        ),
        Mistake(
            F.mse_loss,
            "this is the mean over all features of all images, PyTorch's default. The result has no image "
            "left to belong to, and its size depends on how wide the layer is.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * (features_hat - features).square(),
            "you have one value per feature. The log-density of independent features adds up.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * (features_hat - features).square().sum(0),
            "you summed over the batch (dimension 0) where the features (dimension 1) were meant.",
        ),
        Mistake(
            lambda features_hat, features: torch.linalg.vector_norm(features_hat - features, dim=1),
            "this is the distance itself. The exponent of a Gaussian holds its square.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * torch.linalg.vector_norm(features_hat - features, dim=1),
            "this is half the distance. The square is missing.",
        ),
        Mistake(
            lambda features_hat, features: (features_hat - features).abs().sum(1),
            "this is the sum of absolute differences, minus the log-density of a Laplace distribution. A "
            "Gaussian was asked for.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * squared_error(features_hat, features) / 0.02,
            "you divided by the lesson's variance of 0.02. The Gaussian of this exercise has variance 1: whatever "
            "narrower one is wanted comes in as a weight before the KL.",
        ),
        Mistake(
            lambda features_hat, features: (
                0.5 * squared_error(features_hat, features) + 0.5 * features.shape[1] * math.log(2 * math.pi)
            ),
            "the constant of the Gaussian, half of log 2π for each feature, is still in it. It was to be left "
            "out: no weight can change it.",
        ),
        Mistake(
            lambda features_hat, features: -0.5 * squared_error(features_hat, features),
            "the sign is turned round. This is the log-density; the error is what gets smaller as the "
            "reconstruction gets better.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * squared_error(features_hat.detach(), features),
            "the value is right, but no gradient reaches the features of the reconstruction: something "
            "like .detach(), .data or no_grad cuts it off. Then neither encoder nor decoder can learn from "
            "it.",
        ),
        Mistake(
            lambda features_hat, features: 0.5 * (features_hat.square() - features.square()).sum(1),
            "you took the difference of the squares. First comes the difference, then the square.",
        ),
    ),
)
