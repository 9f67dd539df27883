"""Is the quality that the lessons speak of a matter of luck? Trains the three image models over several seeds.

    python benchmarks/quality.py [--steps 2000] [--seeds 3] [--models vae gan vae_gan] [--quick]

For each run on glyphs: the Fréchet distance of 2,000 samples on the shipped classifier with its floor (real against
real at the same size), the distance between the distributions of sharpness (samples, and reconstructions where the
model has an encoder), the smallest share of a digit among samples classified with confidence of at least 0.9, and
the squared error of reconstructions per image. Rows go to benchmarks/results/quality.csv as they are made; what is
there isn't run again.
"""

import argparse
import math
from pathlib import Path

import torch
from machine import machine
from resume import Rows
from torch import Tensor

from course_lib.data import load
from course_lib.metrics import (
    class_shares,
    extract_features,
    feature_classifier,
    frechet_with_floor,
    sharpness_distance,
)
from course_lib.models import VAE, Generator
from course_lib.objectives import squared_error
from course_lib.training.recipes import BATCH_SIZE, RECIPES, train

RESULTS = Path(__file__).parent / "results" / "quality.csv"
FIGURES = ("seconds", "frechet", "floor", "sharpness", "sharpness_rec", "min_share", "error")


def measure(name: str, num_steps: int, seed: int, x: Tensor, test: Tensor) -> dict[str, float]:
    """Train one model and measure it."""
    network, history = train(name, x, num_steps=num_steps, seed=seed, progress=False)
    assert isinstance(network, VAE | Generator)
    torch.manual_seed(seed)
    samples = network.sample(2_000)
    distance = frechet_with_floor(extract_features(samples), extract_features(test))
    shares, _ = class_shares(feature_classifier().probabilities(samples))
    figures = {
        "seconds": history.seconds,
        "frechet": distance.distance,
        "floor": distance.floor,
        "sharpness": sharpness_distance(samples, test),
        "sharpness_rec": math.nan,
        "min_share": shares.min().item(),
        "error": math.nan,
    }
    if isinstance(network, VAE):
        x_hat = network.reconstruct(test)
        figures["sharpness_rec"] = sharpness_distance(x_hat, test)
        figures["error"] = squared_error(x_hat, test).mean().item()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--quick", action="store_true", help="100 steps, 1 seed")
    options = parser.parse_args()
    if options.quick:
        options.steps, options.seeds = 100, 1
    x, test = load("glyphs").x, load("glyphs", "test").x
    settings = f"{options.steps} steps of {BATCH_SIZE}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine()}; glyphs, {settings}, n = 2,000, classifier {feature_classifier().hash}\n")
    print(f"| model | seed | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for name in options.models:
        for seed in range(options.seeds):
            if (name, seed, settings) not in rows:
                rows.add(name, seed, settings, **measure(name, options.steps, seed, x, test))
            cells = [rows.values(name, settings, figure)[seed] for figure in FIGURES]
            print(f"| {name} | {seed} | {' | '.join(f'{c:.3g}' for c in cells)} |", flush=True)


if __name__ == "__main__":
    main()
