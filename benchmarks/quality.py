"""Is the quality that the lessons speak of a matter of luck? Trains the three image models over several seeds.

    python benchmarks/quality.py [--steps 2000] [--seeds 3] [--models vae gan vae_gan]

Prints, for each run on glyphs: the Fréchet distance of 2,000 samples on the shipped classifier with its floor, the
distance between the distributions of sharpness (samples, and reconstructions where the model has an encoder), the
smallest share of a digit among samples classified with confidence of at least 0.9, and the squared error of
reconstructions per image.
"""

import argparse
import platform

import torch

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    options = parser.parse_args()
    x, test = load("glyphs").x, load("glyphs", "test").x
    classifier = feature_classifier()
    real = extract_features(test)
    print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, {options.steps} steps of {BATCH_SIZE}, classifier {classifier.hash}"
    )
    columns = ("model", "seed", "seconds", "Fréchet", "floor", "sharp.", "sharp. rec.", "min. share", "error")
    print("  ".join(f"{c:>11}" for c in columns))
    for name in options.models:
        for seed in range(options.seeds):
            network, history = train(name, x, num_steps=options.steps, seed=seed, progress=False)
            assert isinstance(network, VAE | Generator)
            torch.manual_seed(seed)
            samples = network.sample(2_000)
            distance = frechet_with_floor(extract_features(samples), real)
            shares, _ = class_shares(classifier.probabilities(samples))
            figures = [distance.distance, distance.floor, sharpness_distance(samples, test)]
            cells = [name, str(seed), f"{history.seconds:.0f}", *(f"{v:.2f}" for v in figures)]
            if isinstance(network, VAE):
                x_hat = network.reconstruct(test)
                error = squared_error(x_hat, test).mean().item()
                cells += [f"{sharpness_distance(x_hat, test):.2f}", f"{shares.min():.3f}", f"{error:.2f}"]
            else:
                cells += ["", f"{shares.min():.3f}", ""]
            print("  ".join(f"{c:>11}" for c in cells), flush=True)


if __name__ == "__main__":
    main()
