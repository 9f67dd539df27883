"""``course grade --only LEARNER --explain``: all that a mark rests on, without a hidden value."""

from typing import Any

from course_lib.cli.common import console, safe


def explain_learner(journal: Any, learner: str) -> None:
    """Print verdicts, times, notes, versions, adjustments and history of a learner's submissions."""
    for record in journal.of(learner):
        result = record.result
        _line(f"[bold]{safe(f'{learner} {record.exercise}')}[/]")
        _line(f"score {record.score:g} of {record.max_score:g}; {result.status}, {result.seconds:.1f} s")
        _line(f"attempt {record.attempt}, handed in {record.submitted or '(not known)'}, content {record.content}")
        _line(f"sandbox: {safe(result.sandbox)}")
        for note in record.notes:
            _line(f"note: {safe(note)}")
        for verdict in result.verdicts:
            mark = f"{record.points[verdict.task]:g} of {verdict.max_points:g}"
            _line(f"\n[bold]{safe(verdict.task)}[/] {mark}, {verdict.verdict}")
            if verdict.message:
                _line(safe(verdict.message))
        for a in record.adjustments:
            _line(f"\n{a.kind} {safe(a.task)} {a.points:g} by {safe(a.by)} at {a.at}: {safe(a.comment)}")
        if result.cells:
            _line("\nseconds of each cell: " + safe(", ".join(f"{name} {s:.2f}" for name, s in result.cells)))
        graded_with = journal.settings(learner, record.exercise)
        _line("graded with: " + safe(", ".join(f"{name} {value}" for name, value in graded_with.items())) + "\n")
    _line("[bold]history[/]")
    for at, what in journal.history(learner):
        _line(f"{at} {safe(what)}")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True)
