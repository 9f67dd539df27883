"""The steps of the conditional VAE and of the beta-TCVAE against the same steps written out plainly."""

import copy

import torch
import torch.nn.functional as F
from torch.distributions import Normal

from course_lib.data import binarize
from course_lib.models import MLPVAE, ConditionalVAE, mlp
from course_lib.objectives import kl_decomposition
from course_lib.training import ConditionalVAEStep, TCVAEStep

B, PIXELS, LATENT = 8, 5, 2


def assert_same_weights(a, b):
    for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(p, q, msg=lambda m, n=name: f"{n}: {m}")


def bce(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)


def descend(model, loss, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def conditional():
    encoder, decoder = mlp([PIXELS + 3, 8, 2 * LATENT]), mlp([LATENT + 3, 8, PIXELS])
    return ConditionalVAE(encoder, decoder, LATENT, 3).double()


def test_conditional_step_equals_the_plain_one():
    torch.manual_seed(0)
    model = conditional()
    twin = copy.deepcopy(model)
    grey, y = torch.rand(B, PIXELS).double(), torch.tensor([0, 2, 1, 1, 0, 2, 2, 2])
    step = ConditionalVAEStep(model, lr=1e-2, beta=0.5)
    torch.manual_seed(1)
    reported = step((grey, y))
    torch.manual_seed(1)
    x, one_hot = binarize(grey), F.one_hot(y, 3).double()
    mu, logvar = twin.encoder(torch.cat([x, one_hot], 1)).chunk(2, 1)
    z = mu + logvar.exp().sqrt() * torch.randn_like(mu)
    reconstruction = bce(twin.decoder(torch.cat([z, one_hot], 1)), x)
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum() / B
    descend(twin, reconstruction + 0.5 * kl, 1e-2)
    assert_same_weights(model, twin)
    expected = {"loss": reconstruction + 0.5 * kl, "-reconstruction": reconstruction, "KL": kl}
    torch.testing.assert_close(reported, {name: value.detach() for name, value in expected.items()})
    assert step.steps == 1
    step((grey, y))
    assert step.steps == 2


def tc_twin_step(twin, grey, num_images, beta, lr, estimator):
    x = binarize(grey)
    mu, logvar = twin.encoder(x).chunk(2, 1)
    z = mu + logvar.exp().sqrt() * torch.randn_like(mu)
    reconstruction = bce(twin.decoder(z), x)
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum() / B
    tc = kl_decomposition(z, mu, logvar, num_images, estimator).total_correlation.mean()
    loss = reconstruction + kl + (beta - 1) * tc
    descend(twin, loss, lr)
    return {"loss": loss, "-reconstruction": reconstruction, "KL": kl, "TC": tc}


def test_tc_step_equals_the_plain_one():
    for options, beta, lr, estimator in (
        ({}, 6.0, 1e-3, "stratified"),
        ({"beta": 4.0, "lr": 1e-2, "estimator": "weighted"}, 4.0, 1e-2, "weighted"),
    ):
        torch.manual_seed(0)
        model = MLPVAE(PIXELS, 8, LATENT).double()
        twin = copy.deepcopy(model)
        grey = torch.rand(B, PIXELS).double()
        step = TCVAEStep(model, 30, **options)
        torch.manual_seed(1)
        reported = step(grey)
        torch.manual_seed(1)
        expected = tc_twin_step(twin, grey, 30, beta, lr, estimator)
        assert_same_weights(model, twin)
        torch.testing.assert_close(reported, {name: value.detach() for name, value in expected.items()})
        assert not reported["TC"].requires_grad
        assert step.steps == 1


def test_tc_step_learns_the_variance_of_a_gaussian():
    torch.manual_seed(0)
    model = MLPVAE(PIXELS, 8, LATENT, likelihood="gaussian").double()
    with torch.no_grad():
        model.logvar_x.fill_(-0.7)
    twin = copy.deepcopy(model)
    x = torch.rand(B, PIXELS).double()
    torch.manual_seed(1)
    TCVAEStep(model, 30, beta=4.0)(x)
    torch.manual_seed(1)
    mu, logvar = twin.encoder(x).chunk(2, 1)
    z = mu + logvar.exp().sqrt() * torch.randn_like(mu)
    log_p_x = Normal(twin.decoder(z), (0.5 * twin.logvar_x).exp()).log_prob(x).sum(1)
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)
    tc = kl_decomposition(z, mu, logvar, 30, "stratified").total_correlation
    descend(twin, (kl + 3 * tc - log_p_x).mean(), 1e-3)
    assert_same_weights(model, twin)
    assert model.logvar_x.item() != -0.7


def test_defaults_of_the_conditional_step():
    torch.manual_seed(0)
    model = conditional()
    twin = copy.deepcopy(model)
    batch = (torch.rand(B, PIXELS).double(), torch.zeros(B, dtype=torch.int64))
    torch.manual_seed(1)
    ConditionalVAEStep(model)(batch)
    torch.manual_seed(1)
    ConditionalVAEStep(twin, lr=1e-3, beta=1.0)(batch)
    assert_same_weights(model, twin)
