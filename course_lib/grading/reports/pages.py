"""A page for each learner: marks, what went wrong and what it looks like, comments, their own code.

It holds learners' text, which is escaped, and no script may run in it. Nothing hidden is in it.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from course_lib.grading.names import visible
from course_lib.grading.reports.rendering import render
from course_lib.grading.reports.text import clean, safe_name
from course_lib.grading.results import Adjustment, Record, TaskVerdict

_LONGEST = 20_000  # characters of one learner's text; a page stays one that a browser opens
_WORDS = {
    "right": ("✓", "right"),
    "wrong": ("✗", "not right yet"),
    "error": ("✗", "stopped with an error"),
    "untouched": ("○", "not answered"),
    "missing": ("○", "no result"),
}


def feedback_html(record: Record) -> str:
    """The page for a learner."""
    result = record.result
    known = {verdict.task for verdict in result.verdicts}
    return render(
        "feedback",
        title=exercise_title(record.exercise),
        learner=clean(visible(record.learner), 200),
        score=f"{record.score:g}",
        max_score=f"{record.max_score:g}",
        percent=f"{min(100.0, 100 * record.score / record.max_score) if record.max_score else 0:.0f}",
        notes=[clean(note, _LONGEST) for note in record.notes],
        changes=[_change(a) for a in record.adjustments if a.task not in known],
        tasks=[_task(record, verdict) for verdict in result.verdicts],
        run=result.status in ("graded", "stopped"),
    )


def feedback_path(
    out: Path, learner: str, exercise: str, folders: Mapping[str, str] = MappingProxyType({})
) -> Path:
    """Where a learner's page goes: below ``out``, whatever the names are. ``folders``: as :func:`safe_names` gives."""
    return (
        out
        / "feedback"
        / (folders.get(learner) or safe_name(learner))
        / f"{safe_name(exercise or 'unknown')}.html"
    )


def exercise_title(exercise: str) -> str:
    """``Exercise 05 variational autoencoder``."""
    return clean("Exercise " + exercise.replace("_", " ") if exercise else "An exercise", 200)


def what_changed(adjustment: Adjustment) -> str:
    """An adjustment in words, without its comment."""
    points = f"{abs(adjustment.points):g} {'point' if abs(adjustment.points) == 1 else 'points'}"
    if adjustment.kind == "late":
        return f"Handed in late: {points} taken off."
    if adjustment.kind == "comment":
        return "Comment:"
    if adjustment.task:
        return f"Marked by hand: {points}."
    return f"{points} {'taken off' if adjustment.points < 0 else 'added'} by hand."


def _task(record: Record, verdict: TaskVerdict) -> dict[str, Any]:
    sign, word = _WORDS[verdict.verdict]
    return {
        "name": verdict.task,
        "verdict": verdict.verdict,
        "sign": sign,
        "word": word,
        "points": f"{record.points[verdict.task]:g}",
        "max_points": f"{verdict.max_points:g}",
        "changes": [_change(a) for a in record.adjustments if a.task == verdict.task],
        "message": clean(verdict.text.strip(), _LONGEST)
        if record.result.status not in ("rejected", "failed")
        else "",
        "hint": clean(verdict.hint),
        "code": clean(record.answers.get(verdict.task, "").strip(), _LONGEST),
    }


def _change(adjustment: Adjustment) -> dict[str, str]:
    author = ", ".join(filter(None, (clean(adjustment.by, 100), clean(adjustment.at[:10]))))
    return {
        "what": what_changed(adjustment),
        "comment": clean(adjustment.comment, _LONGEST),
        "who": author and f"({author})",
    }
