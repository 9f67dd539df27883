"""The means to repeat a run: the state of the random generators, and algorithms without races."""

import operator
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

CPU = torch.device("cpu")


def generators_in_use() -> list[torch.device]:
    """The devices whose generators a draw here may come from: the CPU, every GPU once one is in use, Apple's MPS."""
    gpus = (
        [torch.device("cuda", i) for i in range(torch.cuda.device_count())] if torch.cuda.is_initialized() else []
    )
    return [CPU, *gpus, *([torch.device("mps")] if torch.backends.mps.is_available() else [])]


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Inside, generators may be seeded and drawn from; afterwards each of those in use is as it was before."""
    before = [(device, _state_of(device)) for device in generators_in_use()]
    try:
        yield
    finally:
        for device, state in before:
            _set_state_of(device, state)


def seed_generators(seed: int) -> None:
    """Seed each generator in use. (``torch.manual_seed`` would also seed GPUs that are only used later.)"""
    seed = operator.index(seed)  # NumPy's integers, too
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's generators on the CPU and on ``device``."""
    return {d.type: _state_of(d) for d in (CPU, device)}


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Go back to what :func:`random_state` gave on the same kind of device; ``ValueError`` if it was another."""
    if state.keys() != {"cpu", device.type}:
        raise ValueError(
            f"the run must go on on the kind of device that it began on, {', '.join(state)}, got {device.type}; move "
            "the data there, or start afresh with another file"
        )
    for d in (CPU, device):
        _set_state_of(d, state[d.type].cpu())


def _state_of(device: torch.device) -> Tensor:
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else torch.get_rng_state()


def _set_state_of(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state)
    else:
        torch.set_rng_state(state)


@contextmanager
def deterministic_algorithms() -> Iterator[None]:
    """Inside, torch uses algorithms that give the same bits each time, and raises where it has none.

    Raises ``RuntimeError`` if a GPU is in use whose matrix products aren't told to repeat themselves.
    """
    wanted = (":4096:8", ":16:8")
    if torch.cuda.is_initialized() and os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in wanted:
        raise RuntimeError(
            "deterministic=True on a GPU needs the environment variable CUBLAS_WORKSPACE_CONFIG=:4096:8, set before "
            "Python starts or before the first computation on the GPU; in a notebook, put "
            'os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8" into the first cell and restart the kernel'
        )
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
