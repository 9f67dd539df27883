"""What an encoder's q(z|x) is worth, where it can be worked out: counted weights, integrals over one code, a linear
decoder whose best diagonal Gaussian is known."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from course_lib.metrics import effective_sample_size, elbo_surgery, fit_posterior
from course_lib.models import MLPVAE, VAE, VAEGAN, LinearAutoencoder
from course_lib.objectives import kl_decomposition

GRID = torch.linspace(-9, 9, 6001, dtype=torch.float64)
STEP = (GRID[1] - GRID[0]).item()

# --- effective sample size


def test_the_effective_sample_size_is_the_ratio_of_sums():
    w = torch.tensor([[0.5, 2.0], [1.5, 0.0], [4.0, 0.0]], dtype=torch.float64)
    found = effective_sample_size(w.log())
    assert found.tolist() == pytest.approx([6**2 / (0.25 + 2.25 + 16), 1.0])
    assert effective_sample_size(w[:, 0].log()).item() == pytest.approx(found[0].item())
    equal = effective_sample_size(torch.full((7, 2, 3), -3.2))
    torch.testing.assert_close(equal, torch.full((2, 3), 7.0))


@pytest.mark.parametrize("shift", [-5000.0, 5000.0])
def test_a_common_factor_changes_nothing_and_nothing_overflows(shift):
    log_w = torch.tensor([0.3, -0.4, 1.1, 0.0])
    torch.testing.assert_close(
        effective_sample_size(log_w + shift), effective_sample_size(log_w), atol=1e-3, rtol=0
    )


def test_no_draws_have_no_effective_size():
    for bad in (torch.zeros(0), torch.zeros(0, 3), torch.tensor(1.0)):
        with pytest.raises(ValueError, match=r"log_w must have shape \(num_samples, \.\.\.\), got \("):
            effective_sample_size(bad)
    assert effective_sample_size(torch.full((3,), -math.inf)).isnan()


# --- surgery

MU = torch.tensor([[-1.3], [0.2], [0.9], [2.0]], dtype=torch.float64)
LOGVAR = torch.tensor([[-1.0], [0.3], [-2.5], [-0.4]], dtype=torch.float64)


def test_the_surgery_of_one_dimension_is_two_integrals():
    log_q = Normal(MU, (0.5 * LOGVAR).exp()).log_prob(GRID)
    log_all = torch.logsumexp(log_q, 0) - math.log(4)
    information = (log_q.exp() * (log_q - log_all)).sum(1) * STEP
    marginal = (log_q.exp() * (log_all - Normal(0.0, 1.0).log_prob(GRID))).sum(1) * STEP
    cut = elbo_surgery(MU, LOGVAR, num_samples=4000, generator=torch.Generator().manual_seed(0))
    assert cut.mutual_information.shape == cut.marginal_kl.shape == (4,)
    torch.testing.assert_close(cut.mutual_information, information, atol=0.06, rtol=0)
    torch.testing.assert_close(cut.marginal_kl, marginal, atol=0.12, rtol=0)
    assert information.min() > 0.15
    assert cut.mutual_information.mean().item() == pytest.approx(information.mean().item(), abs=0.02)
    assert cut.marginal_kl.mean().item() == pytest.approx(marginal.mean().item(), abs=0.04)


def test_both_parts_add_up_to_the_kl_of_their_own_draws_in_any_chunk():
    mu, logvar = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(1))
    cut, again = (
        elbo_surgery(mu, logvar, num_samples=2, chunk=chunk, generator=torch.Generator().manual_seed(5))
        for chunk in (4, 1000)
    )
    torch.testing.assert_close(cut.mutual_information, again.mutual_information)
    source = torch.Generator().manual_seed(5)
    eps = torch.stack([torch.randn(9, 3, generator=source, dtype=torch.float64) for _ in range(2)])
    q = MultivariateNormal(mu.double(), torch.diag_embed(logvar.double().exp()))
    z = mu.double() + (0.5 * logvar.double()).exp() * eps
    p = MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
    torch.testing.assert_close(cut.kl, (q.log_prob(z) - p.log_prob(z)).mean(0))
    mixture = torch.logsumexp(q.log_prob(z.unsqueeze(2)), 2) - math.log(9)
    torch.testing.assert_close(cut.marginal_kl, (mixture - p.log_prob(z)).mean(0))


def test_images_that_share_nothing_tell_log_n_and_images_with_one_answer_nothing():
    far = 1000.0 * torch.arange(5.0)[:, None]
    cut = elbo_surgery(far, torch.zeros(5, 1))
    torch.testing.assert_close(cut.mutual_information, torch.full((5,), math.log(5), dtype=torch.float64))
    collapsed = elbo_surgery(torch.zeros(6, 3), torch.zeros(6, 3))
    assert collapsed.mutual_information.abs().max() < 1e-12
    assert collapsed.marginal_kl.abs().max() < 1e-12


def test_surgery_refuses_what_is_no_posterior():
    for mu, logvar in (
        (torch.zeros(3, 2), torch.zeros(3, 1)),
        (torch.zeros(3), torch.zeros(3)),
        (torch.zeros(0, 2), torch.zeros(0, 2)),
    ):
        with pytest.raises(
            ValueError, match=r"mu and logvar must both have shape \(num_images, latent_dim\), got"
        ):
            elbo_surgery(mu, logvar)
    for name in ("num_samples", "chunk"):
        with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
            elbo_surgery(MU, LOGVAR, **{name: 0})


# --- a free q for each image

STD = 0.6


@pytest.fixture
def linear():
    """x = W z + b + 0.6 eps, whose posterior is correlated, with an encoder that answers N(0, I) to everything."""
    generator = torch.Generator().manual_seed(0)
    model = VAE(nn.Linear(6, 6), nn.Linear(3, 6), 3, likelihood="gaussian").double()
    with torch.no_grad():
        model.encoder.weight.zero_()
        model.encoder.bias.zero_()
        model.decoder.weight.copy_(torch.randn(6, 3, generator=generator))
        model.logvar_x.fill_(2 * math.log(STD))
    return model, torch.randn(4, 6, generator=generator, dtype=torch.float64)


def test_the_best_free_gaussian_has_the_posteriors_mean_and_its_precisions(linear):
    """KL(q || p) is least, among all diagonal q, at the mean of p, its variances 1 / (p's precision's diagonal)."""
    model, x = linear
    w = model.decoder.weight.detach()
    precision = torch.eye(3) + w.T @ w / STD**2
    mean = torch.linalg.solve(precision, (x - model.decoder.bias.detach()) @ w / STD**2, left=False)
    mu, logvar = fit_posterior(
        model, x, num_steps=600, num_samples=64, lr=0.1, generator=torch.Generator().manual_seed(3)
    )
    torch.testing.assert_close(mu, mean, atol=0.03, rtol=0)
    torch.testing.assert_close(logvar, -precision.diagonal().log().expand(4, 3), atol=0.05, rtol=0)
    off_diagonal = precision - precision.diag().diag()
    assert off_diagonal.abs().max() > 1, "a posterior without correlations would prove little"


def test_fitting_leaves_the_model_and_its_gradients_alone(linear):
    model, x = linear
    model.train()
    before = [p.clone() for p in model.parameters()]
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    mu, logvar = fit_posterior(model, x, num_steps=3)
    assert not mu.requires_grad
    assert not logvar.requires_grad
    assert model.training
    for p, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(p, old)
        assert torch.equal(p.grad, torch.ones_like(p))
    again, _ = (fit_posterior(model, x, num_steps=3, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert not torch.equal(again[0], mu)


def test_a_binary_model_gains_and_a_vae_gan_is_asked_for_its_vae():
    torch.manual_seed(2)
    model, x = MLPVAE(12, 8, 2), (torch.rand(5, 12) < 0.4).float()

    def bound(mu, logvar):
        eps = torch.randn(3000, 5, 2, generator=torch.Generator().manual_seed(9))
        z = mu + (0.5 * logvar).exp() * eps
        q, p = Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)
        log_p = torch.stack([model.observation_model(codes).log_prob(x) for codes in z])
        return (log_p + (p.log_prob(z) - q.log_prob(z)).sum(2)).mean(0)

    with torch.no_grad():
        start = bound(*model.encode(x))
        found = bound(*fit_posterior(model, x, generator=torch.Generator().manual_seed(4)))
    assert (found > start - 0.02).all()
    assert found.mean() > start.mean() + 0.02
    vae_gan, images = VAEGAN(2), (torch.rand(2, 1, 28, 28) < 0.3).float()
    results = [
        fit_posterior(m, images, num_steps=2, generator=torch.Generator().manual_seed(1))[0]
        for m in (vae_gan, vae_gan.vae)
    ]
    assert torch.equal(*results)


def test_what_cannot_be_fitted_is_refused():
    model, x = MLPVAE(5, 4, 2), torch.zeros(3, 5)
    with pytest.raises(TypeError, match="model must be a VAE or a VAEGAN to fit its posterior, got a LinearAuto"):
        fit_posterior(LinearAutoencoder(5, 2), x)
    for name in ("num_steps", "num_samples"):
        with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
            fit_posterior(model, x, **{name: 0})
    with pytest.raises(ValueError, match="lr must be above 0, got 0"):
        fit_posterior(model, x, lr=0)
    with pytest.raises(ValueError, match="images of 0 and 1"):
        fit_posterior(model, x + 0.4)


def test_the_surgery_is_the_decomposition_of_one_batch_that_holds_everything():
    mu, logvar = 2 * torch.randn(2, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    cut = elbo_surgery(mu, logvar, generator=torch.Generator().manual_seed(5), chunk=3)
    eps = torch.randn(mu.shape, dtype=mu.dtype, generator=torch.Generator().manual_seed(5))
    parts = kl_decomposition(mu + torch.exp(0.5 * logvar) * eps, mu, logvar, num_images=7)
    torch.testing.assert_close(cut.mutual_information, parts.mutual_information)
    torch.testing.assert_close(cut.marginal_kl, parts.total_correlation + parts.dimension_wise)


def test_the_search_takes_300_steps_of_4_draws_at_3_hundredths_unless_one_says_otherwise():
    torch.manual_seed(0)
    model, x = MLPVAE(5, 4, 2), (torch.rand(3, 5) < 0.4).float()

    def found(**options):
        return fit_posterior(model, x, generator=torch.Generator().manual_seed(2), **options)[0]

    torch.testing.assert_close(found(), found(num_steps=300, num_samples=4, lr=0.03), rtol=0, atol=0)
    for other in ({"num_steps": 301}, {"num_samples": 5}, {"lr": 0.02}):
        assert not torch.equal(found(), found(**other))
