"""The autoencoder's step with corruptions and penalties against two steps of the same written out plainly."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from course_lib.data import mask_pixels
from course_lib.models import Autoencoder, TopK, mlp
from course_lib.objectives import activation_rate_penalty, contractive_penalty, l1_penalty
from course_lib.training import AutoencoderStep

B, P, D = 6, 5, 3


def squared(x_hat, x):
    return (x_hat - x).square().sum() / B


def plain(model, x):
    return [squared(model.decoder(model.encoder(x)), x)]


def denoising(model, x):
    noisy = torch.where(torch.rand_like(x) < 0.4, 0.0, x)
    return [squared(model.decoder(model.encoder(noisy)), x)]


def l1(model, x):
    z = model.encoder(x)
    return [squared(model.decoder(z), x), 0.2 * z.abs().sum() / B]


def rate(model, x):
    z = model.encoder(x)
    active = z.sigmoid().mean(0)
    coins = 0.1 * (0.1 / active).log() + 0.9 * (0.9 / (1 - active)).log()
    return [squared(model.decoder(z), x), 0.5 * coins.sum()]


def contractive(model, x):
    noisy = torch.where(torch.rand_like(x) < 0.4, 0.0, x)
    jacobians = torch.func.vmap(torch.func.jacrev(model.encoder))(noisy)
    return [squared(model.decoder(model.encoder(noisy)), x), 0.3 * jacobians.square().sum() / B]


MASK = partial(mask_pixels, share=0.4)
STEPS = {
    "plain": ({}, plain),
    "denoising": ({"corrupt": MASK}, denoising),
    "L1": ({"penalty": lambda x, z: 0.2 * l1_penalty(z)}, l1),
    "activation rate": ({"penalty": lambda x, z: 0.5 * activation_rate_penalty(z, 0.1)}, rate),
    "contractive and denoising": (
        {"corrupt": MASK, "penalty": lambda x, z: 0.3 * contractive_penalty(x, z)},
        contractive,
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_equals_the_plain_one(name):
    arguments, losses = STEPS[name]
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(P, 4), nn.Softplus(), nn.Linear(4, D))
    model = Autoencoder(encoder, nn.Linear(D, P)).double()
    twin = copy.deepcopy(model)
    x = torch.rand(B, P, dtype=torch.float64)
    step = AutoencoderStep(model, 1e-2, **arguments)
    optimizer = torch.optim.Adam(twin.parameters(), 1e-2)
    for number in range(2):
        torch.manual_seed(number)
        reported = step(x)
        torch.manual_seed(number)
        expected = losses(twin, x)
        optimizer.zero_grad()
        sum(expected).backward()
        optimizer.step()
        assert list(reported) == ["squared error", "penalty"][: len(expected)]
        for got, want in zip(reported.values(), expected, strict=True):
            torch.testing.assert_close(got, want.detach())
            assert not got.requires_grad
    assert step.steps == 2
    assert all(p.grad is None for p in model.parameters())
    assert not x.requires_grad
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_units_that_top_k_never_keeps_are_not_trained():
    torch.manual_seed(0)
    encoder = nn.Linear(P, 4)
    encoder.bias.data[2] = -100.0
    step = AutoencoderStep(Autoencoder(nn.Sequential(encoder, TopK(2)), nn.Linear(4, P)))
    before = encoder.weight.detach().clone()
    step(torch.rand(B, P))
    moved = (encoder.weight != before).all(1)
    assert not moved[2]
    assert moved.sum() >= 2


def test_the_learning_rate_is_a_thousandth_and_a_penalty_needs_a_code():
    model = mlp([P, D, P])
    assert AutoencoderStep(model).optimizer.param_groups[0]["lr"] == 1e-3
    with pytest.raises(TypeError, match="must be an Autoencoder to have a penalty on its code, got a MLP"):
        AutoencoderStep(model, penalty=lambda x, z: l1_penalty(z))
