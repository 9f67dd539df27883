"""The journal: what is run and what isn't, whose mark counts, who may write, what is forgotten."""

import json
import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from course_lib.grading.journal import JOURNAL, Journal
from course_lib.grading.results import Adjustment, Result, TaskVerdict
from course_lib.grading.store import JournalError

VAE = "05_variational_autoencoder"
SETTINGS = {"grader": "1", "secret": "a"}
LINUX = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / JOURNAL)


def result(learner: str = "ada", points: float = 2, status: str = "graded", exercise: str = VAE) -> Result:
    verdicts = (TaskVerdict("f", points, 3, "right"), TaskVerdict("g", 1, 1, "right", "line\nbreak"))
    cells, notes = (("f", 0.5),), ("a note",)
    return Result(learner, exercise, status, verdicts, 1.25, "why", notes, "bubblewrap", cells)


def hand_in(journal: Journal, learner: str = "ada", content: str = "c1", place: str = VAE, **more) -> int | None:
    settings = more.pop("settings", SETTINGS)
    return journal.hand_in(learner, place, content, "2026-01-02T03:04:05+00:00", settings, **more)


def graded(journal: Journal, learner: str = "ada", content: str = "c1", points: float = 2, **more) -> None:
    run = hand_in(journal, learner, content, **more)
    assert run is not None
    assert journal.start(run, content, 60)
    journal.finish(run, result(learner, points), {"f": "def f(): pass"})


def state(journal: Journal) -> list[str]:
    return [row[0] for row in journal.db.execute("SELECT state FROM runs ORDER BY id")]


def test_a_record_comes_back_as_it_was(journal: Journal) -> None:
    graded(journal)
    (record,) = journal.records()
    assert record.result == result()
    assert (record.answers, record.content, record.attempt) == ({"f": "def f(): pass"}, "c1", 1)
    assert record.submitted == "2026-01-02T03:04:05+00:00"
    assert (record.score, record.max_score, record.learner, record.exercise) == (3, 4, "ada", VAE)


def test_what_has_not_changed_is_not_run_again(journal: Journal) -> None:
    graded(journal)
    assert hand_in(journal) is None
    assert hand_in(journal, again=True) is not None


@pytest.mark.parametrize(
    "change", [{"content": "c2"}, {"learner": "bob"}, {"place": ""}, {"settings": {"grader": "2", "secret": "a"}}]
)
def test_what_has_changed_is_run(journal: Journal, change: dict) -> None:
    graded(journal)
    assert hand_in(journal, **change) is not None


def test_a_failed_run_is_tried_again_and_a_rejected_one_is_not(journal: Journal) -> None:
    for learner, status, again in (("ada", "failed", True), ("bob", "rejected", False)):
        run = hand_in(journal, learner)
        journal.start(run, "c1", 60)
        journal.finish(run, result(learner, status=status), {})
        assert (hand_in(journal, learner) is not None) == again
    assert state(journal) == ["failed", "done", "queued"] or state(journal) == ["failed", "queued", "done"]


def test_back_under_earlier_settings_the_earlier_result_counts_again(journal: Journal) -> None:
    graded(journal, points=2)
    graded(journal, points=0, settings={"grader": "2"})
    assert journal.records()[0].score == 1
    assert hand_in(journal) is None
    assert journal.records()[0].score == 3


def test_attempts_are_counted_and_the_last_one_counts_once_it_is_graded(journal: Journal) -> None:
    graded(journal, points=1)
    run = hand_in(journal, content="c2")
    assert [(r.attempt, r.score) for r in journal.records()] == [(1, 2)]
    journal.start(run, "c2", 60)
    journal.finish(run, result(points=3), {})
    assert [(r.attempt, r.score) for r in journal.records()] == [(2, 4)]
    assert hand_in(journal, content="c1") is None  # the first one again: known, but a third attempt
    assert [(r.attempt, r.score) for r in journal.records()] == [(3, 2)]


def test_one_record_per_learner_and_exercise_wherever_it_lay(journal: Journal) -> None:
    graded(journal, place="", points=1)
    graded(journal, place=VAE, points=3)
    assert [record.score for record in journal.records()] == [4]
    run = hand_in(journal, "bob", place="")
    journal.start(run, "c1", 60)
    journal.finish(run, result("bob", exercise="", status="rejected"), {})  # not to be recognised
    graded(journal, "bob", "c2", place="")
    assert [(r.learner, r.exercise, r.attempt) for r in journal.records()] == [("ada", VAE, 1), ("bob", VAE, 2)]


def test_a_run_for_other_content_does_not_start(journal: Journal) -> None:
    run = hand_in(journal)
    assert not journal.start(run, "c2", 60)
    assert state(journal) == ["queued"]


def test_records_are_sorted_and_names_that_are_not_unicode_come_back(journal: Journal) -> None:
    names = ["z", "a\udcff", "a", "ü", "\ud800", "a'; DROP TABLE runs; --"]
    for name in names:
        graded(journal, name)
        assert hand_in(journal, name) is None
    found = [record.learner for record in journal.records()]
    assert sorted(found) == sorted(names)
    assert [n for n in found if n.isascii()] == sorted(n for n in names if n.isascii())
    assert [r.result.learner for r in journal.of("a\udcff")] == ["a\udcff"]


def adjust(
    journal: Journal, kind: str, points: float, task: str = "", withdrawn: bool = False, comment: str = ""
) -> None:
    adjustment = Adjustment(kind, task, points, comment, "grace", "2026-01-03T00:00:00+00:00")
    journal.adjust(journal.records()[0], adjustment, withdrawn=withdrawn)


def test_adjustments_count_and_their_history_stays(journal: Journal) -> None:
    graded(journal)  # f: 2 of 3, g: 1 of 1
    adjust(journal, "manual", 1, "f")
    adjust(journal, "manual", 2.5, "f", comment="read again")
    assert journal.records()[0].score == 3.5
    adjust(journal, "manual", 0.25)
    adjust(journal, "late", 0.5)
    assert journal.records()[0].score == 3.25
    adjust(journal, "late", 99)
    assert journal.records()[0].score == 0
    adjust(journal, "late", 0, withdrawn=True)
    adjust(journal, "manual", 0, "f", withdrawn=True)
    assert journal.records()[0].score == 3.25
    told = "\n".join(what for _, what in journal.history("ada"))
    for text in ("manual 2.5 by grace: read again", "late 99", "late withdrawn", "attempt 1"):
        assert text in told


def test_a_penalty_is_for_its_attempt_a_manual_mark_stays(journal: Journal) -> None:
    graded(journal)
    adjust(journal, "late", 1)
    adjust(journal, "manual", 0, "g")
    graded(journal, content="c2")
    assert journal.records()[0].score == 2


def test_pages_are_stale_after_each_change(journal: Journal) -> None:
    def stale() -> int:
        pages = journal.stale()
        journal.written(page for page, _ in pages)
        return len(pages)

    graded(journal)
    graded(journal, "bob")
    assert (stale(), stale()) == (2, 0)
    adjust(journal, "comment", 0, comment="well done")
    assert (stale(), stale()) == (1, 0)
    graded(journal, "ada", settings={"grader": "2"})
    hand_in(journal, "ada")
    assert (stale(), stale()) == (1, 0)


def test_nothing_is_left_of_who_is_forgotten(journal: Journal, tmp_path: Path) -> None:
    for i in range(200):
        graded(journal, f"learner-{i}")
        graded(journal, "somebody-else", f"c{i}")
    assert b"learner-77" in contents(tmp_path)
    assert journal.forget("learner-77") == 2
    assert b"learner-77" not in contents(tmp_path)
    assert b"learner-76" in contents(tmp_path)
    assert len(journal.records()) == 200


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_forgetting_while_somebody_reads_says_so(journal: Journal, tmp_path: Path) -> None:
    graded(journal)
    journal.db.execute("PRAGMA busy_timeout = 100")
    reader = sqlite3.connect(tmp_path / JOURNAL)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM runs").fetchall()
    with pytest.raises(JournalError, match="is being read by another process"):
        journal.forget("ada")
    reader.close()
    assert journal.forget("ada") == 0
    assert b'"ada"' not in contents(tmp_path)


def hold(path: Path, held: object) -> None:
    with Journal(path) as journal, journal.grading():
        graded(journal, "eve")
        run = hand_in(journal, "bob")
        journal.start(run, "c1", 600)
        held.set()
        time.sleep(60)


@LINUX
def test_one_grader_at_a_time_and_a_dead_one_holds_nothing(journal: Journal, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold, args=(tmp_path / JOURNAL, held))
    process.start()
    assert held.wait(60)
    with pytest.raises(JournalError, match=f"process {process.pid} on .* writes to"), journal.grading():
        pass
    assert [record.learner for record in journal.records()] == ["eve"]  # reading is free
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert state(journal) == ["done", "running"]
    with journal.grading():
        assert state(journal) == ["done", "queued"]
        assert hand_in(journal, "bob") == 2


def test_another_machines_lease_runs_out(journal: Journal) -> None:
    far = "INSERT INTO lease VALUES (1, 'x', 'far-away', 1, 1.0, ?)"
    journal.db.execute(far, (time.time() + 60,))
    with pytest.raises(JournalError, match="process 1 on far-away"), journal.grading():
        pass
    journal.db.execute("UPDATE lease SET expires = ?", (time.time() - 1,))
    with journal.grading():
        pass


def test_a_grader_that_was_taken_over_writes_nothing_more(journal: Journal) -> None:
    with pytest.raises(JournalError, match="another process took over"), journal.grading():  # noqa: PT012
        run = hand_in(journal)
        journal.start(run, "c1", 60)
        journal.db.execute("UPDATE lease SET id = 'another'")
        journal.finish(run, result(), {})
    assert state(journal) == ["running"]


def test_a_transaction_is_all_or_nothing(journal: Journal) -> None:
    with pytest.raises(RuntimeError), journal.transaction():  # noqa: PT012
        hand_in(journal)
        raise RuntimeError
    assert state(journal) == []


def test_what_is_no_journal_or_another_versions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(os.urandom(4096))
    with pytest.raises(JournalError, match="can't be used"):
        Journal(tmp_path / "noise")
    Journal(tmp_path / "later").db.execute("PRAGMA user_version = 9")
    with pytest.raises(JournalError, match="layout 9"):
        Journal(tmp_path / "later")


def test_the_settings_of_a_mark_can_be_told(journal: Journal) -> None:
    graded(journal)
    assert journal.settings("ada", VAE) == SETTINGS
    assert journal.settings("bob", VAE) == {}
    assert json.loads(journal.db.execute("SELECT described FROM settings").fetchone()[0]) == SETTINGS
