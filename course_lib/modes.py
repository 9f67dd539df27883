"""How many modes each game finds: the grid of 25 Gaussians, one change at a time, over several seeds.

The numbers are data, ``modes.json``, made by ``python benchmarks/modes.py --table`` under the protocol of PacGAN (Lin
et al. 2018, arXiv:1712.04086, section 4.1): networks, batches and number of steps are the same in all rows.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, list[float]]

_NAMES = {
    "plain": "non-saturating",
    "saturating": "saturating",
    "least_squares": "least squares",
    "hinge": "hinge",
    "relativistic": "relativistic",
    "modern": "relativistic, R1, R2",
    "r1": "R1",
    "spectral_norm": "spectral norm",
    "packing": "packing by two",
    "two_time_scales": "D's rate times 4",
    "critic_steps": "4 D steps",
    "critic_steps_spectral": "4 D steps, spectral norm",
    "wasserstein_gp": "4 D steps, WGAN, penalty",
    "wasserstein_clip": "4 D steps, WGAN, clipping",
}
_FIGURES = {
    "modes": ("modes of 25", 1.0, ".1f", ".0f"),
    "high_quality": ("high quality, %", 100.0, ".1f", ".0f"),
    "reverse_kl": ("reverse KL, nats", 1.0, ".2f", ".2f"),
}


def modes_table(*methods: str, weights: str = "averaged") -> dict[str, Row]:
    """Print the rows of ``methods`` and return them: by method and figure ("modes", "high_quality", "reverse_kl", as
    :func:`course_lib.metrics.mode_coverage` has them), a value a seed.

    A cell is the mean over seeds with the least and the greatest. A row differs from "plain" in one thing, its name;
    but "modern" from "relativistic", in R1 and R2, "critic_steps_spectral" and "wasserstein_gp" from "critic_steps",
    the latter in a game that needs its penalty, and "wasserstein_clip" from "wasserstein_gp". ``weights``: samples are
    drawn from the generator's "averaged" weights or from its "last" ones, of the same runs. Raises ``ValueError`` for
    a method that has no row, or other weights.
    """
    table = _table()
    for method in methods:
        if method not in table["rows"]:
            raise ValueError(f"methods must have a row ({', '.join(table['rows'])}), got {method!r}")
    if weights not in ("averaged", "last"):
        raise ValueError(f"weights must be 'averaged' or 'last', got {weights!r}")
    rows: dict[str, Row] = {method: table["rows"][method][weights] for method in methods}
    heads = "".join(f"{name:>20}" for name, *_ in _FIGURES.values())
    print(f"{'':28}{heads}")
    for method, row in rows.items():
        print(f"{_NAMES[method]:28}" + "".join(f"{_cell(row, figure):>20}" for figure in _FIGURES))
    seeds = sorted({len(row["modes"]) for row in rows.values()})
    spread = " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))) + (" seed" if seeds == [1] else " seeds")
    print(f"{table['settings']}, {weights} weights, {spread}")
    return rows


def _cell(row: Row, figure: str) -> str:
    _, factor, digits, ends = _FIGURES[figure]
    values = [factor * value for value in row[figure]]
    spread = "" if len(values) == 1 else f" ({min(values):{ends}}–{max(values):{ends}})"
    return f"{sum(values) / len(values):{digits}}{spread}"


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return table
