"""Is the quality that the lessons speak of a matter of luck? Trains each model of the course over several seeds.

    python benchmarks/quality.py [--steps 2000] [--seeds 5] [--models autoencoder vae …] [--quick] [--scoreboard]

All models make 28 × 28 glyphs from 16 numbers, each trained by its recipe (``tuning.py`` shows how these were found).
The test images are halved: one half is the reference of all distances, the other is what gets reconstructed, and what
"real" stands for. For each run:

- of 2,000 samples: the Fréchet and the kernel distance on the shipped classifier, the share that it is sure of (0.9
  at least), the distance between the distributions of sharpness, the smallest share of a digit among those that it is
  sure of; on the same features precision and recall (balls to the third neighbour) and coverage (to the fifth);
  ``closer``, how often a sample lies closer to its nearest training image, in pixels, than a test image to its own;
- of 2,000 reconstructions, where the model has an encoder: squared error per image, sharpness distance;
- of codes: ``holes``, by which factor the random codes that are decoded lie further from the codes of 5,000 training
  images than codes of test images do (medians, each number in units of its standard deviation); ``halfway``, the share
  that the classifier is sure of among decoded half-way points between the codes of two test images;
- of a VAE under the prior that it is drawn from, except for a fitted Gaussian: the KL in nats (from a mixture by one
  draw), the active units (of a ladder those of z2), the NLL by 100 samples of 400 test images binarised once, given the
  class where the model is conditional;
- what training took: seconds of one core, and by how many MB the process grew at its peak. Each training has a fresh
  process.

Autoencoder, VAE and VAE-GAN are drawn from in three ways: from N(0, I), from a Gaussian with the mean and covariance of
their training codes ("_gaussian"), and from a mixture of ten Gaussians fitted to these ("_mixture"), after training and
with the networks as they are; codes are drawn from q(z|x) where there is one. In "vae_mixture_prior" such a mixture is
learned with the VAE. "conditional_vae" and "conditional_gan" are told the class and asked for each as often;
"ladder_vae" has 16 numbers below and 8 above. All VAEs have the same layers, but for the sizes of what they are given
and give. "pixel_gan" is a VAE-GAN whose reconstruction error, with a weight of 0.1, is that of pixels in place of
features.

Rows go to benchmarks/results/quality.csv as they are made; what is there isn't run again. ``--scoreboard`` writes the
rows of --models into the lessons' table, course_lib/scoreboard.json, and leaves the others as they are.
"""

import argparse
import json
import math
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from machine import machine
from quality_models import MODELS, ROWS, Cost, Trained
from resume import Rows
from torch import Tensor

from course_lib.data import ImageSet, binarize, load
from course_lib.metrics import (
    active_units,
    class_shares,
    density_coverage,
    extract_features,
    feature_classifier,
    frechet_distance,
    kernel_distance,
    memorization,
    precision_recall,
    sharpness_distance,
)
from course_lib.objectives import squared_error
from course_lib.training.recipes import BATCH_SIZE

RESULTS = Path(__file__).parent / "results" / "quality.csv"
SCOREBOARD = Path(__file__).parents[1] / "course_lib" / "scoreboard.json"
FIGURES = (
    *("seconds", "memory", "frechet", "kid", "sure", "sharpness", "min_share", "error", "sharpness_rec"),
    *("precision", "recall", "coverage", "closer"),
    *("holes", "halfway", "kl", "active", "nll"),
)
NUM_SAMPLES = 2_000
NUM_KNOWN = 5_000  # training images whose codes are known, for the holes


def part(images: ImageSet, some: slice) -> ImageSet:
    """Some of the images, with their classes."""
    return replace(images, x=images.x[some], y=images.y[some], factors={})


def measure(model: Trained, data: ImageSet, test: ImageSet, seed: int) -> dict[str, float]:
    """Every figure of one trained model; ``nan`` where it can't be had. ``data``: training images."""
    half = len(test.x) // 2
    reference, others = test.x[:half], part(test, slice(half, None))
    classifier = feature_classifier()
    torch.manual_seed(seed)
    samples = model.sample(NUM_SAMPLES)
    generated, real = extract_features(samples), extract_features(reference)
    shares, sure = class_shares(classifier.probabilities(samples), confidence=0.9)
    spread = precision_recall(generated, real)
    figures = dict.fromkeys(FIGURES, math.nan) | {
        "seconds": model.cost.seconds,
        "memory": model.cost.memory,
        "frechet": frechet_distance(generated, real),
        "kid": kernel_distance(generated, real, generator=torch.Generator().manual_seed(seed)).mean,
        "sure": sure,
        "sharpness": sharpness_distance(samples, reference),
        "min_share": shares.min().item(),
        "precision": spread.precision,
        "recall": spread.recall,
        "coverage": density_coverage(generated, real).coverage,
        "closer": memorization(samples.flatten(1), data.x.flatten(1), others.x.flatten(1)).closer,
    }
    with torch.no_grad():
        if model.reconstruct:
            x_hat = model.reconstruct(others)
            figures["sharpness_rec"] = sharpness_distance(x_hat, others.x)
            figures["error"] = squared_error(x_hat, others.x).mean().item()
        if model.codes and model.draw:
            known, codes = model.codes(part(data, slice(NUM_KNOWN))), model.codes(others)
            figures["holes"] = to_nearest(model.draw(len(codes)), known) / to_nearest(codes, known)
            if model.decode:
                between = model.decode(torch.lerp(codes, codes.roll(1, dims=0), 0.5))
                figures["halfway"] = class_shares(classifier.probabilities(between), confidence=0.9)[1]
        if model.rate:
            kl, mu = model.rate(others)
            figures["kl"] = kl.mean().item()
            figures["active"] = active_units(mu).sum().item()
        if model.nll:
            binary = binarize(others.x[:400], torch.Generator().manual_seed(0))
            figures["nll"] = model.nll(replace(part(others, slice(400)), x=binary)).mean().item()
    return figures


def to_nearest(z: Tensor, known: Tensor) -> float:
    """The median distance of codes (N, D) to the nearest known one (M, D), in standard deviations."""
    spread = known.std(0)
    return torch.cdist(z / spread, known / spread).amin(1).median().item()


def real(test: ImageSet) -> Trained:
    """The other half of the test images, as a model that can only be drawn from."""
    others = test.x[len(test.x) // 2 :]
    return Trained(lambda n: others[:n], Cost())


def run(model: str, num_steps: int, seed: int) -> dict[str, dict[str, float]]:
    """Train a model, and measure each of its rows."""
    torch.set_num_threads(1)  # seconds of one core
    data, test = load("glyphs"), load("glyphs", "test")
    family = {"real": real(test)} if model == "real" else MODELS[model](data, num_steps, seed)
    return {name: measure(trained, data, test, seed) for name, trained in family.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--quick", action="store_true", help="100 steps, 1 seed")
    parser.add_argument("--scoreboard", action="store_true", help="write course_lib/scoreboard.json")
    options = parser.parse_args()
    if options.quick:
        options.steps, options.seeds = 100, 1
    settings = f"{options.steps} steps of {BATCH_SIZE}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine(num_threads=1)}; glyphs, {settings}, n = 2,000, classifier {feature_classifier().hash}\n")
    print(f"| model | seed | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    fresh = multiprocessing.get_context("spawn")
    for model in ("real", *options.models):
        for seed in range(1 if model == "real" else options.seeds):
            names = ["real"] if model == "real" else ROWS[model]
            if any((name, seed, settings) not in rows for name in names):
                with fresh.Pool(1) as process:
                    measured = process.apply(run, (model, options.steps, seed))
                for name, found in measured.items():
                    if (name, seed, settings) not in rows:
                        rows.add(name, seed, settings, **found)
            for name in names:
                cells = [rows.values(name, settings, figure)[seed] for figure in FIGURES]
                print(f"| {name} | {seed} | {' | '.join(f'{c:.3g}' for c in cells)} |", flush=True)
    if options.scoreboard:
        table: dict[str, Any] = json.loads(SCOREBOARD.read_text(encoding="utf-8"))
        table |= {
            "settings": f"{settings} glyphs, {NUM_SAMPLES:,} samples",
            "classifier": feature_classifier().hash,
        }
        for name in ("real", *(row for model in options.models for row in ROWS[model])):
            figures = {figure: rows.values(name, settings, figure) for figure in FIGURES}
            table["rows"][name] = {
                figure: [float(f"{value:.4g}") for value in values]
                for figure, values in figures.items()
                if not any(math.isnan(value) for value in values)
            }
        SCOREBOARD.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
