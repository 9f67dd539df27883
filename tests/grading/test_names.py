"""Names of strangers: written down, told apart, found again."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.grading.journal import JOURNAL, Journal
from course_lib.grading.journal.adjust import merge_marks
from course_lib.grading.names import meant, plain, visible, writable
from course_lib.grading.reports.formats import Request, load_format
from course_lib.grading.reports.pages import feedback_html
from course_lib.grading.reports.publish import forget_learner, publish
from course_lib.grading.reports.tables import write_tables
from course_lib.grading.results import Record, Result, TaskVerdict

VAE = "05_variational_autoencoder"
BOBS = {
    "zero-width space": "bo\u200bb",
    "zero-width joiner": "bo\u200db",
    "zero-width non-joiner": "bob\u200c",
    "word joiner": "\u2060bob",
    "byte-order mark": "\ufeffbob",
    "soft hyphen": "b\u00adob",
    "left-to-right mark": "bob\u200e",
    "right-to-left override": "\u202ebob",
    "isolate": "\u2068bob\u2069",
    "tag": "bob\U000e0041",
    "variation selector": "bob\ufe0f",
    "another variation selector": "bob\U000e0101",
    "Mongolian vowel separator": "bob\u180e",
    "grapheme joiner": "b\u034fob",
    "Hangul filler": "bob\u3164",
    "half-width filler": "bob\uffa0",
    "Braille blank": "bob\u2800",
    "invisible times": "bo\u2062b",
    "a space at the end": "bob ",
    "no-break space at the end": "bob\u00a0",
    "bell": "bob\u0007",
    "nothing assigned": "bob\U000e0fff",
    "a byte": "bob\udcff",
    "another byte": "bob\udcfe",
}


def record(learner: str) -> Record:
    return Record(
        Result(learner, VAE, "graded", (TaskVerdict("f", 1, 2, "wrong", "off"),)), {"f": "x"}, "", 1, "", ()
    )


def column(path: Path, number: int = 0) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [row[number] for row in csv.reader(file)][1:]


@pytest.mark.situation(
    "Names",
    "zero-width, tag and other characters that show nothing",
    "tables and pages show them, and no two learners look alike",
)
def test_no_two_learners_look_alike(tmp_path: Path) -> None:
    names = ["bob", *BOBS.values()]
    write_tables(tmp_path, [record(name) for name in names])
    for table in ("gradebook.csv", "tasks.csv"):
        shown = column(tmp_path / table)
        assert len(set(shown)) == len(names)
        assert shown[0] == "bob"
        for name in shown[1:]:
            assert name.isascii()
            assert name.isprintable()
            assert name == name.strip()
    assert shown[1] == "bo<U+200B>b"
    pages = {feedback_html(record(name)).partition("<bdi>")[2].partition("</bdi>")[0] for name in names}
    assert len(pages) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        "Ada Lovelace_2001", "Jürgen Groß", "شرما", "می\u200cخواهم", "علی\u200cرضا", "क्\u200dष", "ශ්\u200dරී",
        "දර්\u200dශන",
        "佐藤\u3000花子", "김민준", "Nguyễn Thị Ánh", "דָּוִד כֹּהֵן", "สมชัย ใจดี", "e\u0301", "O\u2019Brien", "a-b.c@d", "😀",
    ],
)  # fmt: skip
def test_names_as_people_have_them_stay(name: str) -> None:
    assert visible(name) == name


@pytest.mark.parametrize("name", ["رضا\u200cیی", "bo\u200cb", "می\u200c", "क\u200d"])
def test_a_joiner_that_changes_nothing_is_shown(name: str) -> None:
    assert "<U+200" in visible(name)


def test_what_is_written_down_can_be(tmp_path: Path) -> None:
    for name in BOBS.values():
        assert writable(name).encode()
    assert (writable("x\udcff.zip"), writable("a\ud83db"), writable("Jürgen")) == (
        "x\\xff.zip",
        "a\\ud83db",
        "Jürgen",
    )
    assert plain("सुनील") != plain("सुनल")
    assert plain("Nguyễn Thị-Ánh") == plain("nguyễnthịánh")


@pytest.fixture
def out(tmp_path: Path) -> Callable[..., Path]:
    """A folder of results in which these learners have been graded."""

    def make(*learners: str) -> Path:
        folder = tmp_path / "out"
        with Journal(folder / JOURNAL) as journal:
            for i, name in enumerate(learners):
                run = journal.hand_in(name, VAE, f"{i:064}", "", {})
                if run is not None:
                    journal.finish(run, record(name).result, {"f": name})
            publish(journal, folder)
        return folder

    return make


def test_a_mark_finds_the_learner_as_the_table_shows_them(out: Callable[..., Path], tmp_path: Path) -> None:
    names = ["bob", *BOBS.values(), "=eve", "می\u200cخواهم"]
    folder = out(*names)
    shown = column(folder / "gradebook.csv")
    (tmp_path / "marks.csv").write_text(
        "learner,exercise,task,points,comment\n" + "".join(f'"{name}",{VAE},f,2,seen\n' for name in shown),
        encoding="utf-8",
    )
    with Journal(folder / JOURNAL) as journal:
        assert merge_marks(journal, tmp_path / "marks.csv", "grace") == len(names)
        assert all(one.score == 2 for one in journal)
        assert meant("bo<U+200B>b", journal.learners()) == "bo\u200bb"
        forget_learner(journal, folder, "bo<U+200B>b")
        assert sorted(journal.learners()) == sorted(set(names) - {"bo\u200bb"})


def pages(folder: Path) -> dict[str, str]:
    """Each page's folder, and whose code is on it."""
    return {
        path.parent.name: path.read_text(encoding="utf-8").partition("<pre>")[2].partition("</pre>")[0]
        for path in (folder / "feedback").rglob("*.html")
    }


@pytest.mark.situation(
    "Names", "learners `Bob` and `bob`", "their pages lie apart also where capitals don't count"
)
def test_learners_who_differ_in_capitals_share_no_folder(out: Callable[..., Path]) -> None:
    assert pages(out("Bob", "ada")) == {"Bob": "Bob", "ada": "ada"}, "a plain name is the folder's"
    folder = out("Bob", "ada", "bob", "BOB")  # two more came
    found = pages(folder)
    assert sorted(found.values()) == ["BOB", "Bob", "ada", "bob"]
    assert len({name.casefold() for name in found}) == 4
    assert found["ada"] == "ada"
    assert not {"Bob", "bob", "BOB"} & set(found), "nobody's old page is left where another's could be"
    with Journal(folder / JOURNAL) as journal:
        forget_learner(journal, folder, "BOB")
        forget_learner(journal, folder, "bob")
    assert pages(folder) == {"Bob": "Bob", "ada": "ada"}


@pytest.mark.parametrize("format", ["feedback", "gradescope"])
def test_no_report_puts_two_learners_into_one_folder(tmp_path: Path, format: str) -> None:
    load_format(format).write(Request([record("Bob"), record("bob"), record("ada")], tmp_path))
    folders = [path.parent.name for path in (tmp_path / format).rglob("*.*")]
    assert len({name.casefold() for name in folders}) == 3
    assert "ada" in folders
