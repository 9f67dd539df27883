"""The table that the lessons fill together: every model measured alike, over several seeds.

The numbers are data, ``scoreboard.json``, made by ``python benchmarks/quality.py --scoreboard``: 28 × 28 glyphs from 16
numbers, one half of the test images as reference of the Fréchet distance (Heusel et al. 2017), the other half to be
reconstructed.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, list[float]]

_NAMES = {
    "real": "other real images",
    "autoencoder": "autoencoder + Gaussian",
    "vae": "VAE",
    "gan": "GAN",
    "vae_gan": "VAE-GAN",
    "vae_gan_beta_1": "VAE-GAN, β = 1",
    "pixel_gan": "pixels + GAN",
}
_COLUMNS = {
    "error": ("squared", "error", 1.0, ".1f", 18),
    "frechet": ("Fréchet", "distance", 1.0, ".0f", 16),
    "sure": ("classifier", "sure of, %", 100.0, ".0f", 12),
    "sharpness": ("sharpness", "distance", 1.0, ".2f", 18),
}


def scoreboard(*models: str) -> dict[str, Row]:
    """Print the rows of ``models``, below that of real images, and return them: by model and measure, a value a seed.

    A cell is the mean over seeds with the least and the greatest. An autoencoder's samples decode a Gaussian fitted to
    its codes. Reconstructions have a squared error, summed over
    pixels; samples have the rest. Raises ``ValueError`` for a model that has no row.
    """
    table = _table()
    for model in models:
        if model not in table["rows"]:
            raise ValueError(f"models must have a row ({', '.join(table['rows'])}), got {model!r}")
    rows: dict[str, Row] = {model: table["rows"][model] for model in ("real", *models)}
    for line in (0, 1):
        print(" " * 24 + "".join(f"{column[line]:>{column[4]}}" for column in _COLUMNS.values()))
    for model, row in rows.items():
        cells = [f"{_cell(row, name):>{column[4]}}" for name, column in _COLUMNS.items()]
        print(f"{_NAMES[model]:24}" + "".join(cells))
    print(f"{table['settings']}; classifier {table['classifier']}")
    return rows


def _cell(row: Row, column: str) -> str:
    if column not in row:
        return "–"
    _, _, factor, digits, _ = _COLUMNS[column]
    low, mean, high = (
        factor * v for v in (min(row[column]), sum(row[column]) / len(row[column]), max(row[column]))
    )
    spread = "" if len(row[column]) == 1 else f" ({low:{digits}}–{high:{digits}})"
    return f"{mean:{digits}}{spread}"


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return table
