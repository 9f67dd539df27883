"""Pictures of distributions whose parameter moves: what the change does to the density, and where it takes a draw."""

import numpy as np
import torch
from matplotlib.figure import Figure

from course_lib.viz.style import BLUE, SYMBOLS, VERMILION, new_figure, styled

_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


@styled
def wider_box(b: float = 2.0, wider: float = 2.3) -> Figure:
    """The uniform densities on (0, b) and on (0, wider): lower everywhere, and a new strip at the edge.

    Raises ``ValueError`` unless 0 < b < wider.
    """
    if not 0 < b < wider:
        raise ValueError(f"b must be positive and less than wider, got {b} and {wider}")
    figure, axes = new_figure(6.4, 2.9)
    axes.stairs([1 / b], [0, b], fill=True, color=BLUE, alpha=0.3, label="$b$")
    axes.stairs([1 / wider], [0, wider], linewidth=2.5, color=VERMILION, label="a larger $b$")
    arrow = {"arrowstyle": "-|>", "color": "black"}
    axes.annotate("lower everywhere", (0.4 * b, 1 / wider), (0.4 * b, 1.25 / b), ha="center", arrowprops=arrow)
    axes.annotate("new", ((b + wider) / 2, 0.4 / b), (1.2 * wider, 0.7 / b), ha="center", arrowprops=arrow)
    axes.set(xlim=(-0.1, 1.4 * wider), ylim=(0, 1.5 / b), xlabel="$z$", ylabel="density")
    axes.legend(loc="upper right")
    return figure


@styled
def same_shares(alpha: float = 2.0, larger: float = 2.6) -> Figure:
    r"""The distribution functions of two Gammas, and how far a draw moves that keeps its share of smaller ones.

    What an arrow shows per unit of :math:`\alpha` is the implicit derivative of a draw with respect to the shape
    (Figurnov et al. 2018, arXiv:1805.08498, eq. 5). Raises ``ValueError`` unless 0 < alpha < larger.
    """
    if not 0 < alpha < larger:
        raise ValueError(f"alpha must be positive and less than larger, got {alpha} and {larger}")
    z = torch.linspace(1e-3, larger + 4 * larger**0.5, 2000, dtype=torch.float64)
    figure, axes = new_figure(6.4, 3.6)
    functions = []
    for shape, color in ((alpha, BLUE), (larger, VERMILION)):
        functions.append(torch.special.gammainc(torch.full_like(z, shape), z).numpy())
        axes.plot(z, functions[-1], color=color, label=rf"$\alpha = {shape:g}$")
    for share in _SHARES:
        ends = [float(np.interp(share, function, z.numpy())) for function in functions]
        arrow = {"arrowstyle": "-|>", "color": SYMBOLS["z"], "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (ends[1], share), (ends[0], share), arrowprops=arrow)
    axes.set(xlabel="$z$", ylabel="share of draws below $z$", ylim=(0, 1))
    axes.legend(loc="lower right")
    return figure
