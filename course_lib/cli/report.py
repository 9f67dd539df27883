"""The command that gives out what has been graded: tables, pages, marks for learning platforms, an item analysis."""

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

import course_lib
from course_lib.cli.common import app, console, errors, stop
from course_lib.lessons.find import course_root

if TYPE_CHECKING:
    from course_lib.grading.reports.formats import Written
    from course_lib.grading.results import Record

_SHOWN = 10


def _formats() -> dict[str, str]:
    """Each format and its help: the name and the first line of its file, which is not imported (PyTorch would be)."""
    folder = Path(course_lib.__file__).parent / "grading" / "reports" / "formats"
    files = [path for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    texts = [ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in files]
    return {path.stem.replace("_", "-"): text.partition("\n")[0] for path, text in zip(files, texts, strict=True)}


FORMATS = _formats()
_HELP = "\n\n".join(
    [
        "Give out what has been graded; reads only the journal in OUT, and grades nothing.",
        *(f"{name}: {text}" for name, text in FORMATS.items()),
        "Exit code 1: some marks had no row or column in the --template; the command names their learners.",
    ]
)


@app.command(help=_HELP)
def report(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="what `course grade --out OUT` wrote")],
    format: Annotated[str, typer.Option(metavar="FORMAT", help=f"one of: {', '.join(FORMATS)}")],
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
    from course_lib.grading.journal import JournalError
    from course_lib.grading.reports.formats import Request, load_format
    from course_lib.grading.reports.pseudonyms import pseudonymise, write_mapping

    if format not in FORMATS:
        stop(f"--format must be one of {', '.join(FORMATS)}, got {format!r}")
    chosen = load_format(format)
    if mapping and not pseudonyms:
        stop("--mapping says which pseudonym is whose: give --pseudonyms too")
    if pseudonyms and "names" in chosen.needs:
        stop(f"{format} needs learners' own names: leave --pseudonyms out")
    if template is None and "template" in chosen.needs:
        stop(f"give --template FILE: the table that {format.capitalize()} exports, which is filled in")
    try:
        records = _records(out)
        key = _secret(out, secret) if pseudonyms or "secret" in chosen.needs else b""
        if pseudonyms:
            if mapping:
                write_mapping(mapping, records, key)
            records = pseudonymise(records, key)
        request = Request(
            records,
            to or out / ("reports-pseudonyms" if pseudonyms else "reports"),
            template=template or Path(),
            columns=dict(pair.partition("=")[::2] for pair in column or []),
            exercise=exercise,
            course=course_root() if "course" in chosen.needs else Path(),
            secret=key,
        )
        written = chosen.write(request)
    except FileExistsError as error:
        stop(f"{error.filename} is there already; name a new file")
    except (JournalError, OSError, ValueError) as error:
        stop(error)
    raise typer.Exit(_print(written))


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


def _print(written: "Written") -> int:
    """Say what was written, and which marks were left out; the exit code."""
    console.print(escape(f"{written.path}: {written.content}"), soft_wrap=True)
    for reason in written.left_out[:_SHOWN]:
        errors.print(f"[yellow]left out[/] {escape(reason)}", soft_wrap=True)
    if len(written.left_out) > _SHOWN:
        errors.print(f"and {len(written.left_out) - _SHOWN} more left out")
    return 1 if written.left_out else 0
