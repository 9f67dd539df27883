"""The frames of a recorded run, to be played and stepped through."""

import base64
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_lib.viz.style import DPI, styled
from course_lib.viz.widgets.host import Widget
from course_lib.viz.widgets.pad import picture

_STILLS = 4  # frames of the picture that stands in


class Scrubber(Widget):
    """What :func:`scrubber` returns; ``value`` is the number of the frame shown, from 0."""


def scrubber(
    frames: Iterable[Any],
    caption: str = "A recorded run, frame by frame.",
    *,
    labels: Sequence[str] | None = None,
    frames_per_second: float = 8.0,
) -> Scrubber:
    """A player for ``frames``: figures, or images (1, H, W) or (H, W) of grey levels in [0, 1].

    ``labels``: one for each frame, such as its training step ("frame 1" and so on, if not given). Let it be the last
    expression of a cell. Raises ``ValueError`` without frames, for another number of labels, or a rate that isn't
    positive.
    """
    pictures = [picture(frame) for frame in frames]
    if not pictures:
        raise ValueError("frames must hold at least one figure or image, got none")
    names = (
        [f"frame {i + 1}" for i in range(len(pictures))] if labels is None else [str(label) for label in labels]
    )
    if len(names) != len(pictures):
        raise ValueError(f"labels must name all {len(pictures)} frames, got {len(names)}")
    if frames_per_second <= 0:
        raise ValueError(f"frames_per_second must be positive, got {frames_per_second}")
    data = {"frames": pictures, "labels": names, "frames_per_second": frames_per_second}
    return Scrubber("scrubber", data, 0, lambda: _stills(pictures, names), caption)


@styled
def _stills(pictures: list[str], labels: list[str]) -> Figure:
    """Some of the frames, the first and the last among them: beside each other, wide ones below each other."""
    width, height = Image.open(io.BytesIO(base64.b64decode(pictures[0]))).size
    wide = width > 2 * height
    chosen = sorted({round(i) for i in np.linspace(0, len(pictures) - 1, 3 if wide else _STILLS)})
    arrays = [np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[i])))) for i in chosen]
    rows, columns = (len(chosen), 1) if wide else (1, len(chosen))
    each = min(width, 760 / columns) / DPI
    size = (each * columns, (each * height / width + 0.3) * rows)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, array, i in zip(grid, arrays, chosen, strict=True):
        axes.imshow(array, cmap="gray", vmin=0, vmax=255)
        axes.set_title(labels[i], fontsize=9)
        axes.set_axis_off()
    return figure
