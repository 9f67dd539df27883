r"""One step of gradient descent of a linear autoencoder, written by hand.

:math:`L = \frac1B \sum_b \|W_d W_e x_b - x_b\|^2`; with residuals :math:`r_b = W_d W_e x_b - x_b` and codes
:math:`z_b = W_e x_b` its gradients are :math:`\frac2B \sum_b r_b z_b^\top` and
:math:`\frac2B \sum_b W_d^\top r_b x_b^\top` (Baldi & Hornik 1989, Neural Networks 2(1)).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.objectives import squared_error
from course_lib.probes.ex01 import new_weights
from course_lib.tasks.core import Case, Mistake, Outputs, Task, away_from_zero, generator

_F32, _F64 = torch.float32, torch.float64
Step = Callable[[Tensor, Tensor, Tensor, float], Any]


def _cases(seed: int) -> list[Case]:
    """A batch, one image, float64; sizes all different, so that nothing fits transposed."""
    source = generator(seed)
    cases: list[Case] = []
    for num_images, num_pixels, latent_dim, lr, dtype in [
        (6, 5, 2, 0.05, _F32),
        (1, 7, 3, 0.2, _F32),
        (5, 6, 4, 0.1, _F64),
    ]:
        cases.append(
            {
                "x": away_from_zero((num_images, num_pixels), source, dtype=dtype),
                "encoder": away_from_zero((latent_dim, num_pixels), source, 0.2, 0.8, dtype),
                "decoder": away_from_zero((num_pixels, latent_dim), source, 0.2, 0.8, dtype),
                "lr": lr,
            }
        )
    return cases


def gradients(x: Tensor, encoder: Tensor, decoder: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of the mean squared length of the residuals, by encoder (D, P) and decoder (P, D)."""
    z = x @ encoder.T
    residual = z @ decoder.T - x
    by_decoder = 2 / len(x) * residual.T @ z
    by_encoder = 2 / len(x) * (residual @ decoder).T @ x
    return by_encoder, by_decoder


def gradient_step(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    """Both matrices one step of length ``lr`` further down."""
    by_encoder, by_decoder = gradients(x, encoder, decoder)
    return encoder - lr * by_encoder, decoder - lr * by_decoder


def _by_autograd(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    weights = [encoder.detach().requires_grad_(), decoder.detach().requires_grad_()]
    by_encoder, by_decoder = torch.autograd.grad(squared_error(x @ weights[0].T @ weights[1].T, x).mean(), weights)
    return encoder - lr * by_encoder, decoder - lr * by_decoder


def _by_covariance(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    """The same from the second moments alone: the gradient by the product of both matrices, then the chain rule."""
    second_moments = x.T @ x / len(x)
    by_product = 2 * (decoder @ encoder @ second_moments - second_moments)
    return encoder - lr * decoder.T @ by_product, decoder - lr * by_product @ encoder.T


def _scaled(factor: Callable[[Tensor], float]) -> Step:
    """A step whose length is off by a factor."""
    return lambda x, encoder, decoder, lr: gradient_step(x, encoder, decoder, lr * factor(x))


def _decoder_first(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    decoder = gradient_step(x, encoder, decoder, lr)[1]
    return gradient_step(x, encoder, decoder, lr)[0], decoder


def _encoder_first(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    encoder = gradient_step(x, encoder, decoder, lr)[0]
    return encoder, gradient_step(x, encoder, decoder, lr)[1]


def _old_residual_new_decoder(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    residual = x @ encoder.T @ decoder.T - x
    new = gradient_step(x, encoder, decoder, lr)[1]
    return encoder - lr * 2 / len(x) * (residual @ new).T @ x, new


def _old_residual_new_codes(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    residual = x @ encoder.T @ decoder.T - x
    new = gradient_step(x, encoder, decoder, lr)[0]
    return new, decoder - lr * 2 / len(x) * residual.T @ (x @ new.T)


def _with_encoder_gradient(by_encoder: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Step:
    """A right decoder, and for the encoder the gradient that is made of x, residual, encoder, decoder."""

    def answer(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        residual = x @ encoder.T @ decoder.T - x
        gradient = 2 / len(x) * by_encoder(x, residual, encoder, decoder)
        return encoder - lr * gradient, gradient_step(x, encoder, decoder, lr)[1]

    return answer


def _residual_is_x_hat(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    z = x @ encoder.T
    x_hat = z @ decoder.T
    by_encoder = 2 / len(x) * (x_hat @ decoder).T @ x
    return encoder - lr * by_encoder, decoder - lr * 2 / len(x) * x_hat.T @ z


def _with_decoder_input_x_hat(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    z = x @ encoder.T
    x_hat = z @ decoder.T
    by_decoder = 2 / len(x) * (x_hat - x).T @ (x_hat @ encoder.T)
    return gradient_step(x, encoder, decoder, lr)[0], decoder - lr * by_decoder


def _moved(case: Case, expected: Outputs, got: Outputs) -> str:
    """Which matrix moved how, if the other one moved as it should, or both by a factor."""
    told = []
    for name in ("encoder", "decoder"):
        before = case[name]
        assert isinstance(before, Tensor)
        should, did = expected[f"the new {name}"] - before, got[f"the new {name}"] - before
        factor = ((should * did).sum() / should.square().sum()).item()
        if (did - should).norm() < 1e-3 * should.norm():
            told.append(f"the {name} moved as it should")
        elif did.norm() < 1e-3 * should.norm():
            told.append(f"the {name} didn't move")
        elif (did - factor * should).norm() < 1e-3 * did.norm():
            told.append(
                f"the {name} moved along the right line, by {factor:.3g} times the right length; where does the factor "
                f"come from? (2 from the square, 1/{len(case['x'])} from the mean over images, lr = {case['lr']})"  # type: ignore[arg-type]
            )
        else:
            cosine = factor * should.norm() / did.norm()
            told.append(
                f"the {name} moved in another direction (cosine {cosine:.2f}): a factor of its gradient is wrong or "
                "was taken at another point. The decoder's gradient is made of the residual and z, the encoder's of "
                "the residual, carried back through the decoder, and x; all four from before the step"
            )
    if any("as it should" not in text for text in told):
        return "; ".join(told) + "."
    return "the first step is right, and the next ones aren't: it keeps something from one call to the next."


GRADIENT_STEP = Task(
    name="gradient_step",
    points=3,
    cases=_cases,
    reference=gradient_step,
    alternatives=(_by_autograd, _by_covariance),
    probe=new_weights,
    explain=_moved,
    mistakes=(
        Mistake(
            _scaled(lambda x: -1.0),
            "both matrices moved uphill. Look at the sign of the step and at that of the residual: the derivative of "
            "(x_hat - x)² by x_hat is 2 (x_hat - x).",
        ),
        Mistake(
            _scaled(lambda x: 0.5),
            "the step is half as long: the derivative of a square has a factor 2.",
        ),
        Mistake(
            lambda x, encoder, decoder, lr: gradient_step(x, encoder, decoder, lr * len(x)),
            "the gradients are summed over the batch. The loss is a mean over images, and so is its gradient.",
        ),
        Mistake(
            _scaled(lambda x: 1 / x.shape[1]),
            "the gradients are averaged over the pixels as well. Pixels add up; only images are averaged.",
        ),
        Mistake(
            lambda x, encoder, decoder, lr: gradient_step(x, encoder, decoder, lr * len(x) / 2),
            "the gradients are summed over the batch, and the 2 of the square's derivative is missing.",
        ),
        Mistake(
            _decoder_first,
            "the encoder's gradient was computed with the decoder that had already moved. Both gradients belong to one "
            "and the same point.",
        ),
        Mistake(
            _encoder_first,
            "the decoder's gradient was computed with the encoder that had already moved. Both gradients belong to one "
            "and the same point.",
        ),
        Mistake(
            _old_residual_new_decoder,
            "the residual was carried back through the decoder that had already moved. It came through the old one: "
            "compute both gradients first, then move.",
        ),
        Mistake(
            _old_residual_new_codes,
            "the decoder's gradient was made of the old residual and of codes of the encoder that had already moved. "
            "Compute both gradients first, then move.",
        ),
        Mistake(
            lambda x, encoder, decoder, lr: (encoder, gradient_step(x, encoder, decoder, lr)[1]),
            "only the decoder moved. The error reaches the encoder too, through the decoder.",
        ),
        Mistake(
            lambda x, encoder, decoder, lr: (gradient_step(x, encoder, decoder, lr)[0], decoder),
            "only the encoder moved.",
        ),
        Mistake(lambda x, encoder, decoder, lr: (encoder, decoder), "neither matrix moved."),
        Mistake(
            lambda x, encoder, decoder, lr: gradients(x, encoder, decoder),
            "these are the gradients. The matrices after the step were asked for.",
        ),
        Mistake(
            lambda x, encoder, decoder, lr: gradient_step(x, encoder, decoder, 1.0),
            "the learning rate is missing.",
        ),
        Mistake(
            lambda x, encoder, decoder, lr: gradient_step(x, encoder, decoder, lr)[::-1],
            "the two came in the wrong order: encoder first, then decoder.",
        ),
        Mistake(
            _with_encoder_gradient(lambda x, residual, encoder, decoder: (residual @ encoder.T).T @ x),
            "on its way back to the code the residual went through the encoder. It came through the decoder, so it "
            "goes back through that one, transposed.",
        ),
        Mistake(
            _with_encoder_gradient(lambda x, residual, encoder, decoder: (residual @ decoder).T @ residual),
            "the encoder's gradient holds the residual twice. A layer's gradient is what comes back to its output, "
            "times its *input*; the encoder's input is x.",
        ),
        Mistake(
            _with_encoder_gradient(lambda x, residual, encoder, decoder: (x @ decoder).T @ x),
            "the encoder's gradient doesn't hold the residual: it would move even if every reconstruction were "
            "perfect.",
        ),
        Mistake(
            _residual_is_x_hat,
            "x isn't subtracted from its reconstruction: this pulls every reconstruction towards black.",
        ),
        Mistake(
            _with_decoder_input_x_hat,
            "the decoder's gradient holds the code of the *reconstruction*. The decoder's input was the code of x.",
        ),
    ),
)
