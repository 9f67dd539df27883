"""The library beside a learner's code gives no task's answer away, under whatever name.

Each staged library is tried in a process of its own: every function in it, on a task's inputs in any order; and ways
that are known to have worked, written as a learner would.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course_lib.exercises.catalogue import catalogue_of
from course_lib.grading.sandbox.staging import stage
from course_lib.probes.calls import observe
from course_lib.tasks.find import asked_by, find_task

CATALOGUE = catalogue_of()

# What the library may give, by task, and why
GIVEN: dict[str, dict[str, str]] = {
    "null_floor": {"course_lib.models.vq_vae.straight_through": "the case's own n, which is also a count of rows"},
    "fair_comparison": {
        "course_lib.models.vae.bounded_logvar": "the case's own number of seeds, given back",
        "course_lib.metrics.distances.in_float64": "the case's own number of seeds, given back",
    },
}

TRY_EVERYTHING = """
import contextlib, importlib, inspect, io, itertools, json, pkgutil, signal, sys
import torch
import course_lib

content = torch.load(sys.argv[1], weights_only=False)
functions = {}
for floor in ("models", "objectives", "training", "metrics"):
    package = importlib.import_module(f"course_lib.{floor}")
    names = [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    for module in [package, *map(importlib.import_module, names)]:
        for name, thing in vars(module).items():
            if name.startswith("_"):
                continue
            if inspect.isfunction(thing) and thing.__module__.startswith("course_lib."):
                functions[f"{thing.__module__}.{name}"] = thing
            elif inspect.isclass(thing) and thing.__module__.startswith("course_lib."):
                for key, method in vars(thing).items():
                    if inspect.isfunction(method) and not key.startswith("__"):
                        functions[f"{thing.__module__}.{name}.{key}"] = method


def forms(result):
    tensors = [result] if isinstance(result, torch.Tensor) else []
    tensors += list(result) if isinstance(result, (tuple, list)) else []
    tensors += [v for v in getattr(result, "__dict__", {}).values()]
    for x in tensors:
        if isinstance(x, torch.Tensor) and x.is_floating_point():
            x = x.detach().double()
            for y in (x, x.flatten(1).sum(1)) if x.ndim > 1 else (x,):
                yield from (y, y.mean(), y.sum())


def gives(result, wanted):
    for x in forms(result):
        for name, y in wanted.items():
            y = y.double()
            if "gradient" in name or not y.any():
                continue
            for factor in (1, -1, 2, 0.5, -0.5):
                if x.shape == y.shape and torch.allclose(factor * x, y, rtol=1e-4, atol=1e-6):
                    return True
    return False


def stop(*_):
    raise TimeoutError

signal.signal(signal.SIGALRM, stop)
for task, (case, wanted) in content.items():
    values = list(case.values())
    for name, function in functions.items():
        try:
            number = sum(p.default is p.empty for p in inspect.signature(function).parameters.values())
        except ValueError:
            continue
        for count in {number, min(number + 1, len(values))} if number <= len(values) else ():
            for chosen in itertools.permutations(range(len(values)), count):
                signal.setitimer(signal.ITIMER_REAL, 5)
                try:
                    with contextlib.redirect_stdout(io.StringIO()):
                        given = gives(function(*(values[i] for i in chosen)), wanted)
                except Exception:
                    given = False
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                if given:
                    print(json.dumps([task, name]))
                    break
print(json.dumps(["tried", len(functions)]))
"""

KNOWN_WAYS = {
    "reconstruction_loss": [
        """
from course_lib.objectives import gaussian_log_prob
def answer(x_hat, x):
    return (-2 * gaussian_log_prob(x_hat, 0.0, x) - x[0].numel() * math.log(2 * math.pi)).mean()""",
        """
from course_lib.objectives import feature_error
def answer(x_hat, x):
    return 2 * feature_error(x_hat.flatten(1), x.flatten(1)).mean()""",
        """
from course_lib.objectives.reconstruction import optimal_logvar
def answer(x_hat, x):
    return optimal_logvar(x_hat, x).exp() * x[0].numel()""",
    ],
    "train_autoencoder": [
        """
from course_lib.models import Autoencoder, mlp
from course_lib.training import AutoencoderStep, fit
def answer(x, seed):
    torch.manual_seed(seed)
    model = Autoencoder(encoder=mlp([64, 64, 4]), decoder=mlp([4, 64, 64]))
    fit(AutoencoderStep(model), x, num_steps=10, batch_size=64)
    return model"""
    ],
    "train_denoiser": [
        """
from course_lib.training import AutoencoderStep, fit
def answer(x, sigma, seed):
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(*sizes) for sizes in ((128, 256), (256, 256), (256, 128))]
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    step = AutoencoderStep(model, corrupt=lambda batch: batch + sigma * torch.randn_like(batch))
    fit(step, x, num_steps=1000, batch_size=128)
    return model"""
    ],
    "train_vae": [
        """
from course_lib.models import MLPVAE
from course_lib.training import VAEStep, fit
def answer(x, num_steps, seed):
    model = MLPVAE(64, 64, 8)
    fit(VAEStep(model), x, num_steps=10, batch_size=64)
    return model"""
    ],
    "reparameterize": [
        """
from course_lib.models import reparameterize
def answer(mu, logvar, eps):
    return reparameterize(mu, logvar, eps)"""
    ],
    "exact_posterior": [
        """
from course_lib.data import LinearGaussian
def answer(x, w, b, s):
    posterior = LinearGaussian((w / s)[:, None], b / s, 1.0).posterior(x / s)
    return posterior.mean[:, 0], posterior.covariance_matrix[0, 0]"""
    ],
    "importance_weighted_bound": [
        """
from course_lib.objectives import importance_weighted_bound
def answer(log_w):
    return importance_weighted_bound(log_w)""",
        """
from course_lib.objectives.importance import ImportanceWeighted
def answer(log_w):
    return ImportanceWeighted(log_w[None]).bound""",
    ],
    "elbo_surgery": [
        """
from course_lib.objectives.tc_vae import kl_decomposition
def answer(z, mu, logvar):
    parts = kl_decomposition(z, mu, logvar, len(z))
    return parts.mutual_information.mean(), (parts.total_correlation + parts.dimension_wise).mean()"""
    ],
    "fit_posterior": [
        """
from course_lib.metrics import fit_posterior
def answer(decoder, x, mu, logvar):
    return fit_posterior(decoder, x, mu, logvar)"""
    ],
    "straight_through_one_hot": [
        """
from course_lib.models import straight_through
def answer(logits, noise, temperature):
    soft = torch.softmax((logits + noise) / temperature, -1)
    hard = torch.nn.functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return straight_through(soft, hard)"""
    ],
    "gaussian_kl": [
        """
from course_lib.objectives import kl_gaussians
def answer(*given):
    return torch.stack([kl_gaussians(*(g[:, [d]] for g in given)) for d in range(given[0].shape[1])], 1)""",
        """
from course_lib.objectives.kl import kl_per_dimension
def answer(mu_q, logvar_q, mu_p, logvar_p):
    return kl_per_dimension((mu_q - mu_p) * torch.exp(-0.5 * logvar_p), logvar_q - logvar_p)""",
    ],
    "grey_loss": [
        """
from course_lib.objectives import free_bits_elbo
def answer(logits, x, mu_q, logvar_q, mu_p, logvar_p, beta, free_nats):
    log_p = -torch.nn.functional.cross_entropy(logits, x, reduction="none").flatten(1).sum(1)
    q, p = (torch.distributions.Normal(m, (0.5 * v).exp()) for m, v in ((mu_q, logvar_q), (mu_p, logvar_p)))
    return free_bits_elbo(log_p, torch.distributions.kl_divergence(q, p), free_nats, beta).loss"""
    ],
    "draw_digits": [
        """
from course_lib.models import reparameterize
def answer(decode, mu_p, logvar_p, eps):
    p = decode(reparameterize(mu_p, logvar_p, eps)).softmax(1)
    return (p * torch.arange(17, dtype=p.dtype)[:, None] / 16).sum(1)"""
    ],
    "group_price": [
        """
from course_lib.objectives import free_bits_elbo, kl_per_dimension
def answer(mu, logvar, group, free_bits):
    kl = kl_per_dimension(mu, logvar)
    groups = torch.stack([kl[:, group == g].sum(1) for g in range(int(group.max()) + 1)], 1)
    return free_bits_elbo(0 * kl.sum(1), groups, free_bits * math.log(2)).loss"""
    ],
    "unit_report": [
        """
from course_lib.metrics import active_units
def answer(mu, logvar, threshold):
    return active_units(mu, threshold), mu[0], mu[0]""",
        """
from course_lib.objectives.kl import kl_per_dimension
def answer(mu, logvar, threshold):
    s2 = mu.var(0, correction=0) + logvar.exp().mean(0)
    wasted = kl_per_dimension(mu.mean(0)[None], s2.log()[None])[0]
    return mu.var(0) > threshold, kl_per_dimension(mu, logvar).mean(0) - wasted, wasted""",
    ],
    "information_gaps": [
        """
from course_lib.metrics import mutual_information_gap
def answer(counts):
    gaps = []
    for tables in counts.long():
        codes = torch.stack([torch.arange(t.numel()).repeat_interleave(t.flatten()) for t in tables], 1)
        factor = {"v": codes[:, 0] % tables.shape[2]}
        gaps.append(mutual_information_gap((codes // tables.shape[2]).float(), factor).mig)
    return torch.tensor(gaps)""",
        """
from course_lib.metrics.disentanglement import _information
def answer(counts):
    return _information(counts[0, 0].long(), counts[0, 1].long())""",
    ],
    "arc": [
        """
from course_lib.viz import interpolate
def answer(start, end, t):
    return interpolate(start, end, t, spherical=True)"""
    ],
    "train_with_labels": [
        """
from course_lib.models import ConditionalVAE, mlp
from course_lib.training import ConditionalVAEStep, fit
def answer(x, y, num_steps, seed):
    model = ConditionalVAE(mlp([74, 128, 16]), mlp([18, 128, 64]), 8, 10)
    fit(ConditionalVAEStep(model, lr=3e-3), (x, y), num_steps=num_steps, batch_size=128)
    return model"""
    ],
    "r1_penalty": [
        """
from course_lib.objectives import contractive_penalty
def answer(discriminator, x, gamma):
    x = x.detach().requires_grad_()
    return 0.5 * gamma * contractive_penalty(x, discriminator(x)[:, None])""",
        """
from course_lib.training.steps.regularisers import R1
def answer(discriminator, x, gamma):
    return R1(gamma)(discriminator, x, x)""",
    ],
    "gan_step": [
        """
from course_lib.training import GANStep
def answer(generator, discriminator, g_optimizer, d_optimizer, x, z):
    step = GANStep(generator, discriminator, z.shape[1], squash=False)
    step.g_optimizer, step.d_optimizer = g_optimizer, d_optimizer
    step.generate = lambda n: generator(z)
    step(x)"""
    ],
    "relativistic_losses": [
        """
from course_lib.objectives import generator_loss
def answer(real_logits, fake_logits):
    gap = real_logits - fake_logits
    return generator_loss(gap).mean(), generator_loss(-gap).mean()"""
    ],
    "spectral_norm": [
        """
from course_lib.models.constraints import spectral_norm
def answer(weight, u, num_steps):
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    normalised = spectral_norm(layer).weight
    return layer.parametrizations.weight.original.norm() / normalised.norm(), u"""
    ],
    "projection_logits": [
        """
from course_lib.models import ProjectionDiscriminator
def answer(features, y, v, head):
    class Features(torch.nn.Module):
        head = torch.nn.Linear(features.shape[1], 1)
    return ProjectionDiscriminator(Features(), len(v))(features, y)"""
    ],
    "train_conditional_gan": [
        """
from course_lib.models import ConditionalGenerator, ToyGenerator
def answer(x, y, num_steps, seed):
    return ConditionalGenerator(ToyGenerator(8), 4)"""
    ],
    "count_modes": [
        """
from course_lib.data import GaussianMixture2D
from course_lib.metrics import mode_coverage
def answer(samples, centers, std, least):
    found = mode_coverage(samples, GaussianMixture2D(centers, std))
    return found.modes, found.high_quality, found.reverse_kl"""
    ],
    "play_round": [
        """
from course_lib.training import R1, GANStep
def answer(generator, discriminator, g_optimizer, d_optimizer, x, z, gamma):
    step = GANStep(generator, discriminator, z.shape[1], regularisers=[R1(gamma, 1)], squash=False)
    step.g_optimizer, step.d_optimizer = g_optimizer, d_optimizer
    step.generate = lambda n: generator(z)
    step(x)"""
    ],
    "averaged_game": [
        """
from course_lib.training import EMA
def answer(generator, discriminator, average, g_optimizer, d_optimizer, x, z, decay):
    return EMA(generator, decay)"""
    ],
    "train_ring": [
        """
from course_lib.models import ToyDiscriminator, ToyGenerator
from course_lib.training import R1, GANStep, fit
def answer(x, num_steps, seed, gamma):
    players = ToyGenerator(2), ToyDiscriminator()
    fit(GANStep(*players, 2, regularisers=[R1(gamma)], squash=False), x, num_steps=num_steps, batch_size=128)
    return players"""
    ],
    "feature_error": [
        """
from course_lib.objectives import gaussian_log_prob
def answer(features_hat, features):
    return -gaussian_log_prob(features_hat, 0.0, features) - features.shape[1] / 2 * math.log(2 * math.pi)"""
    ],
    "vae_gan_objectives": [
        """
from course_lib.objectives.vae_gan import VAEGANLosses
def answer(kl, error, logits, logits_hat, logits_prior, gamma):
    soft = torch.nn.functional.softplus
    fool = 0.5 * (soft(-logits_hat) + soft(-logits_prior))
    tell = soft(-logits) + 0.5 * (soft(logits_hat) + soft(logits_prior))
    losses = VAEGANLosses(kl, error, fool, tell, gamma=gamma)
    return losses.encoder, losses.decoder, losses.discriminator"""
    ],
    "repaired_step": [
        """
from course_lib.training import VAEGANStep
def answer(networks, x, eps, z_prior, gamma):
    step = VAEGANStep(networks)
    step.gradients(x)"""
    ],
}

TRY_ONE = """
import importlib, math, sys
import torch
from course_lib.probes.calls import observe

exec(sys.argv[1], globals())
case, probe = torch.load(sys.argv[2], weights_only=False)
module, name = probe.split(":")
print(observe(getattr(importlib.import_module(module), name), answer, case).error)
"""


def staged(tmp_path: Path, exercise: str) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    stage(folder, CATALOGUE.exercise(exercise).withheld)
    return folder


def said_in(folder: Path, script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("exercise", CATALOGUE.names)
def test_no_function_gives_an_answer(tmp_path: Path, exercise: str) -> None:
    content = {}
    for task in CATALOGUE.exercise(exercise).tasks:
        case = task.public_cases()[0]
        if task.measure is None and all(isinstance(x, torch.Tensor | int | float) for x in case.values()):
            content[task.name] = ({**case}, dict(observe(task.probe, task.reference, case).outputs))
    torch.save(content, tmp_path / "content.pt")
    folder = staged(tmp_path, exercise)
    *found, (_, number) = map(
        json.loads, said_in(folder, TRY_EVERYTHING, str(tmp_path / "content.pt")).splitlines()
    )
    assert number > 20, "there is a library to try"
    surprises = [(task, name) for task, name in found if name not in GIVEN.get(task, {})]
    assert not surprises
    unused = {t: set(names) - {n for task, n in found if task == t} for t, names in GIVEN.items() if t in content}
    assert not any(unused.values()), f"no longer given: {unused}"


def test_a_gift_is_noticed(tmp_path: Path) -> None:
    """With nothing withheld the search finds the library's own formulas."""
    task = find_task("kl_divergence")
    case = task.public_cases()[0]
    torch.save({task.name: ({**case}, dict(observe(task.probe, task.reference, case).outputs))}, tmp_path / "c.pt")
    (tmp_path / "library").mkdir()
    stage(tmp_path / "library", {})
    found = said_in(tmp_path / "library", TRY_EVERYTHING, str(tmp_path / "c.pt"))
    assert '["kl_divergence", "course_lib.objectives.kl.kl_standard_normal"]' in found


WAYS = [
    pytest.param(task, way, id=f"{task}-{i}") for task, ways in KNOWN_WAYS.items() for i, way in enumerate(ways)
]


@pytest.mark.parametrize(("task", "way"), WAYS)
def test_known_ways_are_closed(tmp_path: Path, task: str, way: str) -> None:
    asked = find_task(task)
    exercise = asked_by()[task].removeprefix("ex")
    torch.save(
        (asked.public_cases()[0], f"{asked.probe.__module__}:{asked.probe.__qualname__}"), tmp_path / "case.pt"
    )
    error = said_in(staged(tmp_path, exercise), TRY_ONE, "import math, torch" + way, str(tmp_path / "case.pt"))
    assert "asks you to write, or gives it away" in error
