"""An answer leaves what it was given as it was, and can be called twice: right numbers alone get nothing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from course_lib.probes.calls import observe
from course_lib.tasks.check import public_verdict
from course_lib.tasks.find import find_task

PCA, STEP, LOSS = map(find_task, ("pca_reconstruct", "gradient_step", "reconstruction_loss"))
PENALTY, GAN_STEP, REPAIRED = map(find_task, ("r1_penalty", "gan_step", "repaired_step"))


def centred_in_place(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
    mean = x_train.mean(0)
    x_train -= mean
    x -= mean
    directions = torch.linalg.svd(x_train, full_matrices=False).Vh[:num_directions]
    return mean + x @ directions.T @ directions


def stepped_in_place(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    new_encoder, new_decoder = STEP.reference(x, encoder, decoder, lr)
    encoder += new_encoder - encoder
    return encoder, new_decoder


def asked_for_gradients(x: Tensor, encoder: Tensor, decoder: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    encoder.requires_grad_()
    return STEP.reference(x, encoder.detach(), decoder, lr)


def left_gradients_of_inputs(x_hat: Tensor, x: Tensor) -> Tensor:
    LOSS.reference(x_hat, x).backward()
    return LOSS.reference(x_hat, x)


def penalty_by_backward(discriminator: nn.Module, x: Tensor, gamma: float) -> Tensor:
    x = x.detach().requires_grad_()
    discriminator(x).sum().backward(create_graph=True)
    assert x.grad is not None
    return 0.5 * gamma * x.grad.flatten(1).square().sum(1)


def penalty_in_eval(discriminator: nn.Module, x: Tensor, gamma: float) -> Tensor:
    discriminator.eval()
    return PENALTY.reference(discriminator, x, gamma)


def frozen_for_good(generator: Any, discriminator: Any, g_opt: Any, d_opt: Any, x: Tensor, z: Tensor) -> None:
    GAN_STEP.reference(generator, discriminator, g_opt, d_opt, x, z)
    discriminator.requires_grad_(False)


def noise_scaled(generator: Any, discriminator: Any, g_opt: Any, d_opt: Any, x: Tensor, z: Tensor) -> None:
    GAN_STEP.reference(generator, discriminator, g_opt, d_opt, x, z)
    z *= 2


def stepped_weights(networks: Any, x: Tensor, eps: Tensor, z_prior: Tensor, gamma: float) -> None:
    REPAIRED.reference(networks, x, eps, z_prior, gamma)
    with torch.no_grad():
        for weight in networks["encoder"].parameters():
            weight -= 0.1 * weight.grad


def only_once() -> Callable[[Tensor, Tensor], Tensor]:
    calls: list[int] = []

    def answer(x_hat: Tensor, x: Tensor) -> Tensor:
        calls.append(1)
        return LOSS.reference(x_hat, x) * len(calls)

    return answer


def fails_later() -> Callable[[Tensor, Tensor], Tensor]:
    left = [1.0]
    return lambda x_hat, x: LOSS.reference(x_hat, x) * left.pop()


@pytest.mark.parametrize(
    ("task", "answer", "says"),
    [
        (PCA, centred_in_place, r"It changed x_train in place.*x_train = x_train - m in place of x_train -= m"),
        (STEP, stepped_in_place, "It changed encoder in place"),
        (STEP, asked_for_gradients, r"switched requires_grad of encoder.*encoder.detach\(\).requires_grad_\(\)"),
        (LOSS, left_gradients_of_inputs, r"left a gradient in x_hat.grad.*torch.autograd.grad returns"),
        (
            PENALTY,
            penalty_by_backward,
            "left gradients in the weights of the discriminator; .*torch.autograd.grad",
        ),
        (PENALTY, penalty_in_eval, "left the discriminator in another mode"),
        (GAN_STEP, frozen_for_good, "left weights of the discriminator frozen"),
        (GAN_STEP, noise_scaled, "It changed z in place"),
        (REPAIRED, stepped_weights, "It changed the weights of the encoder. Only an optimiser's step may"),
        (LOSS, only_once(), "Called again with the same inputs, it gave something else"),
        (LOSS, fails_later(), "called again with the same inputs it doesn't. It stopped at .*\n.*\nIndexError"),
    ],
)
def test_right_numbers_alone_get_nothing(task: Any, answer: Callable[..., Any], says: str) -> None:
    verdict = public_verdict(task, answer)
    assert not verdict.passed
    assert re.search(says, verdict.message, re.DOTALL), verdict.message


def test_own_copies_and_own_graphs_are_nobodys_business() -> None:
    def answer(x_train: Tensor, x: Tensor, num_directions: int) -> Tensor:
        x_train, x = x_train.clone(), x.clone()
        mean = x_train.mean(0)
        x_train -= mean
        x -= mean
        vh = torch.linalg.svd(x_train, full_matrices=False).Vh[:num_directions]
        return mean + x @ vh.T @ vh

    assert public_verdict(PCA, answer).passed


def test_not_a_number_is_no_change() -> None:
    case = {"x_hat": torch.tensor([[float("nan"), 1.0]]), "x": torch.zeros(1, 2)}
    assert not observe(LOSS.probe, LOSS.reference, case).error
