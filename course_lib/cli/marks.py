"""Commands around exercises: build them, check one's own, grade a folder of them."""

from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from course_lib.cli.common import app, console, errors, stop
from course_lib.lessons.find import course_root

COLOURS = {"right": "green", "untouched": "dim"}


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="write nothing; exit 1 if an exercise has drifted")
    ] = False,
) -> None:
    """Make exercises/ from solutions/, the one source of each exercise."""
    from course_lib.grading.build import BuildError, build_exercises

    root = course_root()
    try:
        changed = build_exercises(root / "solutions", root / "exercises", check=check)
    except (BuildError, FileNotFoundError) as error:
        stop(error)
    for name in changed:
        console.print(f"{'[red]drifted[/]' if check else '[green]built[/]'} {name}")
    if not changed:
        console.print("Every exercise is what its solution makes.")
    elif check:
        errors.print("Run 'course build' and commit what changes in solutions/ and exercises/.")
    raise typer.Exit(1 if check and changed else 0)


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="an exercise, such as workspace/exercises/05_….ipynb")],
) -> None:
    """Run the public checks on an exercise of yours, the way the grader runs it; exit 1 unless all pass."""
    from course_lib.grading import SubmissionError, self_check

    try:
        with errors.status(f"Running {escape(notebook.name)}"):
            verdicts = self_check(notebook)
    except (SubmissionError, OSError) as error:
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
def grade(
    submissions: Annotated[Path, typer.Argument(help="LEARNER/EXERCISE/EXERCISE.ipynb, or a flat folder")],
    out: Annotated[Path, typer.Option(help="where marks and feedback go")],
    workers: Annotated[int, typer.Option(help="notebooks at a time")] = 2,
    seconds_per_cell: Annotated[float | None, typer.Option(help="60 if left out")] = None,
    seconds_per_submission: Annotated[float | None, typer.Option(help="300 if left out")] = None,
    memory_mb: Annotated[int | None, typer.Option(help="per process; 2048 if left out")] = None,
    solutions: Annotated[
        Path | None, typer.Option(help="the masters; solutions/ of this clone if left out")
    ] = None,
    secret: Annotated[
        Path | None, typer.Option(help="file that hidden inputs follow from; OUT.secret if left out")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress bar, no summary")] = False,
) -> None:
    """Grade a folder of submissions: gradebook.csv, tasks.csv and a feedback page for each learner go to OUT.

    Exit code 1 means that the grader itself failed on a submission, never that a mark is low.
    """
    from course_lib.grading import Result, grade_folder

    limits: dict[str, Any] = {
        "seconds_per_cell": seconds_per_cell,
        "seconds_per_submission": seconds_per_submission,
        "memory_mb": memory_mb,
    }
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=quiet or not errors.is_terminal) as bar:
        task = bar.add_task("Grading", total=None)

        def total(number: int) -> None:
            bar.update(task, total=number)

        def progress(result: Result) -> None:
            bar.update(task, advance=1, description=escape(f"{result.learner} {result.exercise}"))

        try:
            summary = grade_folder(
                submissions,
                out,
                workers=workers,
                solutions=solutions or course_root() / "solutions",
                secret=secret,
                progress=progress,
                total=total,
                **{name: value for name, value in limits.items() if value is not None},
            )
        except (FileNotFoundError, ValueError) as error:
            stop(error)
    failed = [result for result in summary.results if result.status == "failed"]
    if not quiet:
        summarise(summary)
    for result in failed:
        errors.print(f"[bold red]not graded[/] {escape(f'{result.learner} {result.exercise}: {result.reason}')}")
    raise typer.Exit(1 if failed else 0)


def summarise(summary: Any) -> None:
    """One line an exercise, and where everything is."""
    table = Table("exercise", "submissions", "full marks", "zero", "mean", "not run", box=None, pad_edge=False)
    for exercise in sorted({result.exercise for result in summary.results}):
        results = [result for result in summary.results if result.exercise == exercise]
        full = sum(result.score == result.max_score > 0 for result in results)
        zero = sum(result.score == 0 for result in results)
        mean = sum(result.score for result in results) / len(results)
        refused = sum(result.status in ("rejected", "failed") for result in results)
        most = max(result.max_score for result in results)
        cells = (len(results), full, zero, f"{mean:.1f} of {most:g}", refused)
        table.add_row(escape(exercise) or "(which?)", *map(str, cells))
    console.print(table)
    console.print(f"{summary.out}/gradebook.csv, tasks.csv, feedback/; {summary.seconds:.0f} s")
