"""The importance-weighted bounds: values and gradients against sums written out, and against a model whose log p(x)
and posterior are known, a linear decoder with Gaussian noise (probabilistic PCA, Tipping & Bishop 1999)."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from course_lib.models import VAE, reparameterize
from course_lib.objectives import (
    ImportanceWeighted,
    double_reparameterization,
    elbo,
    importance_weighted_bound,
    log_likelihood,
    log_weights,
)

B, D, P = 5, 2, 4


def standard_normal(*shape, seed):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def random_weights(*shape):
    return 3 * standard_normal(*shape, seed=5)


def test_importance_bound_is_logmeanexp_with_the_gradient_of_its_weights():
    log_w = torch.randn(7, B, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 3
    log_w.requires_grad_()
    bound = importance_weighted_bound(log_w)
    torch.testing.assert_close(bound, log_w.exp().mean(0).log())
    (gradient,) = torch.autograd.grad(bound.sum(), log_w)
    torch.testing.assert_close(gradient, torch.softmax(log_w.detach(), 0))
    torch.testing.assert_close(importance_weighted_bound(log_w[:1]), log_w[0])
    assert torch.isfinite(importance_weighted_bound(log_w.detach() - 1e5)).all()


@pytest.mark.parametrize("shape", [(5,), (0, 5), (2, 3, 5)])
def test_importance_bound_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"num_samples, batch"):
        importance_weighted_bound(torch.zeros(shape))


# --- M groups of K


def test_miwae_is_the_mean_over_groups_of_logmeanexp_within_them():
    log_w = random_weights(3, 7, B)
    expected = [
        sum(math.log(sum(math.exp(log_w[m, k, b]) for k in range(7)) / 7) for m in range(3)) / 3 for b in range(B)
    ]
    several = ImportanceWeighted(log_w)
    torch.testing.assert_close(several.bound, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(several.loss, -several.bound.mean())
    assert list(several.parts) == ["loss", "-ELBO"]
    torch.testing.assert_close(several.parts["loss"], several.loss)
    torch.testing.assert_close(several.parts["-ELBO"], -torch.stack([*log_w.flatten(0, 1)]).sum(0) / 21)


def test_one_group_is_iwae_and_groups_of_one_are_the_elbo():
    log_w = random_weights(6, B)
    torch.testing.assert_close(ImportanceWeighted(log_w[None]).bound, importance_weighted_bound(log_w))
    single = ImportanceWeighted(log_w[:, None])
    torch.testing.assert_close(single.bound, single.elbo)
    torch.testing.assert_close(single.bound, log_w.mean(0))


# --- log-weights


def test_log_weights_equal_the_densities_of_multivariate_normals():
    mu, logvar, z = (standard_normal(*shape, seed=n) for n, shape in enumerate([(B, D), (B, D), (3, 4, B, D)]))
    log_p_x = standard_normal(3, 4, B, seed=9)
    q = MultivariateNormal(mu, torch.diag_embed(logvar.exp()))
    p = MultivariateNormal(torch.zeros(D).double(), torch.eye(D).double())
    expected = log_p_x + p.log_prob(z) - q.log_prob(z)
    torch.testing.assert_close(log_weights(log_p_x, z, mu, logvar), expected)
    torch.testing.assert_close(log_weights(log_p_x[0], z[0], mu, logvar), expected[0])


@pytest.mark.parametrize(
    "wrong", [((3, 5), (3, 5, 3)), ((3, 1), (3, 5, 2)), ((5,), (3, 5, 2)), ((3, 4), (3, 4, 2))]
)
def test_log_weights_refuse_other_shapes(wrong):
    with pytest.raises(ValueError, match=r"\(K, B\), \(K, B, D\), \(B, D\) and \(B, D\), got \("):
        log_weights(torch.zeros(wrong[0]), torch.zeros(wrong[1]), torch.zeros(B, D), torch.zeros(B, D))
    with pytest.raises(ValueError, match=r"\(5, 2\), \(5, 3\)$"):
        log_weights(torch.zeros(3, B), torch.zeros(3, B, D), torch.zeros(B, D), torch.zeros(B, 3))


# --- where log p(x) is known


@pytest.fixture
def pca():
    """A VAE with x = W z + b + noise, whose encoder is the exact posterior: W has orthogonal columns, so it is
    diagonal. With it images x and their log p(x)."""
    directions = torch.linalg.qr(standard_normal(P, D, seed=1)).Q
    w = directions * torch.tensor([1.5, 0.6], dtype=torch.float64)
    b = standard_normal(P, seed=2)
    variance = 0.3
    model = VAE(nn.Linear(P, 2 * D), nn.Linear(D, P), D, likelihood="gaussian").double()
    posterior_variance = 1 / (1 + w.square().sum(0) / variance)
    to_mean = posterior_variance[:, None] * w.T / variance
    with torch.no_grad():
        model.decoder.weight.copy_(w)
        model.decoder.bias.copy_(b)
        model.logvar_x.fill_(math.log(variance))
        model.encoder.weight.copy_(torch.cat([to_mean, torch.zeros(D, P)]))
        model.encoder.bias.copy_(torch.cat([-to_mean @ b, posterior_variance.log()]))
    x = standard_normal(3, P, seed=3)
    covariance = w @ w.T + variance * torch.eye(P, dtype=torch.float64)
    return model, x, MultivariateNormal(b, covariance).log_prob(x)


def weights_of(model, x, mu, logvar, eps):
    z = reparameterize(mu, logvar, eps)
    out = model.decode(z.flatten(0, 1))
    x = x.expand(len(eps), *x.shape).flatten(0, 1)
    return log_weights(log_likelihood(out, x, model.logvar_x).unflatten(0, eps.shape[:2]), z, mu, logvar)


def test_under_the_exact_posterior_every_sample_has_weight_log_p_x(pca):
    model, x, log_p = pca
    with torch.no_grad():
        log_w = weights_of(model, x, *model.encode(x), standard_normal(6, 3, D, seed=4))
    torch.testing.assert_close(log_w, log_p.expand(6, 3))


def test_elbo_under_the_exact_posterior_is_log_p_x(pca):
    """The expectation over z of a quadratic is exact at 2 D points: plus and minus sqrt(D) along each axis."""
    model, x, log_p = pca
    points = math.sqrt(D) * torch.cat([torch.eye(D), -torch.eye(D)]).double()
    with torch.no_grad():
        mu, logvar = model.encode(x)
        bounds = [
            elbo(model.decode(reparameterize(mu, logvar, eps)), x, mu, logvar, 1.0, model.logvar_x).elbo
            for eps in points[:, None]
        ]
    torch.testing.assert_close(torch.stack(bounds).mean(0), log_p)


def test_more_samples_tighten_the_bound_towards_log_p_x(pca):
    """In expectation, with a wrong q: ELBO < IWAE-5 < IWAE-50 < log p(x), each gap by 4 standard errors."""
    model, x, log_p = pca
    repeats = 4000
    with torch.no_grad():
        mu, logvar = (t[:1].expand(repeats, D) for t in model.encode(x))
        log_w = weights_of(
            model, x[:1].expand(repeats, P), mu + 0.3, logvar + 0.7, standard_normal(50, repeats, D, seed=6)
        )
    one, five, fifty = (importance_weighted_bound(log_w[:k]) for k in (1, 5, 50))
    for gap in (five - one, fifty - five, log_p[0] - fifty):
        assert gap.mean() > 4 * gap.std() / math.sqrt(repeats)


def test_many_samples_give_log_p_x(pca):
    model, x, log_p = pca
    with torch.no_grad():
        mu, logvar = model.encode(x)
        log_w = weights_of(model, x, mu + 0.1, logvar + 0.3, standard_normal(100_000, 3, D, seed=7))
    weights = (log_w - log_p).exp()  # their mean is 1
    error = weights.std(0) / math.sqrt(len(weights))
    assert error.max() < 2e-3
    assert ((importance_weighted_bound(log_w) - log_p).abs() < 4 * error).all()


# --- two gradients of one bound


def bound_and_gradients(model, x, mu, logvar, eps, doubly):
    """The bound, and its gradients by the posterior's parameters (one for each image) and by the decoder's."""
    z = reparameterize(mu, logvar, eps)
    out = model.decode(z.flatten(0, 1))
    repeated = x.expand(len(eps), *x.shape).flatten(0, 1)
    log_p_x = log_likelihood(out, repeated, model.logvar_x).unflatten(0, eps.shape[:2])
    if doubly:
        log_w = log_weights(log_p_x, z, mu.detach(), logvar.detach())
        double_reparameterization(z, log_w)
    else:
        log_w = log_weights(log_p_x, z, mu, logvar)
    bound = importance_weighted_bound(log_w)
    return bound.detach(), torch.autograd.grad(
        bound.sum(), (mu, logvar, *model.decoder.parameters(), model.logvar_x)
    )


def off_posterior(model, x):
    return tuple(
        (t + shift).detach().requires_grad_() for t, shift in zip(model.encode(x), (0.6, 0.7), strict=True)
    )


def test_dreg_is_the_sum_of_squared_weights_times_the_gradient_through_each_sample(pca):
    model, x, _ = pca
    mu, logvar = off_posterior(model, x)
    eps = standard_normal(4, 3, D, seed=8)
    _, gradients = bound_and_gradients(model, x, mu, logvar, eps, doubly=True)
    sigma = (0.5 * logvar.detach()).exp()
    for b in range(3):
        log_w, slopes = [], []
        for k in range(4):
            z = (mu[b] + sigma[b] * eps[k, b]).detach().requires_grad_()
            value = Normal(model.decoder(z), (0.5 * model.logvar_x).exp()).log_prob(x[b]).sum()
            value = value + (Normal(0.0, 1.0).log_prob(z) - Normal(mu[b].detach(), sigma[b]).log_prob(z)).sum()
            log_w.append(value.detach())
            slopes += torch.autograd.grad(value, z)
        squared = torch.softmax(torch.stack(log_w), 0).square()
        by_mu = sum(s * slope for s, slope in zip(squared, slopes, strict=True))
        by_logvar = sum(
            s * g * sigma[b] * eps[k, b] / 2 for k, (s, g) in enumerate(zip(squared, slopes, strict=True))
        )
        torch.testing.assert_close(gradients[0][b], by_mu)
        torch.testing.assert_close(gradients[1][b], by_logvar)


def test_dreg_leaves_the_value_and_the_decoder_gradient_alone(pca):
    model, x, _ = pca
    mu, logvar = off_posterior(model, x)
    eps = standard_normal(4, 3, D, seed=8)
    bound, gradients = bound_and_gradients(model, x, mu, logvar, eps, doubly=False)
    same, doubly = bound_and_gradients(model, x, mu, logvar, eps, doubly=True)
    torch.testing.assert_close(same, bound)
    for a, b in zip(gradients[2:], doubly[2:], strict=True):
        torch.testing.assert_close(a, b)
    assert not torch.allclose(gradients[0], doubly[0])


def test_dreg_agrees_in_expectation_and_is_less_noisy(pca):
    """Within 4 standard errors, for an image repeated 20,000 times with K = 4."""
    model, x, _ = pca
    repeats = 20_000
    x = x[:1].expand(repeats, P)
    mu, logvar = off_posterior(model, x)
    eps = standard_normal(4, repeats, D, seed=9)
    _, plain = bound_and_gradients(model, x, mu, logvar, eps, doubly=False)
    _, doubly = bound_and_gradients(model, x, mu, logvar, eps, doubly=True)
    for a, b in zip(plain[:2], doubly[:2], strict=True):
        difference = a - b
        error = difference.std(0) / math.sqrt(repeats)
        assert (difference.mean(0).abs() < 4 * error).all()
        assert (a.mean(0).abs() > 8 * error).all()
        assert (b.var(0) < a.var(0)).all()


def test_under_the_exact_posterior_dreg_is_still(pca):
    """There the encoder has nothing to learn: each sample says so, while the plain gradient only averages to it."""
    model, x, _ = pca
    mu, logvar = (t.detach().requires_grad_() for t in model.encode(x))
    eps = standard_normal(4, 3, D, seed=8)
    _, plain = bound_and_gradients(model, x, mu, logvar, eps, doubly=False)
    _, doubly = bound_and_gradients(model, x, mu, logvar, eps, doubly=True)
    for a, b in zip(plain[:2], doubly[:2], strict=True):
        assert a.abs().max() > 0.05
        torch.testing.assert_close(b, torch.zeros_like(b), atol=1e-12, rtol=0)


def test_dreg_weighs_within_each_group():
    z = standard_normal(3, 4, B, D, seed=1).requires_grad_()
    z = z * 1.0
    log_w = random_weights(3, 4, B)
    double_reparameterization(z, log_w)
    (gradient,) = torch.autograd.grad(z.sum(), z)
    expected = torch.stack([torch.softmax(group, 0) for group in log_w])
    torch.testing.assert_close(gradient, expected[..., None].expand_as(z))


def test_dreg_refuses_samples_without_gradient_or_of_another_shape():
    z = torch.zeros(3, B, D)
    with pytest.raises(ValueError, match=r"must carry a gradient.*gradient: False"):
        double_reparameterization(z, torch.zeros(3, B))
    with pytest.raises(ValueError, match=r"got \(3, 5, 2\) and \(2, 5\)"):
        double_reparameterization(z.requires_grad_(), torch.zeros(2, B))
