"""A mixture as prior: its density against SciPy's, its fit where the answer is known, and the KL of one draw, the
likelihood and the training step under it."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from torch.distributions import Bernoulli, Independent, MultivariateNormal, Normal
from torch.func import functional_call

from course_lib.data import binarize
from course_lib.metrics import importance_nll
from course_lib.models import MLPVAE, ConditionalVAE, LadderVAE, MixturePrior, mlp, reparameterize
from course_lib.objectives import LinearSchedule, kl_gaussians, kl_standard_normal, sampled_kl
from course_lib.training import LearnedPriorStep

K, D = 3, 2


def moved(prior: MixturePrior) -> MixturePrior:
    """The same with every parameter away from where it starts, in float64."""
    source = torch.Generator().manual_seed(5)
    for parameter in prior.double().parameters():
        parameter.data += 0.6 * torch.randn(parameter.shape, generator=source, dtype=torch.float64)
    return prior


@pytest.fixture
def prior() -> MixturePrior:
    torch.manual_seed(0)
    return moved(MixturePrior(K, D))


def covariances(prior: MixturePrior) -> torch.Tensor:
    """From the parameters by hand: a lower factor whose diagonal is an exponential."""
    factors = [
        torch.tensor([[math.exp(f[0, 0]), 0.0], [f[1, 0].item(), math.exp(f[1, 1])]], dtype=torch.float64)
        for f in prior.factors.detach()
    ]
    return torch.stack([factor @ factor.T for factor in factors])


def test_its_density_is_scipys(prior):
    z = 1.5 * torch.randn(4, 5, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    shares = prior.logits.exp() / prior.logits.exp().sum()
    torch.testing.assert_close(prior.weights, shares)
    terms = [
        math.log(share) + multivariate_normal(mean.detach().numpy(), covariance.numpy()).logpdf(z.numpy())
        for share, mean, covariance in zip(shares, prior.means, covariances(prior), strict=True)
    ]
    expected = torch.from_numpy(logsumexp(terms, axis=0))
    torch.testing.assert_close(prior.log_prob(z).detach(), expected)
    z.requires_grad_(True)
    parameters = [p.detach().clone().requires_grad_() for p in prior.parameters()]
    names = [name for name, _ in prior.named_parameters()]

    def density(z, *values):
        return functional_call(
            _Density(prior), dict(zip([f"prior.{n}" for n in names], values, strict=True)), (z,)
        )

    assert torch.autograd.gradcheck(density, (z[0], *parameters))


class _Density(torch.nn.Module):
    def __init__(self, prior):
        super().__init__()
        self.prior = prior

    def forward(self, z):
        return self.prior.log_prob(z)


def test_one_component_starts_as_the_standard_normal_and_several_start_apart():
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    expected = Independent(Normal(torch.zeros(4), torch.ones(4)), 1).log_prob(z)
    torch.testing.assert_close(MixturePrior(1, 4).log_prob(z), expected)
    means = MixturePrior(8, 4).means
    assert means.unique(dim=0).shape == (8, 4)


def test_samples_have_its_moments(prior):
    torch.manual_seed(3)
    z = prior.sample(40_000)
    assert not z.requires_grad
    weights, means = prior.weights.detach(), prior.means.detach()
    mean = weights @ means
    apart = means - mean
    covariance = (weights[:, None, None] * (covariances(prior) + apart[:, :, None] * apart[:, None, :])).sum(0)
    spread = covariance.diagonal().sqrt()
    assert ((z.mean(0) - mean).abs() < 4 * spread / 200).all()
    torch.testing.assert_close(z.T.cov(), covariance, atol=0.06 * spread.max().item() ** 2, rtol=0)


def test_one_component_is_fitted_by_mean_and_covariance():
    source = torch.Generator().manual_seed(4)
    codes = torch.randn(50, 3, generator=source) @ torch.randn(3, 3, generator=source) + 2
    prior = MixturePrior.fitted(codes, 1)
    torch.testing.assert_close(prior.means[0].detach(), codes.mean(0))
    ours = prior.scale_tril[0] @ prior.scale_tril[0].T
    torch.testing.assert_close(ours.detach(), codes.T.cov(correction=0), atol=1e-4, rtol=1e-4)


def test_components_are_found_again():
    torch.manual_seed(6)
    turned = torch.tensor([[0.5, 0.0], [0.4, 0.3]])
    shares, means = torch.tensor([0.3, 0.7]), torch.tensor([[-3.0, 1.0], [2.0, -1.0]])
    which = (torch.rand(6_000) > shares[0]).long()
    codes = means[which] + torch.randn(6_000, 2) @ turned.T
    prior = MixturePrior.fitted(codes, 2)
    order = prior.means[:, 0].argsort()
    torch.testing.assert_close(prior.weights[order].detach(), shares, atol=0.02, rtol=0)
    torch.testing.assert_close(prior.means[order].detach(), means, atol=0.04, rtol=0)
    torch.testing.assert_close(prior.scale_tril[order].detach(), turned.expand(2, 2, 2), atol=0.03, rtol=0)
    again = MixturePrior.fitted(codes, 2)
    assert all(torch.equal(a, b) for a, b in zip(prior.parameters(), again.parameters(), strict=True))
    assert MixturePrior.fitted(codes.double()[:100], 2).means.dtype == torch.float64


def test_fitting_leaves_random_numbers_alone():
    codes = torch.randn(40, 2)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    MixturePrior.fitted(codes, 3)
    assert torch.equal(torch.rand(3), expected)


def test_what_no_mixture_can_be_fitted_to_is_refused(prior):
    for sizes, name in (((0, 2), "num_components"), ((2, 0), "latent_dim")):
        with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1"):
            MixturePrior(*sizes)
    with pytest.raises(ValueError, match=r"at least 5 codes for 5 components, got \(4, 2\)"):
        MixturePrior.fitted(torch.randn(4, 2), 5)
    with pytest.raises(ValueError, match=r"shape \(N, D\).*got \(40,\)"):
        MixturePrior.fitted(torch.randn(40), 2)
    with pytest.raises(ValueError, match="codes must be finite"):
        MixturePrior.fitted(torch.full((9, 2), math.nan), 2)
    with pytest.raises(ValueError, match=r"z must have shape \(\.\.\., 2\), got \(4, 3\)"):
        prior.log_prob(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="num_samples must be an integer"):
        prior.sample(0)


@pytest.fixture
def posterior():
    source = torch.Generator().manual_seed(7)
    return tuple(0.7 * torch.randn(5, D, generator=source, dtype=torch.float64) + shift for shift in (0.4, -0.8))


def test_one_draw_says_log_q_minus_log_p(prior, posterior):
    mu, logvar = (t.clone().requires_grad_() for t in posterior)
    eps = torch.randn(4, 5, D, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    ours = sampled_kl(reparameterize(mu, logvar, eps), mu, logvar, prior)
    z = mu + logvar.exp().sqrt() * eps
    log_p = torch.logsumexp(
        prior.logits.log_softmax(0)
        + MultivariateNormal(prior.means, scale_tril=prior.scale_tril).log_prob(z.unsqueeze(-2)),
        -1,
    )
    log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)
    torch.testing.assert_close(ours, log_q - log_p)
    inputs = [mu, logvar, *prior.parameters()]
    weights = torch.linspace(0.5, 2, 20, dtype=torch.float64).view(4, 5)
    for a, b in zip(
        torch.autograd.grad((weights * ours).sum(), inputs),
        torch.autograd.grad((weights * (log_q - log_p)).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_its_mean_is_the_divergence_in_closed_form(posterior):
    mu, logvar = posterior
    torch.manual_seed(9)
    z = reparameterize(mu, logvar, torch.randn(20_000, 5, D, dtype=torch.float64))
    p_mu, p_logvar = torch.tensor([[0.5, -1.0], [0.3, -0.6]], dtype=torch.float64)
    gaussian = Independent(Normal(p_mu, p_logvar.exp().sqrt()), 1)
    for drawn, exact in (
        (sampled_kl(z, mu, logvar), kl_standard_normal(mu, logvar)),
        (
            sampled_kl(z, mu, logvar, gaussian),
            kl_gaussians(mu, logvar, p_mu.expand_as(mu), p_logvar.expand_as(mu)),
        ),
    ):
        assert ((drawn.mean(0) - exact).abs() < 4.5 * drawn.std(0) / math.sqrt(20_000)).all()


def test_codes_and_priors_of_other_shapes_are_refused(prior, posterior):
    mu, logvar = posterior
    for z, m, v in ((mu[:, :1], mu, logvar), (mu, mu[:1], logvar), (mu[0], mu, logvar)):
        with pytest.raises(ValueError, match=r"z, mu and logvar must have shapes") as refused:
            sampled_kl(z, m, v, prior)
        assert str([tuple(t.shape) for t in (z, m, v)]) in str(refused.value)
    with pytest.raises(ValueError, match=r"z, mu and logvar must have shapes"):
        sampled_kl(mu[0], mu[0], logvar[0])  # all of one shape, and no batch


def test_a_kl_of_what_is_no_number_is_none_and_no_error(posterior):
    mu, logvar = (t.clone() for t in posterior)
    mu[1, 0] = math.nan
    found = sampled_kl(reparameterize(mu, logvar), mu, logvar)
    assert found.isnan().tolist() == [False, True, False, False, False]


def test_another_shape_of_the_priors_densities_is_refused(posterior):
    mu, logvar = posterior
    with pytest.raises(ValueError, match=r"one log-density for each code, \(5,\), got \(5, 2\); sum over"):
        sampled_kl(mu, mu, logvar, Normal(0.0, 1.0))


GRID = torch.linspace(-9, 9, 1201, dtype=torch.float64)
STEP = (GRID[1] - GRID[0]).item()
X = (torch.rand(3, 5, generator=torch.Generator().manual_seed(0)) < 0.4).double()


def integral(log_p_x, prior):
    """log p(x) of log p(x|z) on the grid, (num_images, num_codes)."""
    return torch.logsumexp(log_p_x + prior.log_prob(GRID[:, None]), 1) + math.log(STEP)


@torch.no_grad()
def test_a_likelihood_under_another_prior_is_the_integral_over_its_codes():
    torch.manual_seed(10)
    prior, x, y = moved(MixturePrior(K, 1)), X, torch.tensor([1, 1, 1])
    vae, conditional = MLPVAE(5, 6, 1).double(), ConditionalVAE(mlp([8, 6, 2]), mlp([4, 6, 5]), 1, 3).double()
    ladder = LadderVAE(mlp([5, 6]), mlp([1, 6, 5]), 6, (1, 1)).double()
    for network in (vae.decoder, conditional.decoder, ladder.top_down, ladder.decoder):
        network[-1].weight.data.mul_(3)
    codes = GRID[:, None]

    def given(logits):
        return Bernoulli(logits=logits).log_prob(x.unsqueeze(1)).sum(2)

    p_mu, p_logvar = ladder.prior_bottom(codes)
    between = Normal(p_mu, (0.5 * p_logvar).exp()).log_prob(GRID)  # p(z1|z2), rows for z2
    p_of_top = torch.logsumexp(given(ladder.decode(codes))[:, None] + between, 2) + math.log(STEP)
    for model, options, log_p_x in (
        (vae, {}, given(vae.decode(codes))),
        (conditional, {"y": y}, given(conditional.decode(codes, y[:1].expand(len(GRID))))),
        (ladder, {}, p_of_top),
    ):
        source = torch.Generator().manual_seed(3)
        found = importance_nll(model, x, 20_000, prior=prior, generator=source, proposal_scale=1.5, **options)
        torch.testing.assert_close(-found, integral(log_p_x, prior), atol=0.03, rtol=0)
        normal = Independent(Normal(torch.zeros(1).double(), torch.ones(1).double()), 1)
        assert (integral(log_p_x, prior) - integral(log_p_x, normal)).abs().min() > 0.001
        eps = torch.randn(7, 3, 2 if model is ladder else 1, dtype=torch.float64)
        ours = importance_nll(model, x, 7, prior=normal, eps=eps, **options)
        torch.testing.assert_close(ours, importance_nll(model, x, 7, eps=eps, **options))


def test_a_step_with_its_prior_begins_as_a_plain_one_does():
    torch.manual_seed(13)
    model = MLPVAE(5, 8, D)
    step = LearnedPriorStep(model, MixturePrior(K, D))
    assert step.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3)
    reported = step(torch.rand(8, 5))
    assert reported["loss"] == pytest.approx((reported["-reconstruction"] + reported["KL"]).item(), rel=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_step_with_its_prior_equals_the_plain_one(likelihood):
    torch.manual_seed(11)
    model, prior = MLPVAE(5, 8, D, likelihood).double(), moved(MixturePrior(K, D))
    twin, twin_prior = copy.deepcopy(model), copy.deepcopy(prior)
    grey = torch.rand(8, 5, dtype=torch.float64)
    step = LearnedPriorStep(model, prior, 1e-2, LinearSchedule(0.3, 1.0, 2))
    assert {"model", "prior", "optimizer"} <= step.state_dict().keys()
    torch.manual_seed(12)
    reported = [step(grey) for _ in range(2)][-1]
    torch.manual_seed(12)
    optimizer = torch.optim.Adam([*twin.parameters(), *twin_prior.parameters()], lr=1e-2)
    for beta in (0.3, 0.65):
        x = binarize(grey) if likelihood == "bernoulli" else grey
        mu, logvar = twin.encoder(x).chunk(2, 1)
        z = mu + logvar.exp().sqrt() * torch.randn_like(mu)
        out = twin.decoder(z)
        if likelihood == "bernoulli":
            error = F.binary_cross_entropy_with_logits(out, x, reduction="sum") / 8
        else:
            error = -Normal(out, (0.5 * twin.logvar_x).exp()).log_prob(x).sum() / 8
        log_q = Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(1)
        kl = (log_q - twin_prior.log_prob(z)).mean()
        optimizer.zero_grad()
        (error + beta * kl).backward()
        optimizer.step()
    for a, b in zip((*model.parameters(), *prior.parameters()), optimizer.param_groups[0]["params"], strict=True):
        torch.testing.assert_close(a, b)
    expected = {"loss": error + 0.65 * kl, "-reconstruction": error, "KL": kl}
    torch.testing.assert_close(reported, {name: value.detach() for name, value in expected.items()})
