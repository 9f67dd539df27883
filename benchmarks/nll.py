"""The long way down to a published test NLL on dynamically binarised MNIST; the short one is speedrun.py.

    COURSE_DATA=... python benchmarks/nll.py --long vae|iwae [--stages 8] [--seeds 3] [--device cuda]

The network and schedule of Burda et al. 2016 (arXiv:1509.00519): 784-200-200-50 with tanh, batches of 20,
Adam with epsilon 1e-4, and in stage i 3^i epochs at a learning rate of 10^(-3 - i/7); all 8 stages are 3,280 epochs.
Their test NLL at K = 5,000: 86.76 for the VAE, 84.78 for IWAE with 50 samples. Reported is the mean over all 10,000
test images, each binarised once, of importance sampling with K samples from the posterior widened by 1.2.

Rows go to benchmarks/results/nll.csv as they are made; what is there isn't run again.
"""

import argparse
import itertools
import math
import time
from pathlib import Path

import torch
from machine import machine
from resume import Rows
from torch import Tensor, nn

from course_lib.data import binarize, load
from course_lib.metrics import evaluate_elbo, importance_nll
from course_lib.models import VAE
from course_lib.training import IWAEStep, VAEStep
from course_lib.training.run import Shuffle

RESULTS = Path(__file__).parent / "results" / "nll.csv"
FIGURES = ("nll", "standard_error", "minus_elbo", "steps", "seconds")
WIDER = 1.2


def tanh_mlp(sizes: list[int]) -> nn.Sequential:
    """Linear layers with tanh between them."""
    layers = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


def train(x: Tensor, kind: str, stages: int, seed: int) -> tuple[VAE, int, float]:
    """The published schedule, or its first stages."""
    started = time.perf_counter()
    torch.manual_seed(seed)
    model = VAE(tanh_mlp([784, 200, 200, 100]), tanh_mlp([50, 200, 200, 784]), 50).to(x.device)
    with torch.no_grad():
        model.decoder[-1].bias.copy_(torch.logit(x.mean(0).clamp(1e-3, 1 - 1e-3)))
    step = VAEStep(model) if kind == "vae" else IWAEStep(model, num_samples=50)
    shuffle = Shuffle(len(x), 20, x.device)
    (group,) = step.optimizer.param_groups
    group["eps"] = 1e-4
    for stage in range(stages):
        group["lr"] = 10 ** (-3 - stage / 7)
        for _ in range(3**stage * (len(x) // 20)):
            step(x[next(shuffle)])
    return model, step.steps, time.perf_counter() - started


def evaluate(model: VAE, test: Tensor, num_samples: int) -> dict[str, float]:
    """NLL with its standard error over images, and −ELBO."""
    source = torch.Generator(test.device).manual_seed(1)
    nll = importance_nll(model, test, num_samples, generator=source, proposal_scale=WIDER)
    bound = evaluate_elbo(model, test, generator=source).elbo
    return {
        "nll": nll.mean().item(),
        "standard_error": (nll.std() / math.sqrt(len(nll))).item(),
        "minus_elbo": -bound.mean().item(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", choices=["vae", "iwae"], required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--num-samples", type=int, default=500)
    parser.add_argument("--num-images", type=int, default=10_000)
    parser.add_argument("--stages", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    name = options.long
    x = load("mnist").x.flatten(1).to(options.device)
    test = load("mnist", "test").x[:: 10_000 // options.num_images].to(options.device)
    test = binarize(test.flatten(1), torch.Generator(options.device).manual_seed(0))
    where = f"{torch.get_num_threads()} threads, {options.device}"
    settings = f"{options.stages} stages, {where}, K={options.num_samples}, n={len(test)}"
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine()}; MNIST, {name}, {settings}\n")
    print("| seed | steps | seconds | −ELBO | NLL | standard error over images |\n|---|---|---|---|---|---|")
    for seed in range(options.seeds):
        if (name, seed, settings) not in rows:
            model, steps, seconds = train(x, name, options.stages, seed)
            figures = evaluate(model, test, options.num_samples)
            rows.add(name, seed, settings, **figures, steps=steps, seconds=seconds)
        nll, error, bound, steps, seconds = (rows.values(name, settings, figure)[seed] for figure in FIGURES)
        print(f"| {seed} | {steps:.0f} | {seconds:.1f} | {bound:.2f} | {nll:.2f} | {error:.2f} |", flush=True)
    found = rows.values(name, settings, "nll")
    print(f"\nMean NLL over {len(found)} seeds: {sum(found) / len(found):.2f} nats")


if __name__ == "__main__":
    main()
