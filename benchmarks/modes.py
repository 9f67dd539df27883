"""Does a GAN make all there is to make? Modes covered on a ring of 8 and a grid of 25 Gaussians, over several seeds.

    python benchmarks/modes.py [--seeds 10] [--data ring grid] [--methods plain best] [--steps N] [--workers 2]

The protocol is PacGAN's (Lin et al. 2018, arXiv:1712.04086, section 4.1): 2,500 samples; one within three standard
deviations of a mode is of high quality; a mode with such a sample is covered. A sampler of the true density has
98.9 % of high quality. All methods have the same networks, batches and number of steps, one thread each; what keeps
the game stable differs, and the learning rate. Seconds are CPU time of a run. Rows go to
benchmarks/results/modes.csv as they are made, and a run that was killed goes on from there.
"""

import argparse
import itertools
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from machine import machine
from resume import Rows
from torch import Tensor, nn

from course_lib.data import GaussianMixture2D, grid, ring
from course_lib.metrics import mode_coverage
from course_lib.models import mlp, spectral_norm
from course_lib.training import R1, GANStep, GradientPenalty, fit

RESULTS = Path(__file__).parent / "results" / "modes.csv"
FIGURES = ("modes", "high_quality", "reverse_kl", "seconds")
LATENT_DIM, HIDDEN_DIM, BATCH_SIZE, NUM_POINTS, NUM_SAMPLES = 2, 128, 256, 100_000, 2_500
DATA: dict[str, Callable[[], GaussianMixture2D]] = {"ring": ring, "grid": grid}
NUM_STEPS = {"ring": 10_000, "grid": 30_000}


@dataclass(frozen=True)
class Geometric:
    """A weight that falls from ``start`` to ``end`` by the same factor at each step."""

    start: float
    end: float
    num_steps: int

    def __call__(self, step: int) -> float:
        return float(self.start * (self.end / self.start) ** (step / self.num_steps))


@dataclass(frozen=True)
class Method:
    """``settings`` of the step; ``anneal_r1``: R1 from which gamma to which; ``decay``: learning rates fall to 0."""

    settings: dict[str, Any] = field(default_factory=dict)
    anneal_r1: tuple[float, float] | None = None
    decay: bool = False
    normed: bool = False


METHODS = {
    "plain": Method({"regularisers": []}),
    "r1": Method({"regularisers": [R1(0.1, every=4)]}),
    "wgan_gp": Method({"loss": "wasserstein", "regularisers": [GradientPenalty(0.1)], "critic_steps": 4}),
    "hinge_sn": Method({"loss": "hinge", "regularisers": []}, normed=True),
    "best": Method({"packing": 2, "lr": 2e-3}, anneal_r1=(0.3, 1e-5), decay=True),
}


def he(network: nn.Sequential) -> nn.Sequential:
    """Weights that keep the size of what passes through ReLUs (He et al. 2015, arXiv:1502.01852).

    Torch's own shrink it at each layer. All methods start from these, the plain game too.
    """
    for layer in network[:-1]:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network


def players(packing: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Three hidden layers each."""
    hidden = [HIDDEN_DIM] * 3
    generator, discriminator = he(mlp([LATENT_DIM, *hidden, 2])), he(mlp([2 * packing, *hidden, 1]))
    return generator, discriminator.append(nn.Flatten(0))


def train(data: str, method: str, num_steps: int, seed: int) -> dict[str, float]:
    """One run, on one thread: the figures of its samples."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    mixture, chosen = DATA[data](), METHODS[method]
    points = mixture.sample(NUM_POINTS)
    scale = points.std()
    settings = dict(chosen.settings)
    if chosen.anneal_r1 is not None:
        settings["regularisers"] = [R1(Geometric(*chosen.anneal_r1, num_steps), every=4)]
    generator, discriminator = players(settings.get("packing", 1))
    if chosen.normed:
        spectral_norm(discriminator)
    step = GANStep(generator, discriminator, LATENT_DIM, squash=False, **settings)
    schedulers = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda t: 1 - t / num_steps if chosen.decay else 1.0)
        for o in (step.g_optimizer, step.d_optimizer)
    ]

    def decayed(x: Tensor) -> dict[str, Tensor]:
        parts = step(x)
        for scheduler in schedulers:
            scheduler.step()
        return parts

    started = time.process_time()  # of one thread, whatever else the machine is doing
    batch_size = BATCH_SIZE * settings.get("critic_steps", 1)
    fit(decayed, points / scale, num_steps=num_steps, batch_size=batch_size, seed=seed, progress=False)
    seconds = time.process_time() - started
    with torch.no_grad():
        samples = scale * step.ema.module(torch.randn(NUM_SAMPLES, LATENT_DIM))
    coverage = mode_coverage(samples, mixture)
    return {
        "modes": coverage.modes,
        "high_quality": coverage.high_quality,
        "reverse_kl": coverage.reverse_kl,
        "seconds": seconds,
    }


def settings_word(method: str, num_steps: int) -> str:
    """Steps, batch size, and a checksum of all that belongs to the method."""
    return f"{num_steps}x{BATCH_SIZE}-{zlib.crc32(repr(METHODS[method]).encode()):08x}"


def job(key: tuple[str, str, int, int]) -> tuple[tuple[str, str, int, int], dict[str, float]]:
    return key, train(*key)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--methods", nargs="+", default=["plain", "best"], choices=list(METHODS))
    parser.add_argument("--steps", type=int, help=f"by default {NUM_STEPS}")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="1 seed, 1,000 steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = 1, 1_000
    rows = Rows(RESULTS, FIGURES)
    num_steps = {data: options.steps or NUM_STEPS[data] for data in options.data}
    wanted = [
        (data, method, num_steps[data], seed)
        for seed, data, method in itertools.product(range(options.seeds), options.data, options.methods)
        if (f"{data}/{method}", seed, settings_word(method, num_steps[data])) not in rows
    ]
    with get_context("spawn").Pool(options.workers) as pool:
        for (data, method, steps, seed), figures in pool.imap_unordered(job, wanted):
            rows.add(f"{data}/{method}", seed, settings_word(method, steps), **figures)
            print(data, method, seed, *(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)
    print(f"\n{machine(1)}, {NUM_SAMPLES:,} samples, batches of {BATCH_SIZE}, steps {num_steps}\n")
    print(f"| | seeds | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for data, method in itertools.product(options.data, options.methods):
        key = f"{data}/{method}", settings_word(method, num_steps[data])
        values = [torch.tensor(rows.values(*key, figure), dtype=torch.float64) for figure in FIGURES]
        cells = [f"{v.mean():.3f} ± {v.std():.3f}" if len(v) > 1 else f"{v.item():.3f}" for v in values]
        print(f"| {key[0]} | {len(values[0])} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
