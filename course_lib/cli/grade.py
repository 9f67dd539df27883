"""``course grade``: a folder of submissions in, marks out, and what is seen meanwhile."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from course_lib.cli.common import app, complain, console, errors, safe, stop
from course_lib.lessons.find import course_root

if TYPE_CHECKING:
    from course_lib.grading import Result, Summary

_SHOWN = 10  # of a list on the screen


class Sandbox(StrEnum):
    auto = "auto"
    none = "none"


@app.command()
def grade(
    submissions: Annotated[Path, typer.Argument(help="LEARNER/EXERCISE/EXERCISE.ipynb, or a flat folder")],
    out: Annotated[Path, typer.Option(help="where marks, feedback and the journal go")],
    workers: Annotated[int, typer.Option(help="notebooks at a time")] = 2,
    dask: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="of a Dask scheduler, tcp://host:8786: its workers grade instead"),
    ] = "",
    seconds_per_cell: Annotated[float | None, typer.Option(help="60 if left out")] = None,
    seconds_per_submission: Annotated[float | None, typer.Option(help="300 if left out")] = None,
    memory_mb: Annotated[int | None, typer.Option(help="per process; 2048 if left out")] = None,
    solutions: Annotated[
        Path | None, typer.Option(help="the masters; solutions/ of this clone if left out")
    ] = None,
    variants: Annotated[Path | None, typer.Option(help="folder of exercises of your own")] = None,
    secret: Annotated[
        Path | None, typer.Option(help="file that hidden inputs follow from; OUT.secret if left out")
    ] = None,
    sandbox: Annotated[Sandbox, typer.Option(help="none: only for notebooks of your own")] = Sandbox.auto,
    only: Annotated[str, typer.Option(metavar="LEARNER", help="grade this learner's notebooks alone")] = "",
    explain: Annotated[bool, typer.Option("--explain", help="with --only: tell all that a mark rests on")] = False,
    regrade: Annotated[bool, typer.Option("--regrade", help="run again what hasn't changed, too")] = False,
    late: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="of the most points, taken off per day begun")
    ] = None,
    due: Annotated[
        str, typer.Option(help="with --late: 2026-10-31T18:00, or a CSV with the columns exercise, due")
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="say nothing but what failed")] = False,
) -> None:
    """Grade a folder of submissions: gradebook.csv, tasks.csv and a feedback page for each learner go to OUT.

    What was graded before and hasn't changed isn't run again: call this again for new hand-ins, and after an
    interruption of any kind. Where nothing says when a notebook was handed in, the time of its file counts.

    Exit codes: 0 all graded, whatever the marks; 1 the grader itself failed on a submission (the next call tries it
    again); 2 it could not run as asked, there is no sandbox, or another one is at work in OUT; 3 no room on the disk;
    130 interrupted (Ctrl-C or SIGTERM). After 3 and 130 what was graded is kept.
    """
    from course_lib.grading import grade_folder
    from course_lib.grading.batch.cluster import ClusterError
    from course_lib.grading.batch.pool import WorkerError
    from course_lib.grading.journal import DiskFullError, JournalError
    from course_lib.grading.journal.adjust import Late, read_due
    from course_lib.grading.sandbox import SandboxError

    if explain and not only:
        stop("--explain tells of one learner: name them with --only LEARNER")
    if (late is None) == bool(due):
        stop("--late PERCENT and --due WHEN go together")
    limits: dict[str, Any] = {
        "seconds_per_cell": seconds_per_cell,
        "seconds_per_submission": seconds_per_submission,
        "memory_mb": memory_mb,
    }
    try:
        with _live(quiet) as (total, progress), _ended_politely():
            summary = grade_folder(
                submissions,
                out,
                workers=workers,
                dask=dask,
                solutions=solutions or course_root() / "solutions",
                variants=variants,
                secret=secret,
                sandbox=sandbox.value,
                only=only,
                regrade=regrade,
                late=None if late is None else Late(late, read_due(due)),
                progress=progress,
                total=total,
                **{name: value for name, value in limits.items() if value is not None},
            )
    except DiskFullError as error:
        complain(error)
        raise typer.Exit(3) from None
    except KeyboardInterrupt:
        complain(f"interrupted. What was graded is in {out}; the same command goes on from there")
        raise typer.Exit(130) from None
    except (FileNotFoundError, ValueError, JournalError, WorkerError, SandboxError, ClusterError) as error:
        stop(error)
    raise typer.Exit(_tell(summary, only, explain, quiet))


def _tell(summary: "Summary", only: str, explain: bool, quiet: bool) -> int:
    """Print what came of it; the exit code."""
    from course_lib.cli.explain import explain_learner
    from course_lib.grading.journal import JOURNAL, Journal
    from course_lib.grading.names import meant, visible

    with Journal(summary.out / JOURNAL) as journal:
        only = only and meant(only, journal.learners())
        if explain:
            explain_learner(journal, only)
        elif not quiet:
            _summarise(journal, summary)
        if summary.skipped and not quiet:
            _skipped(summary.skipped)
        if summary.untimed and not quiet:
            _untimed(summary)
        failed = 0
        for record in journal:
            if record.result.status == "failed" and only in ("", record.learner):
                failed += 1
                told = safe(f"{visible(record.learner)} {record.exercise}: {record.result.reason}")
                errors.print(f"[bold red]not graded[/] {told}", soft_wrap=True)
    return 1 if failed else 0


def _skipped(reasons: Sequence[str]) -> None:
    """How many files were passed over, and the first of them with the reason."""
    errors.print(f"[yellow]skipped[/] {len(reasons)}, which no learner was graded for:")
    for reason in reasons[:_SHOWN]:
        errors.print(f"  {safe(reason)}", soft_wrap=True)
    if len(reasons) > _SHOWN:
        errors.print(f"  and {len(reasons) - _SHOWN} more")


def _untimed(summary: "Summary") -> None:
    """For how many submissions ``--late`` did nothing, and whom the LMS calls late."""
    errors.print(
        f"[yellow]--late[/] worked out nothing for {len(summary.untimed)} of the submissions, as nothing tells when "
        "they were handed in: let the LMS do it, or give marks by hand",
        soft_wrap=True,
    )
    if summary.said_late:
        names = ", ".join(f"{learner} {exercise}" for learner, exercise in summary.said_late[:_SHOWN])
        more = f" and {len(summary.said_late) - _SHOWN} more" if len(summary.said_late) > _SHOWN else ""
        errors.print(f"  {len(summary.said_late)} of them the LMS calls late: {safe(names)}{more}", soft_wrap=True)


def _summarise(journal: Any, summary: "Summary") -> None:
    """One line an exercise, with the mean of those that could be run, and where everything is."""
    from course_lib.grading.names import visible

    exercises: dict[str, list[float]] = {}
    remarks = []
    for record in journal:
        counts = exercises.setdefault(record.exercise, [0, 0, 0, 0, 0, 0])
        not_run = record.result.status in ("rejected", "failed")
        all_of_it = record.score >= record.max_score > 0
        for i, value in enumerate((1, all_of_it, record.score == 0, record.score, not_run)):
            counts[i] += value
        counts[5] = max(counts[5], record.max_score)
        if record.elsewhere:
            told = safe(f"{visible(record.learner)} {record.exercise}: two notebooks in two folders")
            others = " and ".join(f"{score:g}" for score in record.elsewhere)
            remarks.append(
                f"{told}; the one handed in last counts, with {record.score:g} points, the other would have {others}"
            )
        if record.marked_before:
            tasks = ", ".join(task or "the exercise" for task in record.marked_before)
            told = safe(
                f"{visible(record.learner)} {record.exercise}: handed in again after marks by hand ({tasks})"
            )
            remarks.append(f"{told}, which still count; auto in a marks table takes them back")
    table = Table("exercise", "submissions", "full marks", "zero", "mean", "not run", box=None, pad_edge=False)
    for exercise, (number, full, zero, points, refused, most) in exercises.items():
        cells = (
            f"{number:g}",
            f"{full:g}",
            f"{zero:g}",
            f"{points / max(1, number - refused):.1f} of {most:g}",
            f"{refused:g}",
        )
        table.add_row(escape(exercise) or "(which?)", *cells)
    console.print(table)
    _standings(journal)
    for remark in remarks:
        console.print(remark, soft_wrap=True)
    again = f", {summary.unchanged} unchanged and not run again" if summary.unchanged else ""
    console.print(f"{summary.graded} graded{again}; {summary.seconds:.0f} s", soft_wrap=True)
    console.print(f"{escape(str(summary.out))}/gradebook.csv, tasks.csv, feedback/", soft_wrap=True)


def _standings(journal: Any) -> None:
    """Each open challenge's table: learners, and what the judge measured of their answers."""
    from course_lib.grading.names import visible
    from course_lib.grading.reports.standings import standings

    for challenge in standings(journal):
        columns = ("learner", *challenge.names, "passed")
        table = Table(*columns, title=f"{challenge.exercise}, {challenge.task}", box=None, pad_edge=False)
        for row in challenge.rows:
            figures = (f"{figure:,.6g}" for figure in row.figures)
            table.add_row(safe(visible(row.learner)), *figures, "yes" if row.passed else "no")
        console.print(table)


class _Rate(ProgressColumn):
    """Submissions per hour over the last half minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed * 3600:,.0f}/h" if task.speed else "")


@contextmanager
def _live(quiet: bool) -> Iterator[tuple[Callable[[int], None], Callable[["Result"], None]]]:
    """What is told of each result: a bar on a terminal, a line in a log, nothing if ``quiet``."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failed]}"),
    )
    from course_lib.grading.names import visible

    failed = 0
    shown = errors.is_terminal and not quiet
    with Progress(*columns, console=errors, transient=True, disable=not shown) as bar:
        task = bar.add_task("Grading", total=None, failed="")

        def total(number: int) -> None:
            bar.update(task, total=number)

        def progress(result: "Result") -> None:
            nonlocal failed
            failed += result.status == "failed"
            name = safe(f"{visible(result.learner)} {result.exercise}")
            bar.update(task, advance=1, description=name, failed=f"{failed} failed" if failed else "")
            if not shown and not quiet:
                done = bar.tasks[0]
                line = f"{done.completed:g}/{done.total or 0:g} {name}: {result.status}, "
                errors.print(
                    f"{line}{result.score:g} of {result.max_score:g}, {result.seconds:.1f} s", soft_wrap=True
                )

        yield total, progress


@contextmanager
def _ended_politely() -> Iterator[None]:
    """SIGTERM ends the batch as Ctrl-C does: tables are written, no process is left."""

    def stop_now(*_: object) -> None:
        raise KeyboardInterrupt

    before = None
    with suppress(ValueError):  # only a program's main thread can
        before = signal.signal(signal.SIGTERM, stop_now)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
