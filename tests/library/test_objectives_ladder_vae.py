"""The ladder VAE: its merge against products of densities, its bound against distributions and quadrature."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.models import ConvLadderVAE, LadderVAE, mlp, precision_weighted
from course_lib.objectives import ladder_elbo

PIXELS, HIDDEN, BOTTOM, TOP, BATCH = 6, 5, 3, 2, 4


def normal(mu, logvar):
    return Normal(mu, (0.5 * logvar).exp())


def ladder(num_pixels, latent_dims):
    """For vectors, in float64."""
    decoder = mlp([latent_dims[0], HIDDEN, num_pixels])
    return LadderVAE(mlp([num_pixels, HIDDEN]), decoder, HIDDEN, latent_dims).double()


def parameters(latent_dim, seed):
    source = torch.Generator().manual_seed(seed)
    mu, logvar = torch.randn(2, BATCH, latent_dim, generator=source, dtype=torch.float64)
    return 0.5 + mu, 0.8 * logvar - 0.6


def binary(*shape):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(8)) < 0.4).double()


# --- the merge


def test_the_merge_is_the_product_of_both_densities():
    (mu_a, logvar_a), (mu_b, logvar_b) = parameters(BOTTOM, 1), parameters(BOTTOM, 2)
    mu, logvar = precision_weighted(mu_a, logvar_a, mu_b, logvar_b)
    points = torch.tensor([-2.0, -0.3, 0.4, 1.7], dtype=torch.float64).reshape(4, 1, 1)
    product = normal(mu_a, logvar_a).log_prob(points) + normal(mu_b, logvar_b).log_prob(points)
    constant = product - normal(mu, logvar).log_prob(points)
    torch.testing.assert_close(constant, constant[:1].expand_as(constant))


def test_the_merge_is_with_the_certain_one_and_stays_finite():
    low, high = torch.tensor([-2_000.0, 2_000.0]).double().requires_grad_()
    mu, logvar = precision_weighted(torch.tensor(3.0).double(), low, torch.tensor(-7.0).double(), high)
    assert (mu.item(), logvar.item()) == (3, -2_000)
    assert all(g.isfinite() for g in torch.autograd.grad(mu + logvar, (low, high)))


# --- the objective


def test_the_parts_equal_torch_distributions():
    q_top, q_bottom, p_bottom = parameters(TOP, 3), parameters(BOTTOM, 4), parameters(BOTTOM, 5)
    x = binary(BATCH, 1, 2, 3)
    logits = 2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    bound = ladder_elbo(logits, x, q_top, q_bottom, p_bottom, beta=0.3)
    kl_top = kl_divergence(normal(*q_top), Normal(0.0, 1.0)).sum(1)
    kl_bottom = kl_divergence(normal(*q_bottom), normal(*p_bottom)).sum(1)
    likelihood = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    loss = (0.3 * (kl_top + kl_bottom) - likelihood).mean()
    expected = {"-reconstruction": -likelihood, "KL": kl_top + kl_bottom, "KL(z2)": kl_top, "KL(z1|z2)": kl_bottom}
    torch.testing.assert_close(bound.parts, {"loss": loss} | expected)
    torch.testing.assert_close(bound.loss, loss)
    plain = ladder_elbo(logits, x, q_top, q_bottom, p_bottom)
    torch.testing.assert_close(plain.elbo, likelihood - kl_top - kl_bottom)


def test_grey_levels_and_other_shapes_are_refused():
    q_top, q_bottom, p_bottom = parameters(TOP, 3), parameters(BOTTOM, 4), parameters(BOTTOM, 5)
    x = binary(BATCH, PIXELS)
    with pytest.raises(ValueError, match="images of 0 and 1"):
        ladder_elbo(x, x + 0.25, q_top, q_bottom, p_bottom)
    with pytest.raises(ValueError, match=r"shape \(batch, latent_dim\)"):
        ladder_elbo(x, x, q_top, q_bottom, q_top)


def test_the_bound_against_quadrature_over_both_codes():
    """One dimension a layer: on a grid of (z2, z1), the lower posterior is the normalised product of two
    densities, and the bound is the integral of q log(p/q); its distance from log p(x) is the divergence from
    the posterior."""
    torch.manual_seed(3)
    model = ladder(3, (1, 1))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]).double()
    axis = torch.linspace(-12, 12, 1_201, dtype=torch.float64)
    step = axis[1] - axis[0]
    with torch.no_grad():
        features = model.encoder(x).relu()
        log_q2 = normal(*model.encoder_top(features).chunk(2, 1)).log_prob(axis)  # (2, z2)
        log_p1 = normal(*model.top_down(axis[:, None]).chunk(2, 1)).log_prob(axis)  # (z2, z1)
        # (2, z1)
        log_x = Bernoulli(logits=model.decoder(axis[:, None])).log_prob(x[:, None]).sum(2)
        from_below = normal(*model.bottom_up(features).chunk(2, 1)).log_prob(axis)[:, None]
        log_q1 = torch.log_softmax(from_below + log_p1, dim=2) - step.log()  # (2, z2, z1)
        log_p = Normal(0.0, 1.0).log_prob(axis)[:, None] + log_p1 + log_x[:, None]
        log_q = log_q2[:, :, None] + log_q1
        evidence = log_p.flatten(1).logsumexp(1) + 2 * step.log()
        exact = (log_q.exp() * (log_p - log_q)).sum((1, 2)) * step**2
        num = 40_000
        torch.manual_seed(0)
        logits, *gaussians = model(x.repeat(num, 1))
        draws = ladder_elbo(logits, x.repeat(num, 1), *gaussians).elbo.reshape(num, 2)
    error = draws.std(0) / math.sqrt(num)
    assert (error < 0.01).all()
    assert ((draws.mean(0) - exact).abs() < 4 * error).all()
    assert (exact < evidence - 0.02).all()


# --- the networks


@pytest.fixture(params=["mlp", "conv"])
def pair(request):
    torch.manual_seed(0)
    if request.param == "mlp":
        return ladder(PIXELS, (BOTTOM, TOP)), binary(BATCH, PIXELS)
    return ConvLadderVAE((BOTTOM, TOP), HIDDEN, (2, 4)).double(), binary(BATCH, 1, 28, 28)


def by_hand(model, x, eps2, eps1):
    features = model.encoder(x).relu()
    mu2, logvar2 = model.encoder_top(features).split(TOP, dim=1)
    mu_p, logvar_p = model.top_down(mu2 + (logvar2 / 2).exp() * eps2).split(BOTTOM, dim=1)
    mu_x, logvar_x = model.bottom_up(features).split(BOTTOM, dim=1)
    precision = (-logvar_x).exp() + (-logvar_p).exp()
    mu1 = (mu_x * (-logvar_x).exp() + mu_p * (-logvar_p).exp()) / precision
    z1 = mu1 + precision.rsqrt() * eps1
    return model.decoder(z1), (mu2, logvar2), (mu1, -precision.log()), (mu_p, logvar_p)


def test_forward_is_up_and_down(pair):
    model, x = pair
    eps2 = torch.randn(BATCH, TOP, dtype=torch.float64)
    eps1 = torch.randn(BATCH, BOTTOM, dtype=torch.float64)
    out = model(x, eps2, eps1)
    for ours, theirs in zip(out, by_hand(model, x, eps2, eps1), strict=True):
        torch.testing.assert_close(ours if isinstance(ours, torch.Tensor) else tuple(ours), theirs)
    assert out.logits.shape == x.shape
    torch.testing.assert_close(model.reconstruct(x), by_hand(model, x, 0, 0)[0].sigmoid())


def test_samples_come_from_the_top_down(pair):
    model, _ = pair
    z2 = torch.randn(7, TOP, dtype=torch.float64)
    eps1 = torch.randn(7, BOTTOM, dtype=torch.float64)
    mu, logvar = model.top_down(z2).split(BOTTOM, dim=1)
    expected = model.decoder(mu + (logvar / 2).exp() * eps1).sigmoid()
    torch.testing.assert_close(model.sample(7, z2, eps1), expected)
    torch.manual_seed(1)
    drawn = model.sample(7)
    torch.manual_seed(1)
    z2, eps1 = torch.randn(7, TOP, dtype=torch.float64), torch.randn(7, BOTTOM, dtype=torch.float64)
    torch.testing.assert_close(drawn, model.sample(7, z2, eps1))


def test_codes_and_sizes_that_do_not_fit_are_refused():
    model = ladder(PIXELS, (BOTTOM, TOP)).float()
    with pytest.raises(ValueError, match=r"\(batch, 3\), got \(4, 2\)"):
        model.decode(torch.zeros(4, TOP))
    with pytest.raises(ValueError, match=r"\(batch, 2\), got \(4, 3\)"):
        model.prior_bottom(torch.zeros(4, BOTTOM))
    for sizes in ((0, 2), (2, 0)):
        with pytest.raises(ValueError, match=rf"latent_dims\[{sizes.index(0)}\] must be an integer of at least 1"):
            LadderVAE(torch.nn.Identity(), torch.nn.Identity(), HIDDEN, sizes)
        with pytest.raises(ValueError, match="at least 1, got 0"):
            ConvLadderVAE(sizes)
