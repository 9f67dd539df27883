"""Does a GAN make all there is to make? Modes covered on a ring of 8 and a grid of 25 Gaussians, over several seeds.

    python benchmarks/modes.py [--seeds 10] [--data ring grid] [--methods plain best] [--steps N] [--workers 2]
    python benchmarks/modes.py --table [--seeds 5] [--workers 2]

The protocol is PacGAN's (Lin et al. 2018, arXiv:1712.04086, section 4.1): 2,500 samples; one within three standard
deviations of a mode is of high quality; a mode with such a sample is covered. A sampler of the true density has
98.9 % of high quality. All methods have the same networks, batches and number of steps, one thread each. Samples are
drawn from the averaged weights and, with the same noise, from the last ones (rows "…/last"). A run whose losses stop
being finite covers nothing. Seconds are CPU time of a run. Rows go to benchmarks/results/modes.csv as they are made,
and a run that was killed goes on from there.

--table: the games of ONE_CHANGE on the grid, after 10,000 steps, in which each differs from another in one thing. It
goes round all of them with one seed, then with the next, and rewrites the lessons' table, course_lib/modes.json,
after each run.
"""

import argparse
import itertools
import json
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
from course_lib.training import R1, R2, GANStep, GradientPenalty, WeightClipping, fit

RESULTS = Path(__file__).parent / "results" / "modes.csv"
TABLE = Path(__file__).parents[1] / "course_lib" / "modes.json"
FIGURES = ("modes", "high_quality", "reverse_kl", "seconds")
LATENT_DIM, HIDDEN_DIM, BATCH_SIZE, NUM_POINTS, NUM_SAMPLES = 2, 128, 256, 100_000, 2_500
DATA: dict[str, Callable[[], GaussianMixture2D]] = {"ring": ring, "grid": grid}
NUM_STEPS = {"ring": 10_000, "grid": 30_000}
TABLE_STEPS, TABLE_SEEDS = 10_000, 5


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

    def but(self, **settings: Any) -> "Method":
        """The same with other settings of the step."""
        return replace(self, settings=self.settings | settings)


PLAIN = Method({"regularisers": []})
FOUR_STEPS = PLAIN.but(critic_steps=4)
METHODS = {
    "plain": PLAIN,
    "saturating": PLAIN.but(loss="saturating"),
    "least_squares": PLAIN.but(loss="least_squares"),
    "hinge": PLAIN.but(loss="hinge"),
    "relativistic": PLAIN.but(loss="relativistic"),
    "modern": PLAIN.but(loss="relativistic", regularisers=[R1(0.1, every=4), R2(0.1, every=4)]),
    "r1": PLAIN.but(regularisers=[R1(0.1, every=4)]),
    "spectral_norm": replace(PLAIN, normed=True),
    "packing": PLAIN.but(packing=2),
    "two_time_scales": PLAIN.but(discriminator_lr=4e-3),
    "critic_steps": FOUR_STEPS,
    "critic_steps_spectral": replace(FOUR_STEPS, normed=True),
    "wasserstein_clip": FOUR_STEPS.but(loss="wasserstein", regularisers=[WeightClipping(0.01)]),
    "wasserstein_gp": FOUR_STEPS.but(loss="wasserstein", regularisers=[GradientPenalty(0.1)]),
    "best": Method({"packing": 2, "lr": 2e-3}, anneal_r1=(0.3, 1e-5), decay=True),
}
# Each game, and the one that it differs from in one thing: the loss, the regularisers, the packing, the number of the
# discriminator's steps or its rate. A Wasserstein critic needs its slope kept in check to mean anything, so there the
# loss comes with a constraint; R3GAN's two penalties count as one.
ONE_CHANGE = {
    "plain": "",
    "r1": "plain",
    "relativistic": "plain",
    "modern": "relativistic",
    "packing": "plain",
    "spectral_norm": "plain",
    "hinge": "plain",
    "least_squares": "plain",
    "two_time_scales": "plain",
    "saturating": "plain",
    "critic_steps": "plain",
    "critic_steps_spectral": "critic_steps",
    "wasserstein_gp": "critic_steps",
    "wasserstein_clip": "wasserstein_gp",
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


def train(data: str, method: str, num_steps: int, seed: int) -> dict[str, dict[str, float]]:
    """One run, on one thread: the figures of samples from the averaged weights ("") and from the last ("/last")."""
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
    try:
        fit(decayed, points / scale, num_steps=num_steps, batch_size=batch_size, seed=seed, progress=False)
    except FloatingPointError:
        figures = {"modes": 0, "high_quality": 0, "reverse_kl": math.inf, "seconds": math.nan}
        return {"": figures, "/last": figures}
    seconds = time.process_time() - started
    z = torch.randn(NUM_SAMPLES, LATENT_DIM)
    return {
        weights: measure(scale * network(z).detach(), mixture) | {"seconds": seconds}
        for weights, network in (("", step.ema.module), ("/last", generator))
    }


def measure(samples: Tensor, mixture: GaussianMixture2D) -> dict[str, float]:
    """The figures of samples, but for the seconds."""
    coverage = mode_coverage(samples, mixture)
    return {name: getattr(coverage, name) for name in FIGURES[:-1]}


def settings_word(method: str, num_steps: int) -> str:
    """Steps, batch size, and a checksum of all that belongs to the method."""
    return f"{num_steps}x{BATCH_SIZE}-{zlib.crc32(repr(METHODS[method]).encode()):08x}"


def job(key: tuple[str, str, int, int]) -> tuple[tuple[str, str, int, int], dict[str, dict[str, float]]]:
    return key, train(*key)


def write_table(rows: Rows, num_steps: int) -> None:
    """What has been measured of the games of ``ONE_CHANGE`` on the grid so far, for the lessons."""

    def values(method: str, weights: str) -> dict[str, list[float]]:
        name, settings = f"grid/{method}{weights}", settings_word(method, num_steps)
        return {
            figure: [float(f"{v:.4g}") for v in rows.values(name, settings, figure)] for figure in FIGURES[:-1]
        }

    done = [method for method in ONE_CHANGE if values(method, "")["modes"]]
    table = {
        "settings": f"grid of 25, {num_steps:,} steps of {BATCH_SIZE} points, {NUM_SAMPLES:,} samples",
        "rows": {
            method: {
                "averaged": values(method, ""),
                "last": values(method, "/last"),
            }
            for method in done
        },
    }
    TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, help=f"by default 10, of the table {TABLE_SEEDS}")
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--methods", nargs="+", default=["plain", "best"], choices=list(METHODS))
    parser.add_argument("--steps", type=int, help=f"by default {NUM_STEPS}, of the table {TABLE_STEPS}")
    parser.add_argument("--table", action="store_true", help="the games of ONE_CHANGE, into course_lib/modes.json")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="1 seed, 1,000 steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = 1, 1_000
    if options.table:
        options.data, options.methods = ["grid"], list(ONE_CHANGE)
        options.steps = options.steps or TABLE_STEPS
    options.seeds = options.seeds or (TABLE_SEEDS if options.table else 10)
    rows = Rows(RESULTS, FIGURES)
    num_steps = {data: options.steps or NUM_STEPS[data] for data in options.data}
    wanted = [
        (data, method, num_steps[data], seed)
        for seed, data, method in itertools.product(range(options.seeds), options.data, options.methods)
        if any(
            (f"{data}/{method}{weights}", seed, settings_word(method, num_steps[data])) not in rows
            for weights in ("", "/last")
        )
    ]
    for_lessons = options.table and not options.quick
    with get_context("spawn").Pool(options.workers) as pool:
        for (data, method, steps, seed), figures in pool.imap(job, wanted):  # in order: rows by seed
            for weights, values in figures.items():
                name, settings = f"{data}/{method}{weights}", settings_word(method, steps)
                if (name, seed, settings) not in rows:
                    rows.add(name, seed, settings, **values)
                print(name, seed, *(f"{figure} {value:.4g}" for figure, value in values.items()), flush=True)
            if for_lessons:
                write_table(rows, options.steps)
    if for_lessons:  # also where nothing was left to run
        write_table(rows, options.steps)
    print(f"\n{machine(1)}, {NUM_SAMPLES:,} samples, batches of {BATCH_SIZE}, steps {num_steps}\n")
    print(f"| | seeds | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for data, method, weights in itertools.product(options.data, options.methods, ("", "/last")):
        key = f"{data}/{method}{weights}", settings_word(method, num_steps[data])
        values = [torch.tensor(rows.values(*key, figure), dtype=torch.float64) for figure in FIGURES]
        cells = [f"{v.mean():.3f} ± {v.std():.3f}" if len(v) > 1 else f"{v.item():.3f}" for v in values]
        print(f"| {key[0]} | {len(values[0])} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
