"""What a training run and a large metric need in memory.

    python benchmarks/memory.py [--steps 200] [--rows 50000]

A training run: the peak memory of a fresh process that trains the conv VAE on 10,000, 20,000 and 40,000 images, with
the size of the image tensor beside it. What is left after subtracting the data should be the same each time.
Precision, recall, density and coverage between two sets of ``--rows`` rows of 64 features each: the peak above the
two sets; the whole matrix of distances would be 10 GB in float32.
"""

import argparse
import multiprocessing
import resource
import time

import torch
from machine import machine

from course_lib.data import load
from course_lib.metrics import precision_recall
from course_lib.models import ConvVAE
from course_lib.training import VAEStep, fit


def peak() -> float:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def train(num_images: int, steps: int) -> tuple[float, float]:
    """Peak memory of a training run, and the size of its images, in MB."""
    x = load("glyphs", num_images=num_images).x
    torch.manual_seed(0)
    fit(VAEStep(ConvVAE(16)), x, num_steps=steps, batch_size=128, progress=False)
    return peak(), x.numel() * x.element_size() / 2**20


def measure(rows: int) -> tuple[float, float, float]:
    """Memory above the two sets in MB, seconds, and the recall found."""
    a, b = torch.randn(rows, 64), torch.randn(rows, 64)
    before = peak()
    started = time.perf_counter()
    result = precision_recall(a, b)
    return peak() - before, time.perf_counter() - started, result.recall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rows", type=int, default=50_000)
    options = parser.parse_args()
    print(f"{machine()}; {options.steps} steps of 128\n")
    print("| images | data, MB | peak, MB | peak − data, MB |\n|---|---|---|---|")
    fresh = multiprocessing.get_context("spawn")
    for num_images in (10_000, 20_000, 40_000):
        with fresh.Pool(1) as pool:
            whole, data = pool.apply(train, (num_images, options.steps))
        print(f"| {num_images:,} | {data:.0f} | {whole:.0f} | {whole - data:.0f} |", flush=True)
    with fresh.Pool(1) as pool:
        above, seconds, recall = pool.apply(measure, (options.rows,))
    print(
        f"\nPrecision and recall, {options.rows:,} × {options.rows:,} rows of 64 features: {above:.0f} MB above the "
        f"data, {seconds:.0f} s (two clouds of one Gaussian: recall {recall:.3f})"
    )


if __name__ == "__main__":
    main()
