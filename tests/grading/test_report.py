"""Tables and pages: right numbers, safe names, and nothing of a learner's that a browser or spreadsheet would run."""

import csv
import io
import re
from pathlib import Path

import pytest

from course_lib.grading.reports.pages import feedback_html, feedback_path
from course_lib.grading.reports.tables import write_tables
from course_lib.grading.reports.text import cell, clean, safe_name, safe_names
from course_lib.grading.results import Adjustment, Record, Result, TaskVerdict
from course_lib.tasks.core import Verdict

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}"
EXERCISE = "05_variational_autoencoder"
HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "../../x",
    "x" * 10_000,
    "\u202egnp.exe",
    "a\0b",
    "\ud800",
    "/etc/passwd",
    "a\r\nb",
    "{{ 7 * 7 }}",
    "",
]


def record(
    learner: str = "ada", message: str = "", answers: dict | None = None, adjustments: tuple = (), **changes
) -> Record:
    verdicts = changes.pop(
        "verdicts", (TaskVerdict("f", 2, 2, "right"), TaskVerdict("g", 0, 1.5, "wrong", message))
    )
    result = Result(
        learner, changes.pop("exercise", EXERCISE), changes.pop("status", "graded"), verdicts, **changes
    )
    return Record(result, answers or {}, "ab", 1, "2026-10-01T12:00:00+00:00", adjustments)


def adjustment(kind: str, task: str, points: float, comment: str = "") -> Adjustment:
    return Adjustment(kind, task, points, comment, "tutor", "2026-10-02T09:00:00+00:00")


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_tables_hold_a_row_per_submission_and_per_task(tmp_path: Path) -> None:
    unknown = record("bob", exercise="", status="rejected", verdicts=(), reason="The file is empty.")
    write_tables(tmp_path, iter([record(message="line\nbreak", seconds=3.21), unknown]))
    assert rows(tmp_path / "gradebook.csv") == [
        ["learner", "exercise", "score", "max_score", "status", "seconds"],
        ["ada", EXERCISE, "2", "3.5", "graded", "3.2"],
        ["bob", "", "0", "0", "rejected", "0.0"],
    ]
    assert rows(tmp_path / "tasks.csv") == [
        ["learner", "exercise", "task", "points", "max_points", "verdict", "message"],
        ["ada", EXERCISE, "f", "2", "2", "right", ""],
        ["ada", EXERCISE, "g", "0", "1.5", "wrong", "line\nbreak"],
        ["bob", "", "", "0", "0", "missing", "The file is empty."],
    ]
    assert not list(tmp_path.glob("*.unfinished"))


def test_the_tables_hold_what_was_changed_by_hand(tmp_path: Path) -> None:
    changes = (adjustment("manual", "g", 1), adjustment("manual", "", 0.25), adjustment("late", "", 0.5))
    write_tables(tmp_path, [record(adjustments=changes)])
    assert rows(tmp_path / "gradebook.csv")[1][2:4] == ["2.75", "3.5"]  # 2 + 1 + 0.25 - 0.5
    assert [row[3] for row in rows(tmp_path / "tasks.csv")[1:]] == ["2", "1"]


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1+1", "＝1+1"])
def test_no_cell_of_a_table_is_a_formula(tmp_path: Path, start: str) -> None:
    write_tables(tmp_path, [record(start, start)])
    after = start.replace("=", "'=") if start[0] in "\t\r\n" else start  # for those who separate by tabs or lines
    assert rows(tmp_path / "gradebook.csv")[1][0] == "'" + after
    assert rows(tmp_path / "tasks.csv")[2][-1] == "'" + after


@pytest.mark.situation(
    "Spreadsheets", "a table with commas opened where semicolons separate", "no cell of it is a formula, either"
)
@pytest.mark.parametrize(
    "text",
    ["x;=1+1", "x; =1+1", 'x;"=1+1"', "x\t=1+1", "x\n=1+1", "x\r\n@SUM(A1)", "x;+1", "x;-1", "x\n-1+cmd|' /C calc'!A0",
     "x;＝1",
     "x\n- SUM(A1): y", "x\n- cmd|' /C calc'!A0: y", ";=1", "x;;=1", "x\n\n=1", "=1;=2", '";=1'],
)  # fmt: skip
def test_no_cell_is_a_formula_for_those_who_separate_by_semicolons(tmp_path: Path, text: str) -> None:
    write_tables(tmp_path, [record(text, text)])
    for name in ("gradebook.csv", "tasks.csv"):
        whole = (tmp_path / name).read_text(encoding="utf-8")
        for delimiter in (",", ";", "\t"):
            for row in csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter):
                for one in row:
                    assert not re.match(r"[\s\"]*[=+@＝＋－＠]|[\s\"]*-[^\s]", one), one
        for line in re.split(r"[;\t\r\n]", whole):  # no quotes at all
            assert not re.match(r"[\s\"]*[=+@＝＋－＠]|[\s\"]*-[^\s]", line), line
            assert not re.match(r"[\s\"]*-.*[(|!]", line), line


@pytest.mark.parametrize(
    "text",
    [
        "f is not right yet (public case 1 of 3: mu float32 (4, 3)).\n- the value: expected 1.5, got 3; 4 of 4 entries "
        "are wrong, the largest error is 1.5.\n- the gradient of the sum of x with respect to mu: zero everywhere.",
        "f is not right yet (on a hidden input).\n- the gradient of the penalty's sum by w: 1 of 4 entries are wrong.",
        "f is not right yet (on a hidden input).\n- loss, kl was expected; nothing came.",
        "a; b; c",
        "one\n\ntwo",
    ],
)
def test_what_the_judge_says_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize("text", ["ada", "2.5", "-", "a=b", "a-b", ""])
def test_a_cell_that_is_no_formula_stays(text: str) -> None:
    assert cell(text) == text


def test_what_cannot_be_seen_or_encoded_is_marked() -> None:
    assert clean("a\0b\u202ec\ud800d\x85") == "a\ufffdb\ufffdc?d\ufffd"
    assert clean("tab\tline\nשלום ünï") == "tab\tline\nשלום ünï"
    assert clean("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_and_pages_take_any_text(tmp_path: Path, text: str) -> None:
    one = record(
        text, text, {"f": text, text: text}, (adjustment("comment", "", 0, text),), reason=text, notes=(text,)
    )
    write_tables(tmp_path, [one])
    assert len(rows(tmp_path / "gradebook.csv")) == 2
    assert len(rows(tmp_path / "tasks.csv")) == 3
    page = feedback_html(one).encode("utf-8").decode()
    assert "<script>" not in page
    assert not {"\0", "\u202e"} & set(page)


def test_a_page_escapes_all_that_is_the_learners() -> None:
    changes = tuple(adjustment("comment", task, 0, EVIL) for task in ("", "f", "gone"))
    page = feedback_html(record(EVIL, EVIL, {"f": EVIL, "g": EVIL}, changes, reason=EVIL, notes=(EVIL,)))
    assert "<script" not in page
    assert "<img" not in page
    assert "49" not in page.replace("; ", "")
    assert page.count("&lt;script&gt;") == 9
    assert "default-src 'none'" in page


def test_a_page_shows_points_verdict_hint_and_code() -> None:
    page = feedback_html(
        record(
            verdicts=(
                TaskVerdict("f", 2, 2, "right"),
                TaskVerdict("g", 0, 1.5, "wrong", str(Verdict("wrong", "Off.", "a sign.")), "a sign."),
            ),
            answers={"g": "def g(): pass"},
        )
    )
    assert page.count("It looks like this mistake") == 1
    for text in (
        "2 <small>of 3.5",
        "0 of 1.5 points",
        "not right yet",
        "Off.",
        "</strong> a sign.",
        "def g(): pass",
    ):
        assert text in page


def test_a_page_shows_late_penalties_manual_marks_and_comments() -> None:
    changes = (
        adjustment("late", "", 0.5, "a day late"),
        adjustment("manual", "g", 1, "The idea is right."),
        adjustment("manual", "", -1, "Copied plot."),
        adjustment("comment", "", 0, "See section 3."),
    )
    page = feedback_html(record(adjustments=changes))
    for text in (
        "1.5 <small>of 3.5",
        "1 of 1.5 points",
        "Handed in late: 0.5 points taken off.",
        "a day late",
        "Marked by hand: 1 point.",
        "The idea is right.",
        "1 point taken off by hand.",
        "Copied plot.",
        "See section 3.",
        "(tutor, 2026-10-02)",
    ):
        assert text in page


@pytest.mark.parametrize(
    "name",
    [*HOSTILE, "../../etc/passwd", "..", ".", "a/b", "a\\b", "CON", "nul.txt", "ünï\ncode", "a. ", "\udcff"],
)
def test_a_page_lies_below_its_folder_whatever_the_names(tmp_path: Path, name: str) -> None:
    path = feedback_path(tmp_path, name, name)
    assert path.resolve().is_relative_to(tmp_path.resolve() / "feedback")
    assert len(path.relative_to(tmp_path).parts) == 3
    assert path.parent.name.split(".")[0].casefold() not in ("con", "nul")
    path.parent.mkdir(parents=True)
    path.touch()


def test_plain_names_stay_and_odd_ones_stay_apart(tmp_path: Path) -> None:
    assert (
        feedback_path(tmp_path, "ada.l@uni", EXERCISE) == tmp_path / "feedback" / "ada.l@uni" / f"{EXERCISE}.html"
    )
    assert safe_name("a/b") != safe_name("a:b")
    assert safe_name("\ud800") != safe_name("\ud801")


def test_nobody_can_choose_a_name_whose_file_is_anothers() -> None:
    victim = "a/b"
    assert safe_name(safe_name(victim)) != safe_name(victim)


def test_names_are_apart_where_capitals_make_no_difference() -> None:
    names = ["Ada", "ada", "bob", "ADA"]
    files = safe_names(names)
    assert len({file.casefold() for file in files.values()}) == 4
    assert files["bob"] == "bob"
