"""Toy densities against torch.distributions, and their samples against the density."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from course_lib.data import GaussianMixture2D, grid, moons, ring, spiral

TOYS = [ring(), ring(5, 2.0, 0.3), grid(), grid(2, 1.0, 0.4), moons(), spiral()]


def reference(mixture: GaussianMixture2D) -> MixtureSameFamily:
    parts = Independent(Normal(mixture.centers, mixture.std), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(mixture.centers))), parts)


@pytest.mark.parametrize("mixture", TOYS, ids=repr)
def test_log_prob_is_that_of_the_mixture(mixture):
    generator = torch.Generator().manual_seed(0)
    near = mixture.sample(200, generator)
    far = 3 * torch.randn(50, 2, generator=generator)
    x = torch.cat([near, far]).double()
    exact = GaussianMixture2D(mixture.centers.double(), mixture.std)
    torch.testing.assert_close(exact.log_prob(x), reference(exact).log_prob(x))
    torch.testing.assert_close(mixture.log_prob(near), reference(mixture).log_prob(near), rtol=1e-3, atol=1e-3)


def test_log_prob_has_the_gradient_of_the_mixture():
    mixture = ring(3, 1.0, 0.5)
    x = torch.tensor([[0.3, -0.8], [1.4, 0.2]], requires_grad=True)
    expected = torch.autograd.grad(reference(mixture).log_prob(x).sum(), x)[0]
    torch.testing.assert_close(torch.autograd.grad(mixture.log_prob(x).sum(), x)[0], expected)


@pytest.mark.parametrize("mixture", TOYS, ids=repr)
def test_samples_come_from_the_density(mixture):
    x = mixture.sample(20_000, torch.Generator().manual_seed(1))
    assert x.shape == (20_000, 2)
    nearest = torch.cdist(x, mixture.centers).min(dim=1)
    if torch.pdist(mixture.centers).min() > 8 * mixture.std:  # separate modes: each gets its share and its width
        shares = nearest.indices.bincount(minlength=len(mixture.centers)) / len(x)
        assert (shares * len(mixture.centers) - 1).abs().max() < 5 * math.sqrt(len(mixture.centers) / len(x))
        assert nearest.values.square().mean().item() == pytest.approx(2 * mixture.std**2, rel=0.05)
    # The entropy estimated from these samples agrees with that from samples of the reference.
    ours = mixture.log_prob(x)
    torch.manual_seed(2)
    theirs = mixture.log_prob(reference(mixture).sample((20_000,)))
    error = ((ours.var() + theirs.var()) / 20_000).sqrt()
    assert (ours.mean() - theirs.mean()).abs() < 4.5 * error


def test_ring_and_grid_have_their_modes_where_the_papers_have_them():
    eight = ring(8, 1.0, 0.01).centers
    torch.testing.assert_close(eight.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(eight[1], torch.tensor([math.sqrt(0.5), math.sqrt(0.5)]))
    twenty_five = {tuple(center) for center in grid().centers.tolist()}
    assert twenty_five == {(float(a), float(b)) for a in (-4, -2, 0, 2, 4) for b in (-4, -2, 0, 2, 4)}


def test_curves_are_dense_enough_to_have_no_gaps():
    for mixture in (moons(), spiral()):
        gaps = torch.cdist(mixture.centers, mixture.centers).fill_diagonal_(torch.inf).min(dim=1).values
        assert gaps.max() < 1.5 * mixture.std


def test_moons_are_two_half_circles_that_interleave():
    upper, lower = moons().centers.chunk(2)
    torch.testing.assert_close((upper - torch.tensor([-0.5, -0.25])).norm(dim=1), torch.ones(64))
    torch.testing.assert_close((lower - torch.tensor([0.5, 0.25])).norm(dim=1), torch.ones(64))
    assert upper[:, 1].min() >= -0.2501
    assert lower[:, 1].max() <= 0.2501


def test_a_generator_decides_the_samples():
    a, b = (spiral().sample(10, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(a, b)
    assert not torch.equal(spiral().sample(10), spiral().sample(10))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"\(M, 2\)"):
        GaussianMixture2D(torch.zeros(3), 1.0)
    with pytest.raises(ValueError, match="above 0"):
        ring(std=0.0)
    with pytest.raises(ValueError, match=r"\(N, 2\), got \(4, 3\)"):
        ring().log_prob(torch.zeros(4, 3))
