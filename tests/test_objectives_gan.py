"""The adversarial losses, R1 and the VAE-GAN's objectives against hand-made values and finite differences."""

import math

import pytest
import torch

from course_lib.objectives import (
    discriminator_loss,
    feature_error,
    generator_loss,
    kl_standard_normal,
    r1_penalty,
    vae_gan_losses,
)


def test_discriminator_loss_by_hand():
    real, fake = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.3, -4.0])
    loss = discriminator_loss(real, fake)
    torch.testing.assert_close(
        loss.real, torch.tensor([-math.log(1 / (1 + math.exp(-v))) for v in (2.0, -1.0, 0.5)])
    )
    torch.testing.assert_close(
        loss.fake, torch.tensor([-math.log(1 - 1 / (1 + math.exp(-v))) for v in (0.3, -4.0)])
    )
    torch.testing.assert_close(loss.loss, loss.real.mean() + loss.fake.mean())
    torch.testing.assert_close(
        discriminator_loss(torch.zeros(2), torch.zeros(2)).loss, torch.tensor(2 * math.log(2))
    )


@pytest.mark.parametrize("logit", [-50.0, -3.0, 0.7, 4.0])
def test_generator_losses_and_their_slopes(logit):
    d = 1 / (1 + math.exp(-logit))
    for saturating, value, slope in (
        (False, math.log1p(math.exp(-logit)), d - 1),
        (True, -math.log1p(math.exp(logit)), -d),
    ):
        fake = torch.tensor([logit], dtype=torch.float64, requires_grad=True)
        loss = generator_loss(fake, saturating)
        (gradient,) = torch.autograd.grad(loss.sum(), fake)
        assert loss.item() == pytest.approx(value, rel=1e-9)
        assert gradient.item() == pytest.approx(slope, rel=1e-9)


def test_losses_are_finite_at_extreme_logits():
    extreme = torch.tensor([1e4, -1e4], requires_grad=True)
    total = (
        discriminator_loss(extreme, extreme).loss
        + generator_loss(extreme).sum()
        + generator_loss(extreme, True).sum()
    )
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(extreme.grad).all()


@pytest.mark.parametrize("function", [generator_loss, lambda t: discriminator_loss(t, torch.zeros(3))])
def test_losses_want_one_logit_per_image(function):
    with pytest.raises(ValueError, match=r"shape \(B,\)"):
        function(torch.zeros(3, 1))


def test_r1_on_a_linear_discriminator_is_half_gamma_squared_norm():
    w = torch.linspace(-1, 2, 12, dtype=torch.float64, requires_grad=True)
    x = torch.randn(5, 3, 2, 2, dtype=torch.float64)
    penalty = r1_penalty(lambda t: t.flatten(1) @ w, x, gamma=0.6)
    torch.testing.assert_close(penalty, (0.3 * w.square().sum()).expand(5))
    (gradient,) = torch.autograd.grad(penalty.mean(), w)
    torch.testing.assert_close(gradient, 0.6 * w.detach())


def test_r1_is_of_each_image_at_its_own_place():
    """On l(x) = sum a x^3 the slope is 3 a x^2: values and the weights' gradient in closed form, image by image."""
    a = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[0.1, 0.9, -0.4], [1.2, -0.3, 0.8]], dtype=torch.float64)
    penalty = r1_penalty(lambda t: (a * t**3).sum(1), x, gamma=2.0)
    torch.testing.assert_close(penalty, (3 * a * x**2).square().sum(1))
    (gradient,) = torch.autograd.grad(penalty.sum(), a)
    torch.testing.assert_close(gradient, (2 * a * (3 * x**2) ** 2).sum(0).detach())


def test_r1_refuses_a_discriminator_that_mixes_the_batch():
    with pytest.raises(ValueError, match="one logit per image"):
        r1_penalty(lambda t: t.sum(), torch.ones(4, 2))


def test_vae_gan_objectives_by_hand():
    source = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=source, dtype=torch.float64)

    mu, logvar, features, features_hat = draw(4, 3), draw(4, 3), draw(4, 6), draw(4, 6)
    logits, logits_hat, logits_prior = draw(4), draw(4), draw(4)
    losses = vae_gan_losses(
        mu=mu,
        logvar=logvar,
        features=features,
        features_hat=features_hat,
        logits=logits,
        logits_hat=logits_hat,
        logits_prior=logits_prior,
        beta=0.7,
        gamma=0.2,
    )
    error = torch.stack(
        [
            0.5 * sum((a - b) ** 2 for a, b in zip(p, q, strict=True))
            for p, q in zip(features_hat, features, strict=True)
        ]
    )
    d, d_hat, d_prior = (torch.sigmoid(t) for t in (logits, logits_hat, logits_prior))
    torch.testing.assert_close(feature_error(features_hat, features), error)
    torch.testing.assert_close(losses.encoder, (0.7 * kl_standard_normal(mu, logvar) + error).mean())
    torch.testing.assert_close(losses.decoder, (0.2 * error - 0.5 * (d_hat.log() + d_prior.log())).mean())
    torch.testing.assert_close(
        losses.discriminator, (-d.log() - 0.5 * ((1 - d_hat).log() + (1 - d_prior).log())).mean()
    )
