"""Is the quality that the lessons speak of a matter of luck? Trains each model of the course over several seeds.

    python benchmarks/quality.py [--steps 2000] [--seeds 3] [--models autoencoder vae …] [--quick] [--scoreboard]

All models make 28 × 28 glyphs from 16 numbers. The test images are halved: one half is the reference of the Fréchet
distance, the other is what gets reconstructed, and what "real" stands for. For each run: the Fréchet distance of
2,000 samples on the shipped classifier; the share of samples that it is sure of (0.9 at least); the distance between
the distributions of sharpness (samples, and reconstructions where the model has an encoder); the smallest share of a
digit among samples that it is sure of; the squared error of reconstructions per image; the KL in nats where there is
one. Samples of the autoencoder decode a Gaussian fitted to its training codes. "pixel_gan" is a VAE-GAN whose
reconstruction error, with a weight of 0.1, is that of pixels in place of features, "vae_gan_beta_1" one with a weight
of 1 before the KL.

Rows go to benchmarks/results/quality.csv as they are made; what is there isn't run again. ``--scoreboard`` writes the
lessons' table, course_lib/scoreboard.json, from them.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from machine import machine
from resume import Rows
from torch import Tensor, nn

from course_lib.data import load
from course_lib.metrics import (
    class_shares,
    extract_features,
    feature_classifier,
    frechet_distance,
    sharpness_distance,
)
from course_lib.models import VAE, VAEGAN, Autoencoder, ConvAutoencoder, Discriminator, Generator, evaluating
from course_lib.objectives import kl_standard_normal, squared_error
from course_lib.training import R1, AutoencoderStep, VAEGANStep, fit
from course_lib.training.recipes import BATCH_SIZE, LATENT_DIM, RECIPES, train

RESULTS = Path(__file__).parent / "results" / "quality.csv"
SCOREBOARD = Path(__file__).parents[1] / "course_lib" / "scoreboard.json"
FIGURES = ("seconds", "frechet", "sure", "sharpness", "sharpness_rec", "min_share", "error", "kl")
NUM_SAMPLES = 2_000


@dataclass
class Trained:
    """What of a trained model is measured; ``None`` for what it can't do."""

    sample: Callable[[int], Tensor]
    reconstruct: Callable[[Tensor], Tensor] | None
    encode: Callable[[Tensor], tuple[Tensor, Tensor]] | None
    seconds: float


def of_network(network: Any, seconds: float) -> Trained:
    if isinstance(network, Generator):
        return Trained(network.sample, None, None, seconds)
    return Trained(network.sample, network.reconstruct, network.encode, seconds)


def train_recipe(name: str, x: Tensor, num_steps: int, seed: int) -> Trained:
    network, history = train(name, x, num_steps=num_steps, seed=seed, progress=False)
    assert isinstance(network, VAE | Generator)
    return of_network(network, history.seconds)


def train_autoencoder(x: Tensor, num_steps: int, seed: int) -> Trained:
    """The network of lesson 01, and a Gaussian with the mean and covariance of its codes to draw from."""
    torch.manual_seed(seed)
    model: Autoencoder = ConvAutoencoder(LATENT_DIM)
    history = fit(AutoencoderStep(model), x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    with evaluating(model):
        codes = model.encode(x)
    center, scale_tril = codes.mean(0), torch.linalg.cholesky(codes.T.cov())

    def decode(z: Tensor) -> Tensor:
        with evaluating(model):
            return model.decode(z).clamp(0, 1)

    def reconstruct(images: Tensor) -> Tensor:
        with evaluating(model):
            return model(images).clamp(0, 1)

    return Trained(
        lambda n: decode(center + torch.randn(n, LATENT_DIM) @ scale_tril.T), reconstruct, None, history.seconds
    )


class PixelsAsFeatures(Discriminator):
    """A discriminator of the same logits whose "features" are the pixels, so that a VAE-GAN compares those."""

    def __init__(self) -> None:
        super().__init__()
        self.head: nn.Module = nn.Sequential(nn.Unflatten(1, self.image_shape), self.body, self.head)

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def train_hybrid(
    x: Tensor, num_steps: int, seed: int, *, beta: float, gamma: float, pixels: bool = False
) -> Trained:
    """The recipe ``vae_gan`` with other weights before KL and reconstruction error, or with that error in pixels."""
    torch.manual_seed(seed)
    pair = VAEGAN(LATENT_DIM)
    if pixels:
        pair.discriminator = PixelsAsFeatures()
    step = VAEGANStep(pair, beta=beta, gamma=gamma, regularisers=[R1(gamma=0.1)])
    history = fit(step, x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    return of_network(step.ema.module.eval(), history.seconds)


MODELS: dict[str, Callable[[Tensor, int, int], Trained]] = {
    "autoencoder": train_autoencoder,
    **{name: lambda x, n, s, name=name: train_recipe(name, x, n, s) for name in RECIPES},  # type: ignore[misc]
    "vae_gan_beta_1": lambda x, n, s: train_hybrid(x, n, s, beta=1.0, gamma=0.2),
    "pixel_gan": lambda x, n, s: train_hybrid(x, n, s, beta=0.1, gamma=0.1, pixels=True),
}


def measure(model: Trained, test: Tensor, seed: int) -> dict[str, float]:
    """Every figure of one trained model; ``nan`` where it can't be had."""
    reference, others = test[: len(test) // 2], test[len(test) // 2 :]
    torch.manual_seed(seed)
    samples = model.sample(NUM_SAMPLES)
    shares, sure = class_shares(feature_classifier().probabilities(samples), confidence=0.9)
    figures = dict.fromkeys(FIGURES, math.nan) | {
        "seconds": model.seconds,
        "frechet": frechet_distance(extract_features(samples), extract_features(reference)),
        "sure": sure,
        "sharpness": sharpness_distance(samples, reference),
        "min_share": shares.min().item(),
    }
    with torch.no_grad():
        if model.reconstruct is not None:
            x_hat = model.reconstruct(others)
            figures["sharpness_rec"] = sharpness_distance(x_hat, others)
            figures["error"] = squared_error(x_hat, others).mean().item()
        if model.encode is not None:
            figures["kl"] = kl_standard_normal(*model.encode(others)).mean().item()
    return figures


def real(test: Tensor) -> Trained:
    """The other half of the test images, as a model that can only be drawn from."""
    others = test[len(test) // 2 :]
    return Trained(lambda n: others[:n], None, None, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--quick", action="store_true", help="100 steps, 1 seed")
    parser.add_argument("--scoreboard", action="store_true", help="write course_lib/scoreboard.json")
    options = parser.parse_args()
    if options.quick:
        options.steps, options.seeds = 100, 1
    x, test = load("glyphs").x, load("glyphs", "test").x
    settings = f"{options.steps} steps of {BATCH_SIZE}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine()}; glyphs, {settings}, n = 2,000, classifier {feature_classifier().hash}\n")
    print(f"| model | seed | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    if ("real", 0, settings) not in rows:
        rows.add("real", 0, settings, **measure(real(test), test, 0))
    for name in ("real", *options.models):
        for seed in range(1 if name == "real" else options.seeds):
            if (name, seed, settings) not in rows:
                trained = MODELS[name](x, options.steps, seed)
                rows.add(name, seed, settings, **measure(trained, test, seed))
            cells = [rows.values(name, settings, figure)[seed] for figure in FIGURES]
            print(f"| {name} | {seed} | {' | '.join(f'{c:.3g}' for c in cells)} |", flush=True)
    if options.scoreboard:
        table: dict[str, Any] = {
            "settings": f"{settings} glyphs, {options.seeds} seeds, {NUM_SAMPLES:,} samples",
            "classifier": feature_classifier().hash,
            "rows": {},
        }
        for name in ("real", *options.models):
            figures = {figure: rows.values(name, settings, figure) for figure in FIGURES[1:]}
            table["rows"][name] = {
                figure: [float(f"{value:.4g}") for value in values]
                for figure, values in figures.items()
                if not any(math.isnan(value) for value in values)
            }
        SCOREBOARD.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
