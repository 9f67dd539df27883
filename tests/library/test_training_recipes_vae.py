"""The weights behind lesson 05's widgets: what their files hold, and that their recipe trains what it says."""

import pytest
import torch

from course_lib.data import binarize, load
from course_lib.metrics import evaluate_elbo
from course_lib.models import ConvVAE
from course_lib.models.weights import SHIPPED, load_weights
from course_lib.training import recipes
from course_lib.training.recipes import BETAS, SWEEP_SEEDS, build_beta_sweep, shipped_beta_sweep, train_beta_sweep


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return binarize(load("glyphs", "test", 500).x, torch.Generator().manual_seed(3))


def test_the_flat_vae_is_trained(x):
    model = ConvVAE(latent_dim=2)
    load_weights("plane_vae", model)
    bound = evaluate_elbo(model, x, generator=torch.Generator().manual_seed(0))
    assert -bound.elbo.mean() < 137, "each pixel for itself has 162 nats"
    assert 4 < bound.kl.mean() < 7


def test_the_sweep_has_every_beta_and_seed_and_each_is_best_at_its_own_weight(x):
    sweep = shipped_beta_sweep()
    assert tuple(sweep) == BETAS
    assert {len(networks) for networks in sweep.values()} == {SWEEP_SEEDS}
    terms = {}
    for beta, networks in sweep.items():
        bounds = [evaluate_elbo(m, x, generator=torch.Generator().manual_seed(0)) for m in networks]
        terms[beta] = torch.tensor([[b.kl.mean(), -b.reconstruction.mean()] for b in bounds])
        parameters = [p for m in networks for p in m.parameters()]
        assert not any(p.requires_grad for p in parameters)
        assert {p.dtype for p in parameters} == {torch.float32}, "stored in float16, used in float32"
    for beta in BETAS:  # a network trained for another weight does worse at this one
        losses = {other: (beta * t[:, 0] + t[:, 1]).mean().item() for other, t in terms.items()}
        assert losses[beta] < min(losses.values()) + 0.5
    seeds = torch.stack([networks[0].decode(torch.ones(1, 2)) for networks in (sweep[1.0], sweep[4.0])])
    assert not torch.equal(seeds[0], seeds[1])


def test_networks_of_the_sweep_start_alike_for_every_beta_and_leave_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    networks = build_beta_sweep()
    assert torch.equal(torch.rand(3), expected)
    weights = [network.encoder[0].weight for network in networks]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[len(BETAS)])


def test_the_sweeps_recipe_gives_each_network_its_own_beta(monkeypatch):
    monkeypatch.setattr(recipes, "load", lambda name: load(name, num_images=200))
    networks = train_beta_sweep(num_steps=30)
    rates = [evaluate_elbo(m, binarize(load("glyphs", "test", 100).x)).kl.mean().item() for m in networks]
    assert rates[0] > 3 * rates[len(BETAS) - 1]


def test_the_files_are_small():
    for name in ("plane_vae", "beta_sweep"):
        assert (SHIPPED / f"{name}.safetensors").stat().st_size < 1e6
