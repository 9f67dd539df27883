"""Does a GAN make all of 1,000 classes? Stacked glyphs: three digits chosen at random, one in each colour channel.

    python benchmarks/stacked.py [--methods plain packing modern] [--seeds 3] [--steps N] [--threads 2] [--quick]

The protocol is that of stacked MNIST (Srivastava et al. 2017, VEEGAN, arXiv:1705.07761; Lin et al. 2018, PacGAN,
arXiv:1712.04086, section 4.2) on the course's glyphs: 26,000 samples; the shipped classifier says which digit each
channel holds; a class that a sample falls into is covered; the reverse KL is from the histogram of the samples'
classes to that of the data. Row "real": 26,000 stacks of test glyphs, which have 0.02 nats, for their histogram is a
sample's too (999 / 52,000 on average). ``sure`` is the share whose three channels the classifier is sure of, 0.9 at
least.

All methods have the same networks, batches, number of steps and learning rates, which fall to 0; samples are drawn
from the averaged weights. "packing" and "relativistic" differ from "plain" in one thing, "modern" (R3GAN: Huang et al.
2024, arXiv:2501.05441) from "relativistic" in R1 and R2. Rows go to benchmarks/results/stacked.csv as they are made.
"""

import argparse
import time
import zlib
from pathlib import Path
from typing import Any

import torch
from machine import machine
from resume import Rows
from torch import Tensor

from course_lib.data import load
from course_lib.metrics import feature_classifier
from course_lib.models import Discriminator, Generator
from course_lib.objectives import LinearSchedule
from course_lib.training import R1, R2, GANStep, fit

RESULTS = Path(__file__).parent / "results" / "stacked.csv"
FIGURES = ("modes", "reverse_kl", "sure", "seconds")
LATENT_DIM, BATCH_SIZE, NUM_STACKS, NUM_SAMPLES, LR = 64, 64, 128_000, 26_000, 1e-3
NUM_STEPS = 10_000
METHODS: dict[str, dict[str, Any]] = {
    "plain": {"regularisers": ()},
    "packing": {"regularisers": (), "packing": 2},
    "relativistic": {"regularisers": (), "loss": "relativistic"},
    "modern": {"regularisers": (R1(0.5, every=4), R2(0.5, every=4)), "loss": "relativistic"},
}


def judged(stacks: Tensor) -> tuple[Tensor, float]:
    """The class of each stack (N, 3, 28, 28), (N,) from 0 to 999, and the share that the classifier is sure of."""
    classes, sure = [], []
    for chunk in stacks.split(2_000):
        probabilities, digits = feature_classifier().probabilities(chunk.reshape(-1, 1, 28, 28)).max(dim=1)
        classes.append(digits.reshape(-1, 3) @ torch.tensor([100, 10, 1]))
        sure.append((probabilities.reshape(-1, 3) >= 0.9).all(dim=1))
    return torch.cat(classes), torch.cat(sure).double().mean().item()


def coverage(classes: Tensor, shares: Tensor) -> dict[str, float]:
    """Classes covered, and the reverse KL to the ``shares`` that the data have, (1000,)."""
    counts = torch.bincount(classes, minlength=len(shares)).double()
    found = counts / counts.sum()
    return {"modes": int((counts > 0).sum()), "reverse_kl": torch.xlogy(found, found / shares).sum().item()}


def shares_of(glyphs: Tensor) -> Tensor:
    """The share of each class among stacks of three such glyphs, drawn independently: (1000,)."""
    digits = feature_classifier()(glyphs).argmax(dim=1)
    one = torch.bincount(digits, minlength=10).double() / len(digits)
    return torch.einsum("a,b,c->abc", one, one, one).flatten()


def train(method: str, glyphs: Tensor, num_steps: int, seed: int) -> tuple[Generator, float]:
    """The generator with averaged weights, and the CPU seconds of its training."""
    torch.manual_seed(seed)
    settings = METHODS[method]
    generator = Generator(LATENT_DIM, (64, 32), (3, 28, 28))
    discriminator = Discriminator((32, 64, 128), (3 * settings.get("packing", 1), 28, 28))
    step = GANStep(generator, discriminator, LATENT_DIM, lr=LinearSchedule(LR, 0.0, num_steps), **settings)
    which = torch.randint(len(glyphs), (NUM_STACKS, 3))
    started = time.process_time()
    fit(
        lambda chosen: step(glyphs[chosen].squeeze(2)),
        which,
        num_steps=num_steps,
        batch_size=BATCH_SIZE,
        seed=seed,
        progress=False,
    )
    return step.ema.module, time.process_time() - started


def settings_word(method: str, num_steps: int) -> str:
    """Steps, batch size, and a checksum of all that belongs to the method."""
    return f"{num_steps}x{BATCH_SIZE}-{zlib.crc32(repr((METHODS[method], LR)).encode()):08x}"


def measured(method: str, num_steps: int, seed: int) -> dict[str, float]:
    """One run's figures; "real" is drawn from the test glyphs."""
    glyphs = load("glyphs").x
    if method == "real":
        torch.manual_seed(seed)
        test, seconds = load("glyphs", "test").x, 0.0
        stacks = test[torch.randint(len(test), (NUM_SAMPLES, 3))].squeeze(2)
    else:
        generator, seconds = train(method, glyphs, num_steps, seed)
        stacks = torch.cat([generator.sample(2_000) for _ in range(NUM_SAMPLES // 2_000)])
    classes, sure = judged(stacks)
    return coverage(classes, shares_of(glyphs)) | {"sure": sure, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=NUM_STEPS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="1 seed, 100 steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = 1, 100
    torch.set_num_threads(options.threads)
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine(options.threads)}, {NUM_SAMPLES:,} samples, {options.steps} steps of {BATCH_SIZE}\n")
    print(f"| | seed | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    METHODS["real"] = {}
    for seed in range(options.seeds):
        for method in ("real", *options.methods):
            key = method, seed, settings_word(method, options.steps)
            if key not in rows:
                rows.add(*key, **measured(method, options.steps, seed))
            values = [rows.values(method, key[2], figure)[seed] for figure in FIGURES]
            print(f"| {method} | {seed} | {' | '.join(f'{v:.4g}' for v in values)} |", flush=True)


if __name__ == "__main__":
    main()
