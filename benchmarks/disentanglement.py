"""Do dimensions of a code stand for single factors? VAE, beta-VAE and beta-TCVAE on shapes, over several seeds.

    python benchmarks/disentanglement.py [--seeds 5] [--models vae beta_vae tc_vae] [--steps 3000]

The same convolutional VAE of 10 dimensions, the same batches and number of steps on one thread; only the objective
differs.
Scores are of 5,000 images drawn from the full product of factors: the mutual information gap of one sample of
q(z|x) each in 20 bins, and DCI of the posteriors' means with random forests. The factors are all of the set's:
shape, scale, orientation and both shifts. Rows go to benchmarks/results/disentanglement.csv as they are made,
and a run that was killed goes on from there. The interval is Student's over the seeds.
"""

import argparse
from pathlib import Path

import torch
from machine import machine
from resume import Rows
from scipy.stats import t as student
from torch import Tensor

from course_lib.data import ImageSet, load
from course_lib.metrics import MutualInformationGap, dci, mutual_information_gap
from course_lib.models import VAE, ConvVAE, evaluating, reparameterize
from course_lib.training import fit
from course_lib.training.latent_recipes import SHAPES_BETAS, SHAPES_DIM, SHAPES_RATE, SHAPES_STEPS, shapes_step
from course_lib.training.recipes import BATCH_SIZE

RESULTS = Path(__file__).parent / "results" / "disentanglement.csv"
FIGURES = ("mig", "dci_d", "dci_c", "dci_i", "reconstruction", "kl", "seconds")
NUM_SCORED = 5_000


def settings(name: str, num_steps: int) -> str:
    """What a row was made with: a row made with anything else doesn't stand for it."""
    beta = SHAPES_BETAS[name]
    return f"beta={beta:g} steps={num_steps} batch={BATCH_SIZE} lr={SHAPES_RATE:g} latent={SHAPES_DIM}"


def encoded(
    model: VAE, x: Tensor, factors: dict[str, Tensor], seed: int
) -> tuple[Tensor, dict[str, Tensor], MutualInformationGap]:
    """The posteriors' means of ``NUM_SCORED`` of the images, their factors, and the gap of one sample of each."""
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:NUM_SCORED]
    factors = {name: values[chosen] for name, values in factors.items()}
    with evaluating(model):
        mu, logvar = model.encode(x[chosen])
        return mu, factors, mutual_information_gap(reparameterize(mu, logvar), factors)


def run(name: str, seed: int, num_steps: int, train: ImageSet, scored: ImageSet) -> dict[str, float]:
    """Train one model and score it."""
    torch.manual_seed(seed)
    model = ConvVAE(SHAPES_DIM)
    step = shapes_step(name, model, len(train))
    history = fit(step, train.x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    mu, factors, gap = encoded(model, scored.x, scored.factors, seed)
    scores = dci(mu, factors, seed=seed)
    return {
        "mig": gap.mig,
        "dci_d": scores.disentanglement,
        "dci_c": scores.completeness,
        "dci_i": scores.informativeness,
        "reconstruction": history.last("-reconstruction"),
        "kl": history.last("KL"),
        "seconds": history.seconds,
    }


def interval(values: list[float]) -> str:
    """Mean and half the width of its 95 % interval, which a single seed doesn't have."""
    x = torch.tensor(values, dtype=torch.float64)
    if len(x) < 2:
        return f"{x.mean():.3f}"
    half = float(student.ppf(0.975, len(x) - 1)) * x.std() / len(x) ** 0.5
    return f"{x.mean():.3f} ± {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=list(SHAPES_BETAS), choices=list(SHAPES_BETAS))
    parser.add_argument("--steps", type=int, default=SHAPES_STEPS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="1 seed, 100 steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = 1, 100
    torch.set_num_threads(1)
    rows = Rows(options.results, FIGURES)
    train, scored = load("shapes"), load("shapes", "full")
    print(machine(1))
    print(f"{len(train)} images, 95 % intervals over the seeds; reconstruction and KL in nats per image")
    for seed in range(options.seeds):
        for name in options.models:
            if (name, seed, settings(name, options.steps)) not in rows:
                figures = run(name, seed, options.steps, train, scored)
                rows.add(name, seed, settings(name, options.steps), **figures)
                print(f"{name} {seed}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()), flush=True)
    print(f"\n| | seeds | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for name in options.models:
        columns = [rows.values(name, settings(name, options.steps), figure) for figure in FIGURES]
        print(f"| {name} | {len(columns[0])} | {' | '.join(map(interval, columns))} |")


if __name__ == "__main__":
    main()
