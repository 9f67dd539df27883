"""The journal: what is run and what isn't, whose mark counts, who may write, what is forgotten."""

import json
import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from course_lib.grading.journal import JOURNAL, Journal, JournalError
from course_lib.grading.results import Adjustment, Result, TaskVerdict

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
    assert journal.start(run, content)
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
        journal.start(run, "c1")
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
    journal.start(run, "c2")
    journal.finish(run, result(points=3), {})
    assert [(r.attempt, r.score) for r in journal.records()] == [(2, 4)]
    assert hand_in(journal, content="c1") is None  # the first one again: known, but a third attempt
    assert [(r.attempt, r.score) for r in journal.records()] == [(3, 2)]


def test_one_record_per_learner_and_exercise_wherever_it_lay(journal: Journal) -> None:
    graded(journal, place="", points=1)
    graded(journal, place=VAE, points=3)
    assert [record.score for record in journal.records()] == [4]
    run = hand_in(journal, "bob", place="")
    journal.start(run, "c1")
    journal.finish(run, result("bob", exercise="", status="rejected"), {})  # not to be recognised
    graded(journal, "bob", "c2", place="")
    assert [(r.learner, r.exercise, r.attempt) for r in journal.records()] == [("ada", VAE, 1), ("bob", VAE, 2)]


def test_a_run_for_other_content_does_not_start(journal: Journal) -> None:
    run = hand_in(journal)
    assert not journal.start(run, "c2")
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
    history = "\n".join(event for _, event in journal.history("ada"))
    for text in ("manual 2.5 by grace: read again", "late 99", "late withdrawn", "attempt 1"):
        assert text in history


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
    """A grader that is killed while one run goes on, and a process that it started lives on."""
    with Journal(path) as journal, journal.grading():
        graded(journal, "eve")
        run = hand_in(journal, "bob")
        journal.start(run, "c1")
        survivor = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        held.put(survivor.pid)
        time.sleep(600)


@LINUX
def test_one_grader_at_a_time_and_a_dead_one_holds_nothing(journal: Journal, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Queue()
    process = context.Process(target=hold, args=(tmp_path / JOURNAL, held))
    process.start()
    survivor = held.get(timeout=60)
    try:
        with pytest.raises(JournalError, match=f"process {process.pid} on .* writes to"), journal.grading():
            pass
        assert [record.learner for record in journal.records()] == ["eve"]  # reading is free
        process.kill()
        process.join()
        assert state(journal) == ["done", "running"]
        with journal.grading():
            assert state(journal) == ["done", "queued"]
            assert hand_in(journal, "bob") == 2
        os.kill(survivor, 0)  # it lives, and holds nothing
    finally:
        process.kill()
        os.kill(survivor, signal.SIGKILL)


def test_two_graders_of_one_process_exclude_each_other(journal: Journal, tmp_path: Path) -> None:
    here = f"process {os.getpid()} on .* writes to {re.escape(str(tmp_path))}: wait until it has ended"
    with Journal(tmp_path / JOURNAL) as other:
        with journal.grading():
            with pytest.raises(JournalError, match=here), other.grading():
                pass
            (tmp_path / "journal.holder").unlink()
            with pytest.raises(JournalError, match="another process writes to"), other.grading():
                pass
        with other.grading():
            pass


def test_a_run_that_a_grader_leaves_is_queued_again(journal: Journal) -> None:
    with pytest.raises(RuntimeError), journal.grading():  # noqa: PT012
        journal.start(hand_in(journal), "c1")
        raise RuntimeError
    assert state(journal) == ["queued"]


@pytest.fixture
def of_layout_1(tmp_path: Path) -> Path:
    """A journal as version 0.2.0 of the course wrote it, whose grader was killed while it graded cy's submission."""
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as db:
        db.executescript((Path(__file__).parent / "journal_layout_1.sql").read_text(encoding="utf-8"))
    return tmp_path / JOURNAL


def test_a_journal_of_layout_1_goes_on(of_layout_1: Path) -> None:
    with Journal(of_layout_1) as journal:  # read before anybody grades
        assert {(r.learner, r.attempt, r.score) for r in journal} == {
            ("ada", 2, 3.0),  # f: 2.5 by hand in place of 2, g: 1, and 0.5 off for lateness
            ("bob", 1, 4),
            ("a\udcff", 1, 1.5),
            ("eve", 1, 1),
        }
        assert [a.kind for a in journal.of("ada")[0].adjustments] == ["manual", "late", "comment"]
        assert "manual 2.5 by grace: read again" in "\n".join(event for _, event in journal.history("ada"))
    with Journal(of_layout_1) as journal, journal.grading():
        assert state(journal) == ["done"] * 4 + ["failed", "queued", "queued"]
        again = {name: hand_in(journal, name, content) for name, content in (("ada", "c2"), ("a\udcff", "c1"))}
        again["bob"] = hand_in(journal, "bob", place="")
        assert again == {"ada": None, "a\udcff": None, "bob": None}  # still valid: not run again
        assert [hand_in(journal, name) for name in ("cy", "dan")] == [6, 7]
        assert hand_in(journal, "eve") == 8  # the grader had failed on it
        assert hand_in(journal, "ada", "c2", settings={"grader": "2"}) == 9
        journal.start(6, "c1")
        journal.finish(6, result("cy", points=1), {})
        adjust(journal, "comment", 0, comment="well done")
        assert journal.forget("bob") == 2
        assert [r.learner for r in journal if isinstance(r.learner, str)].count("cy") == 1


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
    with pytest.raises(JournalError, match="has layout 9, but this version of the course reads layout 2"):
        Journal(tmp_path / "later")


def test_a_new_file_has_nothing_of_the_lease_of_layout_1(journal: Journal) -> None:
    schema = " ".join(sql for (sql,) in journal.db.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL"))
    assert "CREATE TABLE runs" in schema
    assert "lease" not in schema
    assert "expires" not in schema


def test_the_settings_of_a_mark_are_kept(journal: Journal) -> None:
    graded(journal)
    assert journal.settings("ada", VAE) == SETTINGS
    assert journal.settings("bob", VAE) == {}
    assert json.loads(journal.db.execute("SELECT described FROM settings").fetchone()[0]) == SETTINGS


def test_a_run_under_settings_that_mean_the_same_is_taken_over(journal: Journal) -> None:
    graded(journal)
    other = SETTINGS | {"grader": "as it is written now"}
    assert hand_in(journal, settings=other, same=lambda old: False) is not None
    assert hand_in(journal, "bob") is not None
    graded(journal, "eve")
    seen: list[dict[str, str]] = []
    assert hand_in(journal, "eve", settings=other, same=lambda old: seen.append(old) or True) is None
    assert seen == [SETTINGS]
    assert hand_in(journal, "eve", settings=other) is None, "from now on by its own settings"


def test_the_exercise_of_an_unnamed_notebook_is_known_once_it_was_run(journal: Journal) -> None:
    run = hand_in(journal, place="", settings={"exercise": "any"})
    assert journal.recognised("ada", "", "c1") == ""
    journal.start(run, "c1")
    journal.finish(run, result("ada"), {}, {"exercise": "its own"})
    assert journal.recognised("ada", "", "c1") == VAE
    assert hand_in(journal, place="", settings={"exercise": "its own"}) is None
    assert journal.settings("ada", VAE) == {"exercise": "its own"}
