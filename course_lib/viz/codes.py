"""One point of a two-dimensional latent space beside the image that a decoder makes of it."""

from collections.abc import Sequence

import matplotlib.patheffects as patheffects
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.viz.style import BLACK, COLORS, DPI, MARKERS, as_array, styled


@styled
def point_and_image(
    z: Tensor, y: Tensor, class_names: Sequence[str], point: tuple[float, float], image: Tensor
) -> Figure:
    """Codes ``z`` (N, 2) by class, faint, with a cross at ``point``; at the right ``image`` (1, H, W) or (H, W).

    The image is shown on the fixed scale from 0 (black) to 1 (white). Made for sliders that move the point.
    """
    codes, labels, picture = as_array(z), as_array(y), as_array(image)
    if codes.ndim != 2 or codes.shape[1] != 2 or labels.shape != (len(codes),):
        raise ValueError(
            f"z should have shape (N, 2) and y (N,), but they have {tuple(codes.shape)} and {labels.shape}."
        )
    picture = picture[0] if picture.ndim == 3 and len(picture) == 1 else picture
    if picture.ndim != 2:
        raise ValueError(f"image should have shape (1, H, W) or (H, W), but has {tuple(picture.shape)}.")
    figure = Figure(figsize=(7.2, 3.6), dpi=DPI, layout="constrained")
    plane, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    halo = [patheffects.withStroke(linewidth=3, foreground="white")]
    for index, name in enumerate(class_names):
        chosen = codes[labels == index]
        if not len(chosen):
            continue
        color = COLORS[index % len(COLORS)]
        plane.scatter(*chosen.T, s=6, alpha=0.35, color=color, marker=MARKERS[index % len(MARKERS)], linewidths=0)
        if len(name) <= 2:
            middle = np.median(chosen, axis=0)
            text = plane.text(*middle, name, color=color, fontsize=12, fontweight="bold", ha="center", va="center")
            text.set_path_effects(halo)
    (cross,) = plane.plot(*point, marker="+", markersize=18, markeredgewidth=2.5, color=BLACK, linestyle="")
    cross.set_path_effects(halo)
    plane.set(xlabel="$z_1$", ylabel="$z_2$")
    right.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    right.set_axis_off()
    right.set_title(f"decoded at ({point[0]:.2g}, {point[1]:.2g})")
    return figure
