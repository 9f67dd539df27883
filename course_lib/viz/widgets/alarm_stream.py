"""The widget of lesson 02's detectors: a stream, their scores, and a threshold that is moved by hand."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.viz.streams import stream_and_scores
from course_lib.viz.style import as_array
from course_lib.viz.widgets.host import Widget, packed

_SHOWN = 6  # stretches in sight, as in the module
_CAPTION = (
    "Some stretches of the stream with faults shaded, and the score of the first detector below, on a logarithmic "
    "scale, where the dashed line is the threshold chosen on the validation part."
)


class AlarmStream(Widget):
    """What :func:`alarm_stream` returns; ``value`` is log10 of the threshold's share of the one chosen before."""


def alarm_stream(
    signal: Tensor,
    faults: Tensor,
    scores: Mapping[str, Tensor],
    ends: Sequence[int],
    thresholds: Mapping[str, float],
) -> AlarmStream:
    """A stream with detectors whose threshold is moved: alarms, how many are right, how many faults are found, delay.

    ``signal``: (N, T), N stretches one after another; ``faults``: bool (N, T), where a fault is. ``scores``: by a
    detector's name (N, P), the score that it gave when the samples up to ``ends`` (P of them, from 0) had come.
    ``thresholds``: by the same names, those that the scale's 1 stands for, above 0. Raises ``ValueError`` for shapes
    that don't fit and for detectors without a threshold.
    """
    levels, where = as_array(signal).astype(np.float32), as_array(faults).astype(bool)
    if levels.ndim != 2 or where.shape != levels.shape:
        raise ValueError(
            f"signal and faults must both have shape (N, T), got {tuple(levels.shape)} and {tuple(where.shape)}"
        )
    if set(scores) != set(thresholds) or not scores:
        raise ValueError(
            f"thresholds must name the detectors of scores ({', '.join(scores)}), got {[*thresholds]}"
        )
    for name, given in scores.items():
        if tuple(given.shape) != (len(levels), len(ends)):
            raise ValueError(
                f"the scores of {name!r} must have shape {(len(levels), len(ends))}, got {tuple(given.shape)}"
            )
        if not thresholds[name] > 0:
            raise ValueError(f"the threshold of {name!r} must be above 0, got {thresholds[name]}")
    onsets = np.where(where.any(1), where.argmax(1), -1)
    start = int(np.clip((onsets >= 0).argmax() - 1, 0, len(levels) - _SHOWN))
    span = float(np.abs(levels).max()) * 1.05
    data = {
        "signal": packed(levels),
        "faults": packed(where.astype(np.uint8)),
        "onsets": onsets.tolist(),
        "ends": [int(end) for end in ends],
        "detectors": {
            name: {"scores": packed(as_array(given).astype(np.float32)), "threshold": float(thresholds[name])}
            for name, given in scores.items()
        },
        "y": [-span, span],
        "start": start,
    }
    first = next(iter(scores))

    def still() -> Figure:
        part = slice(start, start + _SHOWN)
        chosen = {first: as_array(scores[first])[part] / thresholds[first]}
        return stream_and_scores(levels[part], where[part], chosen, ends)

    return AlarmStream("alarm_stream", data, 0.0, still, _CAPTION)
