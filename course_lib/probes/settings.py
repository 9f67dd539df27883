"""Settings that a notebook can change for everything that runs after it; an answer is called without them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

_AUTOCAST = ("cpu", "cuda")


def reset() -> None:
    """torch's settings as they are when it is imported, and no warning that stops a cell."""
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(False)
    torch.autograd.set_detect_anomaly(False)
    for kind in _AUTOCAST:
        torch.set_autocast_enabled(kind, False)
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.simplefilter("default")


@contextmanager
def as_at_the_start() -> Iterator[None]:
    """Like :func:`reset`, and the notebook's own settings come back at the end."""
    dtype, grad, deterministic = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
    )
    anomaly, device = torch.is_anomaly_enabled(), None
    autocast = [torch.is_autocast_enabled(kind) for kind in _AUTOCAST]
    with suppress(RuntimeError, AssertionError):  # one that this machine hasn't got
        device = torch.get_default_device()
    with warnings.catch_warnings():
        reset()
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad)
            torch.use_deterministic_algorithms(deterministic)
            torch.autograd.set_detect_anomaly(anomaly)
            for kind, enabled in zip(_AUTOCAST, autocast, strict=True):
                torch.set_autocast_enabled(kind, enabled)
            if device is not None and device.type != "cpu":
                torch.set_default_device(device)
