"""What a VAE gives to unseen images, where the exact value is known: a linear decoder, a Gaussian, zeros and ones."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from course_lib.metrics import bits_per_dimension, evaluate_elbo, importance_nll
from course_lib.models import MLPVAE, VAE

STD = 0.6


@pytest.fixture
def linear():
    """x = W z + b + 0.6 eps, five pixels, two latent dimensions; and x drawn from it, with log p(x)."""
    generator = torch.Generator().manual_seed(0)
    # Orthogonal columns: then the exact posterior has a diagonal covariance, as the encoder's Gaussian has.
    weight = torch.linalg.qr(torch.randn(5, 2, dtype=torch.float64, generator=generator)).Q
    weight = weight * torch.tensor([1.4, 0.7], dtype=torch.float64)
    bias = torch.linspace(-1, 1, 5, dtype=torch.float64)
    model = VAE(nn.Linear(5, 4), nn.Linear(2, 5), 2, likelihood="gaussian").double()
    precision = weight.T @ weight / STD**2 + torch.eye(2)
    with torch.no_grad():
        model.decoder.weight.copy_(weight)
        model.decoder.bias.copy_(bias)
        model.logvar_x.fill_(2 * math.log(STD))
        model.encoder.weight.zero_()
        model.encoder.weight[:2] = torch.linalg.solve(precision, weight.T) / STD**2
        model.encoder.bias[:2] = -model.encoder.weight[:2] @ bias
        model.encoder.bias[2:] = -precision.diagonal().log()
    marginal = MultivariateNormal(bias, weight @ weight.T + STD**2 * torch.eye(5))
    torch.manual_seed(1)
    x = marginal.sample((7,))
    return model, x, marginal.log_prob(x)


def test_with_the_exact_posterior_every_estimate_is_the_likelihood(linear):
    model, x, exact = linear
    for num_samples in (1, 6):
        torch.testing.assert_close(importance_nll(model, x, num_samples), -exact)
    many = x.repeat(20_000, 1)  # the ELBO takes the KL in closed form, so only its mean over samples is exact
    values = evaluate_elbo(model, many, generator=torch.Generator().manual_seed(0)).elbo.view(20_000, 7)
    assert ((values.mean(0) - exact).abs() < 4.5 * values.std(0) / math.sqrt(20_000)).all()


def test_a_wrong_posterior_still_reaches_the_likelihood_and_its_bounds_are_in_order(linear):
    model, x, exact = linear
    with torch.no_grad():  # wider than the posterior, and beside it
        model.encoder.bias += torch.tensor([0.3, -0.2, 0.5, 0.6], dtype=torch.float64)
    nll = importance_nll(model, x, 400_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(nll, -exact, rtol=0, atol=0.01)
    assert (nll + exact).mean().abs() < 1e-3
    source = torch.Generator().manual_seed(1)
    many = x.repeat_interleave(3_000, 0)
    bounds = [evaluate_elbo(model, many, generator=source).elbo]
    bounds += [-importance_nll(model, many, k, generator=source) for k in (5, 50)]
    means = [bound.view(7, 3_000).mean(1) for bound in bounds]
    assert (means[0] < means[1]).all()
    assert (means[1] < means[2]).all()
    assert (means[2] < exact).all()


def test_a_gaussian_model_takes_its_own_noise_in_any_chunk(linear):
    model, x, _ = linear
    with torch.no_grad():
        model.encoder.bias += 0.3
    eps = torch.randn(3, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    mu, logvar = model.encode(x)
    z = mu + (0.5 * logvar).exp() * eps
    log_q = model.posterior(x).log_prob(z)
    log_p_x = torch.stack([model.observation_model(codes).log_prob(x) for codes in z])
    expected = -(log_p_x + model.prior().log_prob(z) - log_q).exp().mean(0).log()
    for max_decoded in (1, 4, 10, 1000):
        found = importance_nll(model, x, 3, eps=eps, max_decoded=max_decoded)
        torch.testing.assert_close(found, expected.detach())


def test_the_elbo_is_the_same_in_any_chunk_without_gradient_and_restores_the_mode(linear):
    model, x, _ = linear
    model.train()
    sizes = []
    model.decoder.register_forward_hook(lambda module, inputs, out: sizes.append(len(out)))
    whole, in_parts = (
        evaluate_elbo(model, x, generator=torch.Generator().manual_seed(0), chunk=chunk) for chunk in (7, 3)
    )
    assert sizes == [7, 3, 3, 1]
    torch.testing.assert_close(whole.kl, in_parts.kl)
    assert in_parts.reconstruction.shape == (7,)
    assert not whole.elbo.requires_grad
    assert model.training
    first = evaluate_elbo(model, x[:3], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(in_parts.reconstruction[:3], first.reconstruction)


def test_noise_comes_from_the_generator_and_fits_into_the_elbo(linear):
    model, x, _ = linear
    with torch.no_grad():
        model.encoder.bias += 0.3
    eps = torch.randn(3, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    drawn = importance_nll(model, x, 3, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(drawn, importance_nll(model, x, 3, eps=eps))
    eps = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    result = evaluate_elbo(model, x, generator=torch.Generator().manual_seed(6))
    mu, logvar = model.encode(x)
    likelihood = model.observation_model(mu + (0.5 * logvar).exp() * eps)
    # drawn in double precision, not rounded from single
    torch.testing.assert_close(result.reconstruction, likelihood.log_prob(x).detach(), rtol=0, atol=1e-12)
    divergence = torch.distributions.kl_divergence(model.posterior(x), model.prior().expand((7,)))
    torch.testing.assert_close(result.kl, divergence.detach())


def test_a_bernoulli_model_refuses_grey_levels():
    model = MLPVAE(5, 4, 2)
    for call in (lambda x: importance_nll(model, x, 2), lambda x: evaluate_elbo(model, x)):
        with pytest.raises(ValueError, match="images of 0 and 1"):
            call(torch.full((3, 5), 0.4))


def test_the_boundaries_of_the_arguments(linear):
    model, x, _ = linear
    for sizes in ({"num_samples": 0}, {"num_samples": 2.5}, {"num_samples": 2, "max_decoded": 0}):
        with pytest.raises(ValueError, match=rf"{list(sizes)[-1]} must be an integer of at least 1"):
            importance_nll(model, x, **sizes)
    with pytest.raises(ValueError, match="chunk must be an integer of at least 1, got 0"):
        evaluate_elbo(model, x, chunk=0)
    with pytest.raises(ValueError, match=r"eps must have shape \(2, 7, 2\), got \(2, 7, 3\)"):
        importance_nll(model, x, 2, eps=torch.zeros(2, 7, 3))


# --- bits per dimension


def test_a_fair_coin_for_each_pixel_is_one_bit_per_dimension():
    nll = torch.tensor([12 * math.log(2), 6 * math.log(2)], dtype=torch.float64)
    torch.testing.assert_close(bits_per_dimension(nll, 12), torch.tensor([1.0, 0.5], dtype=torch.float64))


def test_a_density_in_units_of_a_level_gives_the_bits_of_the_levels():
    """Uniform grey levels: density 1 on [0, 1] and 8 bits for each of 256 levels, in whatever unit."""
    assert bits_per_dimension(torch.zeros(1), 5, bin_width=1 / 256).item() == pytest.approx(8)
    density_on_0_to_255 = 5 * math.log(256)
    assert bits_per_dimension(torch.tensor([density_on_0_to_255]), 5).item() == pytest.approx(8)


def test_bits_per_dimension_refuses_nonsense():
    with pytest.raises(ValueError, match="num_dims must be an integer of at least 1"):
        bits_per_dimension(torch.ones(2), 0)
    for width in (0.0, -1.0):
        with pytest.raises(ValueError, match="bin_width must be above 0"):
            bits_per_dimension(torch.ones(2), 3, bin_width=width)
