"""Marks for a learning platform, in the table that it exported itself: what Canvas and Moodle have in common.

A score is put on the scale of the platform's assignment. A learner who handed in nothing, is excused there, or met a
fault of the grader keeps the platform's mark.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.names import visible
from course_lib.grading.reports.formats import Written
from course_lib.grading.reports.text import clean
from course_lib.grading.results import Record
from course_lib.grading.spreadsheets import Sheet

NO_MARK = "the grader failed, so there is no mark yet"


@dataclass(frozen=True)
class Filled:
    """A table to import: ``rows`` (the head first) of ``sheet``; ``count`` marks; ``left_out``: the others, with
    reasons."""

    sheet: Sheet
    rows: list[list[str]]
    count: int
    left_out: tuple[str, ...]


def write_filled(path: Path, filled: Filled) -> Written:
    """Write the table as its platform wrote it: what wasn't filled in is as it was, even a cell like a formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(filled.sheet.written(filled.rows))
    unfinished.replace(path)
    return Written(path, f"{filled.count} marks", filled.left_out)


def rows_of(sheet: Sheet) -> list[list[str]]:
    """The rows below the head, none shorter than it."""
    width = len(sheet.head)
    return [[*row, *[""] * (width - len(row))] for row in sheet.rows[1:]]


def exercises_of(records: Iterable[Record]) -> list[str]:
    return sorted({record.exercise for record in records if record.exercise})


def name_of(record: Record) -> str:
    return clean(f"{visible(record.learner)} {record.exercise}", 120)


def scaled(record: Record, possible: str) -> str:
    """The score out of what the platform gives for it, with two decimals at most, commas where it has them."""
    number = possible.strip().replace(",", ".")
    most = float(number) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) else 0.0
    score = record.score * most / record.max_score if most and record.max_score else record.score
    text = f"{score:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if "," in possible else text
