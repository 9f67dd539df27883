"""A VAE's likelihoods, as distributions and as pictures, and the k-sparse code."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal

from course_lib.models import MLPVAE, VAE, ConvVAE, TopK, bounded_logvar, evaluating

B, P, D = 4, 6, 2


@pytest.fixture
def gaussian():
    torch.manual_seed(0)
    model = MLPVAE(P, 8, D, likelihood="gaussian").double()
    model.logvar_x.data.fill_(-1.4)
    return model


def test_a_gaussian_decoder_is_a_normal_of_the_models_own_variance(gaussian):
    z, x = torch.randn(B, D).double(), torch.randn(B, P).double()
    expected = Normal(gaussian.decoder(z), torch.tensor(-0.7).double().exp()).log_prob(x).sum(1)
    torch.testing.assert_close(gaussian.observation_model(z).log_prob(x), expected)


def test_a_bernoulli_decoder_has_no_variance():
    torch.manual_seed(0)
    model = MLPVAE(P, 8, D)
    assert model.logvar_x is None
    assert not any("logvar_x" in name for name in model.state_dict())
    z = torch.randn(B, D)
    expected = Bernoulli(logits=model.decoder(z)).log_prob(torch.ones(B, P)).sum(1)
    torch.testing.assert_close(model.observation_model(z).log_prob(torch.ones(B, P)), expected)


def test_pictures_are_means_squashed_only_for_a_bernoulli(gaussian):
    z, x = torch.randn(B, D).double(), torch.rand(B, P).double()
    bernoulli = VAE(gaussian.encoder, gaussian.decoder, D)
    mu = gaussian.encoder(x)[:, :D]
    for model, squash in ((gaussian, nn.Identity()), (bernoulli, nn.Sigmoid())):
        torch.testing.assert_close(model.sample(B, z), squash(model.decoder(z)))
        torch.testing.assert_close(model.reconstruct(x), squash(model.decoder(mu)))


@pytest.mark.parametrize("build", [lambda **kw: MLPVAE(P, 8, D, **kw), lambda **kw: ConvVAE(D, **kw)])
def test_every_vae_takes_a_likelihood(build):
    assert build(likelihood="gaussian").logvar_x.item() == 0
    assert build().logvar_x is None
    with pytest.raises(ValueError, match=r"likelihood must be 'bernoulli' or 'gaussian', got 'poisson'"):
        build(likelihood="poisson")


@pytest.mark.parametrize("build", [lambda: ConvVAE(0), lambda: VAE(nn.Identity(), nn.Identity(), 0)])
def test_no_latent_dimensions_are_refused(build):
    with pytest.raises(ValueError, match="latent_dim must be an integer of at least 1, got 0"):
        build()


def test_top_k_keeps_the_largest_and_only_they_have_a_gradient():
    z = torch.tensor([[0.3, -2.0, 1.5, 0.9], [-0.1, -0.4, -0.2, -3.0]], requires_grad=True)
    code = TopK(2)(z)
    torch.testing.assert_close(code.detach(), torch.tensor([[0, 0, 1.5, 0.9], [-0.1, 0, -0.2, 0]]))
    weights = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    (gradient,) = torch.autograd.grad((weights * code).sum(), z)
    assert gradient.tolist() == [[0, 0, 3, 4], [5, 0, 7, 0]]
    assert torch.equal(TopK(4)(z), z)


def test_top_k_of_none_or_of_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match="k must be an integer of at least 1, got 0"):
        TopK(0)
    with pytest.raises(ValueError, match=r"k must be at most.*k = 5 for \(2, 4\)"):
        TopK(5)(torch.zeros(2, 4))


@pytest.mark.situation(
    "Long runs",
    "a picture drawn in mid-training from a network with a part frozen by .eval()",
    "The part stays frozen: looking on doesn't change the training.",
)
def test_looking_on_leaves_each_module_in_its_own_mode():
    model = ConvVAE(3, (2, 3), batch_norm=True)
    model.decoder.eval()
    model.decoder[-1].train()
    before = {name: module.training for name, module in model.named_modules()}
    assert set(before.values()) == {True, False}
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    model.sample(2)
    model.reconstruct(torch.rand(2, 1, 28, 28))
    assert {name: module.training for name, module in model.named_modules()} == before


@pytest.mark.situation(
    "Odd tensors", "a log-variance of a billion, or infinite", "The bound itself; a finite one keeps its gradient."
)
def test_a_bounded_log_variance_is_bounded_wherever_it_was():
    logvar = torch.tensor([-math.inf, -3e38, -13.0, 0.3, 8.5, 134217744.0, 1e9, math.inf], requires_grad=True)
    bounded = bounded_logvar(logvar)
    assert bounded.tolist() == [-12, -12, -12, pytest.approx(0.3), 8, 8, 8, 8]
    bounded.sum().backward()
    assert logvar.grad[1:-1].tolist() == [1] * 6
    assert bounded_logvar(torch.tensor(math.nan)).isnan()
