"""The VAE-GAN's step where the answer is known without it: a discriminator that can't tell, one that barely can."""

import copy

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from course_lib.models import MLPVAE, VAEGAN
from course_lib.training import R1, GradientPenalty, Regulariser, VAEGANStep, WeightClipping

PIXELS, LATENT, BATCH = 7, 2, 5


class Judge(nn.Module):
    """A discriminator with a hidden layer of its own making; its head is a multiple of ones."""

    def __init__(self, features, width, weight):
        super().__init__()
        self.features = features
        self.head = nn.Linear(width, 1)
        nn.init.constant_(self.head.weight, weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(self.features(x)).squeeze(1)


def pair(kind, weight):
    """A VAE-GAN on vectors, in float64, whose features are the data itself or a layer on top of it."""
    torch.manual_seed(0)
    model = VAEGAN(LATENT)
    model.vae = MLPVAE(PIXELS, 6, LATENT)
    hidden = nn.Sequential(nn.Linear(PIXELS, 4), nn.Tanh())
    model.discriminator = Judge(nn.Identity(), PIXELS, weight) if kind == "identity" else Judge(hidden, 4, weight)
    return model.double(), torch.rand(BATCH, PIXELS, dtype=torch.float64)


def unit_gaussian_vae_loss(vae, features, x, beta):
    """-ELBO (up to its constant) of a VAE whose decoder is a Gaussian of unit variance around the features."""
    mu, logvar = vae.encoder(x).chunk(2, 1)
    posterior = Normal(mu, logvar.exp().sqrt())
    x_hat = vae.decoder(mu + posterior.stddev * torch.randn_like(mu)).sigmoid()
    log_prob = Normal(features(x_hat), 1.0).log_prob(features(x)).sum(1)
    return (beta * kl_divergence(posterior, Normal(0.0, 1.0)).sum(1) - log_prob).mean()


def discriminator_loss(model, x, seed):
    """Its cross-entropy, half for each kind of decoded image, written with probabilities; of its own draw from seed."""
    torch.manual_seed(seed)
    mu, logvar = model.vae.encoder(x).chunk(2, 1)
    x_hat = model.vae.decoder(mu + logvar.exp().sqrt() * torch.randn_like(mu)).sigmoid()
    x_prior = model.vae.decoder(torch.randn(BATCH, LATENT, dtype=x.dtype)).sigmoid()
    real, hat, prior = (torch.sigmoid(model.discriminator(t)) for t in (x, x_hat, x_prior))
    return (-real.log() - 0.5 * ((1 - hat).log() + (1 - prior).log())).mean()


@pytest.mark.parametrize("kind", ["identity", "hidden"])
def test_without_an_opinion_of_the_discriminator_it_is_a_vae_in_feature_space(kind):
    """A head of zeros has nothing to say about any image, and what is left is a plain VAE on the features."""
    model, x = pair(kind, weight=0.0)
    twin = copy.deepcopy(model)
    step = VAEGANStep(model, beta=0.7, regularisers=())
    torch.manual_seed(1)
    step(x)
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(twin.vae.parameters(), lr=1e-3, betas=(0.5, 0.99))
    unit_gaussian_vae_loss(twin.vae, twin.discriminator.features, x, beta=0.7).backward()
    optimizer.step()
    for p, q in zip(model.vae.parameters(), twin.vae.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_the_decoder_climbs_the_discriminator_s_loss():
    """Where D is about 1/2 at every image, the slopes of -log D and of log(1 - D) are the same: the decoder's share
    of fooling is minus once the gradient of the discriminator's loss. A popular implementation has it positive."""
    model, x = pair("hidden", weight=1e-6)
    step = VAEGANStep(model, gamma=0.0, regularisers=())
    torch.manual_seed(2)
    gradients, _ = step.gradients(x)
    of_tell = torch.autograd.grad(discriminator_loss(model, x, 2), list(model.vae.decoder.parameters()))
    for got, climbed in zip(gradients["decoder"], of_tell, strict=True):
        torch.testing.assert_close(got, -climbed, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("kind", ["identity", "hidden"])
def test_the_adversary_never_reaches_the_encoder_nor_the_features_error_the_discriminator(kind):
    """A louder head changes no gradient of the encoder; a heavier feature error none of the discriminator."""

    def gradients(weight, gamma):
        model, x = pair(kind, weight)
        torch.manual_seed(3)
        return VAEGANStep(model, gamma=gamma, regularisers=()).gradients(x)[0]

    quiet, loud, heavy = gradients(0.1, 1.0), gradients(3.0, 1.0), gradients(0.1, 9.0)
    for a, b in zip(quiet["encoder"], loud["encoder"], strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(quiet["discriminator"], heavy["discriminator"], strict=True):
        torch.testing.assert_close(a, b)
    assert not torch.allclose(quiet["decoder"][0], loud["decoder"][0])
    assert not torch.allclose(quiet["decoder"][0], heavy["decoder"][0])


@pytest.mark.parametrize("kind", ["identity", "hidden"])
def test_the_discriminator_descends_its_own_loss_and_nothing_else(kind):
    model, x = pair(kind, weight=0.4)
    torch.manual_seed(5)
    gradients, _ = VAEGANStep(model, beta=0.3, gamma=0.7, regularisers=()).gradients(x)
    expected = torch.autograd.grad(discriminator_loss(model, x, 5), list(model.discriminator.parameters()))
    for got, wanted in zip(gradients["discriminator"], expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_r1_is_lazy_and_on_real_images():
    """On a head w over the pixels themselves R1 is gamma / 2 |w|^2: its gradient is gamma w, times the steps it
    stands for, and nothing in between."""
    model, x = pair("identity", weight=0.2)
    noted = []
    for regularisers in ((), (R1(0.6, every=3),)):
        step = VAEGANStep(copy.deepcopy(model), regularisers=regularisers)
        noted.append([])
        for number in range(4):
            step.steps = number
            torch.manual_seed(4)
            noted[-1].append(step.gradients(x)[0]["discriminator"][0])
    difference = [b - a for a, b in zip(*noted, strict=True)]
    for number, d in enumerate(difference):
        expected = 3 * 0.6 * 0.2 if number % 3 == 0 else 0.0
        torch.testing.assert_close(d, torch.full_like(d, expected))


def test_regularisers_see_decoded_samples_and_change_weights_after_the_step():
    """As in a GAN: generated images come detached, and a constraint holds when the step is over."""
    model, x = pair("hidden", 0.5)
    calls = []

    class Noting(Regulariser):
        def penalty(self, discriminator, x, x_fake, step):
            calls.append((x, x_fake.requires_grad, x_fake.shape, step))
            return discriminator(x_fake)

    step = VAEGANStep(model, lr=0.5, regularisers=[Noting(), WeightClipping(0.3)])
    for _ in range(2):
        step(x)
    assert all(real is x for real, *_ in calls)
    assert [rest for _, *rest in calls] == [[False, x.shape, 0], [False, x.shape, 1]]
    assert max(p.abs().max().item() for p in model.discriminator.parameters()) == 0.3
    assert max(p.abs().max().item() for p in model.vae.parameters()) > 0.3


def test_reported_parts_are_those_of_the_batch():
    """Without an opinion: log 2 for fooling, 2 log 2 for telling; KL and feature error as of the plain VAE."""
    model, x = pair("identity", weight=0.0)
    step = VAEGANStep(model, gamma=0.3)
    torch.manual_seed(5)
    _, parts = step.gradients(x)
    torch.manual_seed(5)
    mu, logvar = model.vae.encoder(x).chunk(2, 1)
    posterior = Normal(mu, logvar.exp().sqrt())
    x_hat = model.vae.decoder(mu + posterior.stddev * torch.randn_like(mu)).sigmoid()
    log_2 = torch.tensor(2.0, dtype=torch.float64).log()
    expected = {
        "KL": kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean(),
        "feature error": 0.5 * ((x_hat - x) ** 2).sum(1).mean(),
        "fool": log_2,
        "discriminator": 2 * log_2,
    }
    torch.testing.assert_close(parts, {name: value.detach() for name, value in expected.items()})


def test_the_average_follows_and_steps_are_counted():
    model, x = pair("hidden", weight=0.5)
    step = VAEGANStep(model, lr=0.1, ema_decay=0.05)  # below 1/10, where the first average starts
    before = [p.clone() for p in step.ema.module.parameters()]
    step(x)
    assert step.steps == 1
    assert step.ema.updates == 1
    for old, mean, now in zip(before, step.ema.module.parameters(), model.vae.parameters(), strict=True):
        torch.testing.assert_close(mean, 0.05 * old + 0.95 * now.detach())


def test_a_discriminator_that_a_regulariser_refuses_is_refused():
    model = pair("hidden", 0.5)[0]
    model.discriminator.features.append(nn.BatchNorm1d(4))
    with pytest.raises(ValueError, match="batch normalisation"):
        VAEGANStep(model, regularisers=[GradientPenalty()])


def test_defaults_are_the_lessons():
    step = VAEGANStep(pair("hidden", 0.5)[0])
    assert (step.beta, step.gamma, step.regularisers, step.ema.decay) == (1, 1, (R1(0.5, every=8),), 0.999)
    for optimizer in step.optimizers.values():
        assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (1e-3, (0.5, 0.99))
