"""Posterior collapse, made and repaired: which of four repairs brings the code back, one at a time?

    python benchmarks/collapse.py [--seeds 3] [--steps 3000]

A VAE of 16 numbers on glyphs whose decoder has ten plain layers (``DeepVAE``) hardly uses its code. Beside it the same
with one thing changed: a warm-up of the KL over the first half of the steps, half a nat of free bits for each number,
skip connections from the code into each layer of the decoder, or a decoder of one layer. Judged alike on 2,000 test
images: minus the ELBO, its two terms, and the active numbers. Rows go to benchmarks/results/collapse.csv as they are
made; the interval is Student's over the seeds.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from disentanglement import interval
from machine import machine
from resume import Rows
from torch import Tensor

from course_lib.data import binarize, load
from course_lib.metrics import active_units, evaluate_elbo
from course_lib.models import DeepVAE, evaluating
from course_lib.objectives import LinearSchedule
from course_lib.training import FreeBitsStep, VAEStep, fit

RESULTS = Path(__file__).parent / "results" / "collapse.csv"
FIGURES = ("minus_elbo", "distortion", "rate", "active", "seconds")
LATENT_DIM, BATCH_SIZE, NUM_TEST, FREE_BITS = 16, 64, 2_000, 0.5
NETWORKS: dict[str, Callable[[], DeepVAE]] = {
    "ten layers": lambda: DeepVAE(LATENT_DIM),
    "warm-up": lambda: DeepVAE(LATENT_DIM),
    "free bits": lambda: DeepVAE(LATENT_DIM),
    "skip connections": lambda: DeepVAE(LATENT_DIM, skip=True),
    "one layer": lambda: DeepVAE(LATENT_DIM, num_layers=1),
}


def step_of(name: str, model: DeepVAE, num_steps: int) -> VAEStep:
    lr = LinearSchedule(2e-3, 1e-5, num_steps)
    if name == "free bits":
        return FreeBitsStep(model, lr, free_bits=FREE_BITS)
    return VAEStep(model, lr, beta=LinearSchedule(0.0, 1.0, max(1, num_steps // 2)) if name == "warm-up" else 1.0)


def run(name: str, seed: int, num_steps: int, train: Tensor, test: Tensor) -> dict[str, float]:
    """Train one model and judge it."""
    torch.manual_seed(seed)
    model = NETWORKS[name]()
    history = fit(
        step_of(name, model, num_steps),
        train,
        num_steps=num_steps,
        batch_size=BATCH_SIZE,
        seed=seed,
        progress=False,
    )
    bound = evaluate_elbo(model, test, generator=torch.Generator().manual_seed(seed))
    with evaluating(model):
        active = active_units(model.encode(test)[0])
    return {
        "minus_elbo": -bound.elbo.mean().item(),
        "distortion": -bound.reconstruction.mean().item(),
        "rate": bound.kl.mean().item(),
        "active": float(active.sum()),
        "seconds": history.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--quick", action="store_true", help="1 seed, 50 steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = 1, 50
    torch.set_num_threads(1)
    rows = Rows(RESULTS, FIGURES)
    train = load("glyphs").x
    test = binarize(load("glyphs", "test", NUM_TEST).x, torch.Generator().manual_seed(0))
    print(f"{machine(1)}; {options.steps} steps of {BATCH_SIZE}; 95 % intervals over the seeds")
    print(f"\n| | seeds | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    settings = f"steps={options.steps} batch={BATCH_SIZE} latent={LATENT_DIM} free_bits={FREE_BITS:g}"
    for name in NETWORKS:
        columns = rows.over_seeds(
            name, options.seeds, settings, lambda seed, n=name: run(n, seed, options.steps, train, test)
        )
        print(f"| {name} | {len(columns[0])} | {' | '.join(map(interval, columns))} |", flush=True)


if __name__ == "__main__":
    main()
