"""Lines, histograms and bars: training curves, distributions, comparisons."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.training import History
from course_lib.viz.style import COLORS, DPI, GREY, MARKERS, as_array, colors_of, new_figure, styled

_DASHES = ("-", "--", "-.", ":")


@styled
def lines(
    series: Mapping[str, tuple[Any, Any]],
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    *,
    markers: bool = False,
    xscale: str = "linear",
    yscale: str = "linear",
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """One line for each ``label: (x, y)``; ``reference`` draws named horizontal lines to compare with."""
    figure, axes = new_figure()
    colors = colors_of(series)
    for index, (label, (x, y)) in enumerate(series.items()):
        axes.plot(
            as_array(x),
            as_array(y),
            label=label,
            color=colors[index],
            linestyle=_DASHES[index // len(COLORS) % len(_DASHES)],
            marker=MARKERS[index % len(MARKERS)] if markers else None,
            markersize=5,
        )
    _references(axes, reference)
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    _finish(axes, title, legend=len(series) + len(reference or ()) > 1)
    return figure


def training_curves(
    history: History | Mapping[str, History],
    names: Sequence[str] | None = None,
    ylabel: str = "nats per image",
    title: str | None = None,
    *,
    yscale: str = "linear",
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """The records of a run against its steps, or those of several runs as ``{"label": history}``.

    ``names``: which of the recorded values (all of them if None). Every name must have been recorded.
    """
    runs = history if isinstance(history, Mapping) else {"": history}
    series = {}
    for run, record in runs.items():
        for name in names if names is not None else record.values:
            if name not in record.values:
                raise ValueError(f"names must be recorded ones ({', '.join(record.values)}), got {name!r}")
            parts = [run, name] if len(names or record.values) > 1 or not run else [run]
            series[", ".join(part for part in parts if part)] = (record.steps, record.values[name])
    return lines(series, "training step", ylabel, title, yscale=yscale, reference=reference)


@styled
def histograms(
    values: Mapping[str, Any],
    xlabel: str,
    title: str | None = None,
    *,
    bins: int = 40,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """The distribution of each entry as an outline, all over the same bins and each with area 1."""
    arrays = {label: as_array(v).ravel().astype(float) for label, v in values.items()}
    pooled = np.concatenate([np.zeros(0), *arrays.values()])
    finite = int(np.isfinite(pooled).sum())
    if pooled.size == 0 or finite < pooled.size:
        raise ValueError(
            f"values must be finite numbers, one at least, got {pooled.size}, of which {finite} are finite"
        )
    edges = np.histogram_bin_edges(pooled, bins=bins, range=limits)
    figure, axes = new_figure()
    colors = colors_of(arrays)
    for index, (label, array) in enumerate(arrays.items()):
        color = colors[index]
        density, _ = np.histogram(array, bins=edges, density=True)
        axes.stairs(density, edges, label=label, color=color, linewidth=1.8, linestyle=_DASHES[index % 4])
        axes.stairs(density, edges, fill=True, color=color, alpha=0.12)
    axes.set(xlabel=xlabel, ylabel=f"density (per unit of {xlabel.split(' (')[0]})", ylim=(0, None))
    _finish(axes, title, legend=len(arrays) > 1)
    return figure


@styled
def bars(
    values: Mapping[str, float] | Mapping[str, Mapping[str, float]],
    ylabel: str,
    title: str | None = None,
    *,
    errors: Mapping[str, float] | None = None,
    reference: Mapping[str, float] | None = None,
    value_format: str = "{:.3g}",
) -> Figure:
    """One bar for each ``label: value``, or groups of bars for ``label: {"series": value}``; the value on top.

    ``errors``: half-widths of error bars by label (only for single bars; say in the caption what they are).
    ``reference``: named horizontal lines, such as the value of real data.
    """
    nested = {label: v if isinstance(v, Mapping) else {"": v} for label, v in values.items()}
    series = list(dict.fromkeys(name for group in nested.values() for name in group))
    figure, axes = new_figure(width=min(9.0, max(4.0, 1.6 + 0.75 * len(nested) * max(1.0, 0.6 * len(series)))))
    width = 0.7 / len(series)
    colors = colors_of(series)
    for index, name in enumerate(series):
        labels = [label for label, group in nested.items() if name in group]
        positions = [list(nested).index(label) + (index - (len(series) - 1) / 2) * width for label in labels]
        heights = [float(nested[label][name]) for label in labels]
        spread = [errors.get(label, 0.0) for label in labels] if errors else None
        drawn = axes.bar(positions, heights, width * 0.92, yerr=spread, color=colors[index], label=name, capsize=3)
        axes.bar_label(drawn, [value_format.format(h) for h in heights], padding=2, fontsize=9)
    _references(axes, reference)
    axes.set_xticks(range(len(nested)), list(nested))
    axes.set_ylabel(ylabel)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.margins(y=0.12)
    axes.grid(visible=False, axis="x")
    _finish(axes, title, legend=len(series) > 1 or bool(reference))
    return figure


@styled
def shift_and_floor(
    a: tuple[float, float], b: tuple[float, float], sizes: Sequence[int], floors: Sequence[float]
) -> Figure:
    """The Fréchet distance of two normal distributions with one feature, each (mean, standard deviation), as the
    picture of a shift and a stretch; at the right ``floors``, what two sets of draws from one distribution score, for
    each number of draws in ``sizes``."""
    figure = Figure(figsize=(7.4, 3.1), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    low = min(m - 4 * s for m, s in (a, b))
    high = max(m + 4 * s for m, s in (a, b))
    x = np.linspace(low, high, 400)
    for name, (m, s) in {"a": a, "b": b}.items():
        density = np.exp(-0.5 * ((x - m) / s) ** 2) / (s * np.sqrt(2 * np.pi))
        left.plot(x, density, label=f"{name}: m = {m:g}, s = {s:g}")
        left.plot([m, m], [0, density.max()], ":", color=GREY, linewidth=1.2)
    shift, stretch = (b[0] - a[0]) ** 2, (b[1] - a[1]) ** 2
    left.set(xlabel="a feature", ylabel="density", ylim=(0, None))
    left.set_title(f"d² = {shift:.3g} (shift) + {stretch:.3g} (stretch)")
    left.legend()
    right.plot(sizes, floors, "o-")
    right.set(xlabel="draws in each set", ylabel="d²", xscale="log", yscale="log")
    right.set_xticks(sizes, [f"{size}" for size in sizes])
    right.minorticks_off()
    right.set_title("two sets from one distribution")
    return figure


def _references(axes: Axes, reference: Mapping[str, float] | None) -> None:
    for index, (label, value) in enumerate((reference or {}).items()):
        dash = _DASHES[1 + index % 3]
        axes.axhline(value, label=label, color=GREY, linewidth=1.3, linestyle=dash)


def _finish(axes: Axes, title: str | None, legend: bool) -> None:
    if title:
        axes.set_title(title)
    if legend:
        axes.legend(loc="best")
