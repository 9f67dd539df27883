"""The linear Gaussian model against integrals, Bayes' rule and its own samples."""

import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from course_lib.data import LinearGaussian, linear_gaussian

WEIGHT = torch.tensor([[1.2, -0.3], [0.4, 0.8], [-0.7, 0.5]], dtype=torch.float64)
MODEL = LinearGaussian(WEIGHT, torch.tensor([0.5, -1.0, 0.2], dtype=torch.float64), 0.6)
X = torch.tensor([[0.1, -0.4, 1.3], [2.0, -1.5, -0.6], [-0.9, 0.2, 0.4], [1.0, 1.0, 1.0]], dtype=torch.float64)


def likelihood(z):
    return Independent(Normal(z @ WEIGHT.T + MODEL.bias, MODEL.std), 1)


def test_log_prob_is_the_integral_over_z():
    ticks = torch.linspace(-9, 9, 601, dtype=torch.float64)
    z = torch.cartesian_prod(ticks, ticks)
    log_prior = Normal(0.0, 1.0).log_prob(z).sum(1)
    step = math.log((ticks[1] - ticks[0]).item())
    exact = [torch.logsumexp(likelihood(z).log_prob(x) + log_prior, 0) + 2 * step for x in X]
    torch.testing.assert_close(MODEL.log_prob(X), torch.stack(exact))


def test_posterior_is_bayes_rule_at_every_z():
    """log p(x|z) + log p(z) - log p(z|x) is log p(x), whatever z."""
    posterior = MODEL.posterior(X)
    assert isinstance(posterior, MultivariateNormal)
    assert posterior.batch_shape == (4,)
    for z in torch.randn(5, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)):
        log_joint = likelihood(z).log_prob(X) + Normal(0.0, 1.0).log_prob(z).sum(1)
        torch.testing.assert_close(log_joint - posterior.log_prob(z), MODEL.log_prob(X))


def test_samples_have_the_mean_and_covariance_of_the_marginal():
    x = MODEL.sample(200_000, torch.Generator().manual_seed(0))
    assert x.shape == (200_000, 3)
    assert x.dtype == torch.float64
    covariance = WEIGHT @ WEIGHT.T + 0.36 * torch.eye(3)
    torch.testing.assert_close(x.mean(0), MODEL.bias, rtol=0, atol=4.5 * 1.5 / math.sqrt(200_000))
    torch.testing.assert_close(x.T.cov(), covariance, rtol=0, atol=4.5 * 3 / math.sqrt(200_000))
    assert torch.equal(
        MODEL.sample(5, torch.Generator().manual_seed(1)), MODEL.sample(5, torch.Generator().manual_seed(1))
    )


def test_a_random_model_is_decided_by_its_seed_and_follows_the_dtype_of_x():
    model, again, other = (
        linear_gaussian(4, 3, 0.2),
        linear_gaussian(4, 3, 0.2),
        linear_gaussian(4, 3, 0.2, seed=1),
    )
    assert model.weight.shape == (4, 3)
    assert model.bias.shape == (4,)
    assert model.std == 0.2
    assert torch.equal(model.weight, again.weight)
    assert torch.equal(model.bias, again.bias)
    assert not torch.equal(model.weight, other.weight)
    x = model.sample(6, torch.Generator().manual_seed(0))
    assert x.dtype == torch.float32
    exact = model.log_prob(x.double())
    assert exact.dtype == torch.float64
    torch.testing.assert_close(model.log_prob(x).double(), exact, rtol=1e-4, atol=1e-3)
    assert model.posterior(x.double()).mean.dtype == torch.float64


def test_a_random_model_has_a_variance_of_about_one_from_z_and_a_correlated_posterior():
    wide = linear_gaussian(20_000, 5)
    assert wide.weight.square().sum(1).mean().item() == pytest.approx(1, abs=0.05)
    assert wide.bias.std().item() == pytest.approx(1, abs=0.03)
    default = linear_gaussian()
    assert (default.weight.shape, default.std) == ((8, 2), 0.5)
    covariance = default.posterior(default.sample(1)).covariance_matrix[0]
    assert covariance[0, 1].abs() > 0.1 * covariance[0, 0]


def test_bad_parameters_and_inputs_are_refused():
    with pytest.raises(ValueError, match=r"\(data_dim, latent_dim\) and \(data_dim,\), got \(3, 2\) and \(2,\)"):
        LinearGaussian(WEIGHT, torch.zeros(2), 1.0)
    with pytest.raises(ValueError, match="weight and bias must have shapes"):
        LinearGaussian(torch.zeros(3), torch.zeros(3), 1.0)
    for std in (0.0, -1.0):
        with pytest.raises(ValueError, match="std must be above 0"):
            LinearGaussian(WEIGHT, torch.zeros(3), std)
    for call in (MODEL.log_prob, MODEL.posterior):
        for x in (X[0], X[:, :2]):
            with pytest.raises(ValueError, match=r"x must have shape \(N, 3\), got"):
                call(x)
    for sizes in ((0, 2), (3, 0)):
        with pytest.raises(ValueError, match="must be at least 1, got"):
            linear_gaussian(*sizes)
    linear_gaussian(1, 1)
