"""Metrics and training on an accelerator without float64, imitated; random state on devices that this machine lacks."""

import pytest
import torch
from elsewhere import DEVICE, Elsewhere, lies_there

from course_lib.data import ring
from course_lib.metrics import (
    active_units,
    class_shares,
    density_coverage,
    evaluate_elbo,
    extract_features,
    feature_classifier,
    frechet_with_floor,
    importance_nll,
    kernel_with_floor,
    memorization,
    mode_coverage,
    mutual_information_gap,
    precision_recall,
    roc_auc,
    sharpness,
    sharpness_distance,
)
from course_lib.metrics.disentanglement import dci
from course_lib.models import VAEGAN, ConvVAE, Discriminator, Generator
from course_lib.objectives import kl_decomposition
from course_lib.training import GANStep, IWAEStep, TCVAEStep, VAEGANStep, VAEStep, fit

SOURCE = torch.Generator().manual_seed(0)
A, B, C = (torch.randn(n, 5, generator=SOURCE) for n in (40, 44, 12))
X = torch.rand(40, 1, 28, 28, generator=SOURCE)
FACTORS = {"a": torch.arange(40) % 3, "b": torch.arange(40) % 4}
POSITIONS = 2 * torch.randn(40, 2, generator=SOURCE)

METRICS = {
    "active units": lambda there: active_units(there(A)),
    "class shares": lambda there: class_shares(torch.softmax(9 * there(A), 1)),
    "mode coverage": lambda there: mode_coverage(there(POSITIONS), ring()),
    "frechet": lambda there: frechet_with_floor(there(A), there(B)),
    "kernel": lambda there: kernel_with_floor(
        there(A), there(B), subset_size=9, num_subsets=4, generator=torch.Generator().manual_seed(1)
    ),
    "precision, recall": lambda there: precision_recall(there(A), there(B)),
    "density, coverage": lambda there: density_coverage(there(A), there(B)),
    "memorization": lambda there: memorization(there(A), there(B), there(C)),
    "gap": lambda there: mutual_information_gap(there(A), {k: there(v) for k, v in FACTORS.items()}),
    "DCI": lambda there: dci(there(A), {k: there(v) for k, v in FACTORS.items()}, num_trees=2),
    "ROC": lambda there: roc_auc(there(A[:, 0]), there(FACTORS["a"] == 1)),
    "sharpness": lambda there: sharpness(there(X)),
    "sharpness distance": lambda there: sharpness_distance(there(X), there(X**2)),
    "features": lambda there: extract_features(there(X)),
    "ELBO": lambda there: evaluate_elbo(seeded(ConvVAE, 3, there), there(X.round())).elbo,
    "NLL": lambda there: importance_nll(seeded(ConvVAE, 3, there), there(X.round()), 2),
    "total correlation": lambda there: kl_decomposition(*there(torch.stack([A, A, A - 1])), 50).total_correlation,
}


def seeded(build, size, there):
    torch.manual_seed(4)
    network = build(size)
    return network if there(A) is A else network.to(DEVICE)


@pytest.mark.situation(
    "Laptops",
    "a metric of tensors on an accelerator without float64",
    "The same numbers as on the CPU, where it computes in float64.",
)
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.filterwarnings("ignore:.*too few for")
def test_metrics_need_no_float64_on_the_device(name):
    expected = METRICS[name](lambda t: t)
    with Elsewhere():
        found = METRICS[name](lambda t: t.to(DEVICE))
    assert str(found) == str(expected)


@pytest.mark.parametrize(
    "build",
    [
        lambda: VAEStep(ConvVAE(3).to(DEVICE)),
        lambda: VAEStep(ConvVAE(3, likelihood="gaussian").to(DEVICE), optimal_sigma=True),
        lambda: IWAEStep(ConvVAE(3).to(DEVICE), num_samples=2, estimator="dreg"),
        lambda: TCVAEStep(ConvVAE(3).to(DEVICE), 40),
        lambda: GANStep(Generator(4).to(DEVICE), Discriminator().to(DEVICE), 4),
        lambda: VAEGANStep(VAEGAN(3).to(DEVICE)),
    ],
)
def test_training_needs_no_float64(build, tmp_path):
    with Elsewhere():
        step, x = build(), X.to(DEVICE)
        fit(step, x, num_steps=2, batch_size=8, checkpoint=tmp_path / "run", progress=False)
        network = getattr(step, "model", None) or step.generator
        assert all(lies_there(parameter) for parameter in network.parameters())


def test_the_imitation_is_an_accelerator_without_float64():
    with Elsewhere():
        x = X.to(DEVICE)
        network = feature_classifier().to(DEVICE)
        features = network.features(x)
        assert lies_there(features)
        assert not lies_there(X)
        assert not lies_there(features.cpu())
        assert features.device == torch.zeros(2, device=features.device).device == DEVICE
        features.cpu().double()
        for slip in (
            lambda: features.double(),
            lambda: features.to(torch.float64),
            lambda: torch.zeros(2, dtype=torch.float64, device=DEVICE),
            lambda: X.double().to(DEVICE),
            lambda: features.sum(0, dtype=torch.float64),
            lambda: torch.cat([features, features]).detach().mean(0).double(),
        ):
            with pytest.raises(TypeError, match="MPS framework doesn't support it"):
                slip()
    feature_classifier.cache_clear()


class Generators:
    """Generators of devices that this machine lacks: two GPUs, or Apple's."""

    def __init__(self, *devices):
        self.of = {device: torch.Generator().manual_seed(70 + i) for i, device in enumerate(devices)}

    def get(self, device="mps"):
        return self.of[str(device)].get_state()

    def set(self, state, device="mps"):
        self.of[str(device)].set_state(state)

    def seed(self, seed):
        for generator in self.of.values():
            generator.manual_seed(seed)


@pytest.fixture
def two_gpus(monkeypatch):
    pretended = Generators("cuda:0", "cuda:1")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state", pretended.get)
    monkeypatch.setattr(torch.cuda, "set_rng_state", pretended.set)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", pretended.seed)
    return pretended


@pytest.fixture
def apple(monkeypatch):
    pretended = Generators("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", pretended.get)
    monkeypatch.setattr(torch.mps, "set_rng_state", pretended.set)
    monkeypatch.setattr(torch.mps, "manual_seed", pretended.seed)
    return pretended


@pytest.mark.situation(
    "Laptops",
    "training on the CPU beside a GPU or Apple's accelerator in use",
    "Each generator in use is seeded, and afterwards as it was.",
)
@pytest.mark.parametrize("kind", ["two_gpus", "apple"])
@pytest.mark.parametrize("stops", [False, True])
def test_every_generator_in_use_is_seeded_and_left_as_it_was(kind, stops, request):
    pretended = request.getfixturevalue(kind)
    seen = []

    def step(batch):
        seen.extend(float(torch.rand((), generator=generator)) for generator in pretended.of.values())
        if stops:
            raise KeyboardInterrupt
        return {"mean": batch.mean()}

    before = {device: generator.get_state() for device, generator in pretended.of.items()}
    if stops:
        with pytest.raises(KeyboardInterrupt):
            fit(step, A, num_steps=1, batch_size=4, seed=11, progress=False)
    else:
        fit(step, A, num_steps=1, batch_size=4, seed=11, progress=False)
    seeded = float(torch.rand((), generator=torch.Generator().manual_seed(11)))
    assert seen == [seeded] * len(before)
    for device, generator in pretended.of.items():
        assert torch.equal(generator.get_state(), before[device])


def test_a_gpu_that_is_not_in_use_yet_is_left_alone(monkeypatch):
    """torch.manual_seed would note the seed down for it, and so undo one that was set outside."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("seeded"))
    fit(lambda b: {"mean": b.mean()}, A, num_steps=1, batch_size=4, progress=False)


@pytest.mark.situation(
    "Laptops", "a run that began on a GPU and goes on without one", "Refused, naming both kinds of device."
)
def test_a_run_goes_on_on_its_own_kind_of_device(tmp_path):
    from course_lib.training import load_checkpoint, save_checkpoint

    file = tmp_path / "run"
    fit(VAEStep(ConvVAE(3)), X, num_steps=1, batch_size=8, checkpoint=file, progress=False)
    state = load_checkpoint(file)
    state["random"]["cuda"] = state["random"]["cpu"]
    save_checkpoint(file, state)
    with pytest.raises(
        ValueError, match="kind of device that it began on, cpu, cuda, got cpu; move the data there"
    ):
        fit(VAEStep(ConvVAE(3)), X, num_steps=2, batch_size=8, checkpoint=file, progress=False)


@pytest.mark.situation(
    "Laptops",
    "deterministic=True on a GPU without CUBLAS_WORKSPACE_CONFIG",
    "An error that says what to set, and where.",
)
def test_deterministic_on_a_gpu_says_what_to_set(two_gpus, monkeypatch):
    run = {"num_steps": 1, "batch_size": 4, "deterministic": True, "progress": False}
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with pytest.raises(RuntimeError, match=r"environment variable CUBLAS_WORKSPACE_CONFIG=:4096:8.*first cell"):
        fit(lambda b: {"mean": b.mean()}, A, **run)
    for good in (":4096:8", ":16:8"):
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", good)
        fit(lambda b: {"mean": b.mean()}, A, **run)
    assert not torch.are_deterministic_algorithms_enabled()
