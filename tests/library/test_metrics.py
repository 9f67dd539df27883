"""Metrics against closed forms, exact sums and planted samples."""

import math
import warnings

import pytest
import torch
from torch import nn

from course_lib.data import GaussianMixture2D, grid, load, ring
from course_lib.metrics import (
    class_shares,
    evaluate_elbo,
    extract_features,
    feature_classifier,
    frechet_distance,
    frechet_with_floor,
    importance_nll,
    mode_coverage,
    sharpness,
    sharpness_distance,
)
from course_lib.models import MLPVAE, VAE, Classifier
from course_lib.objectives import bernoulli_log_prob


def normal(n, mean, std, seed):
    return mean + std * torch.randn(
        n, len(mean), dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


# --- likelihood


@pytest.fixture
def vae():
    """A VAE of one latent dimension whose likelihood a sum over a grid of z gives to seven digits."""
    torch.manual_seed(2)
    model = MLPVAE(4, 8, 1).double()
    for p in model.parameters():
        nn.init.normal_(p, std=0.7)
    with torch.no_grad():  # a q wider than the posterior: its weights have a finite variance
        model.encoder[-1].weight.mul_(0.2)
        model.encoder[-1].bias.copy_(torch.tensor([0.4, 0.3]))
    x = torch.tensor([[0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 1]], dtype=torch.float64)
    z = torch.linspace(-8, 8, 20_001, dtype=torch.float64)[:, None]
    log_prior = -0.5 * z[:, 0] ** 2 - 0.5 * math.log(2 * math.pi)
    log_joint = torch.stack([bernoulli_log_prob(model.decode(z), row.expand(len(z), 4)) for row in x]) + log_prior
    exact = torch.logsumexp(log_joint, 1) + math.log(16 / 20_000)
    return model, x, exact.detach()


def test_importance_nll_reaches_the_exact_likelihood(vae):
    model, x, exact = vae
    nll = importance_nll(model, x, 50_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(nll, -exact, rtol=0, atol=0.02)


@pytest.mark.parametrize("scale", [1.2, 1.5])
def test_importance_nll_with_another_proposal_is_exact_in_the_limit_too(vae, scale):
    model, x, exact = vae
    eps = normal(6, torch.zeros(1), 1.0, 4).view(2, 3, 1)
    mu, logvar = model.encode(x)
    q = torch.distributions.Normal(mu, scale * (0.5 * logvar).exp())
    z = mu + scale * (0.5 * logvar).exp() * eps
    log_p = torch.stack([bernoulli_log_prob(model.decode(row), x) for row in z]) + model.prior().log_prob(z)
    expected = -torch.logsumexp(log_p - q.log_prob(z).sum(2), 0) + math.log(2)
    torch.testing.assert_close(importance_nll(model, x, 2, eps=eps, proposal_scale=scale), expected.detach())
    source = torch.Generator().manual_seed(0)
    nll = importance_nll(model, x, 50_000, generator=source, proposal_scale=scale)
    torch.testing.assert_close(nll, -exact, rtol=0, atol=0.02)


def test_elbo_below_iwae_below_likelihood_in_expectation(vae):
    model, x, exact = vae
    many = x.repeat_interleave(4_000, 0)

    def mean(values):
        return values.view(3, -1).mean(1)

    source = torch.Generator().manual_seed(0)
    bound_1 = mean(evaluate_elbo(model, many, generator=source).elbo)
    bound_5 = mean(-importance_nll(model, many, 5, generator=source))
    bound_50 = mean(-importance_nll(model, many, 50, generator=source))
    assert (bound_1 < bound_5).all()
    assert (bound_5 < bound_50).all()
    assert (bound_50 < exact).all()
    gap = evaluate_elbo(model, many, generator=source)
    assert (gap.kl > 0).all()


def test_importance_nll_with_one_sample_by_hand_and_in_any_chunk(vae):
    model, x, _ = vae
    eps = torch.randn(6, 3, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    mu, logvar = model.encode(x)
    log_w = []
    for k in range(6):
        z = mu + (0.5 * logvar).exp() * eps[k]
        log_q = torch.distributions.Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(1)
        log_w.append(bernoulli_log_prob(model.decode(z), x) + model.prior().log_prob(z) - log_q)
    expected = -(torch.stack(log_w).exp().mean(0).log()).detach()
    for max_decoded in (1, 4, 7, 1000):
        torch.testing.assert_close(importance_nll(model, x, 6, eps=eps, max_decoded=max_decoded), expected)


def test_importance_nll_uses_exactly_k_samples_keeps_no_graph_and_restores_the_mode(vae):
    model, x, _ = vae
    decoded = []

    class Counting(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, z):
            decoded.append(len(z))
            assert not self.training
            return self.inner(z)

    counting = VAE(model.encoder, Counting(model.decoder), 1).double().train()
    nll = importance_nll(counting, x, 7, max_decoded=5)
    assert decoded == [5, 2, 5, 2, 5, 2]
    decoded.clear()
    importance_nll(counting, x, 7, max_decoded=14)
    assert decoded == [14, 7], "two images at once, then the third"
    assert not nll.requires_grad
    assert counting.training
    with pytest.raises(ValueError, match="proposal_scale must be above 0, got 0"):
        importance_nll(counting, x, 2, proposal_scale=0)


# --- Fréchet distance


def test_frechet_distance_of_diagonal_gaussians_in_closed_form():
    mean_a, mean_b = torch.tensor([0.0, 1.0, -2.0]), torch.tensor([0.5, -1.0, 1.0])
    std_a, std_b = torch.tensor([1.0, 0.5, 2.0]), torch.tensor([0.3, 1.5, 1.0])
    expected = ((mean_a - mean_b) ** 2 + (std_a - std_b) ** 2).sum().item()
    a, b = normal(200_000, mean_a, std_a, 0), normal(200_000, mean_b, std_b, 1)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=0.01)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_frechet_distance_of_correlated_clouds_equals_the_square_root_of_the_product():
    a = normal(500, torch.zeros(4), 1.0, 0) @ torch.randn(
        4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(7)
    )
    b = normal(700, torch.ones(4), 1.0, 1) @ torch.randn(
        4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(8)
    )
    product = torch.linalg.eigvals(a.T.cov() @ b.T.cov())
    expected = (
        (a.mean(0) - b.mean(0)).square().sum()
        + a.T.cov().trace()
        + b.T.cov().trace()
        - 2 * product.sqrt().real.sum()
    )
    assert frechet_distance(a, b) == pytest.approx(expected.item(), rel=1e-8)


def test_frechet_distance_of_a_set_to_itself_is_zero_also_when_rank_deficient():
    a = normal(50, torch.zeros(3), 1.0, 0)
    flat = torch.cat([a, a], 1)
    assert frechet_distance(flat, flat) == pytest.approx(0, abs=1e-6)
    assert math.isfinite(frechet_distance(flat, flat + 1))
    assert frechet_distance(flat, flat + 1) == pytest.approx(6, rel=1e-4)


def test_frechet_distance_is_computed_in_float64():
    a = normal(60, torch.full((3,), 1e3), 1.0, 0).float()
    b = normal(60, torch.full((3,), 1e3), 1.5, 1).float()
    assert frechet_distance(a, b) == frechet_distance(a.double(), b.double())


def test_frechet_distance_warns_of_few_samples_and_refuses_nonsense():
    a = normal(50, torch.zeros(3), 1.0, 0)
    with pytest.warns(UserWarning, match="features_a: 5 samples are too few"):
        frechet_distance(a[:5], a)
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(torch.full((9, 3), float("nan")), a)
    with pytest.raises(ValueError, match="differ in number"):
        frechet_distance(a[:, :2], a)
    with pytest.raises(ValueError, match=r"\(N, d\)"):
        frechet_distance(a[0], a)


def test_frechet_distance_takes_just_enough_samples_without_a_warning():
    a = normal(6, torch.zeros(3), 1.0, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert frechet_distance(a, a + 2) == pytest.approx(12)
    with pytest.warns(UserWarning, match="features_b: 5 samples are too few for 3 features; take at least 6"):
        frechet_distance(a, a[:5])
    with pytest.raises(ValueError, match=r"features_b must have shape.*at least 2"):
        frechet_distance(a[:, :1], a[:1, :1])


def test_floor_compares_equal_sizes_of_disjoint_halves():
    real = normal(400, torch.zeros(3), 1.0, 0)
    made = normal(400, torch.zeros(3) + 2, 1.0, 1)
    result = frechet_with_floor(made, real)
    assert result.num_samples == 200
    assert result.distance == pytest.approx(frechet_distance(made[:200], real[:200]))
    assert result.floor == pytest.approx(frechet_distance(real[:200], real[200:]))
    assert 0 < result.floor < 0.5 < result.distance
    assert str(result) == f"{result.distance:.2f} (real against real {result.floor:.2f}, n = 200)"
    assert frechet_with_floor(made[:200], torch.cat([real, made[:1]])) == result, "an odd one is left out"
    with pytest.raises(ValueError, match="at least 200"):
        frechet_with_floor(made[:199], real)


def test_shipped_classifier_knows_digits():
    classifier = feature_classifier()
    data = load("glyphs", "test", 500)
    assert (classifier.probabilities(data.x).argmax(1) == data.y).double().mean() > 0.97
    assert classifier.hash
    assert not any(p.requires_grad for p in classifier.parameters())


def test_features_are_the_last_hidden_layer_in_any_chunk_without_a_trace():
    torch.manual_seed(0)
    network = Classifier(3, feature_dim=5)
    network.body.append(nn.Dropout(0.5))
    network.train()
    x = torch.rand(7, 1, 28, 28)
    expected = network.body[:-1](x).detach().double()
    for chunk in (1, 3, 7, 2000):
        found = extract_features(x, network, chunk=chunk)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
        assert found.dtype == torch.float64
    assert not found.requires_grad
    assert network.training
    shipped = extract_features(x)
    assert shipped.shape == (7, 64)
    torch.testing.assert_close(shipped, feature_classifier().features(x).double(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="chunk must be an integer of at least 1, got 0"):
        extract_features(x, network, chunk=0)


def test_features_are_taken_two_thousand_images_at_a_time_unless_one_says_otherwise():
    sizes = []

    class Counting(Classifier):
        def features(self, x):
            sizes.append(len(x))
            return x.flatten(1)

    extract_features(torch.zeros(2001, 1, 1, 1), Counting())
    assert sizes == [2000, 1]


def test_features_of_colour_images_and_of_a_network_without_parameters():
    class Means(nn.Module):
        def features(self, x):
            return x.mean(dim=(2, 3))

    x = torch.rand(4, 3, 5, 6)
    torch.testing.assert_close(extract_features(x, Means()), x.mean(dim=(2, 3)).double())


# --- coverage


def test_planted_samples_give_the_planted_counts():
    mixture = ring(8, radius=1.0, std=0.01)
    near = mixture.centers[[0, 0, 0, 2, 2, 5]] + torch.tensor([0.02, 0.0])
    far = mixture.centers[[1, 1]] + torch.tensor([0.031, 0.0])
    result = mode_coverage(torch.cat([near, far]), mixture)
    assert result.modes == 3
    assert result.high_quality == pytest.approx(6 / 8)
    shares = (3 / 6, 2 / 6, 1 / 6)
    assert result.reverse_kl == pytest.approx(sum(p * math.log(8 * p) for p in shares))


def test_perfect_and_empty_coverage():
    mixture = grid(5, spacing=2.0, std=0.05)
    perfect = mode_coverage(mixture.sample(20_000, torch.Generator().manual_seed(0)), mixture)
    assert perfect.modes == 25
    assert perfect.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.003)  # a 2-D normal within 3 sigma
    assert perfect.reverse_kl < 0.002
    nothing = mode_coverage(torch.full((5, 2), 100.0), mixture)
    assert (nothing.modes, nothing.high_quality, nothing.reverse_kl) == (0, 0.0, math.inf)
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        mode_coverage(torch.zeros(4, 3), mixture)


def test_a_sample_at_three_deviations_is_near_and_each_counts_for_its_nearest_mode():
    mixture = GaussianMixture2D(torch.tensor([[0.0, 0.0], [16.0, 0.0]]), 1.0)
    samples = torch.tensor([[3.0, 0.0], [0.0, -3.0], [13.0, 0.0], [16.0, 3.5]])
    result = mode_coverage(samples, mixture)
    assert (result.modes, result.high_quality) == (2, 0.75)
    assert result.reverse_kl == pytest.approx(2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3))
    assert mode_coverage(samples, mixture, radius=2.9).high_quality == 0
    with pytest.raises(ValueError, match="N of at least 1"):
        mode_coverage(samples[:0], mixture)


def test_distances_to_modes_are_exact_for_many_samples_far_from_the_origin():
    """On whole numbers and in float32, where |a|^2 + |b|^2 - 2 ab would be off by more than the square itself."""
    mixture = GaussianMixture2D(torch.tensor([[0.0, 0.0], [9000.0, 9000.0]]), 1.0)
    right = torch.stack([torch.arange(9001.0, 9007.0), torch.full((6,), 9000.0)], 1)  # 1 to 6 away
    samples = torch.cat([right, right.flip(1)]).repeat(4, 1)
    assert vars(mode_coverage(samples, mixture)) == {
        "modes": 1,
        "high_quality": 0.5,
        "reverse_kl": pytest.approx(math.log(2)),
    }
    assert mode_coverage(samples.double(), mixture).high_quality == 0.5


def test_class_shares_at_the_limit_and_with_nobody_confident():
    probabilities = torch.tensor([[0.75, 0.25], [0.12, 0.88], [0.7, 0.3]])
    shares, sure = class_shares(probabilities, confidence=0.75)
    assert shares.tolist() == [0.5, 0.5]
    assert sure == pytest.approx(2 / 3)
    shares, sure = class_shares(probabilities)
    assert shares.tolist() == [0, 0]
    assert sure == 0
    for bad in (probabilities[0], probabilities[:0]):
        with pytest.raises(ValueError, match=r"\(N, num_classes\) with N of at least 1"):
            class_shares(bad)
    assert class_shares(torch.tensor([[0.95005, 0.05]]))[0].tolist() == [1, 0]


def test_class_shares_count_only_the_confident():
    probabilities = torch.tensor([[0.95, 0.05, 0.0], [0.0, 0.92, 0.08], [0.0, 1.0, 0.0], [0.6, 0.4, 0.0]])
    shares, sure = class_shares(probabilities)
    torch.testing.assert_close(shares, torch.tensor([1 / 3, 2 / 3, 0.0], dtype=torch.float64))
    assert sure == 0.75
    for off in (0.0002, -0.0002, math.nan):
        with pytest.raises(ValueError, match="add up to 1"):
            class_shares(probabilities + torch.tensor([off, 0.0, 0.0]))


# --- sharpness


def test_sharpness_of_a_wave_is_its_squared_frequency_response():
    """On sin(k x) the discrete Laplacian multiplies by 2 cos k - 2, up to the border."""
    k = 2 * math.pi / 5
    wave = (1 + torch.sin(k * torch.arange(1600.0)).expand(1, 1, 1600, 1600)) / 2  # energy 1/4 + 1/8
    assert sharpness(wave).item() == pytest.approx((2 * math.cos(k) - 2) ** 2 / 8 / (3 / 8), rel=0.02)


def test_sharpness_of_a_point_is_the_sum_of_the_squares_of_the_laplacian():
    x = torch.zeros(3, 1, 4, 5)
    x[0, 0, 1, 2] = x[1, 0, 0, 0] = x[2, 0, 3, 1] = 0.5
    assert sharpness(x).tolist() == [16 + 4, 16 + 2, 16 + 3], (
        "what lies outside the image is black and not counted"
    )


def test_sharpness_falls_with_blur_and_not_with_brightness():
    x = load("glyphs", "test", 20).x
    blurred = torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1)
    assert (sharpness(blurred) < 0.6 * sharpness(x)).all()
    torch.testing.assert_close(sharpness(0.5 * x), sharpness(x))
    assert sharpness(torch.zeros(2, 1, 5, 5)).tolist() == [0, 0]
    assert (sharpness(torch.rand(5, 1, 28, 28)) > sharpness(x).median()).all()  # noise is sharp too
    for bad in (x[:, :, 0], x.expand(-1, 3, -1, -1)):
        with pytest.raises(ValueError, match=r"\(N, 1, H, W\)"):
            sharpness(bad)


@pytest.mark.situation(
    "Odd tensors", "the sharpness of few images, or of sets of different sizes", "The exact Wasserstein distance."
)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (6, 4), (5, 400), (400, 399)])
def test_sharpness_distance_is_the_wasserstein_distance(n, m):
    """The area between the two distribution functions, where the integral is over sharpness instead."""
    x = load("glyphs", "test", n).x
    y = torch.nn.functional.avg_pool2d(load("glyphs", "train", m).x, 3, stride=1, padding=1)
    a, b = sharpness(x).double(), sharpness(y).double()
    s = torch.cat([a, b]).sort().values
    gap = ((a[:, None] <= s).double().mean(0) - (b[:, None] <= s).double().mean(0)).abs()
    assert sharpness_distance(x, y) == pytest.approx((gap[:-1] * s.diff()).sum().item(), rel=1e-9)
    assert sharpness_distance(y, x) == pytest.approx(sharpness_distance(x, y), rel=1e-9)
    assert sharpness_distance(x, x.flip(0)) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="at least one image each, got 0 and"):
        sharpness_distance(x[:0], y)


@pytest.mark.situation(
    "Odd tensors",
    "images in [-1, 1] or 0..255, bytes, or of NumPy's float64, for a metric",
    "A sentence with the range that came and the remedy; float64 is taken.",
)
@pytest.mark.parametrize("measure", [extract_features, sharpness, lambda x: sharpness_distance(x, x)])
def test_metrics_of_images_refuse_what_is_no_grey_level(measure):
    x = load("glyphs", "test", 5).x
    for bad, words in (
        (2 * x - 1, r"x must hold grey levels in \[0, 1\], got -1 to 1; .*\(x \+ 1\) / 2"),
        (255 * x, r"got 0 to 255; divide bytes by 255"),
        (x / 0, "NaN values"),
    ):
        with pytest.raises(ValueError, match=words):
            measure(bad)
    with pytest.raises(TypeError, match=r"x must hold floats in \[0, 1\], got torch.uint8; use x.float\(\) / 255"):
        measure((255 * x).byte())
    torch.testing.assert_close(torch.as_tensor(measure(x.double())).double(), torch.as_tensor(measure(x)).double())


@pytest.mark.parametrize("rows", [1, 3])
def test_a_floor_of_too_few_rows_names_those_given(rows):
    with pytest.raises(
        ValueError, match=rf"real must have shape \(N, d\) with N of at least 4, got \({rows}, 3\)"
    ):
        frechet_with_floor(torch.rand(9, 3), torch.rand(rows, 3))


@pytest.mark.parametrize("made", [torch.rand(1, 3), torch.rand(9), torch.full((9, 3), torch.nan)])
def test_a_floor_names_generated_rows_that_are_none(made):
    with pytest.raises(
        ValueError, match=r"^generated (must have shape \(N, d\) with N of at least 2|holds values)"
    ):
        frechet_with_floor(made, torch.rand(8, 3))


def test_a_floor_can_be_had_of_two_generated_rows():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert frechet_with_floor(torch.rand(2, 3), torch.rand(4, 3)).num_samples == 2
