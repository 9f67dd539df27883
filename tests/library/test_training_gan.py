"""The GAN's step against the same step written out plainly, in every variant, and who may change what in it.

Both players descend without momentum here, so that a loss of another scale shows, as it wouldn't with Adam.
"""

import copy

import pytest
import torch
from torch import nn

from course_lib.models import (
    ConcatenationDiscriminator,
    ConditionalGenerator,
    ToyDiscriminator,
    ToyGenerator,
    mlp,
    spectral_norm,
)
from course_lib.objectives import LinearSchedule, game
from course_lib.training import EMA, R1, R2, GANStep, GradientPenalty, Regulariser, WeightClipping, fit

LATENT, CLASSES, LR, D_LR = 3, 4, 0.1, 0.07
Y = torch.tensor([0, 3, 1, 1, 2, 0, 3, 2, 1, 0, 0, 2])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def players(in_dim=2, labels=False):
    """Smooth ones, in float64."""
    extra = CLASSES if labels else 0
    generator, discriminator = ToyGenerator(LATENT + extra, 5), ToyDiscriminator(6, in_dim + extra)
    for network in (generator, discriminator):
        for number, layer in enumerate(network):
            if isinstance(layer, nn.ReLU):
                network[number] = nn.Tanh()
    if labels:
        return ConditionalGenerator(generator, CLASSES).double(), ConcatenationDiscriminator(
            discriminator, CLASSES
        ).double()
    return generator.double(), discriminator.double()


def points(num=12):
    return torch.randn(num, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


LOSSES = {
    "non_saturating": (
        lambda real, fake: -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean(),
        lambda fake: -fake.sigmoid().log().mean(),
    ),
    "saturating": (
        lambda real, fake: -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean(),
        lambda fake: (1 - fake.sigmoid()).log().mean(),
    ),
    "least_squares": (
        lambda real, fake: ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2,
        lambda fake: ((fake - 1) ** 2).mean() / 2,
    ),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
    "hinge": (
        lambda real, fake: (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean(),
        lambda fake: -fake.mean(),
    ),
    "relativistic": (
        lambda real, fake: -(real - fake).sigmoid().log().mean(),
        lambda fake, real: -(fake - real).sigmoid().log().mean(),
    ),
}


def descend(network, loss, lr):
    parameters = list(network.parameters())
    for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        p.data -= lr * g


def together(x, packing):
    return torch.stack([torch.cat(list(x[first : first + packing])) for first in range(0, len(x), packing)])


def slope(discriminator, place, *y):
    place = place.clone().requires_grad_()
    return torch.autograd.grad(discriminator(place, *y).sum(), place, create_graph=True)[0]


def plain_step(
    number,
    generator,
    discriminator,
    x,
    labels=None,
    *,
    loss="non_saturating",
    critic_steps=1,
    packing=1,
    r1_gamma=0.0,
    r1_every=1,
    r2_gamma=0.0,
    r2_every=1,
    lambda_gp=0.0,
    gp_every=1,
    clip=None,
):
    """One thing after the other; returns the two losses that are reported."""
    of_discriminator, of_generator = LOSSES[loss]
    gamma = r1_gamma(number) if callable(r1_gamma) else r1_gamma
    share = len(x) // critic_steps
    for k in range(critic_steps):
        images = slice(k * share, (k + 1) * share)
        y = () if labels is None else (labels[images],)
        x_fake = generator(torch.randn(share, LATENT, dtype=x.dtype), *y)
        real, fake = together(x[images], packing), together(x_fake.detach(), packing)
        told = objective = of_discriminator(discriminator(real, *y), discriminator(fake, *y))
        if gamma and (number * critic_steps + k) % r1_every == 0:
            squares = slope(discriminator, real, *y).square().sum(1)
            objective = objective + r1_every * gamma / 2 * squares.mean()
        if r2_gamma and (number * critic_steps + k) % r2_every == 0:
            squares = slope(discriminator, fake, *y).square().sum(1)
            objective = objective + r2_every * r2_gamma / 2 * squares.mean()
        if lambda_gp and (number * critic_steps + k) % gp_every == 0:
            u = torch.rand(len(real), dtype=x.dtype)[:, None]
            norms = slope(discriminator, u * real + (1 - u) * fake, *y).norm(dim=1)
            objective = objective + gp_every * lambda_gp * ((norms - 1) ** 2).mean()
        descend(discriminator, objective, D_LR)
        if clip is not None:
            for p in discriminator.parameters():
                p.data = torch.maximum(torch.minimum(p.data, torch.tensor(clip)), torch.tensor(-clip))
    with_real = (discriminator(real, *y).detach(),) if loss == "relativistic" else ()
    fooled = of_generator(discriminator(together(x_fake, packing), *y), *with_real)
    descend(generator, fooled, LR)
    return told, fooled


def as_options(settings):
    """The plain step's settings as the library's step takes them."""
    settings = dict(settings)
    r1 = R1(settings.pop("r1_gamma", 0.0), every=settings.pop("r1_every", 1))
    penalty = GradientPenalty(settings.pop("lambda_gp", 0.0), every=settings.pop("gp_every", 1))
    clipping = WeightClipping(settings.pop("clip", 1.0))
    r2 = R2(settings.pop("r2_gamma", 0.0), every=settings.pop("r2_every", 1))
    chosen = [(r1, r1.gamma), (r2, r2.gamma), (penalty, penalty.lambda_gp), (clipping, clipping.limit < 1)]
    return settings | {"regularisers": [regulariser for regulariser, wanted in chosen if wanted]}


@pytest.mark.parametrize(
    "settings",
    [
        *({"loss": name} for name in LOSSES),
        {"critic_steps": 3},
        {"packing": 2},
        {"r1_gamma": 0.7, "r1_every": 2},
        {"r1_gamma": LinearSchedule(1.2, 0.0, 2), "critic_steps": 2, "r1_every": 3},
        {"r2_gamma": 0.9, "r2_every": 2, "critic_steps": 3},
        {"loss": "relativistic", "r1_gamma": 0.6, "r2_gamma": 0.9, "r1_every": 2},
        {"loss": "relativistic", "packing": 2, "critic_steps": 3, "r2_gamma": 0.4},
        {"loss": "relativistic", "labels": True},
        {"loss": "wasserstein", "lambda_gp": 0.8},
        {"loss": "wasserstein", "lambda_gp": 0.8, "critic_steps": 3, "gp_every": 2},
        {"loss": "wasserstein", "clip": 0.3},
        {"packing": 3, "critic_steps": 2, "r1_gamma": 0.5, "lambda_gp": 0.3},
        {"labels": True},
        {"labels": True, "critic_steps": 2, "r1_gamma": 0.4, "lambda_gp": 0.3},
    ],
    ids=str,
)
def test_gan_step_equals_the_plain_one(settings):
    settings = dict(settings)
    labels = settings.pop("labels", False)
    generator, discriminator = players(2 * settings.get("packing", 1), labels)
    twins = copy.deepcopy(generator), copy.deepcopy(discriminator)
    step = GANStep(generator, discriminator, LATENT, squash=False, **as_options(settings))
    step.g_optimizer = torch.optim.SGD(generator.parameters(), LR)
    step.d_optimizer = torch.optim.SGD(discriminator.parameters(), D_LR)
    x = points()
    torch.manual_seed(2)
    reported = [step((x, Y) if labels else x) for _ in range(3)]
    torch.manual_seed(2)
    expected = [plain_step(number, *twins, x, Y if labels else None, **settings) for number in range(3)]
    for network, twin in zip((generator, discriminator), twins, strict=True):
        for p, q in zip(network.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(p, q)
    for got, (told, fooled) in zip(reported, expected, strict=True):
        torch.testing.assert_close(got, {"discriminator": told, "generator": fooled}, check_dtype=True)


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - {"relativistic"}))
def test_only_a_paired_game_asks_for_real_logits_in_the_generators_step(loss):
    for name, of_generators in ((loss, [6]), ("relativistic", [6, 6])):
        generator, discriminator = players()
        batches = []
        discriminator.register_forward_hook(lambda _, given, __, seen=batches: seen.append(len(given[0])))
        GANStep(generator, discriminator, LATENT, loss=name, squash=False, regularisers=())(points(6))
        assert batches == [12, *of_generators]


def test_defaults_are_the_lessons():
    """The plain game of DCGAN's Adam, with the repairs of lesson 07."""
    step = GANStep(*players(), LATENT)
    assert step.game is game("non_saturating")
    assert (step.critic_steps, step.packing, step.regularisers) == (1, 1, (R1(0.5, every=8),))
    assert step.squash is True
    assert step.ema.decay == 0.999
    for optimizer in (step.g_optimizer, step.d_optimizer):
        assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (1e-3, (0.5, 0.99))


def test_each_player_has_its_own_learning_rate():
    step = GANStep(*players(), LATENT, lr=2e-3, discriminator_lr=4e-3, betas=(0.1, 0.8), ema_decay=0.7)
    settings = [o.param_groups[0] for o in (step.g_optimizer, step.d_optimizer)]
    assert [(s["lr"], s["betas"]) for s in settings] == [(2e-3, (0.1, 0.8)), (4e-3, (0.1, 0.8))]
    assert step.ema.decay == 0.7
    assert GANStep(*players(), LATENT, lr=2e-3).d_optimizer.param_groups[0]["lr"] == 2e-3


# --- who may change what


def with_buffers(sizes):
    """A player with all that has a state of its own: batch statistics and the vectors of power iterations."""
    first, *rest = mlp(sizes)
    network = spectral_norm(nn.Sequential(first, nn.BatchNorm1d(sizes[1]), *rest))
    with torch.no_grad():  # away from where the power iteration has come to rest
        for p in network.parameters():
            p.add_(torch.rand_like(p))
    return network.append(nn.Flatten(0)) if sizes[-1] == 1 else network


def state(network):
    return {name: t.detach().clone() for name, t in network.state_dict().items()}


def same(a, b):
    return {name: torch.equal(a[name], b[name]) for name in a}


def test_neither_player_touches_the_other(monkeypatch):
    generator, discriminator = with_buffers([LATENT, 5, 2]), with_buffers([2, 6, 1])
    step = GANStep(generator, discriminator, LATENT, squash=False, regularisers=[R1(0.3, every=8)])
    seen = {}

    def spied(optimizer, name):
        original = optimizer.step

        def spy():
            seen[name, "gradients"] = [
                [p.grad is not None for p in network.parameters()] for network in (generator, discriminator)
            ]
            result = original()
            seen[name, "states"] = state(generator), state(discriminator)
            return result

        return spy

    monkeypatch.setattr(step.g_optimizer, "step", spied(step.g_optimizer, "generator"))
    monkeypatch.setattr(step.d_optimizer, "step", spied(step.d_optimizer, "discriminator"))
    before = state(generator), state(discriminator)
    step(torch.randn(8, 2))
    after = state(generator), state(discriminator)

    of_generator, of_discriminator = seen["discriminator", "gradients"]
    assert not any(of_generator)
    assert all(of_discriminator)
    of_generator, of_discriminator = seen["generator", "gradients"]
    assert all(of_generator)
    assert not any(of_discriminator)
    in_between = seen["discriminator", "states"]
    assert all(same(in_between[1], after[1]).values())  # the generator's step: weights and buffers
    parameters = {name for name, _ in generator.named_parameters()}
    kept = same(before[0], in_between[0])  # making images moves the generator's buffers; its weights stay
    assert all(kept[name] for name in parameters)
    still = {name for name, unmoved in same(before[1], in_between[1]).items() if unmoved}
    assert still <= {"3.parametrizations.weight.0._u"}  # the sign of a single output
    assert not any(same(in_between[0], after[0])[name] for name in parameters)


def test_images_are_squashed_and_packed_by_their_channels():
    seen = []

    class Noting(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor(0.1))

        def forward(self, x):
            seen.append(x.detach())
            return self.w * x.flatten(1).sum(1)

    class Pictures(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.linspace(-2, 2, 12).reshape(1, 3, 2, 2))

        def forward(self, z):
            return self.w * z.sum(1)[:, None, None, None]

    step = GANStep(Pictures(), Noting(), LATENT, packing=2, regularisers=())
    x = torch.rand(4, 3, 2, 2)
    torch.manual_seed(3)
    step(x)
    torch.manual_seed(3)
    x_fake = torch.sigmoid(Pictures()(torch.randn(4, LATENT))).detach()
    both = torch.cat([x, x_fake])
    torch.testing.assert_close(seen[0], torch.stack([torch.cat([both[i], both[i + 1]]) for i in (0, 2, 4, 6)]))
    torch.testing.assert_close(seen[1], seen[0][2:])


# --- what is refused


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "lsgan"}, "loss must be one of"),
        ({"critic_steps": 0}, "^critic_steps must be"),
        ({"packing": 0}, "^packing must be"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        GANStep(*players(), LATENT, **settings)


def test_a_gradient_penalty_is_refused_on_batch_normalisation():
    critic = with_buffers([2, 6, 1])
    GANStep(players()[0], critic, LATENT, loss="wasserstein")
    with pytest.raises(ValueError, match=r"batch normalisation \(1: BatchNorm1d\)"):
        GANStep(players()[0], critic, LATENT, loss="wasserstein", regularisers=[GradientPenalty(0.1)])


@pytest.mark.parametrize("kind", [Regulariser, R1, R2, GradientPenalty, WeightClipping])
def test_a_regulariser_for_no_step_is_refused(kind):
    with pytest.raises(ValueError, match=r"^every must be an integer of at least 1, got 0$"):
        kind(every=0)


def test_regularisers_have_their_papers_settings():
    assert (R1().gamma, R1().every) == (R2().gamma, R2().every) == (0.5, 8)
    assert (GradientPenalty().lambda_gp, GradientPenalty().every) == (10, 1)
    assert WeightClipping().limit == 0.01


def test_no_r1_costs_nothing():
    """Not even where a schedule has come down to 0."""

    def never(x):
        raise AssertionError("asked")

    for kind in (R1, R2):
        assert kind(LinearSchedule(1.0, 0.0, 3)).penalty(never, points(), points(), 3) is None
    assert Regulariser().penalty(never, points(), points(), 0) is None


def test_a_regulariser_of_ones_own_is_told_the_batch_and_the_step():
    """A slope penalty in five lines, on a linear critic: its penalty is known, and generated points are detached."""
    calls = []

    class Mine(Regulariser):
        def penalty(self, discriminator, x, x_fake, step):
            calls.append((x, x_fake.requires_grad, step))
            return 0.5 * slope(discriminator, x_fake).square().sum(1)

        def constrain(self, discriminator):
            calls.append("constrained")

    generator, _ = players()
    critic = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Flatten(0)).double()
    w = critic[0].weight.detach().clone()
    step = GANStep(
        generator, critic, LATENT, loss="wasserstein", squash=False, critic_steps=2, regularisers=[Mine(every=2)]
    )
    step.d_optimizer = torch.optim.SGD(critic.parameters(), D_LR)
    step.generate = lambda num, *labels: points()[:num] + 0 * sum(p.sum() for p in generator.parameters())
    step(points())
    assert [c if isinstance(c, str) else c[1:] for c in calls] == [(False, 0), "constrained", "constrained"]
    assert torch.equal(calls[0][0], points()[:6])
    x, x_fake = points(), points()[:6]
    for number, share in enumerate((x[:6], x[6:])):
        w -= D_LR * (x_fake.mean(0) - share.mean(0) + (2 * w if number == 0 else 0))
    torch.testing.assert_close(critic[0].weight.detach(), w)


def test_batches_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="12 can't be shared by 5 discriminator steps; take a multiple of 5"):
        GANStep(*players(), LATENT, squash=False, critic_steps=5)(points())
    with pytest.raises(ValueError, match="batch of 6 can't be packed by 4"):
        GANStep(*players(8), LATENT, squash=False, critic_steps=2, packing=4)(points())
    with pytest.raises(ValueError, match="different labels can't be packed"):
        GANStep(*players(4, labels=True), LATENT, squash=False, packing=2)((points(), Y))
    with pytest.raises(ValueError, match="labels must lie in 0 to 3, got 4"):
        GANStep(*players(labels=True), LATENT, squash=False)((points(), Y + 1))


def test_the_loop_gives_points_and_labels():
    step = GANStep(*players(labels=True), LATENT, squash=False)
    history = fit(step, (points(), Y), num_steps=3, batch_size=4, progress=False)
    assert step.steps == 3
    assert set(history.values) == {"discriminator", "generator"}


# --- averaged weights


def test_an_average_without_memory_is_the_network():
    generator = ToyGenerator(LATENT, 5)
    ema = EMA(generator, decay=0.0)
    with torch.no_grad():
        for p in generator.parameters():
            p.mul_(1.5)
    ema.update(generator)
    for mine, theirs in zip(ema.module.parameters(), generator.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, check_dtype=True)
    assert not any(p.requires_grad for p in ema.module.parameters())
    assert not ema.module.training
    assert EMA(generator).decay == 0.999


@pytest.mark.parametrize("decay", [-0.1, 1.0, 1.5])
def test_a_decay_must_be_a_share(decay):
    with pytest.raises(ValueError, match=rf"decay must lie in \[0, 1\), got {decay}"):
        EMA(ToyGenerator(), decay)


def test_an_average_goes_on_from_its_state():
    """Also the number of updates, which the decay depends on."""
    torch.manual_seed(4)
    generator, other = ToyGenerator(LATENT, 5), ToyGenerator(LATENT, 5)
    straight, resumed = EMA(generator, 0.5), EMA(other, 0.5)
    for _ in range(2):
        straight.update(other)
    resumed.load_state_dict(copy.deepcopy(straight.state_dict()))
    assert resumed.updates == 2
    for ema in (straight, resumed):
        ema.update(generator)
    for a, b in zip(straight.module.parameters(), resumed.module.parameters(), strict=True):
        assert torch.equal(a, b)
