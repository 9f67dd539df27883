"""Random state on devices that this machine lacks: two GPUs, or Apple's accelerator, pretended."""

import pytest
import torch

from course_lib.models import MLPVAE
from course_lib.training import VAEStep, fit, load_checkpoint, save_checkpoint

X = torch.rand(40, 5, generator=torch.Generator().manual_seed(0))


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
            fit(step, X, num_steps=1, batch_size=4, seed=11, progress=False)
    else:
        fit(step, X, num_steps=1, batch_size=4, seed=11, progress=False)
    seeded = float(torch.rand((), generator=torch.Generator().manual_seed(11)))
    assert seen == [seeded] * len(before)
    for device, generator in pretended.of.items():
        assert torch.equal(generator.get_state(), before[device])


def test_a_gpu_that_is_not_in_use_yet_is_left_alone(monkeypatch):
    """torch.manual_seed would note the seed down for it, and so undo one that was set outside."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("seeded"))
    fit(lambda b: {"mean": b.mean()}, X, num_steps=1, batch_size=4, progress=False)


@pytest.mark.situation(
    "Laptops", "a run that began on a GPU and goes on without one", "Refused, naming both kinds of device."
)
def test_a_run_goes_on_on_its_own_kind_of_device(tmp_path):
    file = tmp_path / "run"
    fit(VAEStep(MLPVAE(5, 4, 2)), X, num_steps=1, batch_size=8, checkpoint=file, progress=False)
    state = load_checkpoint(file)
    state["random"]["cuda"] = state["random"]["cpu"]
    save_checkpoint(file, state)
    with pytest.raises(
        ValueError, match="kind of device that it began on, cpu, cuda, got cpu; move the data there"
    ):
        fit(VAEStep(MLPVAE(5, 4, 2)), X, num_steps=2, batch_size=8, checkpoint=file, progress=False)


@pytest.mark.situation(
    "Laptops",
    "deterministic=True on a GPU without CUBLAS_WORKSPACE_CONFIG",
    "An error that says what to set, and where.",
)
def test_deterministic_on_a_gpu_says_what_to_set(two_gpus, monkeypatch):
    run = {"num_steps": 1, "batch_size": 4, "deterministic": True, "progress": False}
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with pytest.raises(RuntimeError, match=r"environment variable CUBLAS_WORKSPACE_CONFIG=:4096:8.*first cell"):
        fit(lambda b: {"mean": b.mean()}, X, **run)
    for good in (":4096:8", ":16:8"):
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", good)
        fit(lambda b: {"mean": b.mean()}, X, **run)
    assert not torch.are_deterministic_algorithms_enabled()
