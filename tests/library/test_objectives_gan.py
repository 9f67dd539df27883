"""The adversarial losses, the gradient penalties and the VAE-GAN's objectives against values made by hand."""

import math

import pytest
import torch
from torch import nn

from course_lib.objectives import (
    GAMES,
    VAEGANLosses,
    discriminator_loss,
    feature_error,
    game,
    generator_loss,
    gradient_penalty,
    kl_standard_normal,
    r1_penalty,
    vae_gan_losses,
)
from course_lib.objectives.adversarial import generator_push


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


REAL, FAKE = [2.0, -1.0, 0.5], [0.3, -4.0]


@pytest.mark.parametrize(
    ("name", "real", "fake", "generator"),
    [
        ("saturating", [0.126928, 1.313262, 0.474077], [0.854355, 0.018150], [-0.854355, -0.018150]),
        ("non_saturating", [0.126928, 1.313262, 0.474077], [0.854355, 0.018150], [0.554355, 4.018150]),
        ("least_squares", [0.5, 2.0, 0.125], [0.045, 8.0], [0.245, 12.5]),
        ("wasserstein", [-2.0, 1.0, -0.5], [0.3, -4.0], [-0.3, 4.0]),
        ("hinge", [0.0, 2.0, 0.5], [1.3, 0.0], [-0.3, 4.0]),
    ],
)
def test_each_game_by_hand(name, real, fake, generator):
    played = game(name)
    loss = played.discriminator(torch.tensor(REAL, dtype=torch.float64), torch.tensor(FAKE, dtype=torch.float64))
    of_generator = played.generator(torch.tensor(FAKE, dtype=torch.float64))
    assert loss.real.tolist() == pytest.approx(real, abs=1e-6)
    assert loss.fake.tolist() == pytest.approx(fake, abs=1e-6)
    assert of_generator.tolist() == pytest.approx(generator, abs=1e-6)
    assert loss.loss.item() == pytest.approx(sum(real) / 3 + sum(fake) / 2, abs=1e-6)


def test_the_relativistic_game_by_hand():
    """Pairs (2, 0.3), (-1, -4), (0.5, 3): only their differences 1.7, 3 and -2.5 count."""
    real, fake = torch.tensor([[2.0, -1.0, 0.5], [0.3, -4.0, 3.0]], dtype=torch.float64)
    differences = (1.7, 3.0, -2.5)
    of_discriminator = [math.log1p(math.exp(-d)) for d in differences]
    played = game("relativistic")
    for shift in (0.0, 40.0):
        loss = played.discriminator(real + shift, fake + shift)
        assert loss.pairs.tolist() == pytest.approx(of_discriminator, rel=1e-9)
        assert loss.loss.item() == pytest.approx(sum(of_discriminator) / 3, rel=1e-9)
        of_generator = played.generator(fake + shift, real + shift)
        assert of_generator.tolist() == pytest.approx([math.log1p(math.exp(d)) for d in differences], rel=1e-9)


def test_slopes_of_the_relativistic_game():
    """Opposite at the two images of a pair, and of size 1/2 in both losses where they can't be told apart."""
    for real_logit, fake_logit in ((0.7, 0.7), (1.5, -0.4), (-2.0, 3.0)):
        real, fake = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (real_logit, fake_logit))
        told = 1 / (1 + math.exp(fake_logit - real_logit))  # the probability that the pair is told apart
        slopes = torch.autograd.grad(game("relativistic").discriminator(real, fake).loss, [real, fake])
        assert [s.item() for s in slopes] == pytest.approx([told - 1, 1 - told], rel=1e-9)
        slopes = torch.autograd.grad(game("relativistic").generator(fake, real).sum(), [real, fake])
        assert [s.item() for s in slopes] == pytest.approx([told, -told], rel=1e-9)


def test_relativistic_losses_want_pairs():
    played = game("relativistic")
    with pytest.raises(
        ValueError, match=r"real_logits and fake_logits must be as many, to make pairs, got 1 and 3"
    ):
        played.discriminator(torch.zeros(1), torch.zeros(3))
    with pytest.raises(ValueError, match=r"must be as many, to make pairs, got 1 and 3"):
        played.generator(torch.zeros(3), torch.zeros(1))
    with pytest.raises(ValueError, match=r"real_logits must hold one logit .* got \(3, 1\)"):
        played.generator(torch.zeros(3), torch.zeros(3, 1))


def test_hinge_slopes_end_at_the_margin():
    real = torch.tensor([0.999, 1.001], dtype=torch.float64, requires_grad=True)
    fake = torch.tensor([-0.999, -1.001], dtype=torch.float64, requires_grad=True)
    loss = game("hinge").discriminator(real, fake)
    (loss.real.sum() + loss.fake.sum()).backward()
    assert real.grad.tolist() == [-1, 0]
    assert fake.grad.tolist() == [1, 0]


@pytest.mark.parametrize("name", GAMES)
def test_losses_are_finite_at_extreme_logits(name):
    extreme = torch.tensor([1e4, -1e4], requires_grad=True)
    played = game(name)
    of_generator = played.generator(extreme, *[extreme.flip(0)] * played.paired)
    total = played.discriminator(extreme, extreme).loss + of_generator.sum()
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(extreme.grad).all()


@pytest.mark.parametrize("name", GAMES)
def test_losses_want_one_logit_per_image(name):
    good, bad = torch.zeros(3), torch.zeros(3, 1)
    with pytest.raises(ValueError, match=r"real_logits must hold one logit .* shape \(B,\), got \(3, 1\)"):
        game(name).discriminator(bad, good)
    with pytest.raises(ValueError, match=r"fake_logits must hold one logit .* shape \(B,\), got \(3, 1\)"):
        game(name).discriminator(good, bad)
    with pytest.raises(ValueError, match=r"fake_logits must hold one logit .* shape \(B,\), got \(3, 1\)"):
        game(name).generator(bad, *[good] * game(name).paired)


def test_an_unknown_game_is_refused():
    with pytest.raises(
        ValueError, match=r"one of non_saturating, saturating, .*wasserstein, hinge, .*got 'lsgan'"
    ):
        game("lsgan")


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
    with pytest.raises(ValueError, match=r"one logit per image, shape \(4,\), got \(\)"):
        r1_penalty(lambda t: t.sum(), torch.ones(4, 2))


def test_penalties_have_a_weight_of_one_by_default():
    x, w = torch.rand(3, 4, dtype=torch.float64), torch.tensor([0.5, -2.0, 1.0, 0.1], dtype=torch.float64)
    squared_norm = w.square().sum()
    torch.testing.assert_close(r1_penalty(lambda t: t @ w, x), (squared_norm / 2).expand(3))
    torch.testing.assert_close(
        gradient_penalty(lambda t: t @ w, x, -x), (squared_norm.sqrt() - 1).square().expand(3)
    )


def test_gradient_penalty_on_a_linear_critic_is_the_norm_s_distance_from_one():
    """Over all of an image's numbers, whatever its channels: three of 2 x 2 pixels."""
    w = torch.linspace(-1, 2, 12, dtype=torch.float64, requires_grad=True)
    x, x_fake = torch.randn(2, 5, 3, 2, 2, dtype=torch.float64)
    penalty = gradient_penalty(lambda t: t.flatten(1) @ w, x, x_fake, lambda_gp=0.7)
    norm = w.detach().square().sum().sqrt()
    torch.testing.assert_close(penalty, (0.7 * (norm - 1) ** 2).expand(5))
    (gradient,) = torch.autograd.grad(penalty.mean(), w)
    torch.testing.assert_close(gradient, 1.4 * (norm - 1) * w.detach() / norm)


def test_gradient_penalty_of_a_critic_that_ignores_its_input_is_one():
    w = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    x = torch.rand(3, 4, dtype=torch.float64)
    penalty = gradient_penalty(lambda t: t @ w + 2, x, 2 * x)
    assert penalty.tolist() == [1, 1, 1]
    (gradient,) = torch.autograd.grad(penalty.sum(), w)
    assert torch.isfinite(gradient).all()


def test_gradient_penalty_lies_between_its_two_images():
    """On l(x) = sum a x^3, with a place of its own for each pair: all at the real one, none of it, and in between."""
    a = torch.tensor([0.5, -1.0], dtype=torch.float64)
    x = torch.tensor([[0.1, 0.9], [1.2, -0.3], [0.4, 0.8]], dtype=torch.float64)
    x_fake = torch.tensor([[-0.7, 0.2], [0.6, 1.1], [-1.3, 0.5]], dtype=torch.float64)
    u = torch.tensor([1.0, 0.0, 0.3], dtype=torch.float64)
    places = torch.stack([x[0], x_fake[1], 0.3 * x[2] + 0.7 * x_fake[2]])
    expected = ((3 * a * places**2).norm(dim=1) - 1) ** 2

    def critic(t):
        return (a * t**3).sum(1)

    torch.testing.assert_close(gradient_penalty(critic, x, x_fake, u=u), expected)
    order = torch.tensor([2, 0, 1])
    permuted = gradient_penalty(critic, x[order], x_fake[order], u=u[order])
    torch.testing.assert_close(permuted, expected[order])


def test_gradient_penalty_draws_one_uniform_number_for_each_pair():
    """On |x|^2 / 2 between 0 and ones in 3 dimensions the slope is u sqrt(3): the penalty has mean 2 - sqrt(3).

    Its standard deviation is 0.26, so the standard error of 20,000 is 0.0019; four of them are allowed. With a u for
    each coordinate the mean would be 0.08.
    """
    torch.manual_seed(0)
    x = torch.ones(20_000, 3, dtype=torch.float64)
    penalty = gradient_penalty(lambda t: 0.5 * t.square().sum(1), x, torch.zeros_like(x))
    assert penalty.mean().item() == pytest.approx(2 - math.sqrt(3), abs=0.0076)
    assert len(penalty.unique()) > 19_000


def test_gradient_penalty_trains_the_critic_alone():
    w = torch.tensor([0.3, -0.2], requires_grad=True)
    x_fake = torch.rand(4, 2, requires_grad=True)
    penalty = gradient_penalty(lambda t: (w * t**2).sum(1), torch.rand(4, 2), x_fake).sum()
    of_fake, of_w = torch.autograd.grad(penalty, [x_fake, w], allow_unused=True)
    assert of_fake is None
    assert of_w.abs().min() > 0


@pytest.mark.parametrize(
    ("critic", "where"),
    [
        (nn.BatchNorm1d(2), "itself: BatchNorm1d"),
        (nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2))).eval(), "1.0: BatchNorm1d"),
        (nn.Sequential(nn.Unflatten(1, (2, 1, 1)), nn.BatchNorm2d(2)), "1: BatchNorm2d"),
    ],
)
def test_gradient_penalty_refuses_batch_normalisation(critic, where):
    with pytest.raises(ValueError, match=rf"got batch normalisation \({where}\); use layer norm"):
        gradient_penalty(critic, torch.ones(4, 2), torch.ones(4, 2))


def test_gradient_penalty_takes_normalisation_per_image():
    critic = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 1), nn.Flatten(0))
    assert gradient_penalty(critic, torch.rand(4, 3), torch.rand(4, 3)).shape == (4,)


def test_gradient_penalty_refuses_shapes_that_do_not_fit():
    def critic(t):
        return t.sum(1)

    with pytest.raises(ValueError, match=r"x_fake must have the shape of x, \(4, 2\), got \(1, 2\)"):
        gradient_penalty(critic, torch.ones(4, 2), torch.ones(1, 2))
    with pytest.raises(ValueError, match=r"u must hold one number per image, shape \(4,\), got \(4, 1\)"):
        gradient_penalty(critic, torch.ones(4, 2), torch.ones(4, 2), u=torch.ones(4, 1))


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


def test_vae_gan_weights_are_one_by_default():
    b = torch.tensor([0.3, 1.1], dtype=torch.float64)
    mu, f = torch.stack([b, 2 * b]), torch.stack([b, -b, 3 * b], dim=1)
    named = {"mu": mu, "logvar": -mu, "features": f, "features_hat": 2 * f}
    named |= {"logits": b, "logits_hat": 2 * b, "logits_prior": -b}
    losses = vae_gan_losses(**named)
    made = VAEGANLosses(kl=losses.kl, feature_error=losses.feature_error, fool=losses.fool, tell=losses.tell)
    for each in (losses, made):
        torch.testing.assert_close(each.encoder, (losses.kl + losses.feature_error).mean())
        torch.testing.assert_close(each.decoder, (losses.feature_error + losses.fool).mean())


def test_features_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        feature_error(torch.zeros(2, 3), torch.zeros(2, 4))


def test_a_paired_game_has_no_push_of_one_sample():
    with pytest.raises(ValueError, match=r"without a partner \(non_saturating, .*hinge\), got 'relativistic'"):
        generator_push(lambda x: x.sum(1), torch.zeros(2, 2), "relativistic")


@pytest.mark.parametrize("loss", ["saturating", "non_saturating"])
def test_the_push_is_minus_the_gradient_of_the_generators_loss(loss):
    """Closed form for a linear logit a.x + b: (1 - sigma) a for -log sigma, sigma a for log(1 - sigma)."""
    weight = torch.nn.Parameter(torch.tensor([2.0, -3.0]))
    x = torch.tensor([[0.4, 0.9], [-1.0, 0.3], [1.5, -0.2]])
    sigma = torch.sigmoid(x @ weight + 0.5)[:, None]
    expected = (sigma if loss == "saturating" else 1 - sigma) * weight
    with torch.no_grad():  # a lesson may draw in the middle of an evaluation
        found = generator_push(lambda points: points @ weight + 0.5, x, loss)
    torch.testing.assert_close(found, expected.detach())
    assert weight.grad is None, "this must not add to the discriminator's gradients"
