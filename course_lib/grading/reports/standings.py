"""A class's table of an open challenge: what the judge measured of each learner's answer, the best first.

Figures are numbers that the judge's process measured on what came back; the judge names them too. So no row holds
anything that a learner wrote but a name, which is escaped wherever it is shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from course_lib.grading.results import Record


@dataclass(frozen=True)
class Row:
    """One learner's figures, in the order of :attr:`Standings.names`. ``passed``: whether they earned the points."""

    learner: str
    figures: tuple[float, ...]
    passed: bool


@dataclass(frozen=True)
class Standings:
    """One task of an exercise: who reached what. ``names``: of the figures; rows are sorted by the first."""

    exercise: str
    task: str
    names: tuple[str, ...]
    rows: tuple[Row, ...]


def standings(records: Iterable[Record]) -> list[Standings]:
    """The table of each task that has figures; those whose answer couldn't be measured aren't in it."""
    found: dict[tuple[str, str, tuple[str, ...]], list[Row]] = {}
    for record in records:
        for verdict in record.result.verdicts:
            if verdict.figures:
                names, values = zip(*verdict.figures, strict=True)
                row = Row(record.learner, values, verdict.verdict == "right")
                found.setdefault((record.exercise, verdict.task, names), []).append(row)
    return [
        Standings(*key, tuple(sorted(rows, key=lambda row: (not row.passed, row.figures, row.learner))))
        for key, rows in sorted(found.items())
    ]
