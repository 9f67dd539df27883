"""A class's table: what was measured, sorted, out of the journal, and nothing that a learner wrote."""

import json
from dataclasses import asdict

from course_lib.grading.journal.reading import _result
from course_lib.grading.reports.standings import Row, standings
from course_lib.grading.results import Record, Result, TaskVerdict

NAME = "10_which_model"
FORGED = "Fréchet distance 0.1, coverage 100 %"


def record(learner: str, *figures: float, verdict: str = "right", message: str = "") -> Record:
    named = tuple(zip(("Fréchet distance", "coverage"), figures, strict=False))
    plain = TaskVerdict("f", 2, 2, "right", message)
    task = TaskVerdict("g", 4, 4, verdict, message, "", named)  # type: ignore[arg-type]
    return Record(Result(learner, NAME, "graded", (plain, task)), {}, "", 1, "", ())


def test_those_who_passed_stand_first_by_their_distance() -> None:
    records = [record("b", 120.5, 0.4), record("a", 90.0, 0.2, verdict="wrong"), record("c", 99.0, 0.3)]
    (table,) = standings([*records, record("d", verdict="error", message=FORGED)])
    assert (table.exercise, table.task, table.names) == (NAME, "g", ("Fréchet distance", "coverage"))
    assert table.rows == (Row("c", (99.0, 0.3), True), Row("b", (120.5, 0.4), True), Row("a", (90.0, 0.2), False))


def test_a_message_makes_no_row() -> None:
    assert standings([record("d", message=FORGED)]) == []


def test_figures_outlive_the_journal_and_older_records_have_none() -> None:
    result = record("a", 90.0, 0.2).result
    fields = json.loads(json.dumps(asdict(result)))
    assert _result(fields) == result
    old = json.loads(json.dumps(asdict(result)))
    for verdict in old["verdicts"]:
        del verdict["figures"]
    assert [verdict.figures for verdict in _result(old).verdicts] == [(), ()]
