"""Lateness counted in days begun; marks and comments by hand from a table, all of it or nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from course_lib.grading.journal import JOURNAL, Journal
from course_lib.grading.journal.adjust import Late, apply_late, merge_marks, read_due
from course_lib.grading.results import Adjustment, Record, Result, TaskVerdict

VAE = "05_variational_autoencoder"
DUE = datetime(2026, 10, 31, 18, tzinfo=UTC)
HEAD = "learner,exercise,task,points,comment\n"


def record(submitted: str, exercise: str = VAE) -> Record:
    verdicts = (TaskVerdict("f", 2, 4, "right"), TaskVerdict("g", 3, 4, "right"))
    return Record(Result("ada", exercise, "graded", verdicts), {}, "c", 1, submitted, ())


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / JOURNAL)
    for learner in ("ada", "bob", "=eve"):
        run = journal.hand_in(learner, VAE, "c", "2026-11-01T18:00:00+00:00", {})
        assert run is not None
        journal.start(run, "c")
        verdicts = (TaskVerdict("f", 2, 4, "right"), TaskVerdict("g", 3, 4, "right"))
        journal.finish(run, Result(learner, VAE, "graded", verdicts), {})
    return journal


def scores(journal: Journal) -> dict[str, float]:
    return {record.learner: record.score for record in journal}


@pytest.mark.parametrize(
    ("submitted", "days"),
    [
        ("2026-10-31T18:00:00+00:00", 0),
        ("2026-10-31T18:00:01+00:00", 1),
        ("2026-11-01T18:00:00+00:00", 1),
        ("2026-11-01T18:00:01+00:00", 2),
        ("2026-11-01T19:30:00+02:00", 1),
        ("2026-10-01T00:00:00+00:00", 0),
        ("", 0),
    ],
)
def test_each_day_begun_counts(submitted: str, days: int) -> None:
    late = Late(10, {"": DUE})
    assert late.days(record(submitted)) == days
    assert late.points(record(submitted)) == pytest.approx(0.8 * days)  # a tenth of 8 points


def test_an_exercises_own_date_comes_first_and_no_date_means_never_late() -> None:
    late = Late(10, {"": datetime(2020, 1, 1, tzinfo=UTC), VAE: DUE})
    assert late.days(record("2026-10-31T18:00:01+00:00")) == 1
    assert Late(10, {"07_gan": DUE}).days(record("2027-01-01T00:00:00+00:00")) == 0
    assert Late(40, {VAE: DUE}).points(record("2027-01-01T00:00:00+00:00")) == 8  # not more than there is


def test_due_dates_are_read(tmp_path: Path) -> None:
    assert read_due("2026-10-31T18:00+01:00") == {"": datetime(2026, 10, 31, 17, tzinfo=UTC)}
    here = datetime(2026, 10, 31, 23, 59, 59).astimezone(UTC)
    assert read_due("2026-10-31") == {"": here}
    table = tmp_path / "due.csv"
    table.write_text(f"exercise,due\n{VAE},2026-10-31T18:00Z\n")
    assert read_due(str(table)) == {VAE: DUE}
    table.write_text(f"exercise,due\n{VAE},soon\n")
    with pytest.raises(ValueError, match=r"due\.csv, line 2: 'soon' is no date or time such as"):
        read_due(str(table))
    with pytest.raises(ValueError, match="'tomorrow' is no date"):
        read_due("tomorrow")


def test_penalties_follow_the_rule_and_are_noted_once(journal: Journal) -> None:
    def notes() -> int:
        return sum("late" in what for _, what in journal.history("ada"))

    for percent, score, noted in ((25, 3, 1), (25, 3, 1), (50, 1, 2)):
        apply_late(journal, Late(percent, {"": DUE}), "grace")
        assert (scores(journal)["ada"], notes()) == (score, noted)
    apply_late(journal, Late(50, {"": datetime(2027, 1, 1, tzinfo=UTC)}), "grace")
    assert (scores(journal)["ada"], notes()) == (5, 3)
    assert journal.records()[0].adjustments == ()


def test_marks_by_hand_replace_add_and_are_withdrawn(journal: Journal, tmp_path: Path) -> None:
    table = tmp_path / "marks.csv"
    rows = f"ada,{VAE},f,3.5,partly right\nada,{VAE},,-1,untidy\nbob,{VAE},g,,see me\n'=eve,{VAE},f,0,copied\n"
    table.write_text("\ufeff" + HEAD + rows, encoding="utf-8")
    assert merge_marks(journal, table, "grace") == 4
    assert scores(journal) == {"ada": 5.5, "bob": 5, "=eve": 3}
    (ada,) = journal.of("ada")
    assert [(a.kind, a.task, a.points, a.comment, a.by) for a in ada.adjustments] == [
        ("manual", "f", 3.5, "partly right", "grace"),
        ("manual", "", -1, "untidy", "grace"),
    ]
    assert merge_marks(journal, table, "grace") == 0  # the same again
    table.write_text(HEAD + f"ada,{VAE},f,auto,a mistake of mine\nbob,{VAE},f,auto,\n")
    assert merge_marks(journal, table, "grace") == 1
    assert scores(journal)["ada"] == 4


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"zoe,{VAE},f,1,", "nothing graded of 'zoe'"),
        ("ada,07_gan,f,1,", "nothing graded of 'ada' for '07_gan'"),
        (f"ada,{VAE},h,1,", "no task 'h' in it; there are: f, g"),
        (f"ada,{VAE},f,,", "neither points nor a comment"),
        (f"ada,{VAE},f,two,", "points should be a number"),
        (f"ada,{VAE},f,nan,", "points should be a number"),
        (f"ada,{VAE},f,-1,", "points should be a number"),
        (f"ada,{VAE},f,4.5,", "f gives at most 4 points, not 4.5"),
        (f"ada,{VAE}", "neither points nor a comment"),
    ],
)
def test_one_wrong_row_and_none_is_taken(journal: Journal, tmp_path: Path, row: str, says: str) -> None:
    table = tmp_path / "marks.csv"
    table.write_text(f"{HEAD}bob,{VAE},f,0,\n{row}\n")
    with pytest.raises(ValueError, match=f"line 3: {says}"):
        merge_marks(journal, table, "grace")
    assert scores(journal)["bob"] == 5


def test_a_mark_by_hand_that_is_older_than_the_hand_in_is_known(journal: Journal) -> None:
    (ada,) = journal.of("ada")
    for at, before in (("2026-11-01T17:59:00+00:00", ["f"]), ("2026-11-01T18:01:00+00:00", [])):
        journal.adjust(ada, Adjustment("manual", "f", 1, "", "grace", at), withdrawn=False)
        assert journal.of("ada")[0].marked_before == before


def test_a_table_without_its_columns_is_refused(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "marks.csv").write_text("name,points\nada,3\n")
    with pytest.raises(ValueError, match="not there: learner, exercise, task, comment"):
        merge_marks(journal, tmp_path / "marks.csv", "grace")
