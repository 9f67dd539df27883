"""Tables and pages: right numbers, safe names, and nothing of a learner's that a browser or spreadsheet would run."""

import csv
from pathlib import Path

import pytest

from course_lib.grading.report import feedback_html, feedback_path, write_tables
from course_lib.grading.results import Result, TaskVerdict
from course_lib.grading.submissions import find_submissions

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>&amp;"
EXERCISE = "05_variational_autoencoder"


def result(learner: str = "ada", message: str = "", **changes) -> Result:
    verdicts = (TaskVerdict("f", 2, 2, "right"), TaskVerdict("g", 0, 1.5, "wrong", message))
    return Result(learner, changes.pop("exercise", EXERCISE), changes.pop("status", "graded"), verdicts, **changes)


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_tables_hold_a_row_per_submission_and_per_task(tmp_path: Path) -> None:
    unknown = Result("bob", "", "rejected", (), reason="The file is empty.")
    write_tables(tmp_path, [result(message="line\nbreak", seconds=3.21), unknown])
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


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_a_table_is_a_formula(tmp_path: Path, start: str) -> None:
    write_tables(tmp_path, [result(learner=start, message=start)])
    assert rows(tmp_path / "gradebook.csv")[1][0] == "'" + start
    assert rows(tmp_path / "tasks.csv")[2][-1] == "'" + start


def test_a_page_escapes_all_that_is_the_learners() -> None:
    page = feedback_html(result(EVIL, EVIL, reason=EVIL, notes=(EVIL,)), {"f": EVIL, "g": EVIL})
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") == 6
    assert "default-src 'none'" in page


def test_a_page_shows_points_verdict_hint_and_code() -> None:
    page = feedback_html(result(message="Off.\n\nIt looks like this mistake: a sign."), {"g": "def g(): pass"})
    for text in (
        "2 <small>of 3.5",
        "0 of 1.5 points",
        "not right yet",
        "Off.",
        "</strong> a sign.",
        "def g(): pass",
    ):
        assert text in page


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", ".", "", "a/b", "a\\b", "CON\0", "x" * 300, "ünï\ncode", "a. "]
)
def test_a_page_lies_below_its_folder_whatever_the_names(tmp_path: Path, name: str) -> None:
    path = feedback_path(tmp_path, result(learner=name, exercise=name))
    assert path.resolve().is_relative_to(tmp_path.resolve() / "feedback")
    assert len(path.relative_to(tmp_path).parts) == 3
    path.parent.mkdir(parents=True)
    path.touch()


def test_plain_names_stay_and_odd_ones_stay_apart(tmp_path: Path) -> None:
    assert feedback_path(tmp_path, result("ada.l@uni")) == tmp_path / "feedback" / "ada.l@uni" / f"{EXERCISE}.html"
    assert feedback_path(tmp_path, result("a/b")) != feedback_path(tmp_path, result("a:b"))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")


def found(folder: Path, out: Path | None = None) -> list[tuple[str, str, str]]:
    return [(s.learner, s.exercise, s.problem) for s in find_submissions(folder, out)]


def test_both_layouts_are_found(tmp_path: Path) -> None:
    touch(
        tmp_path,
        f"ada/{EXERCISE}/{EXERCISE}.ipynb",
        f"ada/{EXERCISE}/scratch.ipynb",
        f"ada/{EXERCISE}/.ipynb_checkpoints/{EXERCISE}.ipynb",
        "bob/week3/answers.ipynb",
        f"cy/{EXERCISE}.ipynb",
        f"dee__{EXERCISE}.ipynb",
        "eve.ipynb",
        "notes.txt",
        ".hidden.ipynb",
        f"out/zoe/{EXERCISE}.ipynb",
    )
    assert found(tmp_path, tmp_path / "out") == [
        ("ada", EXERCISE, ""),
        ("bob", "", ""),
        ("cy", EXERCISE, ""),
        ("dee", EXERCISE, ""),
        ("eve", "", ""),
    ]


def test_what_cannot_be_graded_is_found_with_a_reason(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.touch()
    folder = tmp_path / "in"
    touch(
        folder,
        f"ada/{EXERCISE}/a.ipynb",
        f"ada/{EXERCISE}/b.ipynb",
        f"cy/{EXERCISE}.ipynb",
        f"cy__{EXERCISE}.ipynb",
    )
    (folder / "bob" / EXERCISE).mkdir(parents=True)
    (folder / "dee.ipynb").symlink_to(secret)
    (folder / "eve" / EXERCISE).mkdir(parents=True)
    (folder / "eve" / EXERCISE / f"{EXERCISE}.ipynb").symlink_to(secret)
    problems = {learner: problem for learner, _, problem in found(folder)}
    assert "2 notebooks; one of them should be called" in problems["ada"]
    assert "There is no notebook" in problems["bob"]
    assert "two notebooks for one exercise" in problems["cy"]
    assert "a link" in problems["dee"]
    assert problems["eve"]


def test_a_folder_without_notebooks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no notebook in"):
        find_submissions(tmp_path)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        find_submissions(tmp_path / "nowhere")
