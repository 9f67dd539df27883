"""What the shipped recipe of a GAN makes of 100 seconds of training on glyphs, beside the step as it comes.

    python benchmarks/gan_recipe.py [--seconds 100 | --steps 5500] [--seeds 3] [--recipes recipe defaults] [--quick]

"recipe" is ``RECIPES["gan"]``, which lesson 07 and the shipped weights use; "defaults" is ``GANStep`` with nothing set,
on networks of its sizes. With ``--seconds`` training goes by the clock, from after the networks are built: idle cores
are needed, and the learning rate follows the time that has gone. With ``--steps`` it goes by a count, which other work
on the machine leaves alone. Printed for each seed, and in the mean:

- the Fréchet distance of 2,000 samples to the 4,000 test images ("real": that of 2,000 training images);
- of the same samples the share to which the shipped classifier gives one digit with a confidence of at least 0.9, the
  smallest share of a digit among those, and the distance between their and the test images' distributions of sharpness;
- the steps taken, and milliseconds of processor time for each.

Rows go to benchmarks/results/gan_recipe.csv as they are made; what is there isn't run again.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

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
from course_lib.models import Discriminator, Generator
from course_lib.training import GANStep
from course_lib.training.recipes import BATCH_SIZE, LATENT_DIM, RECIPES, build
from course_lib.training.reproducible import random_state_kept, seed_generators
from course_lib.training.run import Shuffle

RESULTS = Path(__file__).parent / "results" / "gan_recipe.csv"
FIGURES = ("frechet", "sure", "rarest", "sharpness", "steps", "milliseconds")
NUM_SAMPLES = 2_000
TICKS = 10_000  # into which a training by the clock is divided

Players = tuple[GANStep, nn.Module]
"""A step, and the network to draw from."""


def recipe(seed: int, num_steps: int) -> Players:
    step, network = RECIPES["gan"].step(build("gan", seed), num_steps)
    assert isinstance(step, GANStep)
    return step, network


def defaults(seed: int, num_steps: int) -> Players:
    step = GANStep(Generator(LATENT_DIM), Discriminator(), LATENT_DIM)
    return step, step.ema.module


CONTENDERS: dict[str, Callable[[int, int], Players]] = {"recipe": recipe, "defaults": defaults}


def train(name: str, x: Tensor, seed: int, seconds: float | None, num_steps: int) -> tuple[nn.Module, int, float]:
    """The network to draw from, the steps taken, and the processor time of each in milliseconds."""
    with random_state_kept():
        seed_generators(seed)
        step, network = CONTENDERS[name](seed, TICKS if seconds else num_steps)
        shuffle = Shuffle(len(x), BATCH_SIZE, x.device)
        started, worked = time.perf_counter(), time.process_time()

        def part() -> float:
            """How much of the training is over, from 0 to 1."""
            return (time.perf_counter() - started) / seconds if seconds else step.steps / num_steps

        if seconds:
            by_the_clock(step, part)
        while part() < 1:
            step(x[next(shuffle)])
        return network.eval(), step.steps, 1e3 * (time.process_time() - worked) / step.steps


def by_the_clock(step: GANStep, part: Callable[[], float]) -> None:
    """Let the learning rates of a step that was planned for ``TICKS`` steps follow the time."""
    for name in ("lr", "discriminator_lr"):
        planned = getattr(step, name)
        if callable(planned):
            setattr(step, name, lambda _, planned=planned: planned(int(part() * TICKS)))


def measure(samples: Tensor, test: Tensor) -> dict[str, float]:
    """The figures of 2,000 images in [0, 1]."""
    shares, sure = class_shares(feature_classifier().probabilities(samples), confidence=0.9)
    return {
        "frechet": frechet_distance(extract_features(samples), extract_features(test)),
        "sure": sure,
        "rarest": shares.min().item(),
        "sharpness": sharpness_distance(samples, test),
    }


@torch.no_grad()
def draw(network: nn.Module, seed: int) -> Tensor:
    """Grey levels (2000, 1, 28, 28), the same noise for every network."""
    z = torch.randn(NUM_SAMPLES, LATENT_DIM, generator=torch.Generator().manual_seed(seed))
    return torch.sigmoid(network(z))


def line(name: str, seed: object, figures: dict[str, float]) -> str:
    f = figures
    return (
        f"| {name} | {seed} | {f['frechet']:.1f} | {100 * f['sure']:.1f} | {100 * f['rarest']:.1f} "
        f"| {f['sharpness']:.3f} | {f['steps']:.0f} | {f['milliseconds']:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float, help="by the clock (100 if --steps isn't given)")
    budget.add_argument("--steps", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipes", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS))
    parser.add_argument("--quick", action="store_true", help="100 steps, 1 seed")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.steps, options.seeds = None, 100, 1
    seconds = None if options.steps else options.seconds or 100.0
    x, test = load("glyphs").x, load("glyphs", "test").x
    budget_in_words = f"{seconds:g} s, {torch.get_num_threads()} threads" if seconds else f"{options.steps} steps"
    settings = f"{budget_in_words}, batches of {BATCH_SIZE}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine()}; glyphs, {settings}, n = 2,000, classifier {feature_classifier().hash}\n")
    print("| recipe | seed | Fréchet | sure, % | rarest digit, % | sharpness distance | steps | ms per step |")
    print(f"|{'---|' * 8}")
    if ("real", 0, settings) not in rows:
        rows.add("real", 0, settings, **measure(x[:NUM_SAMPLES], test), steps=0, milliseconds=0.0)
    for name in ("real", *options.recipes):
        seeds = 1 if name == "real" else options.seeds
        for seed in range(seeds):
            if (name, seed, settings) not in rows:
                network, steps, milliseconds = train(name, x, seed, seconds, options.steps)
                figures = measure(draw(network, seed), test)
                rows.add(name, seed, settings, **figures, steps=steps, milliseconds=milliseconds)
            print(line(name, seed, {f: rows.values(name, settings, f)[seed] for f in FIGURES}), flush=True)
        if seeds > 1:
            means = {f: mean(rows.values(name, settings, f)[:seeds]) for f in FIGURES}
            print(line(name, "mean", means), flush=True)


if __name__ == "__main__":
    main()
