"""Gradescope, code for JPlag and Dolos, pseudonyms: what these systems document, and no name where none should be."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from course_lib.grading.reports.formats.code import write_code
from course_lib.grading.reports.formats.gradescope import results_json
from course_lib.grading.reports.formats.gradescope_autograder import write_autograder
from course_lib.grading.reports.items import items_html
from course_lib.grading.reports.pages import feedback_html
from course_lib.grading.reports.pseudonyms import pseudonymise, write_mapping
from course_lib.grading.reports.tables import write_tables
from course_lib.grading.results import Adjustment, Record, Result, TaskVerdict

ROOT = Path(__file__).parents[2]
VAE = "05_variational_autoencoder"
KEY = b"k" * 32
HOSTILE = [
    "<script>",
    "=cmd()",
    "../../x",
    "/abs",
    "x" * 10_000,
    "\u202ex",
    "a\0b",
    "\ud800",
    "a/b",
    "a:b",
    "-rf",
    "Ada",
    "ada",
]


def record(learner: str = "ada", message: str = "", code: str = "def f(): pass", **changes) -> Record:
    adjustments, untouched = changes.pop("adjustments", ()), changes.pop("answers", {})
    verdicts = (TaskVerdict("f", 2, 2, "right"), TaskVerdict("g", 0, 1.5, "wrong", message))
    verdicts += tuple(TaskVerdict(task, 0, 1, "untouched") for task in untouched)
    result = Result(learner, VAE, "graded", verdicts, **changes)
    return Record(result, {"f": code} | untouched, "ab" * 32, 2, "2026-10-01T12:00:00+00:00", adjustments)


def test_results_json_holds_the_documented_fields() -> None:
    late = Adjustment("late", "", 0.5, "a day late", "prof", "2026-10-02T00:00:00+00:00")
    manual = Adjustment("manual", "g", 1, "nearly", "prof", "2026-10-02T00:00:00+00:00")
    results = json.loads(
        results_json(record(message="off", seconds=3.21, notes=("a note",), adjustments=(late, manual)))
    )
    tests = results.pop("tests")
    assert results == {
        "score": 2.5,
        "execution_time": 3.2,
        "output": "a note\nHanded in late: 0.5 points taken off. a day late\ng: Marked by hand: 1 point. nearly",
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
    }
    names = ("name", "number", "score", "max_score", "status", "output", "visibility")
    assert tests == [
        dict(zip(names, ("f", "1", 2, 2, "passed", "", "visible"), strict=True)),
        dict(zip(names, ("g", "2", 1, 1.5, "failed", "off", "visible"), strict=True)),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_results_json_takes_any_text(text: str) -> None:
    results = json.loads(results_json(record(text, text, notes=(text,))).encode("utf-8"))
    assert "\0" not in results["output"]
    assert len(results["tests"][1]["output"]) <= 20_000


def test_the_autograder_zip_is_as_gradescope_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "autograder.zip"
    write_autograder(path, ROOT, b"0123456789abcdef", VAE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert {"setup.sh", "run_autograder", "pyproject.toml", f"solutions/{VAE}.ipynb"} <= names
        assert "course_lib/grading/__init__.py" in names
        assert not [name for name in names if "__pycache__" in name or ".secret" in name]
        for name in ("setup.sh", "run_autograder"):
            assert archive.getinfo(name).external_attr >> 16 & 0o111
            assert archive.read(name).startswith(b"#!/usr/bin/env bash\n")
            check = subprocess.run(["bash", "-n"], input=archive.read(name), check=False)
            assert check.returncode == 0
        assert archive.read("secret") == b"0123456789abcdef\n"
        assert archive.read("exercise").decode() == f"{VAE}\n"
    with pytest.raises(FileNotFoundError, match="clone"):
        write_autograder(path, tmp_path, KEY, VAE)


FAKE = """#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
out = pathlib.Path(arguments[arguments.index("--out") + 1] if "--out" in arguments else arguments[1])
out.mkdir(exist_ok=True)
with (out.parent.parent / "calls.txt").open("a") as file:
    file.write(" ".join(arguments) + "\\n")
if arguments[0] == "grade":
    found = sorted(pathlib.Path(arguments[1]).rglob("*.ipynb"))
    (out / "found.txt").write_text(str(found[0].relative_to(arguments[1])))
    sys.exit({code})
folder = out / "reports" / "gradescope" / "x"
folder.mkdir(parents=True)
(folder / "x.json").write_text(json.dumps({{"score": 7, "found": (out / "found.txt").read_text()}}))
"""


@pytest.mark.parametrize(("code", "notebooks", "score"), [(0, 1, 7), (2, 1, 0), (0, 2, 0), (0, 0, 0)])
def test_the_autograder_writes_results_whatever_happens(
    tmp_path: Path, code: int, notebooks: int, score: int
) -> None:
    """Its script run with a stand-in for the `course` command."""
    write_autograder(tmp_path / "autograder.zip", ROOT, KEY, VAE)
    here = tmp_path / "autograder"
    (here / "results").mkdir(parents=True)
    (here / "submission").mkdir()
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        script = archive.read("run_autograder.py").decode().replace("/autograder", str(here))
    (tmp_path / "run.py").write_text(script.replace("Path(sys.executable)", f"Path({str(tmp_path / 'python')!r})"))
    (tmp_path / "course").write_text(FAKE.format(python=sys.executable, code=code))
    (tmp_path / "course").chmod(0o755)
    (here / "source").mkdir()
    (here / "source" / "exercise").write_text(f"{VAE}\n")
    (here / "submission_metadata.json").write_text(
        json.dumps({"users": [{"id": 12, "email": "a@b", "name": "../x"}]})
    )
    for number in range(notebooks):
        (here / "submission" / f"{number}.ipynb").write_text("{}")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, tmp_path / "run.py"], check=True, env=environment)
    results = json.loads((here / "results" / "results.json").read_text())
    assert results["score"] == score
    assert score == 0 or results["found"] == f"12/{VAE}.ipynb"


def unzipped(path: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    return files, list(csv.DictReader(io.StringIO(files.pop("info.csv"))))


def test_the_code_is_a_folder_per_learner_and_what_dolos_wants(tmp_path: Path) -> None:
    empty = record("bob", code=" ")
    stub = record("cy", code="", answers={"h": "def h(): ..."})
    records = [record("ada", code="def f():\n    return 1", answers={"h": "def h(): ..."}), empty, stub]
    assert write_code(tmp_path / "code.zip", records) == 1
    files, info = unzipped(tmp_path / "code.zip")
    assert files == {f"ada/{VAE}.py": "# f\ndef f():\n    return 1\n"}
    assert info == [
        {"filename": f"ada/{VAE}.py", "full_name": "ada", "label": VAE, "created_at": "2026-10-01T12:00:00+00:00"}
    ]


def test_no_name_leads_out_of_the_zip_or_onto_anothers_file(tmp_path: Path) -> None:
    write_code(tmp_path / "code.zip", [record(name, code=name or "pass") for name in HOSTILE])
    files, info = unzipped(tmp_path / "code.zip")
    assert len({name.casefold() for name in files}) == len(HOSTILE)
    assert {row["filename"] for row in info} == set(files)
    for name in files:
        assert len(PurePosixPath(name).parts) == 2
        assert ".." not in name
        assert not name.startswith("/")
    assert "'=cmd()" in {row["full_name"] for row in info}


def test_pseudonyms_are_stable_apart_and_hang_on_the_key() -> None:
    names = [one.learner for one in pseudonymise([record(name) for name in HOSTILE], KEY)]
    again = [one.learner for one in pseudonymise([record(name) for name in reversed(HOSTILE)], KEY)]
    assert names == again[::-1]
    assert len(set(names)) == len(HOSTILE)
    assert not set(names) & {one.learner for one in pseudonymise([record(name) for name in HOSTILE], b"other" * 8)}
    # HMAC-SHA256 of b"pseudonym\0ada" with 32 bytes k, computed with openssl; base32, 12 letters
    assert pseudonymise([record("ada")], KEY)[0].learner == "learner-gmd6ofe5vdzd"


def test_no_export_holds_a_name_under_pseudonyms(tmp_path: Path) -> None:
    comment = Adjustment("comment", "g", 0, "Well done, lovelace-ada", "Prof. Turing", "2026-10-02T00:00:00+00:00")
    one = record(
        "lovelace-ada",
        "KeyError: 'lovelace-ada'",
        "# by lovelace-ada\n",
        notes=("lovelace-ada's",),
        adjustments=(comment,),
    )
    records = pseudonymise([one], KEY)
    write_tables(tmp_path, records)
    write_code(tmp_path / "code.zip", records)
    files, info = unzipped(tmp_path / "code.zip")
    texts = [path.read_text() for path in tmp_path.glob("*.csv")]
    texts += [feedback_html(records[0]), results_json(records[0]), items_html(records), str(files), str(info)]
    for text in texts:
        for name in ("lovelace", "Turing", "2026-10", "abab"):
            assert name not in text
    assert records[0].score == one.score


def test_the_mapping_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "who.csv"
    write_mapping(path, [record("=cmd()"), record("ada"), record("ada")], KEY)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["learner", "'=cmd()", "ada"]
    assert rows[2][1] == pseudonymise([record("ada")], KEY)[0].learner
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_mapping(path, [record("ada")], KEY)
