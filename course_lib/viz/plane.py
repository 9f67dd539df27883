"""Pictures of the plane: toy densities, and what a discriminator sees."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.objectives.adversarial import generator_push
from course_lib.viz.style import (
    BLACK,
    BLUE,
    COLORS,
    DIVERGING,
    DPI,
    MODELS,
    VERMILION,
    as_array,
    as_points,
    new_figure,
    styled,
)


@styled
def discriminator_field(
    discriminator: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    limit: float | None = None,
    title: str | None = None,
    *,
    arrows: str | None = None,
    num_arrows: int = 40,
    arrow_scale: float | None = None,
) -> Figure:
    r"""The discriminator's :math:`\sigma(\text{logit})` over a square, with real and generated points on top.

    ``discriminator``: points (N, 2) -> logits (N,). ``real``, ``fake``: (N, 2). ``limit``: half the square's side.
    ``arrows``: the name of a game, ``"non_saturating"`` or ``"saturating"`` for example, adds the direction in which
    its generator loss pushes generated points, up to ``num_arrows`` of them: minus the gradient of
    :math:`-\log\sigma(l)` or of :math:`\log(1-\sigma(l))` in these two (Goodfellow et al., 2014, section 3).
    ``arrow_scale``: the length of a gradient that is drawn as 1 unit of the plane (None: the longest is drawn as 30 %
    of ``limit``; give it to compare figures).
    """
    real_points, fake_points = as_points(real, "real"), as_points(fake, "fake")
    if limit is None:
        limit = 1.25 * float(np.abs(real_points).max())
    device = fake.device if isinstance(fake, Tensor) else torch.device("cpu")
    figure, axes = new_figure(6.0, 5.0)
    field = draw_field(axes, discriminator, limit, device)
    bar = figure.colorbar(field, ax=axes, ticks=[0, 0.25, 0.5, 0.75, 1], shrink=0.85)
    bar.set_label(r"$\sigma$(logit): probability of being real")
    edge: dict[str, Any] = {"edgecolors": "white", "linewidths": 0.4}
    axes.scatter(real_points[:, 0], real_points[:, 1], s=18, color=BLUE, marker="o", label="real", **edge)
    axes.scatter(
        fake_points[:, 0], fake_points[:, 1], s=22, color=VERMILION, marker="^", label="generated", **edge
    )
    if arrows is not None:
        step = max(1, len(fake_points) // num_arrows)
        start = torch.as_tensor(fake_points[::step][:num_arrows], dtype=torch.float32, device=device)
        push = as_array(generator_push(discriminator, start, arrows))
        longest = float(np.linalg.norm(push, axis=1).max())
        shown_as = arrow_scale if arrow_scale is not None else longest / (0.3 * limit) or 1.0
        axes.quiver(
            *as_array(start).T,
            *push.T,
            angles="xy",
            scale_units="xy",
            scale=shown_as,
            color=BLACK,
            width=0.005,
            zorder=3,
        )
        label = f"push on generated points (longest: {longest:.2g})"
        axes.plot([], [], linestyle="", marker=r"$\rightarrow$", markersize=14, color=BLACK, label=label)
    figure.legend(loc="outside lower center", ncols=3, columnspacing=1.2, handletextpad=0.4)
    _square_axes(axes, limit, title)
    return figure


@styled
def vector_fields(
    data: Tensor,
    points: Tensor,
    fields: Mapping[str, Mapping[str, Tensor]],
    *,
    limit: float = 1.3,
) -> Figure:
    """Arrows at ``points`` (M, 2), one panel for each title, over the same data (N, 2).

    ``fields``: by panel, and in it by a name for the legend, the vectors (M, 2) at the points. All panels have one
    scale, on which a vector of middling length is a sixteenth of the panel's half side; those more than three times as
    long are drawn as three times.
    """
    if not fields:
        raise ValueError('fields must be a mapping such as {"title": {"score": vectors}}, got an empty one')
    clean, start = as_points(data, "data"), as_points(points, "points")
    drawn = {title: {k: as_points(v, k) for k, v in panel.items()} for title, panel in fields.items()}
    lengths = np.concatenate([np.linalg.norm(v, axis=1) for panel in drawn.values() for v in panel.values()])
    middling = float(np.median(lengths)) or 1.0
    side = 3.7 if len(drawn) > 1 else 5.2
    figure = Figure(figsize=(side * len(drawn) + 0.2, side + 0.4), dpi=DPI, layout="constrained")
    colors = {"trained": MODELS["autoencoder"], "exact": BLACK}
    handles: dict[str, Any] = {}
    for axes, (title, panel) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn.items(), strict=True):
        axes.scatter(*clean.T, s=3, color=BLUE, alpha=0.35, linewidths=0)
        for index, (name, vectors) in enumerate(panel.items()):
            color = next((c for word, c in colors.items() if word in name), COLORS[index])
            wide: Any = {"width": 0.009 - 0.005 * index, "headwidth": 3.2, "headlength": 4, "headaxislength": 3.6}
            scale: Any = {"angles": "xy", "scale_units": "xy", "scale": 16 * middling / limit}
            long = np.linalg.norm(vectors, axis=1, keepdims=True) / (3 * middling)
            axes.quiver(*start.T, *(vectors / np.maximum(1, long)).T, color=color, **wide, **scale)
            if name not in handles:
                handles[name] = axes.plot([], [], color=color, linewidth=4 - 2.4 * index, label=name)[0]
        _square_axes(axes, limit, title)
    figure.legend(handles=[*handles.values()], loc="outside lower center", ncols=len(handles))
    return figure


def draw_field(
    axes: Axes, discriminator: Callable[[Tensor], Tensor], limit: float, device: torch.device
) -> ContourSet:
    """The discriminator's probabilities over a square, from vermilion (generated) over white to blue (real)."""
    grid, points = _square(limit, 121)
    with torch.no_grad():
        probability = torch.sigmoid(discriminator(points.to(device))).reshape(len(grid), len(grid))
    levels = np.linspace(0, 1, 21)
    return axes.contourf(
        grid, grid, as_array(probability), levels=levels, cmap=DIVERGING, vmin=0, vmax=1, alpha=0.75
    )


def _square(limit: float, side: int) -> tuple[np.ndarray, Tensor]:
    """The ticks of a square grid, and its points (side * side, 2), row by row from the bottom."""
    ticks = torch.linspace(-limit, limit, side)
    x2, x1 = torch.meshgrid(ticks, ticks, indexing="ij")
    return ticks.numpy(), torch.stack([x1.ravel(), x2.ravel()], dim=1)


def _square_axes(axes: Axes, limit: float, title: str | None) -> None:
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    axes.grid(visible=False)
    if title:
        axes.set_title(title)
