"""Is the quality that the lessons speak of a matter of luck? Trains each model of the course over several seeds.

    python benchmarks/quality.py [--steps 2000] [--seeds 5] [--models autoencoder vae …] [--quick] [--scoreboard]

All models make 28 × 28 glyphs from 16 numbers. The test images are halved: one half is the reference of the Fréchet
and of the kernel distance, the other is what gets reconstructed, and what "real" stands for. For each run:

- of 2,000 samples: the Fréchet and the kernel distance on the shipped classifier, the share that it is sure of (0.9
  at least), the distance between the distributions of sharpness, the smallest share of a digit among those that it is
  sure of;
- of 2,000 reconstructions, where the model has an encoder: squared error per image, sharpness distance;
- of codes: ``holes``, by which factor the random codes that are decoded lie further from the codes of 5,000 training
  images than codes of test images do (medians, each number in units of its standard deviation); ``halfway``, the share
  that the classifier is sure of among decoded half-way points between the codes of two test images;
- of a VAE with its own prior: the KL in nats, the active units, the NLL by 100 samples of 400 test images binarised
  once;
- the seconds of one core that training took.

Autoencoder and VAE are drawn from in two ways: from N(0, I), and ("_gaussian") from a Gaussian with the mean and
covariance of their training codes. "pixel_gan" is a VAE-GAN whose reconstruction error, with a weight of 0.1, is that
of pixels in place of features, "vae_gan_beta_1" one with a weight of 1 before the KL.

Rows go to benchmarks/results/quality.csv as they are made; what is there isn't run again. ``--scoreboard`` writes the
rows of --models into the lessons' table, course_lib/scoreboard.json, and leaves the others as they are.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from machine import machine
from resume import Rows
from torch import Tensor, nn

from course_lib.data import binarize, load
from course_lib.metrics import (
    active_units,
    class_shares,
    extract_features,
    feature_classifier,
    frechet_distance,
    importance_nll,
    kernel_distance,
    sharpness_distance,
)
from course_lib.models import (
    VAE,
    VAEGAN,
    Autoencoder,
    ConvAutoencoder,
    Discriminator,
    Generator,
    evaluating,
    reparameterize,
)
from course_lib.objectives import kl_standard_normal, squared_error
from course_lib.training import R1, AutoencoderStep, VAEGANStep, fit
from course_lib.training.recipes import BATCH_SIZE, LATENT_DIM, train

RESULTS = Path(__file__).parent / "results" / "quality.csv"
SCOREBOARD = Path(__file__).parents[1] / "course_lib" / "scoreboard.json"
FIGURES = (
    *("seconds", "frechet", "kid", "sure", "sharpness", "min_share", "error", "sharpness_rec"),
    *("holes", "halfway", "kl", "active", "nll"),
)
NUM_SAMPLES = 2_000
NUM_KNOWN = 5_000  # training images whose codes are known, for the holes


@dataclass
class Trained:
    """What of a trained model is measured; ``None`` for what it can't do. Images are (N, 1, 28, 28) in [0, 1]."""

    sample: Callable[[int], Tensor]
    seconds: float
    reconstruct: Callable[[Tensor], Tensor] | None = None
    codes: Callable[[Tensor], Tensor] | None = None
    """Codes (N, D) of images, drawn where the encoder is random."""
    draw: Callable[[int], Tensor] | None = None
    """Random codes, as ``sample`` decodes."""
    decode: Callable[[Tensor], Tensor] | None = None
    vae: VAE | None = None
    """The model itself where it has a likelihood."""


Family = dict[str, Trained]


def standard_normal(n: int) -> Tensor:
    return torch.randn(n, LATENT_DIM)


def fitted_normal(codes: Tensor) -> Callable[[int], Tensor]:
    """Draws from the Gaussian with the mean and covariance of ``codes`` (N, D)."""
    center, scale_tril = codes.mean(0), torch.linalg.cholesky(codes.T.cov())
    return lambda n: center + torch.randn(n, len(center)) @ scale_tril.T


def after(draw: Callable[[int], Tensor], decode: Callable[[Tensor], Tensor]) -> Callable[[int], Tensor]:
    """Decoded draws."""
    return lambda n: decode(draw(n))


def in_both_ways(name: str, model: Trained, x: Tensor) -> Family:
    """A model with an encoder drawn from N(0, I), and from a Gaussian fitted to its codes of the images ``x``."""
    assert model.codes
    assert model.decode
    decode, rows = model.decode, {}
    for row, draw in ((name, standard_normal), (f"{name}_gaussian", fitted_normal(model.codes(x)))):
        rows[row] = replace(model, draw=draw, sample=after(draw, decode))
    rows[f"{name}_gaussian"].vae = None  # with another prior it is another model: its NLL and KL aren't the VAE's
    return rows


def of_vae(vae: VAE, seconds: float, *, likelihood: bool = True) -> Trained:
    @torch.no_grad()
    def codes(images: Tensor) -> Tensor:
        mu, logvar = vae.encode(images)
        return reparameterize(mu, logvar)

    return Trained(
        vae.sample,
        seconds,
        vae.reconstruct,
        codes,
        standard_normal,
        lambda z: vae.sample(len(z), z),
        vae if likelihood else None,
    )


def train_recipe(name: str, x: Tensor, num_steps: int, seed: int) -> Family:
    started = time.process_time()
    network, _ = train(name, x, num_steps=num_steps, seed=seed, progress=False)
    seconds = time.process_time() - started
    if isinstance(network, Generator):
        return {name: Trained(network.sample, seconds)}
    assert isinstance(network, VAE)
    return {name: of_vae(network, seconds, likelihood=False)}


def train_vae(x: Tensor, num_steps: int, seed: int) -> Family:
    started = time.process_time()
    network, _ = train("vae", x, num_steps=num_steps, seed=seed, progress=False)
    assert isinstance(network, VAE)
    return in_both_ways("vae", of_vae(network, time.process_time() - started), x)


def train_autoencoder(x: Tensor, num_steps: int, seed: int) -> Family:
    """The network of lesson 01."""
    torch.manual_seed(seed)
    model: Autoencoder = ConvAutoencoder(LATENT_DIM)
    started = time.process_time()
    fit(AutoencoderStep(model), x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    seconds = time.process_time() - started

    def codes(images: Tensor) -> Tensor:
        with evaluating(model):
            return model.encode(images)

    def decode(z: Tensor) -> Tensor:
        with evaluating(model):
            return model.decode(z).clamp(0, 1)

    trained = Trained(
        lambda n: decode(standard_normal(n)), seconds, lambda images: decode(codes(images)), codes, None, decode
    )
    return in_both_ways("autoencoder", trained, x)


class PixelsAsFeatures(Discriminator):
    """A discriminator of the same logits whose "features" are the pixels, so that a VAE-GAN compares those."""

    def __init__(self) -> None:
        super().__init__()
        self.head: nn.Module = nn.Sequential(nn.Unflatten(1, self.image_shape), self.body, self.head)

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def train_hybrid(
    name: str, x: Tensor, num_steps: int, seed: int, *, beta: float, gamma: float, pixels: bool = False
) -> Family:
    """The recipe ``vae_gan`` with other weights before KL and reconstruction error, or with that error in pixels."""
    torch.manual_seed(seed)
    pair = VAEGAN(LATENT_DIM)
    if pixels:
        pair.discriminator = PixelsAsFeatures()
    step = VAEGANStep(pair, beta=beta, gamma=gamma, regularisers=[R1(gamma=0.1)])
    started = time.process_time()
    fit(step, x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    vae = step.ema.module.eval()
    assert isinstance(vae, VAE)
    return {name: of_vae(vae, time.process_time() - started, likelihood=False)}


MODELS: dict[str, Callable[[Tensor, int, int], Family]] = {
    "autoencoder": train_autoencoder,
    "vae": train_vae,
    "gan": lambda x, n, s: train_recipe("gan", x, n, s),
    "vae_gan": lambda x, n, s: train_recipe("vae_gan", x, n, s),
    "vae_gan_beta_1": lambda x, n, s: train_hybrid("vae_gan_beta_1", x, n, s, beta=1.0, gamma=0.2),
    "pixel_gan": lambda x, n, s: train_hybrid("pixel_gan", x, n, s, beta=0.1, gamma=0.1, pixels=True),
}
ROWS = {name: [name, f"{name}_gaussian"] if name in ("autoencoder", "vae") else [name] for name in MODELS}


def measure(model: Trained, x: Tensor, test: Tensor, seed: int) -> dict[str, float]:
    """Every figure of one trained model; ``nan`` where it can't be had. ``x``: training images."""
    reference, others = test[: len(test) // 2], test[len(test) // 2 :]
    classifier = feature_classifier()
    torch.manual_seed(seed)
    samples = model.sample(NUM_SAMPLES)
    generated, real = extract_features(samples), extract_features(reference)
    shares, sure = class_shares(classifier.probabilities(samples), confidence=0.9)
    figures = dict.fromkeys(FIGURES, math.nan) | {
        "seconds": model.seconds,
        "frechet": frechet_distance(generated, real),
        "kid": kernel_distance(generated, real, generator=torch.Generator().manual_seed(seed)).mean,
        "sure": sure,
        "sharpness": sharpness_distance(samples, reference),
        "min_share": shares.min().item(),
    }
    with torch.no_grad():
        if model.reconstruct:
            x_hat = model.reconstruct(others)
            figures["sharpness_rec"] = sharpness_distance(x_hat, others)
            figures["error"] = squared_error(x_hat, others).mean().item()
        if model.codes and model.draw and model.decode:
            known, codes = model.codes(x[:NUM_KNOWN]), model.codes(others)
            figures["holes"] = to_nearest(model.draw(len(codes)), known) / to_nearest(codes, known)
            between = model.decode(torch.lerp(codes, codes.roll(1, dims=0), 0.5))
            figures["halfway"] = class_shares(classifier.probabilities(between), confidence=0.9)[1]
        if model.vae:
            mu, logvar = model.vae.encode(others)
            figures["kl"] = kl_standard_normal(mu, logvar).mean().item()
            figures["active"] = active_units(mu).sum().item()
            binary = binarize(others[:400], torch.Generator().manual_seed(0))
            figures["nll"] = importance_nll(model.vae, binary, num_samples=100).mean().item()
    return figures


def to_nearest(z: Tensor, known: Tensor) -> float:
    """The median distance of codes (N, D) to the nearest known one (M, D), in standard deviations."""
    spread = known.std(0)
    return torch.cdist(z / spread, known / spread).amin(1).median().item()


def real(test: Tensor) -> Trained:
    """The other half of the test images, as a model that can only be drawn from."""
    others = test[len(test) // 2 :]
    return Trained(lambda n: others[:n], math.nan)


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
    torch.set_num_threads(1)  # seconds of one core
    x, test = load("glyphs").x, load("glyphs", "test").x
    settings = f"{options.steps} steps of {BATCH_SIZE}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine()}; glyphs, {settings}, n = 2,000, classifier {feature_classifier().hash}\n")
    print(f"| model | seed | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    if ("real", 0, settings) not in rows:
        rows.add("real", 0, settings, **measure(real(test), x, test, 0))
    for model in ("real", *options.models):
        for seed in range(1 if model == "real" else options.seeds):
            names = ["real"] if model == "real" else ROWS[model]
            if any((name, seed, settings) not in rows for name in names):
                for name, trained in MODELS[model](x, options.steps, seed).items():
                    if (name, seed, settings) not in rows:
                        rows.add(name, seed, settings, **measure(trained, x, test, seed))
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
