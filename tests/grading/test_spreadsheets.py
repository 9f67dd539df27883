"""Tables as spreadsheets save them: read in any encoding that can be known, and given back as they were."""

import codecs
import csv
import io
from pathlib import Path

import pytest

from course_lib.grading.journal import Journal
from course_lib.grading.journal.adjust import merge_marks, read_due
from course_lib.grading.reports.formats.canvas import fill_canvas
from course_lib.grading.reports.formats.moodle import fill_moodle
from course_lib.grading.reports.lms import write_filled
from course_lib.grading.reports.pseudonyms import write_mapping
from course_lib.grading.reports.tables import write_tables
from course_lib.grading.results import Record, Result, TaskVerdict
from course_lib.grading.spreadsheets import read_sheet

VAE = "05_variational_autoencoder"
LEARNERS = ("Jürgen Groß", "शर्मा अनिल", "דוד כהן", "王小明", "Nguyễn Thị Ánh")


def record(learner: str, points: float = 2) -> Record:
    verdicts = (TaskVerdict("f", points, 2, "right"), TaskVerdict("g", 0, 2, "wrong", "off"))
    return Record(Result(learner, VAE, "graded", verdicts), {}, "", 1, "", ())


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "journal.sqlite")
    for i, name in enumerate(LEARNERS):
        run = journal.hand_in(name, VAE, f"{i:064}", "", {})
        assert run is not None
        journal.finish(run, record(name).result, {})
    return journal


SAVED = {  # how a spreadsheet saves a table: delimiter, encoding, and what stands before it
    "Excel, CSV UTF-8": (",", "utf-8-sig", ""),
    "Excel in Germany, CSV UTF-8": (";", "utf-8-sig", ""),
    "Excel, Unicode Text": ("\t", "utf-16", ""),
    "Numbers, UTF-16 big-endian": (",", "utf-16-be", "\ufeff"),
    "Google Sheets": (",", "utf-8", ""),
    "UTF-16 without a mark": (";", "utf-16-le", ""),
    "big-endian without a mark": ("\t", "utf-16-be", ""),
    "with Excel's hint": (";", "utf-8", "sep=;\r\n"),
}


def saved(path: Path, rows: list[list[str]], delimiter: str, encoding: str, before: str, newline="\r\n") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    path.write_bytes((before + text.getvalue()).encode(encoding))
    return path


@pytest.mark.situation(
    "Spreadsheets",
    "marks, due dates and exports in UTF-8 or UTF-16, with commas, semicolons or tabs",
    "they are read",
)
@pytest.mark.parametrize("how", SAVED.values(), ids=SAVED)
def test_marks_are_read_as_a_spreadsheet_saved_them(journal: Journal, tmp_path: Path, how: tuple) -> None:
    half = "0.5" if how[0] == "," else "0,5"
    rows = [["learner", "exercise", "task", "points", "comment"]]
    rows += [[name, VAE, "f", half, f"«{name}», gut; aber\tnicht\nganz"] for name in LEARNERS]
    rows += [[""] * 5, [" "] * 5]
    with journal:
        assert merge_marks(journal, saved(tmp_path / "marks.csv", rows, *how), "grace") == len(LEARNERS)
        for one in journal:
            assert one.points["f"] == 0.5
            assert one.adjustments[0].comment == f"«{one.learner}», gut; aber\tnicht\nganz"


@pytest.mark.parametrize("how", SAVED.values(), ids=SAVED)
def test_due_dates_are_read_as_a_spreadsheet_saved_them(tmp_path: Path, how: tuple) -> None:
    rows = [["exercise", "due", "Bemerkung für später"], [VAE, "2026-10-31T18:00Z", "größte Gruppe"]]
    assert read_due(str(saved(tmp_path / "due.csv", rows, *how)))[VAE].isoformat() == "2026-10-31T18:00:00+00:00"


@pytest.mark.parametrize("how", SAVED.values(), ids=SAVED)
def test_an_export_is_filled_as_a_spreadsheet_saved_it(tmp_path: Path, how: tuple) -> None:
    rows = [["Student", "ID", "SIS Login ID", "Section", f"{VAE} (12)"], ["    Points Possible", "", "", "", "8"]]
    rows += [[name, str(i), f"u{i}", "Gruppe Ä", ""] for i, name in enumerate(LEARNERS, 1)]
    filled = fill_canvas(saved(tmp_path / "exported.csv", rows, *how), [record(name) for name in LEARNERS])
    assert [row[-1] for row in filled.rows[2:]] == ["4"] * len(LEARNERS)
    write_filled(tmp_path / "canvas.csv", filled)
    again = read_sheet(tmp_path / "canvas.csv")
    assert [row[0] for row in again.rows[2:]] == list(LEARNERS), "in UTF-8, which Canvas takes"


UNKNOWN = {
    "Excel, CSV, Western Europe": "Jürgen Groß".encode("cp1252"),
    "Excel, CSV, Poland": "Łukasz Wałęsa".encode("cp1250"),
    "Excel, CSV, Russia": "Анна Каренина".encode("cp1251"),
    "Excel, CSV, Israel": "דוד כהן".encode("cp1255"),
    "Excel, CSV, Japan": "佐藤花子".encode("cp932"),
    "Excel, CSV, China": "王小明".encode("gbk"),
    "Excel, CSV, Macintosh": "Jürgen Groß".encode("mac-roman"),
}


@pytest.mark.situation(
    "Spreadsheets",
    "a table in a code page of Windows, or a workbook",
    "one sentence names the file, the line, and what to do",
)
@pytest.mark.parametrize("name", UNKNOWN.values(), ids=UNKNOWN)
def test_an_encoding_that_nobody_can_know_is_refused_in_a_sentence(
    journal: Journal, tmp_path: Path, name: bytes
) -> None:
    head = {
        "marks": b"learner,exercise,task,points,comment",
        "due": b"exercise,due,comment",
        "canvas": f"Student,ID,Section,{VAE} (12)".encode(),
        "moodle": b"Identifier,Full name,Grade,Last modified (grade)",
    }
    for kind, first in head.items():
        table = tmp_path / f"{kind}.csv"
        table.write_bytes(first + b"\r\nx,y,z\r\n" + name + b",a,f,1,\r\n")
        read = {
            "marks": lambda table=table: merge_marks(journal, table, "grace"),
            "due": lambda table=table: read_due(str(table)),
            "canvas": lambda table=table: fill_canvas(table, [record("a")]),
            "moodle": lambda table=table: fill_moodle(table, [record("a")]),
        }[kind]
        with pytest.raises(ValueError, match=rf"{kind}\.csv is neither .* line 3.*CSV UTF-8") as refused:
            read()
        assert "codec" not in str(refused.value)


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00\x06\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_workbook_is_called_one(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "marks.csv").write_bytes(start + bytes(range(256)))
    with pytest.raises(ValueError, match=r"marks\.csv is a workbook.*CSV UTF-8"):
        read_sheet(tmp_path / "marks.csv")


RAW = (  # cells as platforms and people write them
    "-2 for style", "=SUM(A1:A3)", "+49 30 1234", "@home", '"Lovelace, Ada"', '"said ""yes"""', '"two\nlines"', '""',
    "\u200eדוד כהן\u200f", "\u2068علی\u2069", "\u202aAda\u202c", "می\u200cخواهم", "a\u00a0b", " padded ", "'tis",
    '5" disk', "0012", '"1,5"', "\ufffd", "\u0007", "e\u0301",
)  # fmt: skip


@pytest.mark.situation(
    "Spreadsheets",
    "cells of an export that aren't filled in: minus signs, formulas, direction marks, quotes",
    "they come back byte for byte",
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "marked"])
def test_what_is_not_filled_in_comes_back_byte_for_byte(tmp_path: Path, newline: str, mark: bytes) -> None:
    lines = ['Identifier,"Full name",Grade,"Last modified (grade)","Feedback comments"']
    lines += [f'"Participant {i}",{raw},,"-",{raw}' for i, raw in enumerate(RAW, 1)]
    lines += ['"Participant 99",Ada,,"Monday, 5 October 2026, 10:00 AM",']
    table = tmp_path / "worksheet.csv"
    table.write_bytes(mark + newline.join([*lines, ""]).encode())
    write_filled(tmp_path / "moodle.csv", fill_moodle(table, [record("Participant_99")]))
    expected = table.read_bytes().replace(
        b'99",Ada,,"Monday, 5 October 2026, 10:00 AM",',
        b'99",Ada,2,"Monday, 5 October 2026, 10:00 AM",f: 2 of 2<br>g: 0 of 2',
    )
    assert (tmp_path / "moodle.csv").read_bytes() == expected
    canvas = tmp_path / "exported.csv"
    lines = [
        f"Student,ID,Section,Notes,{VAE} (12)",
        *(f"{raw},{i},A,x,{raw}" for i, raw in enumerate(RAW, 1)),
        "Ada,99,A,,",
    ]
    canvas.write_bytes(mark + newline.join([*lines, ""]).encode())
    write_filled(tmp_path / "canvas.csv", fill_canvas(canvas, [record("99")]))
    kept = [line.replace(",x,", ",").replace("Notes,", "") for line in lines[:-1]]
    assert (tmp_path / "canvas.csv").read_bytes() == mark + newline.join([*kept, "Ada,99,A,2", ""]).encode()


def test_what_is_filled_in_is_no_formula(tmp_path: Path) -> None:
    from course_lib.grading.results import Adjustment

    (tmp_path / "w.csv").write_text(
        "Identifier,Grade,Last modified (grade),Feedback comments\nParticipant 9,,-,\n"
    )
    one = Record(
        Result("Participant_9", VAE, "graded", ()), {}, "", 1, "", (Adjustment("comment", "", 0, "=1+1", "", ""),)
    )
    assert fill_moodle(tmp_path / "w.csv", [one], VAE).rows[1][-1] == "'=1+1"


def test_cells_are_those_that_the_csv_module_reads(tmp_path: Path) -> None:
    for text in (
        'a,b\n1,"2\n3"\n',
        'a,b\r\n"x ""y"" z",\r\n',
        "a,b",
        'a,b\n"",""\n',
        "a,b\n,\nc",
        '"a"b,c\n',
        "a;b\n1;2\n",
    ):
        (tmp_path / "t.csv").write_bytes(text.encode())
        sheet = read_sheet(tmp_path / "t.csv")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sheet.delimiter)
        expected = [(reader.line_num, row) for row in reader if any(row)]
        assert list(zip(sheet.lines, sheet.rows, strict=True)) == expected


@pytest.mark.situation(
    "Spreadsheets", "our own tables with names that aren't ASCII", "a spreadsheet shows the names as they are"
)
def test_our_own_tables_bear_the_mark_that_a_spreadsheet_needs(tmp_path: Path) -> None:
    """Excel takes a table without it for one in the code page of the country."""
    write_tables(tmp_path, [record(name) for name in LEARNERS])
    write_mapping(tmp_path / "who.csv", [record(name) for name in LEARNERS], b"k" * 32)
    for name in ("gradebook.csv", "tasks.csv", "who.csv"):
        data = (tmp_path / name).read_bytes()
        assert data.startswith(codecs.BOM_UTF8)
        assert data.count(codecs.BOM_UTF8) == 1
        assert {row[0] for row in read_sheet(tmp_path / name).rows[1:]} == set(LEARNERS)
    write_tables(tmp_path, [record("ada"), record("bob")])
    write_mapping(tmp_path / "ascii.csv", [record("ada")], b"k" * 32)
    for name in ("gradebook.csv", "tasks.csv", "ascii.csv"):
        assert (tmp_path / name).read_bytes().startswith(b"learner,"), "as ever"


def test_gradebook_can_be_taken_for_marks(journal: Journal, tmp_path: Path) -> None:
    """A tutor adds two columns to our own table and saves it in Excel."""
    with journal:
        write_tables(tmp_path, journal.records())
        rows = [list(row) for row in read_sheet(tmp_path / "tasks.csv").rows]
        rows[0] = [*rows[0], "comment"]
        for row in rows[1:]:
            row.append("seen")
        table = saved(tmp_path / "edited.csv", rows, "\t", "utf-16", "")
        assert merge_marks(journal, table, "grace") == 2 * len(LEARNERS)
