"""Commands around exercises: build them, check one's own, give marks by hand, forget a learner."""

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import typer
from rich.markup import escape

from course_lib.cli.common import app, complain, console, errors, stop
from course_lib.lessons.find import course_root

COLOURS = {"right": "green", "untouched": "dim"}


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="write nothing; exit 1 if an exercise has drifted")
    ] = False,
    variants: Annotated[
        Path | None, typer.Option(help="folder of exercises of your own: make its exercises/ instead")
    ] = None,
) -> None:
    """Make exercises/ from solutions/, the one source of each exercise."""
    from course_lib.exercises.build import build_exercises
    from course_lib.exercises.variants import read_variants

    try:
        own = None if variants is None else read_variants(variants)
        home = variants or course_root()
        solutions = home if variants else home / "solutions"
        changed = build_exercises(solutions, home / "exercises", variants=own, check=check)
    except (ValueError, FileNotFoundError) as error:
        stop(error)
    for name in changed:
        console.print(f"{'[red]drifted[/]' if check else '[green]built[/]'} {name}")
    if not changed:
        console.print("Every exercise is what its solution makes.")
    elif check:
        errors.print(
            "Run 'course build' without --check and commit what it changes: the solution's metadata, exercises/ and "
            "solutions/released/.",
            soft_wrap=True,
        )
    raise typer.Exit(1 if check and changed else 0)


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="an exercise, such as workspace/exercises/05_….ipynb")],
    variants: Annotated[Path | None, typer.Option(help="an instructor's folder of exercises")] = None,
) -> None:
    """Run the public checks on an exercise of yours, the way the grader runs it; exit 1 unless all pass."""
    from course_lib.grading import self_check

    if not notebook.is_file():
        stop(f"there is no {notebook}; `course start` copies the exercises to workspace/")
    try:
        with errors.status(f"Running {escape(notebook.name)}"):
            verdicts = self_check(notebook, variants=variants)
    except (ValueError, OSError) as error:
        stop(error)
    for verdict in verdicts:
        colour = COLOURS.get(verdict.verdict, "red")
        console.print(f"[{colour}]{verdict.verdict:10}[/] {verdict.task}", soft_wrap=True)
        if verdict.verdict != "right" and verdict.message:
            console.print(escape(indent(verdict.message, " " * 11)), style="dim", soft_wrap=True)
    passed = sum(verdict.verdict == "right" for verdict in verdicts)
    console.print(f"Public checks passed: {passed} of {len(verdicts)}. The grader uses inputs of its own.")
    raise typer.Exit(0 if passed == len(verdicts) else 1)


@app.command()
def marks(
    out: Annotated[Path, typer.Argument(help="the folder of 'course grade --out'")],
    table: Annotated[Path, typer.Argument(help="CSV with the columns learner, exercise, task, points, comment")],
    by: Annotated[str, typer.Option(help="who gives them; your user name if left out")] = "",
) -> None:
    """Take in marks and comments given by hand; tables and pages follow, and the journal keeps who, what and when.

    Points replace the task's, or are added to the exercise's if the task is empty. Empty points: the row is a comment.
    The word auto in place of points: the grader's own mark counts again. If a row is wrong, none is taken.
    """
    from course_lib.grading.journal import explained
    from course_lib.grading.journal.adjust import merge_marks
    from course_lib.grading.reports.publish import publish

    with opened(out) as journal, journal.grading(), explained(journal.path):
        number = merge_marks(journal, table, by or getuser())
        publish(journal, out)
    console.print(
        f"{number} new in {escape(str(table))}; {escape(str(out))}/gradebook.csv, tasks.csv, feedback/ follow it"
    )


@app.command()
def forget(
    learner: Annotated[str, typer.Argument(help="as in gradebook.csv")],
    out: Annotated[Path, typer.Option(help="the folder of 'course grade --out'")],
) -> None:
    """Delete a learner from the journal, the tables and the feedback, for good.

    Their notebook in the folder of submissions, and what 'course report' wrote before, are yours to delete.
    """
    from course_lib.grading.journal import explained
    from course_lib.grading.reports.publish import forget_learner

    with opened(out) as journal, journal.grading(), explained(journal.path):
        rows = forget_learner(journal, out, learner)
    if not rows:
        stop(f"nothing of a learner called {learner!r} is in {out}; is the name as in gradebook.csv?")
    console.print(
        f"{escape(learner)} is deleted from {escape(str(out))}. Delete the notebook, too, where it was handed in."
    )


@contextmanager
def opened(out: Path) -> Iterator[Any]:
    """The journal of a folder; what goes wrong with it ends the command with a sentence."""
    from course_lib.grading.journal import JOURNAL, DiskFullError, Journal, JournalError

    if not (out / JOURNAL).is_file():
        stop(f"{out} holds no {JOURNAL}; name the folder of 'course grade --out'")
    try:
        with Journal(out / JOURNAL) as journal:
            yield journal
    except DiskFullError as error:
        complain(error)
        raise typer.Exit(3) from None
    except (JournalError, OSError, ValueError) as error:
        stop(error)
