"""`course report`: every format from a journal, refusals in one sentence, and nothing written over."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course_lib.cli import app, report
from course_lib.grading.journal import Journal
from course_lib.grading.reports import formats
from course_lib.grading.results import Result, TaskVerdict

VAE, GAN = "05_variational_autoencoder", "07_gan"
NAMES = ("ada", "../../bob", "=cy()")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """What `course grade` leaves: a journal and a secret."""
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "out.secret").write_text("0123456789abcdef\n")
    with Journal(folder / "journal.sqlite") as journal:
        for i, name in enumerate(NAMES):
            verdicts = (TaskVerdict("f", i, 2, "right" if i == 2 else "wrong", "off"),)
            run = journal.hand_in(name, VAE, f"{i:064}", "2026-10-01T12:00:00+00:00", {})
            assert run is not None
            journal.finish(run, Result(name, VAE, "graded", verdicts, 1.0), {"f": "def f(): pass"})
    return folder


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("format", "files"),
    [
        ("csv", ["gradebook.csv", "tasks.csv"]),
        ("items", ["items.html"]),
        ("code", ["code.zip"]),
    ],
)
@pytest.mark.parametrize("pseudonyms", [[], ["--pseudonyms"]])
def test_formats_of_one_file(out: Path, format: str, files: list[str], pseudonyms: list[str]) -> None:
    code, said = run(out, "--format", format, *pseudonyms)
    assert code == 0, said
    folder = out / ("reports-pseudonyms" if pseudonyms else "reports")
    assert sorted(path.name for path in folder.iterdir()) == files
    assert not pseudonyms or b"bob" not in b"".join(path.read_bytes() for path in folder.glob("*.[ch]*"))


def test_the_autograder_is_one_file(out: Path) -> None:
    assert run(out, "--format", "gradescope-autograder")[0] == 0
    assert [path.name for path in (out / "reports").iterdir()] == ["autograder.zip"]


@pytest.mark.parametrize(("format", "ending"), [("feedback", "html"), ("gradescope", "json")])
def test_formats_of_a_file_per_submission(out: Path, format: str, ending: str) -> None:
    assert run(out, "--format", format)[0] == 0
    files = [path for path in out.rglob("*") if path.suffix == f".{ending}"]
    assert len(files) == len(NAMES)
    assert all(path.parts[-3:-2] == (format,) for path in files)
    assert not list(out.parent.glob("bob*"))
    if ending == "json":
        assert sorted(json.loads(path.read_text())["score"] for path in files) == [0, 1, 2]


def test_canvas_is_filled_and_who_is_missing_is_said(out: Path, tmp_path: Path) -> None:
    template = tmp_path / "exported.csv"
    template.write_text(
        f"Student,ID,SIS Login ID,Section,VAE (12)\nPoints Possible,,,,4\nAda,1,ada,A,\n=X,2,{NAMES[2]},A,\n"
    )
    code, said = run(out, "--format", "canvas", "--template", template, "--column", f"{VAE}=12")
    assert code == 1
    assert "canvas.csv: 2 marks" in said.replace("\n", "")
    assert "../../bob: no row" in said
    with (out / "reports" / "canvas.csv").open(newline="") as file:
        assert list(csv.reader(file))[2:] == [["Ada", "1", "ada", "A", "0"], ["=X", "2", "=cy()", "A", "4"]]
    template.write_text(template.read_text() + f"B,3,{NAMES[1]},A,\n")
    assert run(out, "--format", "canvas", "--template", template, "--column", f"{VAE}=12")[0] == 0


def test_moodle_is_filled(out: Path, tmp_path: Path) -> None:
    template = tmp_path / "worksheet.csv"
    template.write_text("Identifier,Full name,Grade,Last modified (grade)\nParticipant 1,Ada,,-\n")
    assert run(out, "--format", "moodle", "--template", template, "--to", tmp_path / "to")[0] == 1
    assert "Participant 1,Ada,0,-" in (tmp_path / "to" / "moodle.csv").read_text()


def test_the_mapping_is_written_on_demand_only(out: Path, tmp_path: Path) -> None:
    who = tmp_path / "who.csv"
    assert run(out, "--format", "csv", "--pseudonyms", "--mapping", who)[0] == 0
    pseudonym = dict(csv.reader(who.open(newline="")))["ada"]
    assert pseudonym in (out / "reports-pseudonyms" / "gradebook.csv").read_text()
    code, said = run(out, "--format", "csv", "--pseudonyms", "--mapping", who)
    assert code == 2
    assert "there already" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "canvas"], "--template"),
        (["--format", "csv", "--mapping", "who.csv"], "--pseudonyms"),
        (
            ["--format", "xml"],
            "--format must be one of canvas, code, csv, feedback, gradescope, gradescope-autograder, ",
        ),
        (["--format", "csv", "--pseudonyms", "--secret", "nowhere"], "there is no nowhere"),
        (["--format", "gradescope-autograder", "--exercise", "03_nothing"], "03_nothing.ipynb is missing"),
        (["--format", "moodle", "--template", "nowhere.csv"], "nowhere.csv"),
        (["--format", "canvas", "--pseudonyms", "--template", "nowhere.csv"], "canvas needs learners' own names"),
        (["--format", "moodle", "--pseudonyms", "--template", "nowhere.csv"], "moodle needs learners' own names"),
        (["--format", "gradescope-autograder", "--pseudonyms"], "gradescope-autograder needs learners' own names"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(out: Path, arguments: list[str], sentence: str) -> None:
    code, said = run(out, *arguments)
    assert code == 2
    assert sentence in said
    assert not (out / "reports").exists()


def test_a_format_is_one_file(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "names_only.py").write_text(
        '''"""the learners' names, a line each."""

from course_lib.grading.reports.formats import Format, Request, Written


def _write(request: Request) -> Written:
    request.folder.mkdir()
    (request.folder / "names.txt").write_text("\\n".join(record.learner for record in request.records))
    return Written(request.folder, "names.txt")


FORMAT = Format(_write, frozenset({"names"}))
'''
    )
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    assert "names-only" in formats.format_names()
    monkeypatch.setattr(report, "FORMATS", dict.fromkeys(formats.format_names()))
    code, output = run(out, "--format", "names-only")
    assert (code, "names.txt" in output) == (0, True)
    assert set((out / "reports" / "names.txt").read_text().split("\n")) == set(NAMES)
    assert run(out, "--format", "names-only", "--pseudonyms")[0] == 2


def test_the_help_names_every_format_and_what_it_gives() -> None:
    assert list(report.FORMATS) == formats.format_names()
    assert all(text.endswith(".") for text in report.FORMATS.values())
    code, output = run("--help")
    assert code == 0
    for name, text in report.FORMATS.items():
        assert f"{name}: {text.split()[0]}" in output
        assert formats.load_format(name).write


def test_a_folder_without_a_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    code, said = run(tmp_path, "--format", "csv")
    assert code == 2
    assert "there is no" in said
    assert not list(tmp_path.iterdir())
    (tmp_path / "journal.sqlite").write_bytes(b"no journal at all" * 100)
    assert run(tmp_path, "--format", "csv")[0] == 2
