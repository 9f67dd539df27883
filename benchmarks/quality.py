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
- of a VAE under the prior that it is drawn from, except for a fitted Gaussian: the KL in nats (from a mixture by one
  draw), the active units (of a ladder those of z2), the NLL by 100 samples of 400 test images binarised once, given the
  class where the model is conditional;
- the seconds of one core that training took.

Autoencoder and VAE are drawn from in three ways: from N(0, I), from a Gaussian with the mean and covariance of their
training codes ("_gaussian"), and from a mixture of ten Gaussians fitted to these ("_mixture"), after training and with
the networks as they are; of the VAE, codes drawn from q(z|x). In "vae_mixture_prior" such a mixture is learned with the
VAE. "conditional_vae" is told the class and asked for each as often; "ladder_vae" has 16 numbers below and 8 above. All
VAEs have the same layers, but for the sizes of what they are given and give. "pixel_gan" is a VAE-GAN whose
reconstruction error, with a weight of 0.1, is that of pixels in place of features, "vae_gan_beta_1" one with a weight
of 1 before the KL.

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

from course_lib.data import ImageSet, binarize, load
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
    ConditionalVAE,
    ConvAutoencoder,
    Discriminator,
    Generator,
    LadderVAE,
    MixturePrior,
    evaluating,
    reparameterize,
)
from course_lib.objectives import kl_gaussians, kl_standard_normal, sampled_kl, squared_error
from course_lib.training import R1, AutoencoderStep, VAEGANStep, fit
from course_lib.training.latent_recipes import NUM_COMPONENTS, train_glyph_model
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
    """What of a trained model is measured; ``None`` for what it can't do. Images are (N, 1, 28, 28) in [0, 1], their
    classes int64 (N,)."""

    sample: Callable[[int], Tensor]
    seconds: float
    reconstruct: Callable[[ImageSet], Tensor] | None = None
    codes: Callable[[ImageSet], Tensor] | None = None
    """Codes (N, D) of images, drawn where the encoder is random."""
    draw: Callable[[int], Tensor] | None = None
    """Random codes, as ``sample`` decodes."""
    decode: Callable[[Tensor], Tensor] | None = None
    rate: Callable[[ImageSet], tuple[Tensor, Tensor]] | None = None
    """The KL of each image (N,), and the posteriors' means (N, D)."""
    nll: Callable[[ImageSet], Tensor] | None = None
    """Of binary images, (N,)."""


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


def from_priors(name: str, model: Trained, train: ImageSet, vae: VAE | None = None) -> Family:
    """A model with an encoder drawn from N(0, I), and from a Gaussian and a mixture fitted to its codes of training
    images. ``vae``: the model, where it has a likelihood."""
    assert model.codes
    assert model.decode
    decode, codes = model.decode, model.codes(train)
    started = time.process_time()
    prior = MixturePrior.fitted(codes, NUM_COMPONENTS)
    seconds = model.seconds + time.process_time() - started
    gaussian = fitted_normal(codes)
    return {
        name: replace(model, draw=standard_normal, sample=after(standard_normal, decode)),
        # with another prior it is another model: its NLL and KL aren't the VAE's
        f"{name}_gaussian": replace(model, draw=gaussian, sample=after(gaussian, decode), rate=None, nll=None),
        f"{name}_mixture": replace(
            model if vae is None else of_vae(vae, seconds, prior),
            draw=prior.sample,
            sample=after(prior.sample, decode),
            seconds=seconds,
        ),
    }


def of_vae(vae: VAE, seconds: float, prior: MixturePrior | None = None, *, likelihood: bool = True) -> Trained:
    """``prior``: N(0, I) if None."""

    @torch.no_grad()
    def codes(images: ImageSet) -> Tensor:
        return reparameterize(*vae.encode(images.x))

    def rate(images: ImageSet) -> tuple[Tensor, Tensor]:
        mu, logvar = vae.encode(images.x)
        if prior is None:
            return kl_standard_normal(mu, logvar), mu
        return sampled_kl(reparameterize(mu, logvar), mu, logvar, prior), mu

    draw = standard_normal if prior is None else prior.sample
    return Trained(
        lambda n: vae.sample(n, draw(n)),
        seconds,
        lambda images: vae.reconstruct(images.x),
        codes,
        draw,
        lambda z: vae.sample(len(z), z),
        rate if likelihood else None,
        (lambda images: importance_nll(vae, images.x, num_samples=100, prior=prior)) if likelihood else None,
    )


def of_conditional(vae: ConditionalVAE, seconds: float) -> Trained:
    def encode(images: ImageSet) -> tuple[Tensor, Tensor]:
        return vae.encode(images.x, images.y)

    def rate(images: ImageSet) -> tuple[Tensor, Tensor]:
        mu, logvar = encode(images)
        return kl_standard_normal(mu, logvar), mu

    return Trained(
        lambda n: vae.sample(n, torch.arange(n) % vae.num_classes),
        seconds,
        lambda images: vae.reconstruct(images.x, images.y),
        lambda images: reparameterize(*encode(images)),
        standard_normal,
        None,  # between two images of two classes there is no class
        rate,
        lambda images: importance_nll(vae, images.x, num_samples=100, y=images.y),
    )


def of_ladder(vae: LadderVAE, seconds: float) -> Trained:
    """Its codes are those of the lower layer, which is what the decoder sees."""

    def draw(n: int) -> Tensor:
        return reparameterize(*vae.prior_bottom(torch.randn(n, vae.latent_dims[1])))

    def rate(images: ImageSet) -> tuple[Tensor, Tensor]:
        bound = vae(images.x)
        kl_bottom = kl_gaussians(*bound.q_bottom, *bound.p_bottom)
        return kl_standard_normal(*bound.q_top) + kl_bottom, bound.q_top.mu

    return Trained(
        vae.sample,
        seconds,
        lambda images: vae.reconstruct(images.x),
        lambda images: reparameterize(*vae(images.x).q_bottom),
        draw,
        lambda z: torch.sigmoid(vae.decode(z)),
        rate,
        lambda images: importance_nll(vae, images.x, num_samples=100),
    )


def train_recipe(name: str, data: ImageSet, num_steps: int, seed: int) -> Family:
    started = time.process_time()
    network, _ = train(name, data.x, num_steps=num_steps, seed=seed, progress=False)
    seconds = time.process_time() - started
    if isinstance(network, Generator):
        return {name: Trained(network.sample, seconds)}
    assert isinstance(network, VAE)
    return {name: of_vae(network, seconds, likelihood=False)}


def train_vae(data: ImageSet, num_steps: int, seed: int) -> Family:
    started = time.process_time()
    network, _ = train("vae", data.x, num_steps=num_steps, seed=seed, progress=False)
    assert isinstance(network, VAE)
    return from_priors("vae", of_vae(network, time.process_time() - started), data, network)


def train_latent(row: str, recipe: str, data: ImageSet, num_steps: int, seed: int) -> Family:
    """A recipe of lesson 06, at the learning rate of the VAE."""
    started = time.process_time()
    network = train_glyph_model(recipe, data.x, data.y, num_steps=num_steps, seed=seed, lr=1e-3)
    seconds = time.process_time() - started
    if isinstance(network, ConditionalVAE):
        return {row: of_conditional(network, seconds)}
    if isinstance(network, LadderVAE):
        return {row: of_ladder(network, seconds)}
    assert isinstance(network, nn.ModuleDict)
    vae, prior = network["vae"], network["prior"]
    assert isinstance(vae, VAE)
    assert isinstance(prior, MixturePrior)
    return {row: of_vae(vae, seconds, prior)}


def train_autoencoder(data: ImageSet, num_steps: int, seed: int) -> Family:
    """The network of lesson 01."""
    torch.manual_seed(seed)
    model: Autoencoder = ConvAutoencoder(LATENT_DIM)
    started = time.process_time()
    fit(AutoencoderStep(model), data.x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    seconds = time.process_time() - started

    def codes(images: ImageSet) -> Tensor:
        with evaluating(model):
            return model.encode(images.x)

    def decode(z: Tensor) -> Tensor:
        with evaluating(model):
            return model.decode(z).clamp(0, 1)

    trained = Trained(
        lambda n: decode(standard_normal(n)), seconds, lambda images: decode(codes(images)), codes, None, decode
    )
    return from_priors("autoencoder", trained, data)


class PixelsAsFeatures(Discriminator):
    """A discriminator of the same logits whose "features" are the pixels, so that a VAE-GAN compares those."""

    def __init__(self) -> None:
        super().__init__()
        self.head: nn.Module = nn.Sequential(nn.Unflatten(1, self.image_shape), self.body, self.head)

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def train_hybrid(
    name: str, data: ImageSet, num_steps: int, seed: int, *, beta: float, gamma: float, pixels: bool = False
) -> Family:
    """The recipe ``vae_gan`` with other weights before KL and reconstruction error, or with that error in pixels."""
    torch.manual_seed(seed)
    pair = VAEGAN(LATENT_DIM)
    if pixels:
        pair.discriminator = PixelsAsFeatures()
    step = VAEGANStep(pair, beta=beta, gamma=gamma, regularisers=[R1(gamma=0.1)])
    started = time.process_time()
    fit(step, data.x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    vae = step.ema.module.eval()
    assert isinstance(vae, VAE)
    return {name: of_vae(vae, time.process_time() - started, likelihood=False)}


MODELS: dict[str, Callable[[ImageSet, int, int], Family]] = {
    "autoencoder": train_autoencoder,
    "vae": train_vae,
    "vae_mixture_prior": lambda x, n, s: train_latent("vae_mixture_prior", "mixture_vae", x, n, s),
    "conditional_vae": lambda x, n, s: train_latent("conditional_vae", "conditional_vae", x, n, s),
    "ladder_vae": lambda x, n, s: train_latent("ladder_vae", "ladder_vae", x, n, s),
    "gan": lambda x, n, s: train_recipe("gan", x, n, s),
    "vae_gan": lambda x, n, s: train_recipe("vae_gan", x, n, s),
    "vae_gan_beta_1": lambda x, n, s: train_hybrid("vae_gan_beta_1", x, n, s, beta=1.0, gamma=0.2),
    "pixel_gan": lambda x, n, s: train_hybrid("pixel_gan", x, n, s, beta=0.1, gamma=0.1, pixels=True),
}
DRAWN = ("", "_gaussian", "_mixture")
ROWS = {name: [name + way for way in DRAWN] if name in ("autoencoder", "vae") else [name] for name in MODELS}


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
    data, test = load("glyphs"), load("glyphs", "test")
    settings = f"{options.steps} steps of {BATCH_SIZE}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine()}; glyphs, {settings}, n = 2,000, classifier {feature_classifier().hash}\n")
    print(f"| model | seed | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    if ("real", 0, settings) not in rows:
        rows.add("real", 0, settings, **measure(real(test), data, test, 0))
    for model in ("real", *options.models):
        for seed in range(1 if model == "real" else options.seeds):
            names = ["real"] if model == "real" else ROWS[model]
            if any((name, seed, settings) not in rows for name in names):
                for name, trained in MODELS[model](data, options.steps, seed).items():
                    if (name, seed, settings) not in rows:
                        rows.add(name, seed, settings, **measure(trained, data, test, seed))
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
