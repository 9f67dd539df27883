"""Penalties on a code against sums written out, coins of torch.distributions, and Jacobians in closed form."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, kl_divergence

from course_lib.objectives import (
    activation_rate_penalty,
    contractive_estimate,
    contractive_penalty,
    l1_penalty,
)

B, P, D = 5, 4, 3


def draws(*shape, seed):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_l1_is_the_sum_of_sizes_with_a_gradient_of_constant_size():
    z = torch.tensor([[0.5, -2.0, 0.0], [-0.25, 1.0, 4.0]], requires_grad=True)
    assert l1_penalty(z).tolist() == [2.5, 5.25]
    (gradient,) = torch.autograd.grad(l1_penalty(z).sum(), z)
    assert gradient.tolist() == [[1, -1, 0], [-1, 1, 1]]


@pytest.mark.parametrize("rate", [0.05, 0.6])
def test_activation_rate_is_the_kl_of_two_coins_for_each_unit(rate):
    logits = (draws(B, D, seed=1) * 2 - 0.5).requires_grad_()
    mean_activation = torch.sigmoid(logits).mean(0)
    expected = kl_divergence(
        Bernoulli(torch.full((D,), rate, dtype=torch.float64)), Bernoulli(mean_activation)
    ).sum()
    ours = activation_rate_penalty(logits, rate)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(*(torch.autograd.grad(penalty, logits)[0] for penalty in (ours, expected)))


def test_activation_rate_costs_nothing_where_it_is_met():
    rate = 0.2
    logits = torch.full((B, D), math.log(rate / (1 - rate)), dtype=torch.float64)
    assert activation_rate_penalty(logits, rate).item() == pytest.approx(0, abs=1e-12)
    assert activation_rate_penalty(logits + 0.1, rate) > 1e-4


@pytest.mark.parametrize("value", [300.0, -300.0])
def test_activation_rate_is_finite_for_units_that_are_stuck(value):
    logits = torch.full((B, D), value, requires_grad=True)
    penalty = activation_rate_penalty(logits, 0.1)
    penalty.backward()
    share = 0.9 if value > 0 else 0.1
    entropy = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert penalty.item() == pytest.approx(D * (share * 300 - entropy), rel=1e-5)
    assert (logits.grad * math.copysign(1, value) > 0).all()


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5])
def test_activation_rate_must_be_one(rate):
    with pytest.raises(ValueError, match=rf"rate must lie between 0 and 1, got {rate}"):
        activation_rate_penalty(torch.zeros(B, D), rate)


@pytest.fixture
def sigmoid_encoder():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(P, D), nn.Sigmoid()).double()


def closed_form(encoder, x):
    """For one layer of sigmoids h: the sum over j of (h_j (1 - h_j))^2 times the squared length of W_j."""
    h = encoder(x)
    return ((h * (1 - h)).square() * encoder[0].weight.square().sum(1)).sum(1)


def test_contraction_of_a_sigmoid_layer_has_a_closed_form_and_trains_the_weights(sigmoid_encoder):
    x = draws(B, P, seed=2).requires_grad_()
    penalty = contractive_penalty(x, sigmoid_encoder(x))
    expected = closed_form(sigmoid_encoder, x)
    torch.testing.assert_close(penalty, expected)
    weights = torch.linspace(0.5, 2, B, dtype=torch.float64)
    ours, theirs = (
        torch.autograd.grad((weights * p).sum(), list(sigmoid_encoder.parameters())) for p in (penalty, expected)
    )
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_contraction_of_any_encoder_is_the_squared_size_of_its_jacobian():
    torch.manual_seed(1)
    encoder = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Softplus(), nn.Flatten(), nn.Linear(2 * 2 * 3, D)).double()
    x = draws(B, 1, 3, 4, seed=3).requires_grad_()
    expected = [torch.autograd.functional.jacobian(encoder, x[b : b + 1]).square().sum() for b in range(B)]
    torch.testing.assert_close(contractive_penalty(x, encoder(x)), torch.stack(expected))


def test_the_estimate_is_one_pass_back_and_right_in_expectation(sigmoid_encoder):
    """With the unit vectors its terms add up to the exact penalty; with random ones within 4 standard errors."""
    x = draws(B, P, seed=4).requires_grad_()
    z = sigmoid_encoder(x)
    exact = contractive_penalty(x, z)
    units = torch.eye(D, dtype=torch.float64)
    torch.testing.assert_close(sum(contractive_estimate(x, z, unit.expand(B, D)) for unit in units), exact)
    scale = torch.tensor([[2.0]] * B, dtype=torch.float64).expand(B, D)
    torch.testing.assert_close(
        contractive_estimate(x, z, scale), 4 * contractive_estimate(x, z, torch.ones_like(z))
    )
    many = x.detach()[:1].expand(50_000, P).clone().requires_grad_()
    torch.manual_seed(5)
    estimates = contractive_estimate(many, sigmoid_encoder(many)).detach()
    assert abs(estimates.mean() - exact[0]) < 4 * estimates.std() / math.sqrt(len(estimates))
    assert estimates.std() / math.sqrt(len(estimates)) < 0.01 * exact[0]


@pytest.mark.parametrize("function", [contractive_penalty, contractive_estimate])
def test_contraction_asks_for_a_gradient_to_the_image(function, sigmoid_encoder):
    x = draws(B, P, seed=2)
    with pytest.raises(ValueError, match=r"computed from x with gradient.*requires_grad_\(\)"):
        function(x, sigmoid_encoder(x))
    x.requires_grad_()
    with pytest.raises(ValueError, match="computed from x with gradient"):
        function(x, sigmoid_encoder(x).detach())
    with pytest.raises(ValueError, match="computed from x with gradient"):
        function(x, sigmoid_encoder(x.detach()))
