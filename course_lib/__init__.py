"""A small library of reference implementations behind the lessons: autoencoder, VAE, GAN, VAE-GAN.

Its floors, from the ground up (imports only go down): checks, data, models, objectives, training, metrics, viz, claims,
predictions, probes, tasks, exercises, grading, lessons, cli. Import what you need by its floor, e.g.
``from course_lib.objectives import elbo``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__version__ = "0.2.0"
__all__ = ["__version__", "device", "smoke"]


def device(name: str = "auto") -> torch.device:
    """The device everything else follows: ``"auto"`` takes an accelerator if there is one, else the CPU.

    Any other name is handed to :class:`torch.device`, which raises ``RuntimeError`` for one it doesn't know.
    """
    import torch  # here, so that `course --help` doesn't wait for it

    if name != "auto":
        return torch.device(name)
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator if accelerator is not None else torch.device("cpu")


def smoke() -> bool:
    """Whether ``COURSE_SMOKE=1`` asks for a run of seconds: everything small, nothing of quality claimed."""
    return os.environ.get("COURSE_SMOKE", "0") not in ("", "0")
