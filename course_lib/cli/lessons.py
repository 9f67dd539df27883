"""Commands of everyone who takes the course: start, lab, run, doctor."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from course_lib.cli.common import app, console, errors, stop
from course_lib.lessons.find import course_root, find_lesson, notebooks_in


@app.command()
def start() -> None:
    """Copy lessons and exercises into workspace/, never overwriting what is there, and say what is newer."""
    copy_to_workspace(course_root())


def copy_to_workspace(root: Path) -> None:
    from course_lib.lessons.workspace import WORKSPACE
    from course_lib.lessons.workspace import start as copy_missing

    done = copy_missing(root)
    for name in done.new:
        console.print(f"new    {WORKSPACE}/{name}")
    for name in done.newer:
        console.print(f"[yellow]newer[/]  {name} has changed since you copied it")
    if done.newer:
        console.print("Yours are untouched. To take a newer one: rename yours, then 'course start' again.")
    if done.new:
        console.print(
            "Copies come without outputs: predict first. How a lesson looks when it has run: notebooks/ here."
        )
    console.print(f"{len(done.new)} copied, {len(done.kept) + len(done.newer)} already in {root / WORKSPACE}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    lesson: Annotated[str | None, typer.Argument(help="number or name; the first one if left out")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open a browser window")] = True,
    port: Annotated[int | None, typer.Option(help="8888, or the next free one")] = None,
) -> None:
    """Open JupyterLab on your copy of a lesson. Options that aren't listed here go to JupyterLab."""
    from course_lib.lessons.lab import lab_arguments, serve

    passed_on = list(context.args)
    if lesson and lesson.startswith("-"):
        passed_on, lesson = [lesson, *passed_on], None
    root = course_root()
    lessons = notebooks_in(root / "notebooks")
    chosen = find_lesson(lesson, root) if lesson else (lessons[0] if lessons else None)
    copy_to_workspace(root)
    console.print("[dim]Ctrl-C stops it.[/]")
    serve(lab_arguments(root, chosen, browser=browser, port=port) + passed_on)


@app.command()
def run(
    lessons: Annotated[
        list[str], typer.Argument(help="number or name: 05, vae_gan, or 'all'", metavar="LESSON...")
    ],
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME VALUE", help="e.g. -p DATASET mnist; repeat for more"),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="write the outputs back into notebooks/ (for maintainers)")
    ] = False,
) -> None:
    """Run lessons from top to bottom; the executed notebook and an HTML page of each go to build/."""
    from course_lib import smoke
    from course_lib.lessons.execute import LessonRun, check_parameters, execute, parse_value, write_outputs_back

    values: dict[str, Any] = {}
    for pair in parameters or []:
        name, equals, value = pair.partition("=")
        if not (equals and name.isidentifier()):
            stop(f"-p takes a name and a value, as in '-p DATASET mnist'; got {pair!r}")
        values[name] = parse_value(value)
    if in_place and (values or smoke()):
        stop("--in-place is for runs with the defaults: leave out -p and unset COURSE_SMOKE")
    if in_place:
        os.environ["COURSE_STRICT"] = "1"  # what is committed holds
    root = course_root()
    chosen = notebooks_in(root / "notebooks") if lessons == ["all"] else [find_lesson(n, root) for n in lessons]
    for lesson in chosen:
        check_parameters(lesson, values)

    runs: list[LessonRun] = []
    for lesson in chosen:
        apart = "" if lesson.parent.name == "notebooks" else lesson.parent.name  # solutions bear lessons' names
        done = execute(lesson, root / "build" / apart, values)
        if in_place and done.error is None:
            write_outputs_back(done.notebook, lesson)
        runs.append(done)
    table = Table("lesson", "result", "seconds", "peak memory", "page", box=None, pad_edge=False)
    for done in runs:
        result = "[green]ran[/]" if done.error is None else "[red]failed[/]"
        memory = "" if done.peak_mb is None else f"{done.peak_mb:,.0f} MB"
        page = "" if done.page is None else os.path.relpath(done.page)
        table.add_row(done.lesson.stem, result, f"{done.seconds:.0f}", memory, page)
    console.print(table)
    failed = [done for done in runs if done.error is not None]
    for done in failed:
        errors.print(f"[bold red]{done.lesson.stem}[/] {escape(str(done.error))}", soft_wrap=True)
    raise typer.Exit(1 if failed else 0)


@app.command()
def doctor() -> None:
    """Say in one screen what is installed, which device and data there are, and what to do about what is missing."""
    from course_lib.lessons.doctor import CHECKS, examine

    findings = list(
        track(examine(course_root()), "Looking around", total=len(CHECKS), transient=True, console=errors)
    )
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[bold red]!![/]" if finding.needed else "[yellow]--[/]"
        console.print(f"{mark}  {finding.topic:14}{escape(finding.found)}", soft_wrap=True)
        if finding.remedy:
            console.print(f"    {'':14}[dim]→ {escape(finding.remedy)}[/]", soft_wrap=True)
    broken = [finding.topic for finding in findings if finding.needed and not finding.ok]
    console.print(f"Needed and missing: {', '.join(broken)}" if broken else "Nothing that is needed is missing.")
    raise typer.Exit(1 if broken else 0)
