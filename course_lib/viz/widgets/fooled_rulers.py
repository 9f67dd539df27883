"""The widget of lesson 10's concept: two clouds, six rulers, and what it takes to fool each of them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from course_lib.viz.style import BLUE, DPI, VERMILION, styled
from course_lib.viz.widgets.host import Widget

NUM_POINTS = 120
_CENTERS, _STD = np.array([[-1.5, -0.9], [1.5, -0.9], [0.0, 1.6]]), 0.32
_OUTLIERS = [[0.0, -3.0], [-3.6, 1.6], [3.6, 1.6], [0.0, 3.0]]
_SIDE = {"x": [-4.4, 4.4], "y": [-3.45, 3.45]}
LIMITS = {
    "frechet": 0.126,
    "kernel": 0.21,
    "precision": 0.945,
    "recall": 0.895,
    "coverage": 0.912,
    "copies": 0.553,
}
"""What 19 of 20 honest models keep to: the test measures it over 400 draws, by the library's own rulers."""
_PRESETS: dict[str, dict[str, Any]] = {
    "fresh points": {},
    "one Gaussian": {"gaussian": True},
    "copies": {"copies": 100},
    "a heap left out": {"dropped": 1},
    "blurred": {"blur": 0.35},
    "shifted": {"shift": [0.6, 0.3]},
    "one heap, one far out": {"dropped": 2, "outliers": 1},
}
_START: dict[str, Any] = {
    "dropped": 0,
    "blur": 0.0,
    "copies": 0,
    "outliers": 0,
    "gaussian": False,
    "shift": [0.0, 0.0],
}
_CAPTION = (
    "Real points (blue) in three heaps, and what four models hand in (orange). The ellipses are all that the Fréchet "
    "distance compares. One Gaussian with the data's mean and covariance leaves it at its floor. Copies of training "
    "points look fresh. One heap and a single point far out have most of the real points recalled."
)


class FooledRulers(Widget):
    """What :func:`fooled_rulers` returns; ``value`` holds the settings: heaps ``dropped``, ``blur``, ``copies`` in per
    cent, ``outliers``, whether it is one ``gaussian``, and the ``shift``."""


def fooled_rulers() -> FooledRulers:
    """Two clouds of the plane and six rulers beside them: the Fréchet distance, the kernel distance, precision, recall,
    coverage, and how often a point is nearer to the training points than held-out ones are.

    What is handed in as generated can be copied, blurred, shifted, thinned out or replaced by one Gaussian, and every
    ruler says at once whether it differs from what fresh points of the data score.
    """
    rng = np.random.default_rng(0)
    real, train, held_out = (_fresh(rng) for _ in range(3))
    uniform, normal = rng.random((6, NUM_POINTS, 1)), rng.standard_normal((6, NUM_POINTS, 4))
    noises = np.roll(
        np.concatenate([uniform, normal], axis=2), 1, axis=0
    )  # first one that no ruler takes exception to
    data = {
        **_SIDE,
        "names": ["x₁", "x₂"],
        "given": {
            "centers": _CENTERS.tolist(),
            "std": _STD,
            "mean": _CENTERS.mean(0).tolist(),
            "factor": np.linalg.cholesky(_covariance()).tolist(),
            "train": train.tolist(),
            "outliers": _OUTLIERS,
        },
        "clouds": {"real": real.tolist(), "train": train.tolist(), "heldOut": held_out.tolist()},
        "noises": noises.round(4).tolist(),
        "limits": LIMITS,
        "presets": _PRESETS,
        "start": _START,
    }
    return FooledRulers("fooled_rulers", data, _START, _still, _CAPTION)


def _covariance() -> np.ndarray:
    """The covariance of the data's density: between heaps, and within."""
    return np.cov(_CENTERS.T, bias=True) + _STD**2 * np.eye(2)


def _fresh(rng: np.random.Generator) -> np.ndarray:
    """Independent draws of the data, (NUM_POINTS, 2)."""
    heap = rng.integers(len(_CENTERS), size=NUM_POINTS)
    return (_CENTERS[heap] + _STD * rng.standard_normal((NUM_POINTS, 2))).round(4)


@styled
def _still() -> Figure:
    rng = np.random.default_rng(0)
    real, train = _fresh(rng), _fresh(rng)
    gaussian = _CENTERS.mean(0) + rng.standard_normal((NUM_POINTS, 2)) @ np.linalg.cholesky(_covariance()).T
    one_heap = _CENTERS[2] + _STD * rng.standard_normal((NUM_POINTS, 2))
    one_heap[-1] = _OUTLIERS[0]
    shown = {
        "fresh points": _fresh(rng),
        "one Gaussian": gaussian,
        "copies": train,
        "one heap, one far out": one_heap,
    }
    figure = Figure(figsize=(8.0, 2.3), dpi=DPI, layout="constrained")
    for axes, (title, points) in zip(figure.subplots(1, len(shown), sharey=True), shown.items(), strict=True):
        for cloud, color in ((real, BLUE), (points, VERMILION)):
            axes.plot(*cloud.T, "o", color=color, markersize=2.5, alpha=0.6)
            values, vectors = np.linalg.eigh(np.cov(cloud.T))
            angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
            width, height = 4 * np.sqrt(values[::-1])
            axes.add_patch(
                Ellipse(cloud.mean(0), width, height, angle=angle, fill=False, color=color, linewidth=1.6)
            )
        axes.set(xlim=_SIDE["x"], ylim=_SIDE["y"], aspect="equal", title=title, xlabel="x₁")
        axes.grid(visible=False)
    figure.axes[0].set_ylabel("x₂")
    return figure
