"""marks to import into Canvas, filled into the gradebook that it exported.

Canvas exports Student (or LastName, FirstName), ID, SIS User ID, SIS Login ID, Section, instructors' own columns, and
a column ``Title (id)`` for each assignment; two rows below the head hold how marks are posted and the points
possible. It takes back a part of these columns. So only those that name the learner and those filled are given back,
and no other mark can change. Source: ``lib/gradebook_exporter.rb``, ``lib/gradebook_importer.rb`` of
``instructure/canvas-lms``.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from course_lib.grading.names import plain
from course_lib.grading.reports.formats import Format, Request, Written
from course_lib.grading.reports.lms import (
    NO_MARK,
    Filled,
    exercises_of,
    name_of,
    rows_of,
    scaled,
    write_filled,
)
from course_lib.grading.reports.roster import Roster
from course_lib.grading.results import Record
from course_lib.grading.spreadsheets import read_sheet

_KEYS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
_LEFT_ALONE = ("EX", "N/A")  # excused; not assigned to this learner


def fill_canvas(template: Path, records: Sequence[Record], columns: Mapping[str, str] | None = None) -> Filled:
    """The Canvas gradebook exported to ``template`` with the records' scores.

    ``columns``: the assignment's column (title, id, or both as in the head) by exercise; without it, the one whose
    title is the exercise's name, whatever its spaces and capitals. Raises ``ValueError`` if the table isn't one of
    Canvas, or if no exercise or no learner of the records is in it.
    """
    sheet = read_sheet(template)
    head, rows = sheet.head, rows_of(sheet)
    if "ID" not in head[:3] or "Section" not in head or not head[0].startswith(("Student", "LastName")):
        raise ValueError(
            f"{template} should begin with Student, ID, …, Section, as Canvas exports a gradebook; it begins with "
            f"{', '.join(head[:5])}. Export it from Grades, with the interface in English."
        )
    first = head.index("Section") + 1
    assignments = {i: title for i, title in enumerate(head) if i >= first and re.search(r" \([0-9]+\)$", title)}
    found, left_out = _columns(exercises_of(records), assignments, columns or {})
    possible = next((row for row in rows if "Points Possible" in row[0]), [""] * len(head))
    learners = [i for i, row in enumerate(rows) if row is not possible and row[head.index("ID")].strip()]
    names = [row[0] if head[0] == "Student" else f"{row[0]}, {row[1]}" for row in rows]
    places, strangers = Roster(head, rows, learners, _KEYS, names).places(record.learner for record in records)
    left_out += strangers
    count = 0
    for record in records:
        place, column = next(iter(places.get(record.learner, ())), None), found.get(record.exercise)
        if not record.exercise:
            left_out.append(f"{name_of(record)}: nothing says which exercise this is")
        if place is None or column is None:
            continue
        if record.result.status == "failed":
            left_out.append(f"{name_of(record)}: {NO_MARK}")
        elif rows[place][column].strip().upper() not in _LEFT_ALONE:
            rows[place][column] = scaled(record, possible[column])
            count += 1
    kept = [*range(first), *sorted(found.values())]
    whole: list[list[str]] = [[*sheet.rows[0]], *rows]
    return Filled(sheet, [[row[i] for i in kept] for row in whole], count, tuple(left_out))


def _columns(
    exercises: Sequence[str], assignments: Mapping[int, str], named: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """The column of each exercise, and which have none."""
    unknown = sorted(set(named) - set(exercises))
    if unknown:
        raise ValueError(f"no record of {', '.join(unknown)}; there are: {', '.join(exercises) or '(none)'}")
    found, left_out = {}, []
    for exercise in exercises:
        wanted = plain(named.get(exercise, exercise))
        fits = []
        for i, head in assignments.items():
            title, _, number = head.removesuffix(")").rpartition(" (")
            if wanted in (plain(head), plain(title), number, plain(title).removeprefix("exercise")):
                fits.append(i)
        if len(fits) == 1:
            found[exercise] = fits[0]
        elif exercise in named or fits:
            raise ValueError(
                f"{len(fits)} columns are called {named.get(exercise, exercise)!r}; name one by its id with "
                f"--column {exercise}=ID. There are: {', '.join(assignments.values()) or '(none)'}"
            )
        else:
            left_out.append(f"{exercise}: no column of that name; name one with --column {exercise}=ID")
    if not found:
        raise ValueError(
            f"none of {', '.join(exercises) or '(no exercise)'} is a column; name one with --column EXERCISE=ID. "
            f"There are: {', '.join(assignments.values()) or '(none)'}"
        )
    return found, left_out


def _write(request: Request) -> Written:
    filled = fill_canvas(request.template, request.records, request.columns)
    return write_filled(request.folder / "canvas.csv", filled)


FORMAT = Format(_write, frozenset({"names", "template"}))
