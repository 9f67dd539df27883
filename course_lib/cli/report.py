"""The command that gives out what has been graded: tables, pages, marks for learning platforms, an item analysis."""

import csv
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from course_lib.cli.common import app, console, errors, stop
from course_lib.lessons.find import course_root

if TYPE_CHECKING:
    from course_lib.grading.results import Record

_SHOWN = 10


class Format(StrEnum):
    csv = "csv"
    feedback = "feedback"
    items = "items"
    canvas = "canvas"
    moodle = "moodle"
    gradescope = "gradescope"
    gradescope_autograder = "gradescope-autograder"
    code = "code"


@app.command()
def report(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="what `course grade --out OUT` wrote")],
    format: Annotated[
        Format,
        typer.Option(metavar="FORMAT", help=f"one of: {', '.join(Format)}"),
    ],
    to: Annotated[
        Path | None,
        typer.Option(help="folder to write into; OUT/reports, or OUT/reports-pseudonyms"),
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(help="canvas: the exported gradebook; moodle: the assignment's grading worksheet"),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="canvas: EXERCISE=COLUMN (title or id), where the names differ")
    ] = None,
    exercise: Annotated[
        str, typer.Option(help="moodle, gradescope-autograder: which exercise; the only one if left out")
    ] = "",
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="pseudonyms from the secret in place of names; no dates")
    ] = False,
    mapping: Annotated[
        Path | None, typer.Option(help="also write who is who into this new file (with --pseudonyms)")
    ] = None,
    secret: Annotated[
        Path | None, typer.Option(help="the file that `course grade` used; OUT.secret if left out")
    ] = None,
) -> None:
    """Give out what has been graded; reads only the journal in OUT, and grades nothing.

    csv: gradebook.csv and tasks.csv. feedback: a page for each learner.

    items: how hard the tasks were, how well they tell learners apart, and what went wrong, with plots.

    canvas, moodle: marks to import there, filled into the table given as --template.

    gradescope: a results.json for each submission. gradescope-autograder: the zip that grades there.

    code: the answers for JPlag and Dolos.

    Exit code 1: a mark had no place in the --template; who, is said.
    """
    from course_lib.grading.journal import JournalError
    from course_lib.grading.reports import pseudonymise, write_mapping

    if mapping and not pseudonyms:
        stop("--mapping tells which pseudonym is whose: give --pseudonyms too")
    if pseudonyms and format in (Format.canvas, Format.moodle, Format.gradescope_autograder):
        stop(f"{format} needs learners' own names: leave --pseudonyms out")
    try:
        records = _records(out)
        if pseudonyms:
            key = _secret(out, secret)
            if mapping:
                write_mapping(mapping, records, key)
            records = pseudonymise(records, key)
        folder = to or out / ("reports-pseudonyms" if pseudonyms else "reports")
        if format is Format.canvas or format is Format.moodle:
            _platform(format, records, folder, template, column or [], exercise)
        elif format is Format.gradescope_autograder:
            _autograder(records, folder, exercise, _secret(out, secret))
        else:
            _write(format, records, folder)
    except FileExistsError as error:
        stop(f"{error.filename} is there already; name a new file")
    except (JournalError, OSError, ValueError, csv.Error) as error:
        stop(error)


def _records(out: Path) -> "list[Record]":
    from course_lib.grading.journal import Journal

    path = out / "journal.sqlite"
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: name the folder that `course grade --out` wrote")
    with Journal(path) as journal:
        records = journal.records()
    if not records:
        raise ValueError(f"nothing in {path} has been graded yet")
    return records


def _secret(out: Path, path: Path | None) -> bytes:
    path = path or out.with_name(out.name + ".secret")
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}: name with --secret the file that `course grade` used")
    return path.read_bytes().strip()


def _write(format: Format, records: "Sequence[Record]", folder: Path) -> None:
    from course_lib.grading.reports import feedback_html, feedback_path, results_json, write_code, write_tables
    from course_lib.grading.reports.items import items_html
    from course_lib.grading.reports.text import safe_name, write_text

    if format is Format.csv:
        write_tables(folder, records)
        done = "gradebook.csv, tasks.csv"
    elif format is Format.feedback:
        for record in records:
            write_text(feedback_path(folder, record.learner, record.exercise), feedback_html(record))
        done = f"feedback/, {len(records)} pages"
    elif format is Format.items:
        write_text(folder / "items.html", items_html(records))
        done = "items.html"
    elif format is Format.gradescope:
        for record in records:
            name = f"{safe_name(record.exercise or 'unknown')}.json"
            write_text(folder / "gradescope" / safe_name(record.learner) / name, results_json(record))
        done = f"gradescope/, {len(records)} files"
    else:
        done = f"code.zip, {write_code(folder / 'code.zip', records)} files"
    console.print(escape(f"{folder}: {done}"), soft_wrap=True)


def _platform(
    format: Format,
    records: "Sequence[Record]",
    folder: Path,
    template: Path | None,
    column: Sequence[str],
    exercise: str,
) -> None:
    from course_lib.grading.reports import fill_canvas, fill_moodle
    from course_lib.grading.reports.text import new_table

    if template is None:
        raise ValueError(f"give --template FILE: the table that {format.capitalize()} exports, which is filled in")
    if format is Format.canvas:
        named = dict(pair.partition("=")[::2] for pair in column)
        filled = fill_canvas(template, records, named)
    else:
        filled = fill_moodle(template, records, exercise)
    path = folder / f"{format}.csv"
    with new_table(path, filled.rows[0], filled.delimiter) as add:
        for row in filled.rows[1:]:
            add(row)
    console.print(escape(f"{path}: {filled.count} marks"), soft_wrap=True)
    for reason in filled.left_out[:_SHOWN]:
        errors.print(f"[yellow]left out[/] {escape(reason)}", soft_wrap=True)
    if len(filled.left_out) > _SHOWN:
        errors.print(f"and {len(filled.left_out) - _SHOWN} more left out")
    raise typer.Exit(1 if filled.left_out else 0)


def _autograder(records: "Sequence[Record]", folder: Path, exercise: str, secret: bytes) -> None:
    from course_lib.grading.reports import write_autograder

    names = sorted({record.exercise for record in records if record.exercise})
    if not exercise and len(names) != 1:
        raise ValueError(f"an autograder is for one exercise: give --exercise, one of {', '.join(names)}")
    path = folder / "autograder.zip"
    write_autograder(path, course_root(), secret, exercise or names[0])
    console.print(escape(f"{path}: keep it to yourself, the secret is in it"), soft_wrap=True)
