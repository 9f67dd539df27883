"""Marks for a learning platform, in the table that it exported itself: what Canvas and Moodle have in common.

A score is put on the scale of the platform's assignment. A learner who handed in nothing, is excused there, or met a
fault of the grader keeps the platform's mark.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.reports.formats import Written
from course_lib.grading.reports.text import clean, new_table
from course_lib.grading.results import Record

NO_MARK = "the grader failed, so there is no mark yet"


@dataclass(frozen=True)
class Filled:
    """A table to import: ``rows`` (the head first), ``count`` marks; ``left_out``: the others, with reasons."""

    rows: list[list[str]]
    delimiter: str
    count: int
    left_out: tuple[str, ...]


def write_filled(path: Path, filled: Filled) -> Written:
    with new_table(path, filled.rows[0], filled.delimiter) as add:
        for row in filled.rows[1:]:
            add(row)
    return Written(path, f"{filled.count} marks", filled.left_out)


def read_table(path: Path) -> tuple[list[str], list[list[str]], str]:
    """Head, rows (as long as the head) and delimiter of a table."""
    text = path.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    if not rows:
        raise ValueError(f"{path} is empty")
    head = [name.strip() for name in rows[0]]
    return head, [(row + [""] * len(head))[: len(head)] for row in rows[1:]], delimiter


def exercises_of(records: Iterable[Record]) -> list[str]:
    return sorted({record.exercise for record in records if record.exercise})


def name_of(record: Record) -> str:
    return clean(f"{record.learner} {record.exercise}", 120)


def scaled(record: Record, possible: str) -> str:
    """The score out of what the platform gives for it, with two decimals at most, commas where it has them."""
    number = possible.strip().replace(",", ".")
    most = float(number) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) else 0.0
    score = record.score * most / record.max_score if most and record.max_score else record.score
    text = f"{score:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if "," in possible else text
