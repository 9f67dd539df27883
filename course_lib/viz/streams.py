"""Pictures of a watched stream: its samples with the faults shaded, and detectors' scores against their threshold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz.style import BLUE, DPI, GREEN, VERMILION, as_array, colors_of, styled


@styled
def stream_and_scores(signal: Any, faults: Any, scores: Mapping[str, Any], ends: Sequence[int]) -> Figure:
    """Stretches one after another, (N, T), with faults, bool (N, T); below them each detector's scores.

    ``scores``: by name (N, P), made when the samples up to ``ends`` had come, divided by the detector's threshold: the
    dashed line is at 1. They are drawn on a logarithmic scale, broken where a stretch begins.
    """
    values, where = as_array(signal), as_array(faults)
    count, length = values.shape
    figure = Figure(figsize=(7.8, 2.1 + 1.2 * len(scores)), dpi=DPI, layout="constrained")
    ratios = [1.5] + [1.0] * len(scores)
    top, *below = figure.subplots(1 + len(scores), 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0]
    top.plot(values.ravel(), color=BLUE, linewidth=1)
    top.set_ylabel("signal")
    for axes in (top, *below):
        for n in np.flatnonzero(where.any(1)):
            places = np.flatnonzero(where[n])
            axes.axvspan(
                n * length + places[0] - 2, n * length + places[-1] + 2, color=VERMILION, alpha=0.25, lw=0
            )
        axes.grid(visible=False)
        axes.set_xlim(0, count * length)
    for axes, (name, given), color in zip(below, scores.items(), colors_of(scores), strict=True):
        x = np.arange(count)[:, None] * length + np.append(np.asarray(ends), length)
        levels = np.append(as_array(given), np.full((count, 1), np.nan), axis=1)
        axes.plot(x.ravel(), levels.ravel(), color=color, linewidth=1.4)
        axes.axhline(1, color=GREEN, linestyle="--", linewidth=1.6)
        axes.set(yscale="log", ylabel="score")
        axes.set_title(name, fontsize=9)
    figure.axes[-1].set_xlabel("samples")
    return figure
