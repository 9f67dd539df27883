"""Make the weights that ship with the course again, all of them or those named:

    python -m course_lib.training.ship [NAME ...]

which is what ``make checkpoints`` does.
"""

import sys
from collections.abc import Callable

import torch
from torch import nn

from course_lib.data import load
from course_lib.models.weights import SHIPPED, save_weights, shipped_hashes
from course_lib.training import hybrid_recipes as hybrid
from course_lib.training import latent_recipes as latent
from course_lib.training import recipes
from course_lib.training.recipes import BATCH_SIZE, FULL_LENGTH, RECIPES, SWEEP_STEPS

GLYPHS = "20,000 glyphs, ten digits"
FULL = f"{FULL_LENGTH} x {BATCH_SIZE}"
Made = tuple[nn.Module, str, str]
"""A network, what it was trained on, and for how many steps of which batch."""


def _recipe(name: str) -> Callable[[], Made]:
    return lambda: (recipes.train(name, load("glyphs").x, num_steps=FULL_LENGTH)[0], GLYPHS, FULL)


def _glyph_recipe(name: str) -> Callable[[], Made]:
    def make() -> Made:
        data = load("glyphs")
        network = latent.train_glyph_model(name, data.x, data.y, progress=True)
        return network.half(), GLYPHS, f"{latent.GLYPH_STEPS} x {BATCH_SIZE}"

    return make


# what is stored in float16 loads as float32
SHIP: dict[str, Callable[[], Made]] = {
    "classifier": lambda: (recipes.train_classifier(), "40,000 glyphs, ten digits", "1500 x 256"),
    "plane": lambda: (recipes.train_plane(), GLYPHS, FULL),
    "plane_vae": lambda: (recipes.train_plane_vae(), GLYPHS, FULL),
    "beta_sweep": lambda: (
        recipes.train_beta_sweep().half(),
        GLYPHS,
        f"{SWEEP_STEPS} x {BATCH_SIZE} for each of 15 networks",
    ),
    "shapes_vaes": lambda: (
        latent.train_shapes_vaes().half(),
        "19,440 shapes",
        f"{latent.SHAPES_STEPS} x {BATCH_SIZE} for each of 3 networks",
    ),
    "hybrids": lambda: (
        hybrid.train_hybrids().half(),
        GLYPHS,
        f"{hybrid.VAE_STEPS} x {hybrid.HYBRID_BATCH}, and {hybrid.HYBRID_STEPS} more for each of 9 networks",
    ),
    **{name: _recipe(name) for name in RECIPES},
    **{name: _glyph_recipe(name) for name in latent.GLYPH_RECIPES},
}


def main(names: list[str]) -> None:
    """Train, write the files, and note their hashes."""
    for name in names or SHIP:
        network, data, steps = SHIP[name]()
        path = SHIPPED / f"{name}.safetensors"
        digest = save_weights(path, network, seed="0", torch=torch.__version__, data=data, steps=steps)
        hashes = (shipped_hashes() if (SHIPPED / "SHA256").exists() else {}) | {path.name: digest}
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB, {digest[:12]}")
        (SHIPPED / "SHA256").write_text("".join(f"{hashes[f]}  {f}\n" for f in sorted(hashes)))


if __name__ == "__main__":
    main(sys.argv[1:])
