"""The plots of the item analysis, as SVG that stands in a page: no file, no script, the same for the same numbers."""

import io
import re
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_lib.grading.reports.statistics import TaskStatistics
from course_lib.tasks.core import Outcome
from course_lib.viz.style import BLUE, GREY, ORANGE, SKY, VERMILION, new_figure, styled

OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "right": ("right", BLUE),
    "wrong": ("wrong", ORANGE),
    "error": ("error", VERMILION),
    "untouched": ("not answered", "#B8BEC4"),
    "missing": ("no result", GREY),
}


@styled
def score_histogram(scores: Sequence[float], max_score: float) -> Figure:
    """How many learners reached which score; the dashed line is the mean."""
    figure, axes = new_figure(6.4, 2.8)
    width = _step(max_score)
    edges = np.arange(-0.5, max_score / width + 1) * width
    axes.hist(np.clip(scores, 0, edges[-1]), bins=list(edges), color=BLUE, rwidth=0.9)
    axes.axvline(float(np.mean(scores)), color=VERMILION, linestyle="--", label=f"mean {np.mean(scores):.1f}")
    axes.set(xlabel=f"score, of {max_score:g} points", ylabel="learners", xlim=(edges[0], edges[-1]))
    _whole_numbers(axes)
    axes.legend(loc="upper left")
    return figure


@styled
def seconds_histogram(seconds: Sequence[float]) -> Figure:
    """How long the submissions ran, in seconds of the wall clock; the dashed line is the median."""
    figure, axes = new_figure(6.4, 2.4)
    most = max(float(np.max(seconds)), 1e-3)
    axes.hist(seconds, bins=list(np.linspace(0, most, 25)), color=SKY, rwidth=0.9)
    median = float(np.median(seconds))
    axes.axvline(median, color=VERMILION, linestyle="--", label=f"median {median:.1f} s")
    axes.set(xlabel="seconds that a submission ran", ylabel="submissions", xlim=(0, most))
    _whole_numbers(axes)
    axes.legend(loc="upper right")
    return figure


@styled
def outcome_bars(tasks: Sequence[TaskStatistics]) -> Figure:
    """For each task, the share of learners by what became of their answer."""
    figure, axes = new_figure(6.4, 1.1 + 0.32 * len(tasks))
    places = np.arange(len(tasks))
    left = np.zeros(len(tasks))
    for outcome, (name, color) in OUTCOMES.items():
        number = np.array([task.outcomes.get(outcome, 0) for task in tasks], float)
        share = 100 * number / np.array([sum(task.outcomes.values()) for task in tasks])
        if share.any():
            axes.barh(places, share, left=left, color=color, height=0.7, label=name)
        left += share
    axes.set(xlabel="share of learners [%]", xlim=(0, 100))
    axes.set_yticks(places, [task.task for task in tasks], parse_math=False)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=len(OUTCOMES))
    return figure


def svg(figure: Figure, name: str) -> str:
    """A figure as an ``<svg>`` element; ``name`` keeps its ids apart from those of the page's other figures."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)


def _step(max_score: float) -> float:
    """The width of a bar: some 20 of them at most, and a number that people count in."""
    return next(step for step in (0.5, 1, 2, 5, 10, 20, 50, 100, 1e9) if max_score / step <= 20)


def _whole_numbers(axes: Axes) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", visible=False)
