"""The parts of the KL against mixtures of torch.distributions, naive loops, enumerated batches and quadrature."""

import itertools
import math
import re

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from course_lib.objectives import kl_decomposition, kl_standard_normal, tc_elbo
from course_lib.objectives.tc_vae import pair_log_weights

PARTS = ("mutual_information", "total_correlation", "dimension_wise")


def posteriors(num=5, latent_dim=3, seed=3):
    source = torch.Generator().manual_seed(seed)
    mu = 0.4 + torch.randn(num, latent_dim, generator=source, dtype=torch.float64)
    logvar = -0.9 + 0.7 * torch.randn(num, latent_dim, generator=source, dtype=torch.float64)
    z = mu + (0.5 * logvar).exp() * torch.randn(num, latent_dim, generator=source, dtype=torch.float64)
    return z, mu, logvar


def aggregate(mu, logvar):
    """q(z) over all dimensions, and the list of its marginals."""
    share = Categorical(logits=torch.zeros(len(mu), dtype=mu.dtype))
    std = (0.5 * logvar).exp()
    joint = MixtureSameFamily(share, Independent(Normal(mu, std), 1))
    return joint, [MixtureSameFamily(share, Normal(mu[:, d], std[:, d])) for d in range(mu.shape[1])]


def test_with_the_whole_data_set_in_one_batch_the_parts_are_exact():
    z, mu, logvar = posteriors()
    joint, marginals = aggregate(mu, logvar)
    log_joint = joint.log_prob(z)
    log_product = sum(q.log_prob(z[:, d]) for d, q in enumerate(marginals))
    log_q = Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(1)
    log_prior = Normal(0.0, 1.0).log_prob(z).sum(1)
    parts = kl_decomposition(z, mu, logvar, num_images=5)
    torch.testing.assert_close(parts.mutual_information, log_q - log_joint)
    torch.testing.assert_close(parts.total_correlation, log_joint - log_product)
    torch.testing.assert_close(parts.dimension_wise, log_product - log_prior)
    torch.testing.assert_close(parts.kl, log_q - log_prior)


def test_their_means_are_the_kl_and_a_positive_total_correlation():
    _, mu, logvar = posteriors(num=4, latent_dim=2)
    mu = mu + torch.tensor([[-1.0], [-0.5], [0.5], [1.5]], dtype=mu.dtype)  # both dimensions rise together
    joint, marginals = aggregate(mu, logvar)
    axis = torch.linspace(-8, 8, 400, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    log_joint = joint.log_prob(grid)
    log_ratio = log_joint - marginals[0].log_prob(grid[:, 0]) - marginals[1].log_prob(grid[:, 1])
    exact = (log_joint.exp() * log_ratio).sum() * (axis[1] - axis[0]) ** 2
    torch.manual_seed(0)
    eps = torch.randn(1_500, *mu.shape, dtype=mu.dtype)
    draws = [kl_decomposition(mu + (0.5 * logvar).exp() * e, mu, logvar, num_images=4) for e in eps]
    tc = torch.stack([d.total_correlation.mean() for d in draws])
    kl = torch.stack([d.kl.mean() for d in draws])
    assert exact > 0.2
    for draw, expected in ((tc, exact), (kl, kl_standard_normal(mu, logvar).mean())):
        error = draw.std() / math.sqrt(len(draw))
        assert error < 0.03
        assert (draw.mean() - expected).abs() < 4 * error


def naive(z, mu, logvar, weight):
    """Two loops over the batch, one over dimensions; ``weight(i, j)``, each time beside a whole density."""
    num, latent_dim = z.shape

    def density(i, j, d):
        return torch.exp(-0.5 * (z[i, d] - mu[j, d]) ** 2 / logvar[j, d].exp()) / torch.sqrt(
            2 * math.pi * logvar[j, d].exp()
        )

    rows = []
    for i in range(num):
        joint, marginals = 0.0, [0.0] * latent_dim
        own, prior = 1.0, 1.0
        for j in range(num):
            product = 1.0
            for d in range(latent_dim):
                product = product * density(i, j, d)
                marginals[d] = marginals[d] + weight(i, j) * density(i, j, d)
            joint = joint + weight(i, j) * product
            own = product if i == j else own
        for d in range(latent_dim):
            prior = prior * torch.exp(-0.5 * z[i, d] ** 2) / math.sqrt(2 * math.pi)
        product = math.prod(marginals)
        rows.append(torch.stack([own / joint, joint / product, product / prior]).log())
    return torch.stack(rows, dim=1)


NUM_IMAGES = 11
WEIGHTS = {
    "stratified": lambda i, j: 1 / NUM_IMAGES if i == j else (NUM_IMAGES - 1) / NUM_IMAGES / 4,
    "weighted": lambda i, j: 1 / (NUM_IMAGES * 5),
}


@pytest.mark.parametrize("estimator", WEIGHTS)
def test_a_part_of_the_data_equals_naive_loops_in_value_and_gradient(estimator):
    inputs = [t.requires_grad_() for t in posteriors()]
    parts = kl_decomposition(*inputs, NUM_IMAGES, estimator)
    ours = torch.stack([getattr(parts, name) for name in PARTS])
    theirs = naive(*inputs, WEIGHTS[estimator])
    torch.testing.assert_close(ours, theirs)
    scale = torch.linspace(0.5, 2, ours.numel(), dtype=ours.dtype).reshape(ours.shape)
    for a, b in zip(
        torch.autograd.grad((scale * ours).sum(), inputs),
        torch.autograd.grad((scale * theirs).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_the_stratified_estimate_averages_over_batches_to_the_aggregate_posterior():
    z, mu, logvar = posteriors(num=6, latent_dim=1)
    joint, _ = aggregate(mu, logvar)
    log_q = Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(1)
    estimates = []
    for others in itertools.combinations(range(1, 6), 2):
        batch = [others[0], 0, others[1]]  # the code in question is not the first of its batch
        parts = kl_decomposition(z[batch], mu[batch], logvar[batch], num_images=6)
        estimates.append((log_q[0] - parts.mutual_information[1]).exp())
    estimates = torch.stack(estimates)
    assert estimates.std() > 0.1 * estimates.mean()
    torch.testing.assert_close(estimates.mean(), joint.log_prob(z[0]).exp())


def test_the_stratified_weights_are_the_papers_averaged_over_the_orders_of_a_batch():
    """In the paper's, N = 9 and M = B - 1 = 3: 1/N for the own posterior, one odd weight, 1/M for the rest."""
    odd = (9 - 3) / (9 * 3)
    orders = [[1 / 9 if j == i else odd if j == k else 1 / 3 for j in range(4)] for i in (2,) for k in (0, 1, 3)]
    paper = torch.tensor(orders, dtype=torch.float64).mean(0)
    ours = pair_log_weights(4, 9).exp()
    torch.testing.assert_close(ours[2], paper)
    torch.testing.assert_close(ours.sum(1), torch.ones(4, dtype=torch.float64))


def test_the_weighted_estimate_adds_a_constant_for_each_dimension_beyond_the_first():
    small, large = (kl_decomposition(*posteriors(), n, "weighted") for n in (5, 40))
    difference = large.total_correlation - small.total_correlation
    torch.testing.assert_close(difference, torch.full_like(difference, 2 * math.log(8)))
    torch.testing.assert_close(large.kl, small.kl)


@pytest.mark.parametrize(
    ("batch_size", "num_images", "estimator", "words"),
    [
        (1, 9, "stratified", "batch of 2 to num_images = 9 images, got 1"),
        (10, 9, "stratified", "whole training set"),
        (0, 9, "weighted", "batch of 1 to num_images = 9 images, got 0"),
        (10, 9, "weighted", "got 10"),
        (3, 9, "exact", "'stratified' or 'weighted', got 'exact'"),
    ],
)
def test_batches_and_names_that_make_no_sense_are_refused(batch_size, num_images, estimator, words):
    with pytest.raises(ValueError, match=words):
        pair_log_weights(batch_size, num_images, estimator)


def test_the_parts_are_of_the_type_of_the_codes():
    parts = kl_decomposition(*(t.float() for t in posteriors()), NUM_IMAGES)
    assert {getattr(parts, name).dtype for name in PARTS} == {torch.float32}


def test_the_smallest_and_largest_batches():
    double = {"dtype": torch.float64}
    torch.testing.assert_close(pair_log_weights(1, 9, "weighted").exp(), torch.full((1, 1), 1 / 9, **double))
    torch.testing.assert_close(pair_log_weights(2, 3).exp(), torch.tensor([[1, 2], [2, 1]], **double) / 3)
    torch.testing.assert_close(pair_log_weights(4, 4).exp(), torch.full((4, 4), 0.25, **double))
    torch.testing.assert_close(pair_log_weights(4, 4, "weighted").exp(), torch.full((4, 4), 1 / 16, **double))


@pytest.mark.parametrize("shapes", [((4, 2), (4, 3), (4, 3)), ((4, 3), (4, 3), (4, 2)), ((4,), (4,), (4,))])
def test_shapes_that_do_not_fit_are_refused(shapes):
    said = f"z, mu and logvar must all have shape (batch, latent_dim), got {list(shapes)}"
    with pytest.raises(ValueError, match=re.escape(said)):
        kl_decomposition(*(torch.zeros(s) for s in shapes), 9)


RECONSTRUCTION = torch.tensor([-9.0, -3.5, -7.0, -1.25, -4.0], dtype=torch.float64)


@pytest.mark.parametrize("estimator", WEIGHTS)
def test_the_objective_weighs_the_total_correlation_and_nothing_else(estimator):
    z, mu, logvar = posteriors()
    bound = tc_elbo(RECONSTRUCTION, z, mu, logvar, NUM_IMAGES, beta=2.5, estimator=estimator)
    tc = naive(z, mu, logvar, WEIGHTS[estimator])[1]
    kl = kl_standard_normal(mu, logvar)
    torch.testing.assert_close(bound.loss, (kl - RECONSTRUCTION + 1.5 * tc).mean())
    torch.testing.assert_close(bound.elbo, RECONSTRUCTION - kl)
    expected = {"loss": bound.loss, "-reconstruction": -RECONSTRUCTION, "KL": kl, "TC": tc}
    torch.testing.assert_close(bound.parts, expected)


def test_with_beta_of_one_it_is_the_vae_and_by_default_six():
    z, mu, logvar = posteriors()
    one = tc_elbo(RECONSTRUCTION, z, mu, logvar, NUM_IMAGES, beta=1.0)
    plain = -(RECONSTRUCTION - kl_standard_normal(mu, logvar)).mean()
    torch.testing.assert_close(one.loss, plain)
    default = tc_elbo(RECONSTRUCTION, z, mu, logvar, NUM_IMAGES)
    stratified = naive(z, mu, logvar, WEIGHTS["stratified"])[1]
    torch.testing.assert_close(default.loss, plain + 5 * stratified.mean())
