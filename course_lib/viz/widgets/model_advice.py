"""The widget that ends lesson 10: say what you need, and see which model of the table that speaks for, by how much."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from course_lib.viz.style import DPI, GREEN, GREY, MODELS, ORANGE, VERMILION, styled
from course_lib.viz.widgets.host import Widget

_MODELS = {
    "autoencoder_gaussian": ("autoencoder + Gaussian", ORANGE),
    "vae": ("VAE", GREEN),
    "vae_gaussian": ("VAE + Gaussian", GREEN),
    "vae_mixture": ("VAE + mixture", GREEN),
    "vae_mixture_prior": ("VAE, mixture prior", GREEN),
    "conditional_vae": ("conditional VAE", GREEN),
    "ladder_vae": ("ladder VAE", GREEN),
    "gan": ("GAN", VERMILION),
    "conditional_gan": ("conditional GAN", VERMILION),
    "vae_gan": ("VAE-GAN", MODELS["VAE-GAN"]),
}
_NEEDS = {"encode": "an encoder", "likelihood": "a likelihood", "ask": "to be asked for a class"}


@dataclass(frozen=True)
class _Measure:
    label: str
    head: str
    better: str
    log: bool = False
    factor: float = 1.0
    digits: int = 0


_MEASURES = {
    "frechet": _Measure("Likeness of all samples: Fréchet", "Fréchet", "low", log=True),
    "kid": _Measure("Likeness of all samples: kernel", "kernel / 10⁵", "low", log=True, factor=1e-5, digits=1),
    "precision": _Measure("Likeness of one sample: precision", "precision, %", "high", factor=100),
    "sure": _Measure("Readable: classifier sure", "sure, %", "high", factor=100),
    "sharpness": _Measure("Crisp: distance in sharpness", "sharpness", "low", digits=2),
    "recall": _Measure("Variety: recall", "recall, %", "high", factor=100),
    "coverage": _Measure("Variety: coverage", "coverage, %", "high", factor=100),
    "min_share": _Measure("Variety: the rarest digit", "rarest, %", "high", factor=100, digits=1),
    "error": _Measure("Faithful: squared error", "error", "low", digits=1),
    "halfway": _Measure("Half-way images readable", "half-way, %", "high", factor=100),
    "seconds": _Measure("Seconds of training", "seconds", "low", log=True),
    "memory": _Measure("Memory", "MB", "low", log=True, digits=1),
}
_START = {"frechet": 2, "sharpness": 1}
_PRESETS: dict[str, dict[str, Any]] = {
    "pictures to look at": {"weights": {"frechet": 2, "sharpness": 2, "sure": 1}, "needs": []},
    "codes for images": {"weights": {"error": 3, "halfway": 1}, "needs": ["encode"]},
    "is this image odd?": {"weights": {"error": 1, "frechet": 1}, "needs": ["likelihood"]},
    "trained by tonight": {"weights": {"seconds": 3, "frechet": 2}, "needs": []},
}
_CAPTION = (
    "Scores of the models by the weights that the widget starts with (Fréchet distance twice, sharpness once): 1 would "
    "be the best of the table in both, 0 the worst. Whiskers reach from the worst seeds to the best."
)


class ModelAdvice(Widget):
    """What :func:`model_advice` returns; ``value`` holds the ``weights`` by measure and the list of ``needs``."""


def model_advice(board: Mapping[str, Mapping[str, Sequence[float]]]) -> ModelAdvice:
    """Rank models by what you need, over the numbers of ``board``, which :func:`course_lib.scoreboard.scoreboard`
    returned: by model and measure a value a seed.

    Each measure is stretched from the worst (0) to the best (1) mean of the table, distances and seconds on a
    logarithmic scale, and the weights that are set by hand take their mean; what a model can't do counts as the worst.
    Needs leave models out. Raises ``ValueError`` for rows without a name here, or fewer than two of them.
    """
    rows = {name: row for name, row in board.items() if name != "real"}
    unknown = [name for name in rows if name not in _MODELS]
    if unknown or len(rows) < 2:
        raise ValueError(
            f"board must have two rows or more among {', '.join(_MODELS)}, got {', '.join(rows) or 'none'}; "
            "take what scoreboard(...) returned"
        )
    models = [
        {
            "name": name,
            "label": _MODELS[name][0],
            "color": _MODELS[name][1],
            "can": {
                "encode": "error" in row,
                "likelihood": "nll" in row,
                "ask": name.startswith("conditional"),
            },
            "values": {measure: list(row[measure]) for measure in _MEASURES if measure in row},
        }
        for name, row in rows.items()
    ]
    measures = [
        {"name": name, **vars(measure)}
        for name, measure in _MEASURES.items()
        if sum(name in model["values"] for model in models) > 1
    ]
    start = {"weights": _START, "needs": []}
    data = {"models": models, "measures": measures, "needs": _NEEDS, "presets": _PRESETS, "start": start}
    return ModelAdvice("model_advice", data, start, lambda: _still(models, measures), _CAPTION)


def _scores(models: list[Any], measures: list[Any]) -> list[tuple[float, float, float, Any]]:
    """(mean, worst seeds, best seeds, model), the best first, by the weights that the widget starts with."""

    def score(model: Any, pick: Any) -> float:
        total = 0.0
        for measure in measures:
            name, log = measure["name"], math.log if measure["log"] else float
            if name not in _START or name not in model["values"]:
                continue
            means = [log(sum(m["values"][name]) / len(m["values"][name])) for m in models if name in m["values"]]
            value = log(pick(model["values"][name], measure["better"] == "low"))
            share = min(max((value - min(means)) / ((max(means) - min(means)) or 1), 0), 1)
            total += _START[name] * (1 - share if measure["better"] == "low" else share)
        return total / sum(_START.values())

    def mean(values: list[float], _low: bool) -> float:
        return sum(values) / len(values)

    def worst(values: list[float], low: bool) -> float:
        return max(values) if low else min(values)

    def best(values: list[float], low: bool) -> float:
        return min(values) if low else max(values)

    rows = [(score(m, mean), score(m, worst), score(m, best), m) for m in models]
    return sorted(rows, key=lambda row: -row[0])


@styled
def _still(models: list[Any], measures: list[Any]) -> Figure:
    rows = _scores(models, measures)[::-1]
    figure = Figure(figsize=(7.0, 0.45 * len(rows) + 0.9), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for place, (score, low, high, model) in enumerate(rows):
        axes.barh(place, score, color=model["color"], height=0.6, alpha=0.85)
        axes.plot([low, high], [place, place], color=GREY, linewidth=2)
    axes.set_yticks(range(len(rows)), [row[3]["label"] for row in rows])
    axes.set(xlabel="score: two parts Fréchet distance, one part sharpness", xlim=(0, 1.02))
    axes.grid(visible=False, axis="y")
    return figure
