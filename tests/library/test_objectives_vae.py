"""Reconstruction, KL and ELBO against distributions, sums over all images, and Monte Carlo; inputs are unequal per
image and dimension, and never at a neutral point."""

import itertools
import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.models import MLPVAE, VAE, bounded_logvar, reparameterize
from course_lib.objectives import (
    bernoulli_log_prob,
    elbo,
    gaussian_log_prob,
    kl_per_dimension,
    kl_standard_normal,
    log_likelihood,
    optimal_logvar,
    squared_error,
)

B, D = 5, 3


@pytest.fixture
def posterior():
    source = torch.Generator().manual_seed(3)
    mu = 0.5 + torch.randn(B, D, generator=source, dtype=torch.float64)
    logvar = -0.7 + 0.8 * torch.randn(B, D, generator=source, dtype=torch.float64)
    return mu.requires_grad_(), logvar.requires_grad_()


def images(shape=(B, 1, 4, 4), seed=4):
    source = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(shape, generator=source, dtype=torch.float64)
    x = (torch.rand(shape, generator=source, dtype=torch.float64) < 0.4).double()
    return logits, x


# --- KL


def test_kl_equals_torch_distributions_in_value_and_gradient(posterior):
    mu, logvar = posterior
    expected = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_per_dimension(mu, logvar), expected)
    torch.testing.assert_close(kl_standard_normal(mu, logvar), expected.sum(1))
    weights = torch.linspace(0.5, 2, B, dtype=torch.float64)
    ours = torch.autograd.grad((weights * kl_standard_normal(mu, logvar)).sum(), (mu, logvar))
    theirs = torch.autograd.grad((weights * expected.sum(1)).sum(), (mu, logvar))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_kl_agrees_with_monte_carlo_within_four_standard_errors(posterior):
    mu, logvar = (t.detach()[:1] for t in posterior)
    q = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    torch.manual_seed(0)
    z = q.sample((1_000_000,))
    ratio = q.log_prob(z) - prior.log_prob(z)
    error = ratio.std() / math.sqrt(len(ratio))
    assert (ratio.mean() - kl_standard_normal(mu, logvar)).abs() < 4 * error
    assert error < 0.005


def test_kl_is_zero_only_at_the_prior():
    zero = torch.zeros(2, D)
    assert torch.equal(kl_standard_normal(zero, zero), torch.zeros(2))
    assert (kl_standard_normal(zero + 0.1, zero) > 0).all()
    assert (kl_standard_normal(zero, zero + 0.1) > 0).all()
    assert (kl_standard_normal(zero, zero - 0.1) > 0).all()


@pytest.mark.parametrize("shapes", [((4, 2), (4, 3)), ((4,), (4,)), ((2, 4, 3), (2, 4, 3))])
def test_kl_refuses_shapes_that_do_not_fit(shapes):
    with pytest.raises(ValueError, match="batch, latent_dim"):
        kl_standard_normal(torch.zeros(shapes[0]), torch.zeros(shapes[1]))


# --- reconstruction


def test_squared_error_sums_over_pixels_and_keeps_images_apart():
    x_hat, x = images()
    expected = torch.stack(
        [
            sum((a - b) ** 2 for a, b in zip(p.flatten(), q.flatten(), strict=True))
            for p, q in zip(x_hat, x, strict=True)
        ]
    )
    torch.testing.assert_close(squared_error(x_hat, x), expected)


def test_bernoulli_equals_torch_distributions_in_value_and_gradient():
    logits, x = images()
    logits.requires_grad_()
    expected = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    torch.testing.assert_close(bernoulli_log_prob(logits, x), expected)
    (gradient,) = torch.autograd.grad(bernoulli_log_prob(logits, x).sum(), logits)
    torch.testing.assert_close(gradient, x - torch.sigmoid(logits.detach()))


def test_bernoulli_sums_to_one_over_all_binary_images():
    d = 8
    logits = torch.linspace(-2, 3, d, dtype=torch.float64).expand(2**d, d)
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=d)), dtype=torch.float64)
    torch.testing.assert_close(
        bernoulli_log_prob(logits, every).exp().sum(), torch.tensor(1.0, dtype=torch.float64)
    )


@pytest.mark.parametrize("value", [1e4, -1e4])
def test_bernoulli_is_finite_at_extreme_logits(value):
    logits = torch.full((1, 4), value, requires_grad=True)
    log_prob = bernoulli_log_prob(logits, torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
    log_prob.sum().backward()
    torch.testing.assert_close(log_prob, torch.tensor([-2e4]))
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("value", ["0.25", "-1", "2", "nan", "inf"])
def test_bernoulli_refuses_all_but_zeros_and_ones(value):
    logits, x = images()
    x[2, 0, 1, 1] = float(value)
    with pytest.raises(ValueError, match=rf"holds {value};.*binarize"):
        bernoulli_log_prob(logits, x)


@pytest.mark.parametrize("logvar", [torch.tensor(-1.3, dtype=torch.float64), "per pixel"])
def test_gaussian_equals_normal_log_prob(logvar):
    loc, x = images()
    if isinstance(logvar, str):
        logvar = torch.linspace(-2, 1, loc.numel(), dtype=torch.float64).reshape(loc.shape)
    expected = Normal(loc, (0.5 * logvar).exp().expand_as(loc)).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(gaussian_log_prob(loc, logvar, x), expected)


def test_gaussian_takes_any_scale_that_broadcasts_and_no_other():
    loc, x = images()
    per_row = torch.linspace(-1, 1, 4, dtype=torch.float64)[:, None]
    torch.testing.assert_close(
        gaussian_log_prob(loc, per_row, x), gaussian_log_prob(loc, per_row.expand(B, 1, 4, 4), x)
    )
    expected = Normal(loc, math.exp(0.2)).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(gaussian_log_prob(loc, 0.4, x), expected, rtol=1e-12, atol=0)
    for wrong in ((3,), (2, B, 1, 4, 4)):
        with pytest.raises(ValueError, match=r"logvar must broadcast to loc, \(5, 1, 4, 4\), got \(.*\)$"):
            gaussian_log_prob(loc, torch.zeros(wrong), x)


def test_the_optimal_variance_is_where_the_likelihood_of_the_batch_is_highest():
    """Finite differences of a likelihood from torch.distributions, and its closed form there (Rybkin et al. 2021)."""
    x_hat, x = images()
    best = optimal_logvar(x_hat, x)

    def nats(logvar):
        return Normal(x_hat, (0.5 * logvar).exp()).log_prob(x).sum() / B

    h = 1e-4
    assert abs((nats(best + h) - nats(best - h)) / (2 * h)) < 1e-6
    assert nats(best) > max(nats(best + 0.01), nats(best - 0.01))
    closed_form = -0.5 * x[0].numel() * (math.log(2 * math.pi) + 1 + best)
    torch.testing.assert_close(gaussian_log_prob(x_hat, best, x).mean(), closed_form)
    assert best.shape == ()


def test_the_optimal_variance_of_images_explained_in_full_is_finite_with_its_gradient():
    x = torch.full((2, 3), 0.4, requires_grad=True)
    floor = optimal_logvar(x, x.detach())
    assert floor.item() == pytest.approx(-12)
    floor.backward()
    assert torch.equal(x.grad, torch.zeros(2, 3))


def test_the_gradient_through_the_optimal_variance_is_nothing():
    """At an optimum a small change of the variance doesn't count, so it may be taken for a constant."""
    x_hat, x = images()
    x_hat.requires_grad_()
    gradients = []
    for logvar in (optimal_logvar(x_hat, x), optimal_logvar(x_hat, x).detach()):
        gradients += torch.autograd.grad(gaussian_log_prob(x_hat, logvar, x).mean(), x_hat)
    torch.testing.assert_close(*gradients)


def test_log_likelihood_is_of_the_kind_that_the_variance_says():
    out, x = images()
    logvar = torch.tensor(-0.8, dtype=torch.float64)
    assert torch.equal(log_likelihood(out, x), bernoulli_log_prob(out, x))
    assert torch.equal(log_likelihood(out, x + 0.3, logvar), gaussian_log_prob(out, logvar, x + 0.3))


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (squared_error, "x_hat and x"),
        (bernoulli_log_prob, "logits and x"),
        (optimal_logvar, "x_hat and x"),
        (lambda loc, x: gaussian_log_prob(loc, 0.0, x), "loc and x"),
    ],
)
def test_shapes_that_would_broadcast_are_refused(function, names):
    with pytest.raises(ValueError, match=rf"^{names} must have the same shape, got \(4, 1\) and \(4, 3\);"):
        function(torch.zeros(4, 1), torch.zeros(4, 3))


# --- ELBO


def test_elbo_is_the_sum_of_its_parts_and_minus_the_loss(posterior):
    mu, logvar = posterior
    logits, x = images()
    q = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    for beta in (1.0, 3.0):
        parts = elbo(logits, x, mu, logvar, beta)
        expected = Independent(Bernoulli(logits=logits), 3).log_prob(x) - beta * kl_divergence(q, prior)
        torch.testing.assert_close(parts.elbo, expected)
        torch.testing.assert_close(parts.loss, -expected.mean())
    assert elbo(logits, x, mu, logvar).beta == 1


def test_elbo_of_a_gaussian_decoder_and_what_is_recorded_of_it(posterior):
    mu, logvar = posterior
    loc, x = images()
    grey, logvar_x = x * 0.7, torch.tensor(-1.1, dtype=torch.float64)
    bound = elbo(loc, grey, mu, logvar, 0.4, logvar_x)
    torch.testing.assert_close(bound.reconstruction, Normal(loc, math.exp(-0.55)).log_prob(grey).sum((1, 2, 3)))
    assert list(bound.parts) == ["loss", "-reconstruction", "KL"]
    torch.testing.assert_close(
        bound.parts["loss"], (bound.parts["-reconstruction"] + 0.4 * bound.parts["KL"]).mean()
    )
    assert bound.parts["KL"].shape == (B,)


def test_reductions_doubling_the_batch_changes_nothing_and_tiling_the_image_doubles_its_part(posterior):
    mu, logvar = posterior
    logits, x = images()
    once = elbo(logits, x, mu, logvar)
    twice = elbo(*(torch.cat([t, t]) for t in (logits, x, mu, logvar)))
    tiled = elbo(torch.cat([logits, logits], 3), torch.cat([x, x], 3), mu, logvar)
    torch.testing.assert_close(twice.loss, once.loss)
    torch.testing.assert_close(tiled.reconstruction, 2 * once.reconstruction)
    torch.testing.assert_close(tiled.kl, once.kl)


# --- reparameterisation and the log-variance's bounds


def test_reparameterize_is_mu_plus_sigma_eps_with_its_gradient(posterior):
    mu, logvar = posterior
    eps = torch.linspace(-2, 2, B * D, dtype=torch.float64).reshape(B, D)
    z = reparameterize(mu, logvar, eps)
    sigma = logvar.detach().exp().sqrt()
    torch.testing.assert_close(z.detach(), mu.detach() + sigma * eps)
    to_mu, to_logvar = torch.autograd.grad(z.sum(), (mu, logvar))
    torch.testing.assert_close(to_mu, torch.ones_like(mu))
    torch.testing.assert_close(to_logvar, 0.5 * sigma * eps)


def test_gradient_of_the_second_moment_through_samples(posterior):
    """E[z^2] = mu^2 + sigma^2, so its gradient by mu is 2 mu, by logvar sigma^2: within 4 standard errors."""
    mu, logvar = (t.detach()[0].clone().requires_grad_() for t in posterior)
    torch.manual_seed(1)
    eps = torch.randn(200_000, D, dtype=torch.float64)
    z = reparameterize(mu, logvar, eps)
    gradients = torch.autograd.grad(z.square().mean(0).sum(), (mu, logvar))
    sigma = logvar.detach().exp().sqrt()
    per_sample = (2 * z.detach(), z.detach() * sigma * eps)
    expected = (2 * mu.detach(), logvar.detach().exp())
    for got, each, want in zip(gradients, per_sample, expected, strict=True):
        assert ((got - want).abs() < 4 * each.std(0) / math.sqrt(len(eps))).all()


def test_samples_of_a_batch_are_independent():
    torch.manual_seed(2)
    z = reparameterize(torch.zeros(20_000, 4), torch.zeros(20_000, 4))
    assert (torch.corrcoef(z.T) - torch.eye(4)).abs().max() < 0.04
    assert torch.corrcoef(torch.stack([z[:-1, 0], z[1:, 0]]))[0, 1].abs() < 0.04


@pytest.mark.parametrize("value", [1e4, -1e4, 30.0])
def test_runaway_logvar_stays_finite_and_is_pulled_back(value):
    raw = torch.full((2, 3), value, requires_grad=True)
    loss = kl_standard_normal(torch.ones(2, 3), bounded_logvar(raw)).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(raw.grad).all()
    assert (raw.grad.sign() == math.copysign(1, value)).all()


def test_bounded_logvar_leaves_the_usual_range_alone():
    raw = torch.linspace(-11, 7, 9)
    torch.testing.assert_close(bounded_logvar(raw), raw)


def test_vae_objects_say_the_same_as_the_formulas():
    torch.manual_seed(0)
    vae = MLPVAE(6, 8, 2)
    _, x = images((4, 6))
    x = x.float()
    mu, logvar = vae.encode(x)
    eps = torch.randn(4, 2)
    z = reparameterize(mu, logvar, eps)
    torch.testing.assert_close(vae.observation_model(z).log_prob(x), bernoulli_log_prob(vae.decode(z), x))
    torch.testing.assert_close(kl_divergence(vae.posterior(x), vae.prior()), kl_standard_normal(mu, logvar))
    torch.testing.assert_close(vae(x, eps)[0], vae.decode(z))
    assert isinstance(vae, VAE)


def test_vae_refuses_codes_of_another_size_and_a_latent_size_of_zero():
    with pytest.raises(ValueError, match=r"\(batch, 2\)"):
        MLPVAE(6, 8, 2).decode(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="latent_dim"):
        MLPVAE(6, 8, 0)
