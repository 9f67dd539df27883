"""The table that the lessons fill together: every model measured alike, over several seeds.

The numbers are data, ``scoreboard.json``, made by ``python benchmarks/quality.py --scoreboard``: 28 × 28 glyphs from 16
numbers, one half of the test images as reference of Fréchet (Heusel et al. 2017) and kernel distance,
the other half to be reconstructed.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, list[float]]

_NAMES = {
    "real": "other real images",
    "autoencoder": "autoencoder",
    "autoencoder_gaussian": "autoencoder + Gaussian",
    "autoencoder_mixture": "autoencoder + mixture",
    "vae": "VAE",
    "vae_gaussian": "VAE + Gaussian",
    "vae_mixture": "VAE + mixture",
    "vae_mixture_prior": "VAE, mixture prior",
    "conditional_vae": "conditional VAE",
    "ladder_vae": "ladder VAE",
    "gan": "GAN",
    "conditional_gan": "conditional GAN",
    "vae_gan": "VAE-GAN",
    "vae_gan_gaussian": "VAE-GAN + Gaussian",
    "vae_gan_mixture": "VAE-GAN + mixture",
    "pixel_gan": "pixels + GAN",
}
_COLUMNS = {
    "error": ("squared", "error", 1.0, ".1f"),
    "frechet": ("Fréchet", "distance", 1.0, ".0f"),
    "kid": ("kernel dis-", "tance / 10⁵", 1e-5, ".1f"),
    "sure": ("classifier", "sure of, %", 100.0, ".0f"),
    "sharpness": ("sharpness", "distance", 1.0, ".2f"),
    "min_share": ("rarest digit,", "%", 100.0, ".0f"),
    "precision": ("precision,", "%", 100.0, ".0f"),
    "recall": ("recall,", "%", 100.0, ".0f"),
    "coverage": ("coverage,", "%", 100.0, ".0f"),
    "closer": ("closer than", "test, %", 100.0, ".0f"),
    "sharpness_rec": ("sharpness,", "reconstructed", 1.0, ".2f"),
    "holes": ("random codes", "further, times", 1.0, ".2f"),
    "halfway": ("sure of half-", "way images, %", 100.0, ".0f"),
    "nll": ("NLL,", "nats", 1.0, ".1f"),
    "kl": ("KL,", "nats", 1.0, ".1f"),
    "active": ("active", "numbers", 1.0, ".0f"),
    "seconds": ("seconds", "of one core", 1.0, ".0f"),
    "memory": ("memory,", "MB", 1.0, ".0f"),
}


def scoreboard(*models: str, columns: Sequence[str] = ("error", "frechet", "sure", "sharpness")) -> dict[str, Row]:
    """Print the rows of ``models``, below that of real images, and return them: by model and measure, a value a seed.

    A cell is the mean over seeds with the least and the greatest. ``columns``: "error" (of reconstructions, summed over
    pixels); of samples "frechet", "kid" (Bińkowski et al. 2018), "sure" (the share that the classifier is sure of),
    "sharpness", "min_share" (of the digits, the rarest's share), "precision" and "recall" (Kynkäänniemi et al. 2019),
    "coverage" (Naeem et al. 2020), "closer" (how often a sample lies closer to the training images than test images do,
    50 % without copying); of reconstructions "sharpness_rec"; of codes "holes" (how many times as far from known
    codes random ones lie as real ones) and "halfway" (what "sure" is for half-way points between two images); "nll",
    "kl" and "active" of a VAE; "seconds" of training, and the MB that its
    process needed at its peak, "memory". Rows "…_gaussian" and "…_mixture" draw codes from one or
    from ten Gaussians fitted to those of the training images, "vae_mixture_prior" from ten that were learned with it,
    the others from N(0, I), a ladder's z2. The NLL of "conditional_vae" is that of images whose class is known.
    Raises ``ValueError`` for a model or column that there isn't.
    """
    table = _table()
    for model in models:
        if model not in table["rows"]:
            raise ValueError(f"models must have a row ({', '.join(table['rows'])}), got {model!r}")
    for column in columns:
        if column not in _COLUMNS:
            raise ValueError(f"columns must be among {', '.join(_COLUMNS)}, got {column!r}")
    rows: dict[str, Row] = {model: table["rows"][model] for model in ("real", *models)}
    shown = {name: [*_COLUMNS[name][:2], *(_cell(row, name) for row in rows.values())] for name in columns}
    names = ["", "", *(_NAMES[model] for model in rows)]
    for line, name in enumerate(names):
        print(f"{name:22}" + "".join(f"{cells[line]:>{_width(cells)}}" for cells in shown.values()))
    seeds = sorted({len(values) for model in models for values in rows[model].values()})
    spread = f"{seeds[0]} seeds" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    print(f"{table['settings']}, {spread}; classifier {table['classifier']}")
    return rows


def _width(cells: list[str]) -> int:
    return max(map(len, cells)) + 2


def _cell(row: Row, column: str) -> str:
    if column not in row:
        return "–"
    _, _, factor, digits = _COLUMNS[column]
    low, mean, high = (
        factor * v for v in (min(row[column]), sum(row[column]) / len(row[column]), max(row[column]))
    )
    spread = "" if len(row[column]) == 1 else f" ({low:{digits}}–{high:{digits}})"
    return f"{mean:{digits}}{spread}"


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return table
