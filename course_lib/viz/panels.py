"""A game in the plane at several moments, or of several runs, side by side."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.viz.plane import draw_field
from course_lib.viz.style import BLUE, DPI, VERMILION, as_points, styled


@styled
def game_panels(
    fakes: Mapping[str, Tensor],
    real: Tensor,
    limit: float | None = None,
    *,
    discriminators: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
    ncols: int = 4,
) -> Figure:
    r"""One small square for each ``label: generated points (N, 2)``, with the same real points (N, 2) in all.

    ``discriminators``: by label, points (N, 2) -> logits (N,); their :math:`\sigma(\text{logit})` is the background
    of the panels that have one. ``limit``: half the side of the squares (None: 1.25 times the farthest real
    coordinate); generated points outside are not drawn. ``ncols``: panels to a row.
    """
    if not fakes:
        raise ValueError('fakes must be a mapping such as {"step 100": points}, got an empty one')
    unknown = set(discriminators or {}) - set(fakes)
    if unknown:
        raise ValueError(f"discriminators must have labels of fakes, got {', '.join(sorted(unknown))}")
    real_points = as_points(real, "real")
    limit = 1.25 * float(np.abs(real_points).max()) if limit is None else limit
    ncols = min(ncols, len(fakes))
    nrows = -(-len(fakes) // ncols)
    figure = Figure(figsize=(max(3.6, 1.9 * ncols), 2.0 * nrows + 0.45), dpi=DPI, layout="constrained")
    grid = figure.subplots(nrows, ncols, squeeze=False, sharex=True, sharey=True)
    field = None
    for axes, (label, points) in zip(grid.flat, fakes.items(), strict=False):
        if discriminators and label in discriminators:
            device = points.device if isinstance(points, Tensor) else torch.device("cpu")
            field = draw_field(axes, discriminators[label], limit, device)
        generated = as_points(points, label)
        axes.scatter(*real_points.T, s=5, color=BLUE, marker="o", linewidths=0, label="real")
        axes.scatter(*generated.T, s=7, color=VERMILION, marker="^", linewidths=0, label="generated")
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axes.set_title(label, fontsize=9)
        axes.grid(visible=False)
    for axes in grid.flat[len(fakes) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("$x_2$", labelpad=0)
    for axes in grid[-1]:
        axes.set_xlabel("$x_1$", labelpad=1)
    if field is not None:
        bar = figure.colorbar(field, ax=grid, ticks=[0, 0.5, 1], shrink=0.9, pad=0.01)
        bar.set_label(r"$\sigma$(logit)")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, markerscale=2, handletextpad=0.4)
    return figure
