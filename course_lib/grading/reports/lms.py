"""Marks for a learning platform, in the table that it exported itself: what Canvas and Moodle have in common.

A score is put on the scale of the platform's assignment. A learner who handed in nothing, is excused there, or met a
fault of the grader keeps the platform's mark.
"""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.names import plain
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


class Roster:
    """The row of each learner: by an identifier of the platform's, by name and number as in its downloads, or by name.

    ``identifiers``: the columns that hold one, the platform's own number first. ``names``: the name in each row, as
    ``Given Family`` or ``Family, Given``. ``learners``: the rows that are a learner's.
    """

    def __init__(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        learners: Iterable[int],
        identifiers: Sequence[str],
        names: Sequence[str],
    ) -> None:
        self._by_id: dict[str, set[int]] = defaultdict(set)
        self._by_number: dict[str, set[int]] = defaultdict(set)
        self._by_name: dict[str, set[int]] = defaultdict(set)
        for i in learners:
            for column in identifiers:
                if column in head and (key := rows[i][head.index(column)].strip().casefold()):
                    self._by_id[key].add(i)
            self._by_number[rows[i][head.index(identifiers[0])].strip().rpartition(" ")[2]].add(i)
            family, _, given = names[i].partition(",")
            for name in filter(None, (plain(names[i]), plain(given + family))):
                self._by_name[name].add(i)

    def places(self, records: Iterable[Record]) -> tuple[dict[str, int], list[str]]:
        """Each learner's row, and the learners without a row of their own.

        Raises ``ValueError`` if nobody has one.
        """
        places: dict[str, int] = {}
        left_out = []
        for learner in sorted({record.learner for record in records}):
            rows = self._rows(learner)
            if len(rows) == 1:
                places[learner] = next(iter(rows))
            else:
                left_out.append(f"{clean(learner, 80)}: {'several rows' if rows else 'no row'} of that name")
        taken = Counter(places.values())
        for learner in [learner for learner, place in places.items() if taken[place] > 1]:
            del places[learner]
            left_out.append(f"{clean(learner, 80)}: means the same row as another learner")
        if not places:
            raise ValueError(
                "no learner of these results is in the table: is it the right course, and without pseudonyms?"
            )
        return places, left_out

    def _rows(self, learner: str) -> set[int]:
        name, _, number = learner.rpartition("_")  # as submissions.py names those in a platform's download
        return (
            self._by_id.get(learner.strip().casefold())
            or self._by_number.get(number, set()) & self._by_name.get(plain(name), set())
            or self._by_name.get(plain(learner))
            or set()
        )


def name_of(record: Record) -> str:
    return clean(f"{record.learner} {record.exercise}", 120)


def scaled(record: Record, possible: str) -> str:
    """The score out of what the platform gives for it, with two decimals at most, commas where it has them."""
    number = possible.strip().replace(",", ".")
    most = float(number) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) else 0.0
    score = record.score * most / record.max_score if most and record.max_score else record.score
    text = f"{score:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if "," in possible else text
