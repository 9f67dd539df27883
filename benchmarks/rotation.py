"""Why isn't a beta-VAE ahead on disentanglement.py? It finds where a shape is, but along turned axes.

    python benchmarks/rotation.py [--seeds 5] [--steps 3000]

On `shapes` both shifts take ten values and are alike in the images. Nothing in the KL then prefers the axes of the code
to any others (Rolinek et al. 2019, arXiv:1812.06775: a VAE's axes follow the directions of greatest variance, by its
diagonal posterior; two equal ones leave them open), while the total correlation does: turned, two uniform shifts
depend on each other. If that is why, then a beta-VAE must do better on images where one shift takes only four values.

Printed for each: the gap of shift_x in the mutual information gap; the share of shift_x that is *linear* in the codes'
means (R2), however they are turned; and how much of that line's direction the largest dimension holds (1: an axis).
Rows go to benchmarks/results/rotation.csv as they are made.
"""

import argparse
from pathlib import Path

import torch
from disentanglement import encoded, interval
from machine import machine
from resume import Rows
from torch import Tensor

from course_lib.data import ImageSet, load
from course_lib.models import ConvVAE
from course_lib.training import TCVAEStep, VAEStep, fit
from course_lib.training.latent_recipes import SHAPES_BETAS, SHAPES_DIM, SHAPES_RATE
from course_lib.training.recipes import BATCH_SIZE

RESULTS = Path(__file__).parent / "results" / "rotation.csv"
FIGURES = ("gap_x", "linear_x", "on_one_axis", "seconds")
TC_BETA = SHAPES_BETAS["tc_vae"]
BETA = 10.0  # three dimensions are left in use: what becomes of the two shifts is plain to see
BAND = (3, 6)  # of shift_y
CASES = {
    "beta-VAE, ten values each": ("beta", False),
    "beta-VAE, four of shift_y": ("beta", True),
    "beta-TCVAE, ten values each": ("tc", False),
}


def chosen(images: ImageSet, narrow: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """The images and their factors, all or those in the band."""
    y = images.factors["shift_y"]
    keep = (y >= BAND[0]) & (y <= BAND[1]) if narrow else torch.ones_like(y, dtype=torch.bool)
    factors = {name: values[keep] for name, values in images.factors.items()}
    factors["shift_y"] = factors["shift_y"] - (BAND[0] if narrow else 0)
    return images.x[keep], factors


def line(mu: Tensor, values: Tensor) -> tuple[float, float]:
    """How much of ``values`` is linear in the means, and the largest dimension's share of the line's direction."""
    standard = ((mu - mu.mean(0)) / mu.std(0)).double()
    y = values.double() - values.double().mean()
    slope = torch.linalg.lstsq(standard, y[:, None]).solution[:, 0]
    explained = 1 - (y - standard @ slope).var() / y.var()
    return explained.item(), (slope.square().max() / slope.square().sum()).item()


def run(case: str, seed: int, num_steps: int) -> dict[str, float]:
    objective, narrow = CASES[case]
    x, _ = chosen(load("shapes"), narrow)
    torch.manual_seed(seed)
    model = ConvVAE(SHAPES_DIM)
    step = (
        TCVAEStep(model, len(x), beta=TC_BETA, lr=SHAPES_RATE)
        if objective == "tc"
        else VAEStep(model, SHAPES_RATE, beta=BETA)
    )
    history = fit(step, x, num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    full, factors = chosen(load("shapes", "full"), narrow)
    mu, factors, gap = encoded(model, full, factors, seed)
    explained, share = line(mu, factors["shift_x"])
    return {
        "gap_x": gap.gaps["shift_x"],
        "linear_x": explained,
        "on_one_axis": share,
        "seconds": history.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--quick", action="store_true", help="1 seed, 100 steps")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.steps = 1, 100
    torch.set_num_threads(1)
    rows = Rows(RESULTS, FIGURES)
    print(f"{machine(1)}; beta {BETA:g} and {TC_BETA:g}, 95 % intervals over the seeds")
    print(f"\n| | seeds | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for case in CASES:
        settings = f"beta={BETA:g}/{TC_BETA:g} steps={options.steps} batch={BATCH_SIZE} lr={SHAPES_RATE:g}"
        columns = rows.over_seeds(case, options.seeds, settings, lambda seed, c=case: run(c, seed, options.steps))
        print(f"| {case} | {len(columns[0])} | {' | '.join(map(interval, columns))} |", flush=True)


if __name__ == "__main__":
    main()
