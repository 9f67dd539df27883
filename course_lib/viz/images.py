"""Grids and labelled rows of images, drawn so that an image pixel is a whole number of screen pixels."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.viz.style import DIVERGING, DPI, as_array, styled

_GAP = 2  # screen pixels between images
_WIDTH = 760  # screen pixels that a figure tries not to exceed
_MAX_ZOOM = {28: 3, 8: 7}
_TITLE_HEIGHT = 26
_SIGNED = DIVERGING.with_extremes(bad="#CCCCCC")  # grey gaps, where white means zero


@styled
def image_grid(x: Tensor, ncols: int = 10, title: str | None = None, *, signed: bool = False) -> Figure:
    """Images (N, 1, H, W) or (N, H, W) in reading order, ``ncols`` to a row.

    Grey levels are shown on the fixed scale from 0 (black) to 1 (white), so figures can be compared. ``signed``
    shows values of either sign instead: blue above 0, vermilion below, white at 0, on the scale of the largest one.
    """
    images = _images(x, "x")
    ncols = min(ncols, len(images))
    nrows = -(-len(images) // ncols)
    canvas = _tile(images, nrows, ncols, _zoom(images, ncols, _WIDTH), signed)
    figure, _ = _place(canvas, signed, top=_TITLE_HEIGHT if title else 0, title=title)
    return figure


@styled
def image_rows(
    rows: Mapping[str, Tensor],
    title: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    signed: bool = False,
) -> Figure:
    """One row of images (N, 1, H, W) for each entry, its label at the left; ``columns``: a heading for each image."""
    if not rows:
        raise ValueError(
            'rows must be a mapping such as {"original": x, "reconstruction": x_hat}, got an empty one'
        )
    tensors = {label: _images(x, label) for label, x in rows.items()}
    sizes = {images.shape[1:] for images in tensors.values()}
    if len(sizes) > 1:
        raise ValueError(f"all rows must hold images of one size, got {sorted(sizes)}")
    ncols = max(len(images) for images in tensors.values())
    if columns is not None and len(columns) != ncols:
        raise ValueError(f"columns must name all {ncols} columns, got {len(columns)} names")
    first = next(iter(tensors.values()))
    filled = np.full((len(tensors), ncols, *first.shape[1:]), np.nan)
    for row, images in enumerate(tensors.values()):
        filled[row, : len(images)] = images

    label_width = 14 + 7 * max(len(line) for label in tensors for line in label.split("\n"))
    zoom = _zoom(first, ncols, _WIDTH - label_width)
    canvas = _tile(filled.reshape(-1, *first.shape[1:]), len(tensors), ncols, zoom, signed)
    top = (_TITLE_HEIGHT if title else 0) + (18 if columns else 0)
    figure, axes = _place(canvas, signed, left=label_width, top=top, title=title)
    height, width = first.shape[1] * zoom + _GAP, first.shape[2] * zoom + _GAP
    for row, label in enumerate(tensors):
        axes.text(-8, height * row + (height - _GAP) / 2, label, ha="right", va="center", fontsize=9)
    for column, label in enumerate(columns or ()):
        axes.text(width * column + (width - _GAP) / 2, -5, label, ha="center", va="bottom", fontsize=9)
    return figure


def _images(x: Tensor, name: str) -> np.ndarray:
    images = as_array(x)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3 or len(images) == 0:
        raise ValueError(
            f"{name!r} must hold images of shape (N, 1, H, W) or (N, H, W) with N >= 1, got "
            f"{tuple(np.shape(as_array(x)))}; reshape a flat batch with .reshape(-1, 1, 28, 28)"
        )
    return images.astype(float)


def _zoom(images: np.ndarray, ncols: int, width: int) -> int:
    fitting = (width // ncols - _GAP) // images.shape[2]
    return max(1, min(fitting, _MAX_ZOOM.get(images.shape[2], max(1, 84 // images.shape[2]))))


def _tile(images: np.ndarray, nrows: int, ncols: int, zoom: int, signed: bool) -> np.ndarray:
    """One array of grey levels in [0, 1], or of signed values in [-1, 1]; NaN where there is no image."""
    if signed:
        images = images / max(float(np.nanmax(np.abs(images))), 1e-12)
    zoomed = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    height, width = zoomed.shape[1] + _GAP, zoomed.shape[2] + _GAP
    canvas = np.full((nrows * height - _GAP, ncols * width - _GAP), np.nan)
    for index, image in enumerate(zoomed):
        top, left = (index // ncols) * height, (index % ncols) * width
        canvas[top : top + height - _GAP, left : left + width - _GAP] = image
    return canvas


def _place(
    canvas: np.ndarray, signed: bool, left: int = 0, top: int = 0, title: str | None = None
) -> tuple[Figure, Axes]:
    """Axes exactly as large as ``canvas`` in screen pixels, so that nothing is resampled."""
    height, width = canvas.shape
    edge = 2
    total_width = max(width + left + 2 * edge, 14 + 8 * len(title or ""))
    total_height = height + top + 2 * edge
    figure = Figure(figsize=(total_width / DPI, total_height / DPI), dpi=DPI)
    axes = figure.add_axes(
        ((left + edge) / total_width, edge / total_height, width / total_width, height / total_height)
    )
    axes.imshow(
        np.ma.masked_invalid(canvas),
        cmap=_SIGNED if signed else "gray",
        vmin=-1.0 if signed else 0.0,
        vmax=1.0,
        interpolation="none",
        aspect="auto",
        extent=(0, width, height, 0),
    )
    axes.set_axis_off()
    if title:
        figure.text(edge / total_width, 1 - 5 / total_height, title, ha="left", va="top", fontsize=11)
    return figure, axes
