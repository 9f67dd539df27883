"""With which learning rate does each model of the comparison do best? The same tries for each.

    python benchmarks/tuning.py [--steps 2000] [--seeds 2] [--models autoencoder vae gan vae_gan] [--quick]

Four rates that hold for half of the training and fall to 0 over the other ("settling"), and a constant one; the same
steps, batches and networks as in ``quality.py``. Judged by the Fréchet distance of 2,000 samples to 4,000
glyphs that are neither training nor test images; of an autoencoder the samples are decoded from a Gaussian fitted to
its codes. Beside it stand what else might matter: the share of samples that the classifier is sure of, the distance in
sharpness, the squared error of 2,000 reconstructions. The recipes (``course_lib/training/recipes.py``) take the best.

Rows go to benchmarks/results/tuning.csv as they are made; what is there isn't run again.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import torch
from machine import machine
from quality_models import Rate, Trained, train_autoencoder, train_recipe
from resume import Rows

from course_lib.data import ImageSet, load
from course_lib.metrics import (
    class_shares,
    extract_features,
    feature_classifier,
    frechet_distance,
    sharpness_distance,
)
from course_lib.objectives import squared_error
from course_lib.training.recipes import BATCH_SIZE, settling

RESULTS = Path(__file__).parent / "results" / "tuning.csv"
FIGURES = ("frechet", "sure", "sharpness", "error")
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
MODELS: dict[str, Callable[[ImageSet, int, int, Rate], Trained]] = {
    "autoencoder": lambda *of: train_autoencoder(*of)["autoencoder_gaussian"],
    "vae": lambda *of: train_recipe("vae", *of)["vae"],
    "gan": lambda *of: train_recipe("gan", *of)["gan"],
    "vae_gan": lambda *of: train_recipe("vae_gan", *of)["vae_gan"],
}


def measure(model: Trained, others: ImageSet) -> dict[str, float]:
    """The figures of 2,000 samples, and of as many reconstructions; an error of ``nan`` without an encoder."""
    torch.manual_seed(0)
    samples = model.sample(2_000)
    figures = {
        "frechet": frechet_distance(extract_features(samples), extract_features(others.x)),
        "sure": class_shares(feature_classifier().probabilities(samples), confidence=0.9)[1],
        "sharpness": sharpness_distance(samples, others.x),
        "error": math.nan,
    }
    if model.reconstruct:
        with torch.no_grad():
            figures["error"] = squared_error(model.reconstruct(others), others.x).mean().item()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--quick", action="store_true", help="20 steps, 1 seed")
    options = parser.parse_args()
    if options.quick:
        options.steps, options.seeds = 20, 1
    steps = options.steps
    torch.set_num_threads(1)
    data, others = load("glyphs"), load("glyphs", "test", seed=1)
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine(num_threads=1)}; glyphs, {steps} steps of {BATCH_SIZE}, n = 2,000\n")
    print("| model | learning rate | seed | Fréchet | sure, % | sharpness distance | squared error |")
    print(f"|{'---|' * 7}")
    for model in options.models:
        tries: dict[str, Rate] = {f"{RATES[0]:g}, constant": RATES[0]}
        tries |= {f"{rate:g}, settling": settling(rate, steps) for rate in RATES}
        for name, lr in tries.items():
            settings = f"{steps} steps of {BATCH_SIZE}, {name}"
            for seed in range(options.seeds):
                if (model, seed, settings) not in rows:
                    rows.add(model, seed, settings, **measure(MODELS[model](data, steps, seed, lr), others))
                frechet, sure, sharpness, error = (rows.values(model, settings, f)[seed] for f in FIGURES)
                cells = f"{frechet:.1f} | {100 * sure:.1f} | {sharpness:.3f} | {error:.2f}"
                print(f"| {model} | {name} | {seed} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
