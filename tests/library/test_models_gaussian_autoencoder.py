"""An autoencoder with a fitted Gaussian: whitened codes, the same pictures, and the likelihood of the same model."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from course_lib.metrics import importance_nll
from course_lib.models import Autoencoder, ConvVAE, GaussianAutoencoder


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(200, 1, 28, 28, generator=torch.Generator().manual_seed(1)).round()


@pytest.mark.parametrize("latent_dim", [1, 4])
def test_codes_are_whitened_and_decode_as_before(x: torch.Tensor, latent_dim: int) -> None:
    torch.manual_seed(8)
    network = ConvVAE(latent_dim).train()
    model = GaussianAutoencoder(network, x, 0.3)
    assert network.training
    with torch.no_grad():
        mu, logvar = model.encode(x)
        before = network.decode(network.encode(x)[0])
        assert torch.allclose(mu.mean(0), torch.zeros(latent_dim), atol=1e-3)
        assert torch.allclose(mu.T.cov().reshape(latent_dim, -1), torch.eye(latent_dim), atol=1e-2)
        assert torch.allclose(logvar, torch.full_like(mu, math.log(0.09)))
        assert torch.allclose(model.decode(mu), before, atol=1e-3)


def test_its_likelihood_is_that_of_a_gaussian_prior_on_the_networks_own_codes() -> None:
    """In one dimension p(x) is an integral over the codes: a sum over a fine grid, in the network's coordinates."""
    torch.manual_seed(2)
    network = Autoencoder(nn.Linear(5, 1), nn.Linear(1, 5))
    x = (torch.rand(60, 5) > 0.4).float()
    model = GaussianAutoencoder(network, x, 0.8)
    with torch.no_grad():
        codes = network.encode(x)
        prior = MultivariateNormal(codes.mean(0), codes.T.cov().reshape(1, 1))
        z = torch.linspace(-8, 8, 4001)[:, None] * codes.std() + codes.mean()
        log_p = -nn.functional.binary_cross_entropy_with_logits(
            network.decode(z)[:, None].expand(-1, 60, -1), x.expand(4001, -1, -1), reduction="none"
        ).sum(2)
        exact = -torch.logsumexp(log_p + prior.log_prob(z)[:, None] + torch.log(z[1] - z[0]), 0)
    found = importance_nll(model, x, 2_000, generator=torch.Generator().manual_seed(0))
    assert found.mean().item() == pytest.approx(exact.mean().item(), abs=0.02)


def test_what_cannot_be_fitted_is_refused(x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="width must be above 0, got 0"):
        GaussianAutoencoder(ConvVAE(2), x, 0.0)
    with pytest.raises(ValueError, match="vary in all 4 numbers"):
        GaussianAutoencoder(ConvVAE(4), x[:1].expand(9, -1, -1, -1), 0.3)
    with pytest.raises(ValueError, match=r"\(batch, 2\), got \(3, 4\)"):
        GaussianAutoencoder(ConvVAE(2), x, 0.3).decode(torch.zeros(3, 4))
