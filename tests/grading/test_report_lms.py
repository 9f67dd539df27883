"""Marks for Canvas and Moodle: the tables they export, with the right cells filled and nothing else changed."""

import csv
import io
import unicodedata
from pathlib import Path

import pytest

from course_lib.grading.intake.lms_names import FileNames
from course_lib.grading.reports.formats.canvas import fill_canvas
from course_lib.grading.reports.formats.moodle import fill_moodle
from course_lib.grading.results import Adjustment, Record, Result, TaskVerdict

VAE, GAN = "05_variational_autoencoder", "07_gan"
# as lib/gradebook_exporter.rb of Canvas writes it: a row on posting, one with the points, then the learners
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Notes,Quiz 1 (11),05 Variational Autoencoder (12),Exercise 07 GAN (13),\
Final Score
,,,,,,,Manual Posting,,
    Points Possible,,,,,,10.00,7.00,100.00,(read only)
"Lovelace, Ada",101,u1,ada,A,,-3,,,12
"Noether, Emmy",102,u2,emmy@uni.edu,A,,4,1.00,EX,13
"Turing, Alan",103,u3,alan,B,,5,2.00,N/A,14
"Student, Test",104,,,B,,,,,
"""
MOODLE = """\
\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 2001","Ada Lovelace",ada@uni.edu,"Submitted for grading",,100.00,Yes,"Monday, 5 October 2026, 10:00 AM",-,
"Participant 2002","Emmy Noether",emmy@uni.edu,"Submitted for grading",,100.00,Yes,-,-,
"Participant 2003","Alan Turing",alan@uni.edu,"No submission",12.00,100.00,No,-,-,kept
"""


def record(
    learner: str, exercise: str = VAE, points: float = 2, status: str = "graded", *adjustments: Adjustment
) -> Record:
    verdicts = (TaskVerdict("f", points, 2, "right"), TaskVerdict("g", 0, 1.5, "wrong", "<script>learner's text"))
    return Record(Result(learner, exercise, status, verdicts), {}, "", 1, "", adjustments)


def template(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "exported.csv"
    path.write_text(text, encoding="utf-8")
    return path


def table(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def test_canvas_gets_who_it_is_and_the_filled_columns(tmp_path: Path) -> None:
    records = [record("ada"), record("emmy@uni.edu"), record("ada", GAN, 1), record("emmy@uni.edu", GAN, 1)]
    filled = fill_canvas(template(tmp_path, CANVAS), records)
    assert filled.rows == table(
        """\
Student,ID,SIS User ID,SIS Login ID,Section,05 Variational Autoencoder (12),Exercise 07 GAN (13)
,,,,,Manual Posting,
    Points Possible,,,,,7.00,100.00
"Lovelace, Ada",101,u1,ada,A,4,28.57
"Noether, Emmy",102,u2,emmy@uni.edu,A,4,EX
"Turing, Alan",103,u3,alan,B,2.00,N/A
"Student, Test",104,,,B,,
"""
    )  # 2 of 3.5 is 4 of 7; 1 of 3.5 is 28.57 of 100; excused stays; who handed in nothing keeps the mark
    assert (filled.count, filled.left_out) == (3, ())


@pytest.mark.parametrize("name", ["101", "u1", "ADA", "lovelaceada_101", "Ada Lovelace", "Lovelace, Ada"])
def test_canvas_knows_a_learner_by_identifier_or_name(tmp_path: Path, name: str) -> None:
    filled = fill_canvas(template(tmp_path, CANVAS), [record(name)])
    assert filled.rows[3][-1] == "4"


PEOPLE = {  # as in the gradebook, and as the download of the same Canvas writes it
    "Devanagari": ("शर्मा, अनिल", "शर्माअनिल_101"),
    "Arabic with vowels": ("عَلِي, مُحَمَّد", "عَلِيمُحَمَّد_101"),
    "Persian": ("رضایی, علی\u200cرضا", "رضاییعلیرضا_101"),
    "Hebrew with points": ("כֹּהֵן, דָּוִד", "כֹּהֵןדָּוִד_101"),
    "Thai": ("ใจดี, สมชัย", "ใจดีสมชัย_101"),
    "Vietnamese, taken apart": ("Nguyễn, Thị Ánh", unicodedata.normalize("NFD", "nguyễnthịánh_101")),
    "Hangul, taken apart": ("김, 민준", unicodedata.normalize("NFD", "김민준_101")),
    "Turkish": ("İnce, İlker", "i\u0307ncei\u0307lker_101"),
    "German": ("Groß-Weiß, Jürgen", "großweißjürgen_101"),
    "Irish": ("O\u2019Brien, Seán", "obrienseán_101"),
    "Chinese": ("王, 小明", "王小明_101"),
}


@pytest.mark.situation("Canvas", "a learner's name in any script, in the exported gradebook", "the row is found")
@pytest.mark.parametrize(("listed", "learner"), PEOPLE.values(), ids=PEOPLE)
def test_canvas_names_in_every_script_find_their_row(tmp_path: Path, listed: str, learner: str) -> None:
    filled = fill_canvas(template(tmp_path, CANVAS.replace("Lovelace, Ada", listed)), [record(learner)])
    assert [row[-1] for row in filled.rows[3:]] == ["4", "1.00", "2.00", ""]


def test_names_that_differ_in_vowel_signs_are_two(tmp_path: Path) -> None:
    two = CANVAS.replace("Lovelace, Ada", "सुनील").replace("Noether, Emmy", "सुनल")
    filled = fill_canvas(template(tmp_path, two), [record("सुनील"), record("सुनल", points=0)])
    assert [row[-1] for row in filled.rows[3:5]] == ["4", "0"]
    with pytest.raises(ValueError, match="no learner"):
        fill_canvas(template(tmp_path, two), [record("सुनील_102")])


@pytest.mark.parametrize("name", ["lovelaceada_102", "someone_101", "lovelace", "", "???", "104x"])
def test_nobody_gets_anothers_row(tmp_path: Path, name: str) -> None:
    filled = fill_canvas(template(tmp_path, CANVAS), [record(name), record("emmy@uni.edu")])
    assert [row[-1] for row in filled.rows[3:]] == ["", "4", "2.00", ""]
    assert len(filled.left_out) == 1


def test_two_learners_of_one_row_get_nothing(tmp_path: Path) -> None:
    filled = fill_canvas(template(tmp_path, CANVAS), [record("ada"), record("u1"), record("alan")])
    assert filled.rows[3][-1] == ""
    assert [reason for reason in filled.left_out if "same row" in reason] == [
        "ada: means the same row as another learner",
        "u1: means the same row as another learner",
    ]


def test_two_learners_of_one_name_are_told_apart_by_their_numbers_only(tmp_path: Path) -> None:
    twins = CANVAS.replace('"Turing, Alan",103', '"Lovelace, Ada",103')
    filled = fill_canvas(template(tmp_path, twins), [record("lovelaceada_103"), record("Ada Lovelace", points=0)])
    assert [row[-1] for row in filled.rows[3:]] == ["", "1.00", "4", ""]
    assert filled.left_out == ("Ada Lovelace: several rows of that name",)


def test_a_fault_of_the_grader_gives_no_mark(tmp_path: Path) -> None:
    records = [record("ada"), record("alan", VAE, 0, "failed"), record("emmy@uni.edu", "", 0, "rejected")]
    filled = fill_canvas(template(tmp_path, CANVAS), records)
    assert [row[-1] for row in filled.rows[3:]] == ["4", "1.00", "2.00", ""]
    assert len(filled.left_out) == 2


def test_late_penalties_and_manual_marks_reach_the_platform(tmp_path: Path) -> None:
    changes = (Adjustment("late", "", 0.5, "", "prof", ""), Adjustment("manual", "g", 1.5, "", "prof", ""))
    filled = fill_canvas(template(tmp_path, CANVAS), [record("ada", VAE, 2, "graded", *changes)])
    assert filled.rows[3][-1] == "6"  # (2 + 1.5 - 0.5) of 3.5, on a scale of 7


def test_a_column_of_another_name_is_named(tmp_path: Path) -> None:
    for column in ("Quiz 1", "quiz 1 (11)", "11"):
        filled = fill_canvas(template(tmp_path, CANVAS), [record("ada", GAN)], {GAN: column})
        assert filled.rows[0][-1] == "Quiz 1 (11)"
        assert filled.rows[3][-1] == "5.71"  # 2 of 3.5, of 10
    for column, exercise in (("Quiz 2", GAN), ("Final Score", GAN), ("Notes", GAN), ("Quiz 1", "03_nothing")):
        with pytest.raises(ValueError, match=r"[tT]here are"):
            fill_canvas(template(tmp_path, CANVAS), [record("ada", GAN)], {exercise: column})


def test_two_columns_of_one_title_need_the_id(tmp_path: Path) -> None:
    twice = CANVAS.replace("Quiz 1 (11)", "05 variational autoencoder (11)")
    with pytest.raises(ValueError, match="2 columns are called"):
        fill_canvas(template(tmp_path, twice), [record("ada")])


def test_canvas_tables_with_semicolons_commas_and_two_names(tmp_path: Path) -> None:
    german = """\
LastName;FirstName;ID;SIS Login ID;Section;05 Variational Autoencoder (12)
    Points Possible;;;;;7,00
Lovelace;Ada;101;ada;A;
"""
    filled = fill_canvas(template(tmp_path, german), [record("lovelaceada_101", points=1)])
    assert filled.sheet.delimiter == ";"
    assert filled.rows[2] == ["Lovelace", "Ada", "101", "ada", "A", "2"]
    assert fill_canvas(template(tmp_path, german), [record("ada", points=1.1)]).rows[2][-1] == "2,2"


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", "Student,ID,Section\n"])
def test_what_is_no_table_of_canvas_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"exported\.csv|no column|none of"):
        fill_canvas(template(tmp_path, text), [record("ada")])


def test_pseudonyms_find_no_row(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without pseudonyms"):
        fill_canvas(template(tmp_path, CANVAS), [record("learner-abcdefghijkl")])


def test_moodle_gets_its_whole_worksheet_back(tmp_path: Path) -> None:
    changes = (
        Adjustment("late", "", 0.5, "a day", "prof", ""),
        Adjustment("comment", "g", 0, "mind < and >", "prof", ""),
    )
    records = [record("Ada Lovelace_2001", VAE, 2, "graded", *changes), record("emmy@uni.edu"), record("2003x")]
    filled = fill_moodle(template(tmp_path, MOODLE), records)
    before = table(MOODLE.removeprefix("\ufeff"))
    assert [row[:4] + row[5:9] for row in filled.rows] == [row[:4] + row[5:9] for row in before]
    assert [row[4] for row in filled.rows] == ["Grade", "42.86", "57.14", "12.00"]  # 1.5 and 2 of 3.5, of 100
    assert filled.rows[1][9] == (
        "f: 2 of 2<br>g: 0 of 1.5<br>handed in late: 0.5 taken off<br>a day<br>g: mind &lt; and &gt;"
    )
    assert "script" not in str(filled.rows)
    assert (filled.count, filled.left_out) == (2, ("2003x: no row of that name",))


BLIND = """\
Identifier,Status,Grade,"Maximum Grade","Grade can be changed","Last modified (grade)","Feedback comments"
"Participant 2001","Submitted for grading",,100.00,Yes,-,
"Participant 2002","Submitted for grading",,100.00,Yes,-,
"Teilnehmer/in2003","Submitted for grading",,100.00,Yes,-,
"""


@pytest.mark.situation(
    "Moodle",
    "anonymous marking: folders and rows with a participant's number and no name",
    "the number tells the row",
)
@pytest.mark.parametrize(
    ("number", "folder"),
    [
        (1, "Participant_2001_assignsubmission_file"),
        (1, "Participant_2001_assignsubmission_file_"),
        (1, "Group A-Participant_2001_assignsubmission_file"),
        (2, "Участник_2002_assignsubmission_file"),
        (2, "参加者_2002_assignsubmission_file"),
        (3, "Teilnehmerin_2003_assignsubmission_file"),
    ],
)
def test_moodle_anonymous_rows_are_found_by_their_number(tmp_path: Path, number: int, folder: str) -> None:
    told = FileNames([VAE]).downloaded(folder)
    assert told is not None
    filled = fill_moodle(template(tmp_path, BLIND), [record(told.learner)])
    assert [i for i, row in enumerate(filled.rows) if row[2] == "57.14"] == [number]
    assert filled.left_out == ()


@pytest.mark.situation("Moodle", "somebody whose name was changed since the download", "the number tells the row")
@pytest.mark.parametrize("learner", ["Ada Byron_2001", "Группа 1-Ada King_2001", "עדה_2001"])
def test_moodle_a_renamed_person_keeps_the_row(tmp_path: Path, learner: str) -> None:
    filled = fill_moodle(template(tmp_path, MOODLE), [record(learner), record("Emmy Noether_2002", points=0)])
    assert [row[4] for row in filled.rows[1:]] == ["57.14", "0", "12.00"]


@pytest.mark.parametrize("learner", ["Emmy Noether_2001", "Ada Lovelace_2999", "2001", "x2001", "_2001"])
def test_moodle_a_number_with_anothers_name_is_nobodys(tmp_path: Path, learner: str) -> None:
    filled = fill_moodle(template(tmp_path, MOODLE), [record(learner), record("Emmy Noether_2002", points=0)])
    assert [row[4] for row in filled.rows[1:]] == ["", "0", "12.00"]
    assert len(filled.left_out) == 1


TEAMS = """\
Identifier,"Full name",Group,Grade,"Maximum Grade","Grade can be changed","Last modified (grade)"
"Participant 2001","Ada Lovelace","Team Ω, die Großen",,100.00,Yes,-
"Participant 2002","Emmy Noether","Team Ω, die Großen",,100.00,Yes,-
"Participant 2003","Alan Turing",Team 2,3.00,100.00,No,-
"Participant 2004","Grace Hopper",Team 2,,100.00,Yes,-
"Participant 2005","Sofja Kowalewskaja",Default group,,100.00,Yes,-
"""


@pytest.mark.situation("Moodle", "a team's submission", "each member gets the mark, or the screen says what to do")
def test_moodle_a_teams_mark_is_each_members(tmp_path: Path) -> None:
    teams = [record("Team Ω, die Großen_31"), record("Team 2_32", points=0), record("Default group", points=1)]
    filled = fill_moodle(template(tmp_path, TEAMS), teams)
    assert [row[3] for row in filled.rows[1:]] == ["57.14", "57.14", "3.00", "0", "28.57"]
    assert (filled.count, len(filled.left_out)) == (4, 1), "Turing's grade is locked"
    both = fill_moodle(template(tmp_path, TEAMS), [*teams, record("Ada Lovelace_2001")])
    assert [row[3] for row in both.rows[1:3]] == ["", "57.14"], "Lovelace also handed in alone"
    without = fill_moodle(template(tmp_path, MOODLE), [record("Team 2_32"), record("Ada Lovelace_2001")])
    assert [row[4] for row in without.rows[1:]] == ["57.14", "", "12.00"]
    assert "no column Group" in without.left_out[0]
    assert "apply it to the entire group" in without.left_out[0]


@pytest.mark.situation(
    "Canvas",
    "a group's file, or somebody renamed: the number is there with another name",
    "the screen says whose row it is",
)
def test_canvas_a_number_with_another_name_is_told(tmp_path: Path) -> None:
    filled = fill_canvas(template(tmp_path, CANVAS), [record("teamseven_101"), record("alan")])
    assert [row[-1] for row in filled.rows[3:]] == ["", "1.00", "4", ""]
    assert "teamseven_101: the row with its number has another name, Lovelace, Ada." in filled.left_out[0]


def test_moodle_keeps_a_grade_that_is_locked(tmp_path: Path) -> None:
    filled = fill_moodle(template(tmp_path, MOODLE), [record("Alan Turing"), record("ada@uni.edu")])
    assert filled.rows[3][4:] == table(MOODLE)[3][4:]
    assert len(filled.left_out) == 1


def test_a_worksheet_is_for_one_exercise(tmp_path: Path) -> None:
    records = [record("Ada Lovelace"), record("Ada Lovelace", GAN, 0)]
    with pytest.raises(ValueError, match=f"{VAE}, {GAN}"):
        fill_moodle(template(tmp_path, MOODLE), records)
    assert fill_moodle(template(tmp_path, MOODLE), records, GAN).rows[1][4] == "0"
    with pytest.raises(ValueError, match="Identifier"):
        fill_moodle(template(tmp_path, CANVAS), records, GAN)
