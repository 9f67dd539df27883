"""Each variant of the VAE's step against two steps of the same written out plainly, with the same random draws."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal

from course_lib.models import MLPVAE, VAE
from course_lib.objectives import LinearSchedule, optimal_logvar
from course_lib.training import CapacityStep, FreeBitsStep, IWAEStep, TCVAEStep, VAEStep, fit

B, P, D = 6, 5, 2


class Constant(nn.Module):
    """A decoder that knows the pixels exactly."""

    def forward(self, z):
        return z.new_full((len(z), 6), 0.5)


WARM_UP = LinearSchedule(0.2, 1.0, 4)


def cross_entropy(model, z, x):
    return F.binary_cross_entropy_with_logits(model.decoder(z), x.expand(*z.shape[:-1], P), reduction="none").sum(
        -1
    )


def squared(model, z, x):
    return (model.decoder(z) - x).square().sum(-1)


def encoded(model, x, *leading):
    """Mean, log-variance, a sample, and the KL of each dimension."""
    mu, logvar = model.encoder(x).chunk(2, 1)
    z = mu + logvar.exp().sqrt() * torch.randn(*leading, B, D, dtype=x.dtype)
    return mu, logvar, z, 0.5 * (mu**2 + logvar.exp() - 1 - logvar)


def warmed_up(model, x, number):
    _, _, z, kl = encoded(model, x)
    return cross_entropy(model, z, x).mean() + (0.2, 0.4)[number] * kl.sum(1).mean()


def free_bits(model, x, number):
    _, _, z, kl = encoded(model, x)
    charged = sum(torch.maximum(kl[:, j].mean(), torch.tensor(0.04).double()) for j in range(D))
    return cross_entropy(model, z, x).mean() + (0.2, 0.4)[number] * charged


def capacity(model, x, number):
    _, _, z, kl = encoded(model, x)
    return cross_entropy(model, z, x).mean() + 3 * (kl.sum(1).mean() - (0.2, 0.4)[number]).abs()


def learned_sigma(model, x, number):
    _, _, z, kl = encoded(model, x)
    log_p_x = Normal(model.decoder(z), (0.5 * model.logvar_x).exp()).log_prob(x).sum(1)
    return (kl.sum(1) - log_p_x).mean()


def optimal_sigma(model, x, number):
    """The likelihood at its best variance, differentiated as a whole."""
    _, _, z, kl = encoded(model, x)
    mse = squared(model, z, x).sum() / (B * P)
    return P / 2 * (math.log(2 * math.pi) + mse.log() + 1) + kl.sum(1).mean()


def log_ratios(model, x, groups, samples):
    mu, logvar, z, _ = encoded(model, x, groups, samples)
    return -cross_entropy(model, z, x) + (
        Normal(0.0, 1.0).log_prob(z) - Normal(mu, logvar.exp().sqrt()).log_prob(z)
    ).sum(-1)


def iwae(model, x, number):
    return -log_ratios(model, x, 1, 3).exp().mean(1).log().mean()


def miwae(model, x, number):
    return -log_ratios(model, x, 2, 3).exp().mean(1).log().mean()


def iwae_optimal_sigma(model, x, number):
    mu, logvar, z, _ = encoded(model, x, 1, 3)
    mse = squared(model, z, x).mean().detach() / P
    log_w = Normal(model.decoder(z), mse.sqrt()).log_prob(x).sum(-1)
    log_w = log_w + (Normal(0.0, 1.0).log_prob(z) - Normal(mu, logvar.exp().sqrt()).log_prob(z)).sum(-1)
    return -log_w.exp().mean(1).log().mean()


STEPS = {
    "warm-up": ("bernoulli", lambda m: VAEStep(m, 1e-2, WARM_UP), warmed_up),
    "free bits": ("bernoulli", lambda m: FreeBitsStep(m, 1e-2, WARM_UP, free_bits=0.04), free_bits),
    "capacity": ("bernoulli", lambda m: CapacityStep(m, 1e-2, capacity=WARM_UP, gamma=3.0), capacity),
    "learned sigma": ("gaussian", lambda m: VAEStep(m, 1e-2), learned_sigma),
    "optimal sigma": ("gaussian", lambda m: VAEStep(m, 1e-2, optimal_sigma=True), optimal_sigma),
    "free bits, sigma": (
        "gaussian",
        lambda m: FreeBitsStep(m, 1e-2, free_bits=0.0, optimal_sigma=True),
        optimal_sigma,
    ),
    "capacity, sigma": (
        "gaussian",
        lambda m: CapacityStep(m, 1e-2, capacity=0.0, gamma=1.0, optimal_sigma=True),
        optimal_sigma,
    ),
    "IWAE": ("bernoulli", lambda m: IWAEStep(m, 1e-2, num_samples=3), iwae),
    "MIWAE": ("bernoulli", lambda m: IWAEStep(m, 1e-2, num_samples=3, num_groups=2), miwae),
    "IWAE, sigma": (
        "gaussian",
        lambda m: IWAEStep(m, 1e-2, num_samples=3, optimal_sigma=True),
        iwae_optimal_sigma,
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_equals_the_plain_one(name):
    likelihood, build, plain_loss = STEPS[name]
    torch.manual_seed(0)
    model = MLPVAE(P, 8, D, likelihood).double()
    twin = copy.deepcopy(model)
    grey = torch.rand(B, P, dtype=torch.float64)
    step = build(model)
    optimizer = torch.optim.Adam(twin.parameters(), 1e-2)
    for number in range(2):
        torch.manual_seed(number)
        reported = step(grey)
        torch.manual_seed(number)
        x = torch.bernoulli(grey) if likelihood == "bernoulli" else grey
        loss = plain_loss(twin, x, number)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch.testing.assert_close(reported["loss"], loss.detach())
        assert not any(part.requires_grad for part in reported.values())
    assert step.steps == 2
    for (parameter, ours), theirs in zip(model.named_parameters(), twin.parameters(), strict=True):
        if parameter != "logvar_x" or name == "learned sigma":
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_optimal_sigma_is_that_of_the_last_batch_and_not_the_optimisers():
    torch.manual_seed(0)
    model = MLPVAE(P, 8, D, "gaussian").double()
    twin = copy.deepcopy(model)
    x = torch.rand(B, P, dtype=torch.float64)
    step = VAEStep(model, optimal_sigma=True)
    torch.manual_seed(1)
    step(x)
    torch.manual_seed(1)
    z = encoded(twin, x)[2]
    torch.testing.assert_close(model.logvar_x.detach(), (squared(twin, z, x).sum() / (B * P)).log().detach())
    assert all(p is not model.logvar_x for p in step.parameters)
    assert any(p is model.logvar_x for p in VAEStep(model).parameters)
    assert VAEStep(model).optimal_sigma is False


def test_a_gaussian_takes_what_is_no_grey_level_and_a_bernoulli_does_not():
    x = torch.full((B, P), -1.5)
    assert torch.isfinite(VAEStep(MLPVAE(P, 8, D, "gaussian"))(x)["loss"])
    with pytest.raises(ValueError, match="grey levels"):
        VAEStep(MLPVAE(P, 8, D))(x)


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda m: VAEStep(m), ["loss", "-reconstruction", "KL"]),
        (lambda m: FreeBitsStep(m, free_bits=0.5), ["loss", "-reconstruction", "KL"]),
        (lambda m: CapacityStep(m, capacity=2.0, gamma=3.0), ["loss", "-reconstruction", "KL"]),
        (lambda m: IWAEStep(m, num_samples=4), ["loss", "-ELBO"]),
    ],
)
def test_what_is_recorded_and_what_is_taken_for_granted(build, names):
    torch.manual_seed(0)
    model = MLPVAE(P, 8, D)
    step = build(model)
    reported = step(torch.rand(B, P))
    assert list(reported) == names
    assert all(value.shape == () for value in reported.values())
    assert step.optimizer.param_groups[0]["lr"] == 1e-3
    assert step.beta == 1
    assert step.optimal_sigma is False
    assert all(p.grad is None for p in model.parameters())


def test_iwae_steps_bound_lies_above_the_elbo_of_its_samples():
    torch.manual_seed(0)
    reported = IWAEStep(MLPVAE(P, 8, D), num_samples=4)(torch.rand(B, P))
    assert reported["loss"] < reported["-ELBO"]


def test_dreg_takes_the_decoders_gradient_and_another_for_the_encoder():
    torch.manual_seed(0)
    model = MLPVAE(P, 8, D).double()
    x = torch.bernoulli(torch.rand(B, P, dtype=torch.float64))
    gradients, values = {}, []
    for estimator in ("iwae", "dreg"):
        torch.manual_seed(3)
        objective = IWAEStep(model, num_samples=4, estimator=estimator).objective(x)
        gradients[estimator] = torch.autograd.grad(objective.loss, list(model.parameters()))
        values.append(objective.loss)
    torch.testing.assert_close(*values)
    in_encoder = len(list(model.encoder.parameters()))
    for number, (plain, doubly) in enumerate(zip(*gradients.values(), strict=True)):
        assert torch.allclose(plain, doubly) == (number >= in_encoder)


def test_dreg_steps_encoder_gradient_weighs_each_sample_twice():
    """By the chain rule through a model written out: the gradient of log w by z, the weight squared."""
    torch.manual_seed(0)
    model = MLPVAE(P, 8, D).double()
    x = torch.bernoulli(torch.rand(B, P, dtype=torch.float64))
    torch.manual_seed(4)
    objective = IWAEStep(model, num_samples=3, num_groups=2, estimator="dreg").objective(x)
    ours = torch.autograd.grad(objective.loss, list(model.encoder.parameters()))
    torch.manual_seed(4)
    mu, logvar, z, _ = encoded(model, x, 2, 3)
    free = z.detach().requires_grad_()
    q = Normal(mu.detach(), logvar.detach().exp().sqrt())
    log_w = -cross_entropy(model, free, x) + (Normal(0.0, 1.0).log_prob(free) - q.log_prob(free)).sum(-1)
    (slope,) = torch.autograd.grad(log_w.sum(), free)
    squared_weights = torch.softmax(log_w.detach(), 1).square()[..., None]
    surrogate = -(squared_weights * slope * z).sum() / (2 * B)
    for a, b in zip(ours, torch.autograd.grad(surrogate, list(model.encoder.parameters())), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "num_samples must be an integer of at least 1, got 0"),
        ({"num_samples": 2, "num_groups": 0}, "num_groups must be an integer of at least 1, got 0"),
        ({"num_samples": 2, "estimator": "vimco"}, "estimator must be 'iwae' or 'dreg', got 'vimco'"),
    ],
)
def test_iwae_step_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        IWAEStep(MLPVAE(P, 8, D), **arguments)


@pytest.mark.parametrize("build", [VAEStep, lambda m, **kw: IWAEStep(m, num_samples=2, **kw)])
def test_optimal_sigma_needs_a_variance(build):
    with pytest.raises(ValueError, match=r"optimal_sigma needs a variance.*likelihood='gaussian'"):
        build(MLPVAE(P, 8, D), optimal_sigma=True)


def test_a_resumed_step_goes_on_with_its_schedule_and_its_sigma():
    torch.manual_seed(0)
    x = torch.rand(B, P)
    first = VAEStep(MLPVAE(P, 8, D, "gaussian"), beta=WARM_UP, optimal_sigma=True)
    first(x)
    second = VAEStep(MLPVAE(P, 8, D, "gaussian"), beta=WARM_UP, optimal_sigma=True)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    losses = []
    for step in (first, second):
        torch.manual_seed(1)
        losses.append(step(x)["loss"])
    assert torch.equal(*losses)
    assert second.model.logvar_x == first.model.logvar_x


@pytest.mark.situation(
    "Long runs",
    "a diverging run of any VAE's step",
    "A FloatingPointError naming the step, whatever the objective computes with.",
)
@pytest.mark.parametrize(
    "build",
    [
        lambda model: VAEStep(model, lr=1e18),
        lambda model: IWAEStep(model, lr=1e18, num_samples=2),
        lambda model: IWAEStep(model, lr=1e18, num_samples=2, num_groups=2, estimator="dreg"),
        lambda model: TCVAEStep(model, 8, lr=1e18),
        lambda model: TCVAEStep(model, 8, lr=1e18, estimator="weighted"),
        lambda model: FreeBitsStep(model, lr=1e18, free_bits=0.5),
        lambda model: CapacityStep(model, lr=1e18, capacity=1.0, gamma=2.0),
    ],
)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_diverging_run_names_its_step(build, likelihood):
    torch.manual_seed(0)
    step = build(MLPVAE(6, 8, 2, likelihood))
    with pytest.raises(
        FloatingPointError, match=r"became (nan|inf|-inf) at step [2-9]; try a smaller learning rate"
    ):
        fit(step, torch.rand(8, 6), num_steps=9, batch_size=4, progress=False)
    step = build(MLPVAE(6, 8, 2, likelihood))  # NaN goes through every objective, where torch's Normal would raise
    next(step.model.encoder.parameters()).data.fill_(math.nan)
    assert step(torch.rand(8, 6))["loss"].isnan()


@pytest.mark.situation(
    "Long runs",
    "a Gaussian VAE on pixels that can be predicted exactly",
    "Its learned variance is bounded as the optimal one is, and the run goes on.",
)
@pytest.mark.parametrize("build", [VAEStep, lambda model, lr: IWAEStep(model, lr, num_samples=3)])
def test_a_learned_variance_is_bounded(build):
    torch.manual_seed(0)
    model = VAE(nn.Linear(6, 4), Constant(), 2, "gaussian")
    x = torch.full((8, 6), 0.5)
    fit(build(model, 0.3), x, num_steps=30, batch_size=4, progress=False)
    assert -9.5 < model.logvar_x.item() < -8.5
    fit(build(model, 50.0), x, num_steps=30, batch_size=4, progress=False)  # its exponential would be infinite
    assert model.logvar_x.item() == optimal_logvar(x, x).item() == -12
