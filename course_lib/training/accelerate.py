"""Cheaper arithmetic and compiled steps. What they bring where is measured in ``benchmarks/RESULTS.md``.

Gradients of gradients (R1, the gradient penalty, the contractive penalty) can't be compiled: what is compiled has
no second derivative. So only the steps of VAEs, which are of first order, can be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.training.steps.core import TrainingStep
from course_lib.training.steps.vae import VAEStep


@contextmanager
def tensor_cores() -> Iterator[None]:
    """Inside, products of float32 matrices may round their factors to TF32 (10 bits of mantissa), which tensor cores
    of NVIDIA's GPUs do several times faster. Sums stay in float32. Nothing changes on a CPU.
    """
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


class InBFloat16(nn.Module):
    """A network whose products are of bfloat16 (8 bits of mantissa, the range of float32); its weights, its output
    and all that is computed from it stay float32: the KL and the likelihood sum hundreds of terms.

    ``model.encoder = InBFloat16(model.encoder)``, and the same for the decoder, before the step is built.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """The network's output in float32."""
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.network(x).float()


def compile_step(step: TrainingStep, **options: Any) -> TrainingStep:
    """Have a VAE's whole objective compiled: networks, sampling and likelihood in one graph; returns ``step``.

    ``options`` go to :func:`torch.compile`; ``mode="reduce-overhead"`` captures the graph on a GPU, which is what
    helps most where each kernel is small. The first step compiles, which takes much longer than a step. Losses agree
    with the uncompiled step's to float32 rounding, given the same noise (a compiled step may draw other noise).

    Raises ``TypeError`` for a step that isn't a :class:`VAEStep`.
    """
    if not isinstance(step, VAEStep):
        raise TypeError(
            f"step must be a VAEStep to be compiled, got a {type(step).__name__}; a gradient "
            "penalty differentiates twice, which compiled code can't"
        )
    step.objective = torch.compile(step.objective, **options)  # type: ignore[method-assign]
    return step
