"""Pictures of a two-dimensional latent space: its codes by class, and one point of it beside its image."""

from collections.abc import Mapping, Sequence

import matplotlib.patheffects as patheffects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.viz.style import BLACK, COLORS, DPI, MARKERS, SYMBOLS, as_array, as_points, new_figure, styled

_HALO: list[patheffects.AbstractPathEffect] = [patheffects.withStroke(linewidth=3, foreground="white")]


@styled
def latent_scatter(
    z: Tensor,
    y: Tensor,
    class_names: Sequence[str],
    title: str | None = None,
    *,
    axis_names: tuple[str, str] = (r"$z_1$", r"$z_2$"),
    limit: float | None = None,
    legend: str = "class",
) -> Figure:
    """Codes (N, 2) by class: colour and marker differ, and a class with a short name has it at its median. ``legend``:
    what the classes are."""
    figure, axes = new_figure(6.2, 4.6)
    _draw_classes(axes, z, y, class_names, size=9, alpha=0.55, fontsize=13)
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
    axes.set_aspect("equal", adjustable="datalim")
    if limit is not None:
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
    figure.legend(loc="outside right center", markerscale=2, title=legend)
    if title:
        axes.set_title(title)
    return figure


@styled
def point_panels(panels: Mapping[str, Tensor], limit: float = 4.0) -> Figure:
    """Points (N, 2) of each entry in a square of its own, from ``-limit`` to ``limit``, one beside the other."""
    figure = Figure(figsize=(2.7 * len(panels), 3.0), dpi=DPI, layout="constrained")
    squares = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (name, points) in zip(squares, panels.items(), strict=True):
        x1, x2 = as_points(points, "points").T
        axes.scatter(x1, x2, s=3, alpha=0.5, color=SYMBOLS["z"], linewidths=0)
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", title=name, xlabel="$z_1$")
    squares[0].set_ylabel("$z_2$")
    return figure


@styled
def point_and_image(
    z: Tensor, y: Tensor, class_names: Sequence[str], point: tuple[float, float], image: Tensor
) -> Figure:
    """Codes ``z`` (N, 2) by class, faint, with a cross at ``point``; at the right ``image`` (1, H, W) or (H, W).

    The image is shown on the fixed scale from 0 (black) to 1 (white). Made for sliders that move the point.
    """
    picture = as_array(image)
    picture = picture[0] if picture.ndim == 3 and len(picture) == 1 else picture
    if picture.ndim != 2:
        raise ValueError(f"image must have shape (1, H, W) or (H, W), got {tuple(picture.shape)}")
    figure = Figure(figsize=(7.2, 3.6), dpi=DPI, layout="constrained")
    plane, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_classes(plane, z, y, class_names, size=6, alpha=0.35, fontsize=12)
    (cross,) = plane.plot(*point, marker="+", markersize=18, markeredgewidth=2.5, color=BLACK, linestyle="")
    cross.set_path_effects(_HALO)
    plane.set(xlabel="$z_1$", ylabel="$z_2$")
    right.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    right.set_axis_off()
    right.set_title(f"decoded at ({point[0]:.2g}, {point[1]:.2g})")
    return figure


def _draw_classes(
    axes: Axes, z: Tensor, y: Tensor, class_names: Sequence[str], *, size: float, alpha: float, fontsize: float
) -> None:
    """The codes of each class in its colour and marker, and a name of up to two letters at their median."""
    codes, labels = as_points(z, "z"), as_array(y)
    if labels.shape != (len(codes),):
        raise ValueError(f"y must hold one label for each of the {len(codes)} codes, got shape {labels.shape}")
    for index, name in enumerate(class_names):
        chosen = codes[labels == index]
        if not len(chosen):
            continue
        color, marker = COLORS[index % len(COLORS)], MARKERS[index % len(MARKERS)]
        x1, x2 = chosen.T
        axes.scatter(x1, x2, s=size, alpha=alpha, color=color, marker=marker, linewidths=0, label=name)
        if len(name) <= 2:
            text = axes.text(float(np.median(x1)), float(np.median(x2)), name, color=color, fontsize=fontsize)
            text.set(fontweight="bold", ha="center", va="center", path_effects=_HALO)
