"""marks to import into Moodle, filled into the assignment's grading worksheet.

Moodle exports Identifier, Full name, Email address, Status, Grade, Maximum Grade, Grade can be changed, Last modified
(submission), Last modified (grade) and Feedback comments, more or fewer as the site has it. Its importer needs the
first, Grade and Last modified (grade), so the whole worksheet is given back. With anonymous marking there is no name,
but ``Participant 2001``, as in the download. Where teams hand in, Group names each member's. Sources:
``mod/assign/feedback/offline/importgradeslib.php``, ``mod/assign/gradingtable.php`` of ``moodle/moodle``.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

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
from course_lib.grading.reports.text import cell, clean
from course_lib.grading.results import Record
from course_lib.grading.spreadsheets import read_sheet

_KEYS = ("Identifier", "ID number", "Email address", "Username")


def fill_moodle(template: Path, records: Sequence[Record], exercise: str = "") -> Filled:
    """The grading worksheet that Moodle gave for one assignment, with the scores of ``exercise`` and a comment.

    The comment holds each task's points and what was added, taken off or said by hand; none of it is a learner's
    text. ``exercise`` may be left out if the records are of one only. Raises ``ValueError`` if the table isn't such
    a worksheet, if the exercise is not clear, or if no learner of the records is in it.
    """
    sheet = read_sheet(template)
    head, rows = sheet.head, rows_of(sheet)
    for name in ("Identifier", "Grade", "Last modified (grade)"):
        if name not in head:
            raise ValueError(
                f"{template} should have a column {name!r}, as a grading worksheet of Moodle has; it has "
                f"{', '.join(head[:12])}. Download it from the assignment, with the interface in English."
            )
    exercises = exercises_of(records)
    if exercise not in exercises and (exercise or len(exercises) != 1):
        raise ValueError(f"a worksheet is for one exercise: name one of {', '.join(exercises) or '(none graded)'}")
    records = [record for record in records if record.exercise == (exercise or exercises[0])]
    at = {name: head.index(name) for name in head}
    names = [row[at["Full name"]] if "Full name" in at else "" for row in rows]
    roster = Roster(head, rows, range(len(rows)), _KEYS, names, group="Group", number_alone=True)
    places, left_out = roster.places(record.learner for record in records)
    count = 0
    for record in records:
        for place in places.get(record.learner, ()):
            reason = _fill(rows[place], at, record)
            if reason:
                left_out.append(f"{name_of(record)}: {reason}")
            else:
                count += 1
    return Filled(sheet, [[*sheet.rows[0]], *rows], count, tuple(left_out))


def _fill(row: list[str], at: Mapping[str, int], record: Record) -> str:
    """Put grade and comment into a row, whose columns are ``at`` these places; or why they weren't."""
    if record.result.status == "failed":
        return NO_MARK
    if "Grade can be changed" in at and row[at["Grade can be changed"]].strip() == "No":
        return "Moodle says that this grade can't be changed"
    row[at["Grade"]] = scaled(record, row[at["Maximum Grade"]] if "Maximum Grade" in at else "")
    if "Feedback comments" in at:
        row[at["Feedback comments"]] = cell(_comment(record))
    return ""


def _comment(record: Record) -> str:
    """The points in the words of a page, as HTML: Moodle shows a comment as such."""
    lines = [
        f"{verdict.task}: {record.points[verdict.task]:g} of {verdict.max_points:g}"
        for verdict in record.result.verdicts
    ]
    for a in record.adjustments:
        if a.kind == "late":
            lines.append(f"handed in late: {a.points:g} taken off")
        if a.comment:
            lines.append(f"{a.task}: {a.comment}" if a.task else a.comment)
    return "<br>".join(escape(clean(line, 2000)) for line in lines)


def _write(request: Request) -> Written:
    filled = fill_moodle(request.template, request.records, request.exercise)
    return write_filled(request.folder / "moodle.csv", filled)


FORMAT = Format(_write, frozenset({"names", "template"}))
