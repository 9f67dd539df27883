"""The moments of two games that stand in for the ring game's widget where there is no front end.

    python docs/make_ring_game.py

Plain (momentum 0.9, no penalty) and with R1 of 0.5 and a momentum of 0.5: the settings of the widget, trained by torch.
Writes ``ring_game.npz`` beside the widget; takes a minute or two.
"""

import numpy as np
import torch
from torch import nn

from course_lib.data import ring
from course_lib.metrics import mode_coverage
from course_lib.models import ToyDiscriminator, ToyGenerator
from course_lib.training.steps.gan import GANStep
from course_lib.training.steps.regularisers import R1
from course_lib.viz.widgets.ring_game import BATCH, HIDDEN, MOMENTS, RATE

TURNS, SHOWN, SEED, STD = (100, 400, 1000, 2500), 250, 0, 0.05
GAMES = {"plain": ((0.9, 0.99), []), "R1": ((0.5, 0.99), [R1(0.5, every=1)])}


def moments(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Generated points (moments, SHOWN, 2) and the discriminator's weights (moments, P)."""
    betas, regularisers = GAMES[name]
    torch.manual_seed(SEED)
    generator, discriminator = ToyGenerator(2, HIDDEN), ToyDiscriminator(HIDDEN)
    turn = GANStep(generator, discriminator, 2, lr=RATE, betas=betas, regularisers=regularisers, squash=False)
    mixture, z = ring(std=STD), torch.randn(500, 2)
    fakes, weights = [], []
    for number in range(1, TURNS[-1] + 1):
        turn(mixture.sample(BATCH))
        if number in TURNS:
            points = generator.sample(len(z), z)
            fakes.append(points[:SHOWN].numpy())
            weights.append(nn.utils.parameters_to_vector(discriminator.parameters()).detach().numpy())
            covered = mode_coverage(points, mixture)
            print(f"{name}, {number:5} turns: {covered.modes} modes, {covered.high_quality:.0%} good", flush=True)
    return np.stack(fakes), np.stack(weights)


def main() -> None:
    fakes, weights = (np.stack(arrays).astype(np.float16) for arrays in zip(*map(moments, GAMES), strict=True))
    np.savez_compressed(MOMENTS, fakes=fakes, weights=weights, turns=np.array(TURNS, dtype=np.int16))
    print(f"{MOMENTS.name}: {MOMENTS.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
