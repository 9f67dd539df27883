"""The one look of all figures: colours that colour-blind readers can tell apart, fonts of 9 points and more.

Colours: Okabe and Ito (2008), "Color universal design", without the yellow that fades on white; for the symbols of
formulas three darker ones after Tol's "muted" scheme (2021).
"""

import re
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import cycle
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
NAMED_COLORS = dict(blue=BLUE, vermilion=VERMILION, green=GREEN, purple=PURPLE, orange=ORANGE, sky=SKY)
# ten classes at once, readable on white and on black: the above without black, and four between them
CLASS_COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, "#7A5CF0", "#DC267F", "#8C8C00", "#808080")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*", "p")
GREY = "#666666"

# One colour for a model and one for a symbol, in every figure of the course.
MODELS = {
    "real": BLUE,
    "test images": BLUE,
    "PCA": GREY,
    "autoencoder": ORANGE,
    "VAE": GREEN,
    "GAN": VERMILION,
    "VAE-GAN": PURPLE,
}
SYMBOLS = {"x": BLUE, "x_hat": SKY, "z": "#332288", "mu": "#2F8F80", "sigma": "#86862A", "eps": GREY}
DPI = 100  # pixels per inch: a 10-point letter is 14 pixels, and a page of figures stays below 1 MB

# 0 vermilion, 1/2 white, 1 blue: "fake", "can't tell", "real"; also the colours of signed images.
DIVERGING = LinearSegmentedColormap.from_list("vermilion_blue", [VERMILION, "#FFFFFF", BLUE])

# A number from its least to its greatest, where points are coloured by it.
RAMP = LinearSegmentedColormap.from_list("blue_orange", [BLUE, ORANGE])

STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.w_pad": 0.09,
    "figure.constrained_layout.h_pad": 0.09,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
}

P = ParamSpec("P")


def colors_of(labels: Iterable[str]) -> list[str]:
    """A colour for each label: its model's where it names one, otherwise the next that no model here has."""
    own = [_model_in(label) for label in labels]
    free = cycle([color for color in COLORS if color not in own] or COLORS)
    return [color or next(free) for color in own]


def _model_in(label: str) -> str | None:
    names = [name for name in MODELS if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", label)]
    return MODELS[max(names, key=len)] if names else None


def styled(make_figure: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in this course's style, whatever the settings outside, and leave those as they are."""

    @wraps(make_figure)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(STYLE)
            return make_figure(*args, **kwargs)

    return wrapper


def new_figure(width: float = 6.0, height: float = 3.8) -> tuple[Figure, Axes]:
    """A figure (inches) with one pair of axes. It is not registered with pyplot, so nothing has to close it."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    return figure, figure.add_subplot()


def as_array(values: Any) -> np.ndarray:
    """A tensor (of any device, with or without gradient) or sequence as a NumPy array."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def as_points(points: Any, name: str) -> np.ndarray:
    """Points of a plane as an array (N, 2); ``ValueError`` for another shape."""
    array = as_array(points)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} must hold points of shape (N, 2), got {tuple(array.shape)}")
    return array
