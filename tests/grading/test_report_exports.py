"""Gradescope, code for JPlag and Dolos, pseudonyms: what these systems document, and no name where none should be."""

import csv
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from course_lib.grading.reports.formats import Request, load_format
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
if arguments[0] == "grade":
    place = pathlib.Path(arguments[1])
    names = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    (out / "found.txt").write_text(json.dumps([[name, (place / name).read_text()] for name in names]))
    sys.exit({code})
folder = out / "reports" / "gradescope" / "x"
folder.mkdir(parents=True)
(folder / "x.json").write_text(json.dumps({{"score": 7, "found": json.loads((out / "found.txt").read_text())}}))
"""


@pytest.fixture
def gradescope(tmp_path: Path) -> Callable[..., tuple[int, dict | None]]:
    """Runs the autograder's script in a folder laid out like Gradescope's; its exit code and results.json, if any.

    ``code``: a stand-in for the `course` command ends `course grade` with it; without it the real command grades.
    """

    def run(files: dict[str, str], code: int | None = 0, users: str = "12") -> tuple[int, dict | None]:
        write_autograder(tmp_path / "autograder.zip", ROOT, KEY, VAE)
        here = tmp_path / "autograder"
        for name in ("results", "submission"):
            (here / name).mkdir(parents=True)
        with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
            archive.extractall(here / "source")
        script = (here / "source" / "run_autograder.py").read_text().replace("/autograder", str(here))
        if code is not None:
            script = script.replace("Path(sys.executable)", f"Path({str(tmp_path / 'python')!r})")
            (tmp_path / "course").write_text(FAKE.format(python=sys.executable, code=code))
            (tmp_path / "course").chmod(0o755)
        (tmp_path / "run.py").write_text(script)
        (here / "submission_metadata.json").write_text(json.dumps({"users": [{"id": u} for u in users.split()]}))
        for name, text in files.items():
            (here / "submission" / name).parent.mkdir(parents=True, exist_ok=True)
            (here / "submission" / name).write_text(text)
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        ended = subprocess.run([sys.executable, tmp_path / "run.py"], check=False, env=environment)
        left = {path.name: path for path in (here / "results").iterdir()}
        assert set(left) <= {"results.json"}
        return ended.returncode, json.loads(left["results.json"].read_text()) if left else None

    return run


HANDED_IN = {
    "one notebook": ({f"{VAE}.ipynb": "a"}, {f"{VAE}.ipynb": "a"}),
    "of another name": ({"ответы.ipynb": "a"}, {"ответы.ipynb": "a"}),
    "a zip made by macOS": ({f"hw/{VAE}.ipynb": "a", f"__MACOSX/hw/._{VAE}.ipynb": "?"}, {f"{VAE}.ipynb": "a"}),
    "JupyterLab's folder": (
        {f"{VAE}.ipynb": "a", f".ipynb_checkpoints/{VAE}-checkpoint.ipynb": "old"},
        {f"{VAE}.ipynb": "a"},
    ),
    "a clone of a repository": (
        {
            f"src/{VAE}.ipynb": "a",
            "src/lib/helpers.py": "x",
            ".git/config": "?",
            "data/x.npz": "?",
            ".venv/y.py": "?",
        },
        {f"{VAE}.ipynb": "a", "helpers.py": "", "x.npz": ""},
    ),
    "two of one name": (
        {f"old/{VAE}.ipynb": "a", f"new/{VAE}.ipynb": "b"},
        {f"old-{VAE}.ipynb": "a", f"new-{VAE}.ipynb": "b"},
    ),
    "saved by a browser": ({f"{VAE}.ipynb.txt": "a"}, {f"{VAE}.ipynb.txt": "a"}),
    "nothing": ({"__MACOSX/._x.ipynb": "?"}, {}),
}


@pytest.mark.situation(
    "Gradescope",
    "a zip made by macOS, .ipynb_checkpoints, a whole repository",
    "the notebook is graded, hidden files don't count",
)
@pytest.mark.parametrize(("files", "laid_out"), HANDED_IN.values(), ids=HANDED_IN)
def test_the_autograder_hands_over_what_was_handed_in(gradescope, files: dict, laid_out: dict) -> None:
    """Its script run with a stand-in for the `course` command."""
    code, results = gradescope(files, users="12 15")
    assert code == 0
    assert results["score"] == 7
    assert dict(results["found"]) == {f"12-15/{VAE}/{name}": text for name, text in laid_out.items()}


@pytest.mark.situation("Gradescope", "a fault of the grader itself", "the autograder fails, and there is no mark")
@pytest.mark.parametrize("code", [1, 2, 3, 130])
def test_a_fault_of_the_grader_is_no_mark(gradescope, code: int) -> None:
    ended, results = gradescope({f"{VAE}.ipynb": "{}"}, code)
    assert ended != 0
    assert results is None


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("bwrap") is None, reason="needs bubblewrap")
@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"__MACOSX/._x.ipynb": "?", "notes.txt": ""},
            f"There is no notebook {VAE}.ipynb. What was handed in: notes.txt.",
        ),
        ({"a.ipynb": "{}", "b.ipynb": "{}"}, f"There are 2 notebooks; one of them should be called {VAE}.ipynb."),
        ({f"{VAE}.ipynb": "{}", "b.ipynb": "{}"}, "has no list of cells"),
    ],
)
def test_what_a_learner_can_mend_is_told_with_a_score_of_0(gradescope, files: dict, says: str) -> None:
    """With the real command."""
    code, results = gradescope(files, None)
    assert (code, results["score"]) == (0, 0)
    assert says in results["output"]


def test_no_results_json_is_written_where_the_grader_failed(tmp_path: Path) -> None:
    failed = Record(Result("दीपा", VAE, "failed", (TaskVerdict("f", 0, 2, "missing"),)), {}, "", 1, "", ())
    written = load_format("gradescope").write(Request([record("ada"), failed], tmp_path))
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["ada"]
    assert written.left_out == [f"दीपा {VAE}: the grader failed, so there is no mark yet"]


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
