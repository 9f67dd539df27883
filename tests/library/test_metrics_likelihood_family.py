"""The likelihood of conditional and ladder VAEs and of a VAE-GAN, against integrals over one-dimensional codes."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal

from course_lib.metrics import evaluate_elbo, importance_nll
from course_lib.models import MLPVAE, VAEGAN, ConditionalVAE, ConvVAE, ConvVQVAE, LadderVAE, LinearAutoencoder, mlp

GRID = torch.linspace(-9, 9, 1201, dtype=torch.float64)
STEP = (GRID[1] - GRID[0]).item()
X = (torch.rand(3, 5, generator=torch.Generator().manual_seed(0)) < 0.4).double()
Y = torch.tensor([1, 0, 2])


@pytest.fixture
def conditional():
    torch.manual_seed(1)
    return ConditionalVAE(mlp([5 + 3, 6, 2]), mlp([1 + 3, 6, 5]), 1, 3).double()


@pytest.fixture
def ladder():
    torch.manual_seed(2)
    model = LadderVAE(mlp([5, 6]), mlp([1, 6, 5]), 6, (1, 1)).double()
    for network in (model.top_down, model.decoder):
        network[-1].weight.data.mul_(3)  # so that the layers depend on each other
    return model


def log_p_of_codes(decode, x):
    """log p(x|z) for each z of the grid: (num_images, num_codes)."""
    logits = decode(GRID.unsqueeze(1))
    return Bernoulli(logits=logits).log_prob(x.unsqueeze(1)).sum(2)


@pytest.mark.situation(
    "What users look for",
    "the likelihood of a conditional VAE, a ladder VAE or a VAE-GAN",
    "evaluate_elbo and importance_nll take them all; a conditional one with its labels y.",
)
@torch.no_grad()
def test_a_conditional_likelihood_is_the_integral_over_its_codes(conditional):
    exact = torch.stack(
        [
            torch.logsumexp(
                log_p_of_codes(lambda z, y=y: conditional.decode(z, y.expand(len(z))), x[None])[0]
                + Normal(0, 1).log_prob(GRID),
                0,
            )
            + math.log(STEP)
            for x, y in zip(X, Y, strict=True)
        ]
    )
    options = {"y": Y, "generator": torch.Generator().manual_seed(3)}
    torch.testing.assert_close(-importance_nll(conditional, X, 20_000, **options), exact, atol=0.02, rtol=0)
    few = importance_nll(conditional, X, 3000, max_decoded=700, proposal_scale=1.3, **options)
    torch.testing.assert_close(-few, exact, atol=0.05, rtol=0)
    many = evaluate_elbo(
        conditional, X.repeat(4000, 1), y=Y.repeat(4000), generator=torch.Generator().manual_seed(1)
    )
    mu, logvar = conditional.encode(X, Y)
    q = Normal(mu, (0.5 * logvar).exp()).log_prob(GRID)
    for i in range(3):
        decoded = log_p_of_codes(lambda z, i=i: conditional.decode(z, Y[i].expand(len(z))), X[i : i + 1])[0]
        expected = (q[i].exp() * (decoded + Normal(0, 1).log_prob(GRID) - q[i])).sum() * STEP
        drawn = many.elbo.view(4000, 3)[:, i]
        assert abs(drawn.mean() - expected) < 4 * drawn.std() / math.sqrt(4000)
        assert expected < exact[i]


@pytest.mark.parametrize("scale", [1.0, 1.4])
@torch.no_grad()
def test_a_ladders_likelihood_is_the_integral_over_both_layers(ladder, scale):
    p_mu, p_logvar = ladder.prior_bottom(GRID.unsqueeze(1))  # p(z1|z2) for each z2 of the grid
    log_p_z1_given_z2 = Normal(p_mu, (0.5 * p_logvar).exp()).log_prob(GRID)
    log_p_z1 = torch.logsumexp(log_p_z1_given_z2 + Normal(0, 1).log_prob(GRID).unsqueeze(1), 0) + math.log(STEP)
    exact = torch.logsumexp(log_p_of_codes(ladder.decode, X) + log_p_z1, 1) + math.log(STEP)
    source = torch.Generator().manual_seed(4)
    found = importance_nll(ladder, X, 20_000, generator=source, proposal_scale=scale, max_decoded=9000)
    torch.testing.assert_close(-found, exact, atol=0.03, rtol=0)
    bound = evaluate_elbo(ladder, X.repeat(2000, 1), generator=source, chunk=901).elbo.view(2000, 3).mean(0)
    assert (bound < exact).all()


@torch.no_grad()
def test_a_ladders_bound_at_one_sample_is_its_log_weight_in_expectation(ladder):
    """Both are unbiased for the ELBO; the first with its divergences in closed form."""
    many = X.repeat(6000, 1)
    sampled = -importance_nll(ladder, many, 1, generator=torch.Generator().manual_seed(5)).view(6000, 3)
    closed = evaluate_elbo(ladder, many, generator=torch.Generator().manual_seed(6)).elbo.view(6000, 3)
    error = ((sampled.var(0) + closed.var(0)) / 6000).sqrt()
    assert ((sampled.mean(0) - closed.mean(0)).abs() < 4 * error).all()


@torch.no_grad()
def test_noise_that_is_given_does_not_depend_on_how_it_is_cut(ladder, conditional):
    eps = torch.randn(7, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    whole = importance_nll(ladder, X, 7, eps=eps)
    torch.testing.assert_close(importance_nll(ladder, X, 7, eps=eps, max_decoded=2), whole)
    eps = eps[:, :, :1]
    torch.testing.assert_close(
        importance_nll(conditional, X, 7, y=Y, eps=eps, max_decoded=2),
        importance_nll(conditional, X, 7, y=Y, eps=eps),
    )
    with pytest.raises(ValueError, match=r"eps must have shape \(7, 3, 2\), got \(7, 3, 1\)"):
        importance_nll(ladder, X, 7, eps=eps)


def test_a_vae_gan_is_asked_for_its_vae():
    model, x = VAEGAN(2), (torch.rand(3, 1, 28, 28) < 0.3).float()
    for measure in (
        lambda m, g: importance_nll(m, x, 2, generator=g),
        lambda m, g: evaluate_elbo(m, x, generator=g).elbo,
    ):
        found, expected = (measure(m, torch.Generator().manual_seed(1)) for m in (model, model.vae))
        assert torch.equal(found, expected)
    with pytest.raises(TypeError, match="a ConvVAE takes no labels"):
        evaluate_elbo(model, x, y=Y)
    assert model.vae.training


def test_what_has_no_likelihood_is_refused(conditional, ladder):
    for measure in (
        lambda m, **options: importance_nll(m, X, 2, **options),
        lambda m, **o: evaluate_elbo(m, X, **o),
    ):
        for model in (LinearAutoencoder(5, 2), ConvVQVAE(), nn.Linear(5, 2)):
            with pytest.raises(TypeError, match=f"to have a likelihood, got a {type(model).__name__}"):
                measure(model)
        with pytest.raises(TypeError, match=r"a ConditionalVAE needs the labels of the images, y="):
            measure(conditional)
        with pytest.raises(TypeError, match=r"a LadderVAE takes no labels; leave out y"):
            measure(ladder, y=Y)
        with pytest.raises(ValueError, match=r"one label for each of the 3 images, got 2"):
            measure(conditional, y=Y[:2])


@pytest.mark.situation(
    "Odd tensors",
    "images in [-1, 1] or 0..255 under a Gaussian likelihood",
    "Refused in a sentence: their density compares with none of images in [0, 1].",
)
def test_the_density_of_images_is_that_of_grey_levels():
    model, grey = ConvVAE(3, (2, 3), likelihood="gaussian"), torch.rand(3, 1, 28, 28)
    for measure in (lambda x: importance_nll(model, x, 2), lambda x: evaluate_elbo(model, x).elbo):
        with pytest.raises(
            ValueError, match=r"x must hold grey levels in \[0, 1\], got .* to 2\d\d.*bytes by 255"
        ):
            measure(255 * grey)
        with pytest.raises(ValueError, match=r"got -[01].* to .*; scale what lies in"):
            measure(2 * grey - 1)
        assert measure(grey).isfinite().all()
    vectors = MLPVAE(5, 4, 2, "gaussian")
    assert importance_nll(vectors, torch.full((3, 5), -7.0), 2).isfinite().all(), "vectors may be anything"


@torch.no_grad()
@pytest.mark.parametrize("latent_dims", [(2, 1), (1, 3)])
def test_a_ladder_of_unequal_layers_is_the_average_over_its_prior(latent_dims):
    torch.manual_seed(4)
    model = LadderVAE(mlp([5, 6]), mlp([latent_dims[0], 6, 5]), 6, latent_dims).double()
    mu, logvar = model.prior_bottom(torch.randn(200_000, latent_dims[1], dtype=X.dtype))
    logits = model.decode(Normal(mu, torch.exp(0.5 * logvar)).sample())
    by_prior = [Bernoulli(logits=logits).log_prob(x).sum(1).exp().mean().log() for x in X]
    found = -importance_nll(model, X, 40_000, generator=torch.Generator().manual_seed(5), proposal_scale=1.5)
    torch.testing.assert_close(found, torch.stack(by_prior), atol=0.02, rtol=0)  # three seeds: at most 0.012 apart


def test_what_the_bound_of_a_ladder_draws_is_the_generators(ladder):
    def bound(seed):
        torch.seed()  # what else is drawn doesn't count
        return evaluate_elbo(ladder, X, generator=torch.Generator().manual_seed(seed))

    torch.testing.assert_close(bound(1).elbo, bound(1).elbo, rtol=0, atol=0)
    assert not torch.equal(bound(1).kl, bound(2).kl)
