"""The step of the ladder VAE against the same step written out plainly, with a warm-up."""

import copy

import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from course_lib.data import binarize
from course_lib.models import LadderVAE, mlp
from course_lib.training import LadderVAEStep

B, PIXELS, HIDDEN, BOTTOM, TOP = 8, 6, 5, 3, 2


def split(out):
    mu, logvar = out.chunk(2, 1)
    return mu, logvar.exp().sqrt()


def plain_parts(model, grey):
    x = binarize(grey)
    features = model.encoder(x).relu()
    mu2, std2 = split(model.encoder_top(features))
    mu_p, std_p = split(model.top_down(mu2 + std2 * torch.randn_like(mu2)))
    mu_x, std_x = split(model.bottom_up(features))
    variance = 1 / (std_x**-2 + std_p**-2)
    q1 = Normal((mu_x / std_x**2 + mu_p / std_p**2) * variance, variance.sqrt())
    logits = model.decoder(q1.mean + q1.stddev * torch.randn_like(mu_p))
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / B
    kl_top = kl_divergence(Normal(mu2, std2), Normal(0.0, 1.0)).sum() / B
    return reconstruction, kl_top, kl_divergence(q1, Normal(mu_p, std_p)).sum() / B


def test_ladder_step_equals_the_plain_one_also_in_a_warm_up():
    for options, lr, betas in (
        ({}, 1e-3, [1.0, 1.0]),
        ({"lr": 1e-2, "beta": lambda step: 0.25 + 0.5 * step}, 1e-2, [0.25, 0.75]),
    ):
        torch.manual_seed(0)
        encoder, decoder = mlp([PIXELS, HIDDEN]), mlp([BOTTOM, HIDDEN, PIXELS])
        model = LadderVAE(encoder, decoder, HIDDEN, (BOTTOM, TOP)).double()
        twin = copy.deepcopy(model)
        grey = torch.rand(B, PIXELS).double()
        step = LadderVAEStep(model, **options)
        optimizer = torch.optim.Adam(twin.parameters(), lr=lr)
        for number, beta in enumerate(betas):
            torch.manual_seed(number)
            reported = step(grey)
            torch.manual_seed(number)
            reconstruction, kl_top, kl_bottom = plain_parts(twin, grey)
            loss = reconstruction + beta * (kl_top + kl_bottom)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected = {
                "loss": loss,
                "-reconstruction": reconstruction,
                "KL": kl_top + kl_bottom,
                "KL(z2)": kl_top,
                "KL(z1|z2)": kl_bottom,
            }
            torch.testing.assert_close(reported, {k: v.detach() for k, v in expected.items()})
            assert step.steps == number + 1
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(p, q)
