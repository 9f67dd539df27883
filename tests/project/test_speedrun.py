"""The speed run's own parts: its prior is a density, and its likelihood is the library's where the prior is N(0, I)."""

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import speedrun
from speedrun import Autoregressive, log_weights

from course_lib.metrics import importance_nll
from course_lib.models import PatchVAE
from course_lib.objectives import importance_weighted_bound, log_likelihood


def trained(latent_dim: int, hidden: int) -> Autoregressive:
    """A prior away from N(0, I), where it starts."""
    torch.manual_seed(latent_dim)
    prior = Autoregressive(latent_dim, hidden)
    with torch.no_grad():
        prior.second.weight.normal_(0, 0.3)
        prior.second.bias.normal_(0, 0.3)
    return prior


def test_the_prior_starts_at_the_standard_normal() -> None:
    z = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    assert torch.allclose(Autoregressive(3, 8).log_prob(z), expected, atol=1e-5)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_the_prior_integrates_to_one(latent_dim: int) -> None:
    line = torch.linspace(-12, 12, 601)
    grid = torch.cartesian_prod(*[line] * latent_dim).reshape(-1, latent_dim)
    with torch.no_grad():
        total = trained(latent_dim, 16).log_prob(grid).exp().sum() * (line[1] - line[0]) ** latent_dim
    assert total.item() == pytest.approx(1, abs=1e-3)


def test_a_number_depends_on_all_before_it_and_on_no_other() -> None:
    """The density of the first j numbers doesn't change with the rest: the mixed second derivatives tell."""
    prior = trained(4, 32)
    z = torch.tensor([0.3, -0.8, 1.1, 0.5])

    def terms(z: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(torch.nn.functional.linear(z, prior.first.weight * prior.sees, prior.first.bias))
        return torch.nn.functional.linear(hidden, prior.second.weight * prior.speaks)[:4]

    moved = torch.autograd.functional.jacobian(terms, z)
    assert torch.equal(moved.ne(0), torch.ones(4, 4).tril(-1).bool())


def test_the_likelihood_is_the_library_s_where_the_prior_is_the_standard_normal() -> None:
    torch.manual_seed(0)
    model, prior = PatchVAE(5, channels=4), Autoregressive(5, 8)
    x = torch.bernoulli(torch.full((6, 1, 28, 28), 0.3))
    torch.manual_seed(1)
    with torch.no_grad():
        ours = -importance_weighted_bound(log_weights(model, prior, x, 40, 1.2))
    torch.manual_seed(1)
    eps = torch.randn(40, 6, 5)
    assert torch.allclose(ours, importance_nll(model, x, 40, eps=eps, proposal_scale=1.2), rtol=1e-5)


def test_the_encoder_s_gradient_is_the_path_s_alone() -> None:
    """By hand: the whole gradient less that of log q at a z that stands still."""
    torch.manual_seed(0)
    model, prior = PatchVAE(5, channels=4), trained(5, 8)
    x = torch.bernoulli(torch.full((6, 1, 28, 28), 0.3))
    bias = model.encoder[-1].bias
    torch.manual_seed(1)
    (ours,) = torch.autograd.grad(log_weights(model, prior, x, 3).sum(), bias)
    torch.manual_seed(1)
    mu, logvar = model.encode(x)
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    z = mu + q.stddev * torch.randn(3, 6, 5)
    log_p_x = log_likelihood(model.decode(z.flatten(0, 1)), x.repeat(3, 1, 1, 1))
    whole = log_p_x.sum() + prior.log_prob(z).sum() - q.log_prob(z).sum()
    score = -q.log_prob(z.detach()).sum()
    (expected,) = torch.autograd.grad(whole - score, bias)
    assert score.abs() > 1
    assert torch.allclose(ours, expected, rtol=1e-3, atol=1e-3)


def test_the_learned_prior_counts_in_the_weights() -> None:
    torch.manual_seed(0)
    model, plain, other = PatchVAE(5, channels=4), Autoregressive(5, 8), trained(5, 8)
    x = torch.bernoulli(torch.full((6, 1, 28, 28), 0.3))
    weights = []
    for prior in (plain, other):
        torch.manual_seed(1)
        weights.append(log_weights(model, prior, x, 3))
    torch.manual_seed(1)
    mu, logvar = model.encode(x)
    z = mu + torch.exp(0.5 * logvar) * torch.randn(3, 6, 5)
    assert torch.allclose(weights[1] - weights[0], other.log_prob(z) - plain.log_prob(z), atol=1e-3)


def test_training_ends_by_the_clock_and_brings_the_nll_down(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(
        speedrun, "time", SimpleNamespace(perf_counter=lambda: next(ticks))
    )  # a step takes a second
    x = torch.zeros(256, 1, 28, 28)
    x[:, :, 8:20, 12:16] = 0.9
    model, prior, steps, seconds = speedrun.minute(x, 60, seed=0)
    assert (steps, seconds) == (59, 61)
    test = torch.bernoulli(x[:20])
    untrained = speedrun.evaluate(PatchVAE(32), Autoregressive(32), test, 5)
    figures = speedrun.evaluate(model, prior, test, 5)
    assert figures["nll"] < untrained["nll"] - 50
    assert figures["nll"] <= figures["minus_elbo"] + 1
