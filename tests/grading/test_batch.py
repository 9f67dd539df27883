"""Folders of submissions graded for real: right, half right, untouched, broken, and some that mean harm.

Every exercise that has a solution is covered. The hostile ones are tried on exercise 05 with short limits.
"""

import csv
import json
import multiprocessing
import os
import shutil
import stat
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import nbformat
import psutil
import pytest
from typer.testing import CliRunner

from course_lib.cli import app
from course_lib.exercises.build import read_notebook
from course_lib.exercises.catalogue import catalogue_of
from course_lib.grading import SubmissionError, Summary, grade_folder, self_check
from course_lib.grading.batch import folder as batches
from course_lib.grading.batch import worker as workers
from course_lib.grading.batch.pool import WorkerError, grade_all
from course_lib.grading.batch.worker import Graded, Job, Settings, not_run
from course_lib.grading.journal import JOURNAL, Journal
from course_lib.grading.journal.adjust import Late
from course_lib.grading.marking import hidden_seed
from course_lib.grading.results import Result, TaskVerdict
from course_lib.tasks.core import Task

ROOT = Path(__file__).parents[2]
EXERCISES = sorted(path.stem for path in (ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
VAE = "05_variational_autoencoder"
Quick = Callable[..., None]
LINUX = pytest.mark.skipif(os.name != "posix", reason="limits need POSIX")


def tasks_of(exercise: str) -> tuple[Task, ...]:
    return catalogue_of().exercise(exercise).tasks


def solution(exercise: str, **answers: str) -> nbformat.NotebookNode:
    """The solution with some answers replaced."""
    notebook = deepcopy(read_notebook(ROOT / "solutions" / f"{exercise}.ipynb"))
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    return notebook


def untouched(exercise: str) -> nbformat.NotebookNode:
    return read_notebook(ROOT / "exercises" / f"{exercise}.ipynb")


def hand_in(folder: Path, learner: str, exercise: str, content: nbformat.NotebookNode | str) -> None:
    path = folder / learner / exercise / f"{exercise}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else nbformat.writes(content), encoding="utf-8")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


NOISE = """
import sys, time, warnings
import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import HTML, display
print("<b>to stderr</b>", file=sys.stderr)
warnings.warn("look here")
plt.plot([1, 3, 2])
plt.show()
display(HTML("<script>alert(1)</script>"), ipywidgets.IntSlider())
for i in range(3):
    print(i, end=" ", flush=True)
    time.sleep(0.1)
"""


def noisy(exercise: str, **answers: str) -> nbformat.NotebookNode:
    """The solution, some answers replaced, with an error stream, a warning, a plot, a widget, slow prints in each."""
    names = [task.name for task in tasks_of(exercise)]
    right = {cell.metadata.nbgrader.grade_id: cell.source for cell in solution(exercise, **answers).cells}
    return solution(exercise, **{name: NOISE + right[name] + NOISE for name in names})


graded_once = pytest.mark.xdist_group("batch")  # one worker grades for all of these tests


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, list[Result], list[int]]:
    """Four submissions of every exercise, graded in one batch."""
    folder = tmp_path_factory.mktemp("usual")
    for exercise in EXERCISES:
        last = tasks_of(exercise)[-1].name
        hand_in(folder / "in", "right", exercise, solution(exercise))
        half = noisy(exercise, **{last: f"def {last}(*inputs):\n    return 'no'"})
        hand_in(folder / "in", "half", exercise, half)
        hand_in(folder / "in", "untouched", exercise, untouched(exercise))
        hand_in(folder / "in", "broken", exercise, nbformat.writes(solution(exercise))[:-100])
    told: list[Result] = []
    total: list[int] = []
    summary = grade_folder(
        folder / "in",
        folder / "out",
        seconds_per_cell=120,
        seconds_per_submission=300,
        progress=told.append,
        total=total.append,
    )
    return summary, told, total


@pytest.fixture(params=EXERCISES)
def by_learner(
    request: pytest.FixtureRequest, usual: tuple[Summary, list[Result], list[int]]
) -> dict[str, Result]:
    return {result.learner: result for result in usual[0].results if result.exercise == request.param}


@graded_once
def test_a_right_submission_gets_full_marks(by_learner: dict[str, Result]) -> None:
    result = by_learner["right"]
    assert [verdict.verdict for verdict in result.verdicts] == ["right"] * len(result.verdicts), result.verdicts
    assert result.score == result.max_score == sum(task.points for task in tasks_of(result.exercise))
    assert result.status == "graded"


@graded_once
def test_a_half_right_noisy_one_gets_the_right_part(by_learner: dict[str, Result]) -> None:
    result = by_learner["half"]
    *rest, last = result.verdicts
    assert all(verdict.points == verdict.max_points > 0 for verdict in rest), rest
    assert (last.points, last.verdict) == (0, "error")
    assert f"{last.task} could not be used." in last.message


@graded_once
def test_an_untouched_one_gets_zero_and_a_kind_word(by_learner: dict[str, Result]) -> None:
    result = by_learner["untouched"]
    assert result.score == 0
    assert result.max_score > 0
    for verdict in result.verdicts:
        assert verdict.verdict == "untouched"
        assert f"{verdict.task} is not written yet." in verdict.message


@graded_once
def test_a_broken_one_gets_zero_with_a_reason(by_learner: dict[str, Result]) -> None:
    result = by_learner["broken"]
    assert (result.score, result.status) == (0, "rejected")
    assert result.max_score == by_learner["right"].max_score
    assert all("isn't JSON" in verdict.message for verdict in result.verdicts)


def test_an_earlier_edition_is_graded_on_its_own_tasks(tmp_path: Path) -> None:
    """What was handed out before the exercise asked for something else, solved; with and without its version."""
    first = read_notebook(ROOT / "tests/exercises/handed_in/05_first_edition.ipynb")
    summed = deepcopy(first)
    for cell in summed.cells:
        if cell.metadata.nbgrader.grade_id == "negative_elbo":
            cell.source = cell.source.replace(".mean()", ".sum()")
    hand_in(tmp_path / "in", "ada", VAE, summed)
    del first.metadata["course"]
    nbformat.write(first, tmp_path / "in" / "bob.ipynb")
    results = {result.learner: result for result in grade_folder(tmp_path / "in", tmp_path / "out").results}
    wrong, right = results["ada"].verdicts, results["bob"].verdicts
    names = ["kl_divergence", "reparameterize", "bernoulli_log_likelihood", "negative_elbo", "train_vae"]
    assert [verdict.task for verdict in right] == [verdict.task for verdict in wrong] == names
    assert [verdict.points for verdict in right] == [2, 2, 2, 2, 4], right
    assert [verdict.points for verdict in wrong] == [2, 2, 2, 0, 0], wrong
    assert "you summed over the batch" in wrong[3].message
    assert "It calls negative_elbo, which isn't right yet" in wrong[4].message
    for result in results.values():
        assert "has been changed since this version of it was handed out" in result.notes[0]


@graded_once
def test_progress_tables_and_pages_agree(usual: tuple[Summary, list[Result], list[int]]) -> None:
    summary, told, total = usual
    assert total == [len(told)] == [4 * len(EXERCISES)]
    assert sorted((r.learner, r.exercise) for r in told) == [(r.learner, r.exercise) for r in summary.results]
    marks = {(row["learner"], row["exercise"]): row for row in rows(summary.out / "gradebook.csv")}
    tasks = rows(summary.out / "tasks.csv")
    for result in summary.results:
        row = marks[result.learner, result.exercise]
        assert (float(row["score"]), float(row["max_score"])) == (result.score, result.max_score)
        mine = [t for t in tasks if (t["learner"], t["exercise"]) == (result.learner, result.exercise)]
        assert [t["task"] for t in mine] == [task.name for task in tasks_of(result.exercise)]
        page = (summary.out / "feedback" / result.learner / f"{result.exercise}.html").read_text(encoding="utf-8")
        assert all(task["task"] in page for task in mine)
    assert summary.count("graded") == 3 * len(EXERCISES)


@graded_once
@LINUX
def test_the_secret_is_made_once_for_its_owner_only(usual: tuple[Summary, list[Result], list[int]]) -> None:
    out = usual[0].out
    secret = out.with_name(out.name + ".secret")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    key = secret.read_text().strip()
    assert len(key) >= 32
    assert not any(key.encode() in path.read_bytes() for path in out.rglob("*") if path.is_file())


STUB = "def train_grey_vae(*inputs):\n    raise NotImplementedError('later')"
RIGHT = (
    "\ndef grey_log_likelihood(logits, x):\n"
    "    return -F.cross_entropy(logits, x, reduction='none').flatten(1).sum(1)"
)
STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass"""
HOSTILE = {
    "prints": ("while True:\n    print('x' * 1000)", "stopped", 2, "put out more than"),
    "kills": ("import os\nos._exit(0)", "stopped", 2, "The kernel died."),
    "parent": ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "graded", 4, "There is no function"),
    "library": (
        "from course_lib.objectives import bernoulli_log_prob as grey_log_likelihood",
        "graded",
        4,
        "asks you to write",
    ),
    "judges": (
        "from course_lib.tasks import judging" + RIGHT.replace("return", "return judging.judge and"),
        "graded",
        4,
        "ImportError",
    ),
    # what it defines below a line that failed is right, and uses nothing of that line
    "looks": ("from course_lib.tasks import judging" + RIGHT, "graded", 8, ""),
    # kept: in what is left of it chance says whether the next cells can run; what was earned before stays
    "hoards": ("x = []\nwhile True:\n    x.append(bytearray(10**8))", "graded or stopped", 4, "MemoryError"),
    "memory": (
        "x = []\ntry:\n    while True:\n        x.append(bytearray(10**8))\n"
        "except MemoryError:\n    x.clear()\n    raise",
        "graded",
        4,
        "MemoryError",
    ),
    "loops": ("while True:\n    pass", "graded", 4, "longer than 5 s"),
    "stubborn": (STUBBORN, "stopped", 2, "could not be interrupted"),
    "orphans": (
        "import subprocess\nsubprocess.Popen(['sleep', '3141'], start_new_session=True)\nimport os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(3141)" + RIGHT,
        "graded",
        8,
        "",
    ),
    "forges": (
        "import IPython.display, torch\nfrom course_lib.probes import collect, calls\n"
        "class Always(torch.Tensor):\n    def __eq__(self, other):\n        return True\n"
        "torch.isclose = torch.ones_like\ncalls.Observation.__eq__ = lambda self, other: True\n"
        "def grey_log_likelihood(logits, x):\n"
        "    return logits.gather(1, x[:, None]).flatten(1).sum(1).as_subclass(Always)",
        "graded",
        4,
        "It looks like this mistake: these are the logits of the levels themselves",
    ),
}  # fmt: skip


@LINUX
def test_those_that_mean_harm_get_what_they_earned_and_leave_nothing_behind(tmp_path: Path) -> None:
    for name, (source, *_) in HOSTILE.items():
        hand_in(tmp_path / "in", name, VAE, solution(VAE, grey_log_likelihood=source, train_grey_vae=STUB))
    (tmp_path / "in" / "other.ipynb").write_text(json.dumps({"nbformat": 4, "cells": []}))
    noisy = "import sys\nprint('<b>oops</b>', file=sys.stderr)" + RIGHT
    nbformat.write(solution(VAE, grey_log_likelihood=noisy, train_grey_vae=STUB), tmp_path / "in" / "noisy.ipynb")
    summary = grade_folder(
        tmp_path / "in", tmp_path / "out", seconds_per_cell=5, seconds_per_submission=60, memory_mb=1024
    )
    results = {result.learner: result for result in summary.results}
    assert len(results) == len(HOSTILE) + 2
    for name, (_, status, score, says) in HOSTILE.items():
        result = results[name]
        told = " ".join(verdict.message for verdict in result.verdicts)
        assert result.status in status.split(" or "), f"{name}: {result.status}, {told}"
        assert result.score == score, f"{name}: {told}"
        assert says in told, name
    assert (results["noisy"].exercise, results["noisy"].score) == (VAE, 8)
    assert results["other"].status == "rejected"
    (told,) = [row["message"] for row in rows(tmp_path / "out" / "tasks.csv") if row["learner"] == "other"]
    assert "None of an exercise's answer cells" in told
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if "3141" in (p.info["cmdline"] or [])]
    assert left == []
    page = (tmp_path / "out" / "feedback" / "noisy" / f"{VAE}.html").read_text(encoding="utf-8")
    assert "<b>oops" not in page


def fake(job: Job) -> Graded:
    """Stands in for the grader: quick, and ends or holds up its own process if the learner's name says so."""
    if job.learner.startswith("kills"):
        os._exit(1)
    if job.learner.startswith("hangs"):
        time.sleep(600)
    if job.learner.startswith("fails"):
        return not_run(job, "failed", "The disk of this machine is full."), {}
    points = len(job.data) % 3
    verdict = TaskVerdict("f", points, 2, "right" if points == 2 else "wrong", job.data.decode()[:20])
    answers = {"f": job.data.decode()}
    return Result(job.learner, job.exercise or VAE, "graded", (verdict,), 0.5, cells=(("f", 0.25),)), answers


def never(job: Job) -> Graded:
    raise AssertionError("a submission that hasn't changed was run again")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Quick:
    """Puts another function in the place of the one that grades; in real workers if ``seconds`` are given."""

    def put(grade: Callable[[Job], Graded], seconds: float | None = None) -> None:
        def graded(jobs: Iterable[Job], workers: int, patience: float) -> Iterator[tuple[Job, Graded]]:
            if seconds is None:  # in this process: what a worker is doesn't matter
                yield from ((job, grade(job)) for job in jobs)
            else:
                yield from grade_all(jobs, workers, seconds, grade)

        monkeypatch.setattr(batches, "grade_all", graded)
        monkeypatch.setattr(batches, "require", lambda kind: None)

    return put


def scores(out: Path) -> dict[str, tuple[str, str]]:
    return {row["learner"]: (row["score"], row["status"]) for row in rows(out / "gradebook.csv")}


@LINUX
def test_a_worker_that_dies_or_hangs_takes_no_other_submission_with_it(tmp_path: Path, quick: Quick) -> None:
    for learner in ("hangs", "kills", "kills-too", "next", "ok"):
        hand_in(tmp_path / "in", learner, VAE, "{}")
    quick(fake, seconds=3)
    grade_folder(tmp_path / "in", tmp_path / "out")
    lost = ("0", "failed")
    assert scores(tmp_path / "out") == {
        "hangs": lost, "kills": lost, "kills-too": lost, "next": ("2", "graded"), "ok": ("2", "graded")
    }  # fmt: skip
    (page,) = (tmp_path / "out" / "feedback" / "kills").iterdir()
    assert "Look at this notebook by hand" in page.read_text()


def refused_or_fake(job: Job) -> Graded:
    """As the grader does with what can't be graded, quick with all else."""
    return workers.grade_one(job) if job.problem else fake(job)


NOT_UTF8 = {  # places below a folder of submissions, as bytes, and the files there
    "a zip that is none": {b"zoe/07_gan/x\xff.zip": b"PK, but no zip"},
    "two notebooks in a folder": {b"zoe/week\xff/a.ipynb": b"{}", b"zoe/week\xff/b.ipynb": b"{ }"},
    "a folder without a notebook": {b"zoe/Ub\xfcng/notes.txt": b""},
    "a learner of Latin-1": {b"J\xf6rg/work.zip": b"PK, but no zip"},
    "two learners of one reading": {b"x\xff/a.zip": b"", b"x\xfe/a.zip": b""},
    "Moodle": {b"\xc9va K\xfan_7_assignsubmission_file/a\xff.ipynb": b"{}"},
    "Shift-JIS": {b"zoe__\x89\xdb\x91\xe8.ipynb": b"{}"},
}


@LINUX
@pytest.mark.situation(
    "Names",
    "a file or folder whose name isn't UTF-8",
    "its learner is told what is wrong, and all others are graded",
)
@pytest.mark.parametrize("files", NOT_UTF8.values(), ids=NOT_UTF8)
def test_a_name_that_is_not_utf8_stops_nobody(tmp_path: Path, quick: Quick, files: dict[bytes, bytes]) -> None:
    hand_in(tmp_path / "in", "ada", VAE, "{}")
    hand_in(tmp_path / "in", "zz-last", VAE, "{}")
    for name, data in files.items():
        path = Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    quick(refused_or_fake)
    learners = len({Path(os.fsdecode(name)).parts[0] for name in files})
    for again in (False, False, True):
        summary = grade_folder(tmp_path / "in", tmp_path / "out", regrade=again)
        assert len(summary.results) == 2 + learners
        assert scores(tmp_path / "out")["zz-last"] == ("2", "graded")
        assert summary.count("failed") == 0
    assert len(list((tmp_path / "out" / "feedback").rglob("*.html"))) == 2 + learners
    for path in (tmp_path / "out").rglob("*.[ch]*"):
        path.read_text(encoding="utf-8")  # every table and page


@LINUX
@pytest.mark.parametrize(("first", "second"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_learner_keeps_the_spelling_that_the_journal_knows(
    tmp_path: Path, quick: Quick, first: str, second: str
) -> None:
    name = "José Nguyễn"
    with Journal(tmp_path / "out" / JOURNAL) as journal:  # as an earlier version of the course wrote it
        journal.hand_in(unicodedata.normalize(first, name), VAE, "00" * 32, "", {})
    hand_in(tmp_path / "in", unicodedata.normalize(second, name), VAE, "{}")
    quick(fake)
    grade_folder(tmp_path / "in", tmp_path / "out")
    assert list(scores(tmp_path / "out")) == [unicodedata.normalize(first, name)]
    assert grade_folder(tmp_path / "in", tmp_path / "out", only=name).unchanged == 1


@pytest.mark.situation(
    "Canvas",
    "a download, which doesn't tell when files were handed in, with --late",
    "the screen says for how many, and who is LATE",
)
def test_for_whom_no_lateness_is_worked_out_is_told(tmp_path: Path, quick: Quick) -> None:
    for name in ("doejane_LATE_1_2", "शर्माअनिल_LATE_7_8", "roemax_3_4"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{name}_{VAE}.ipynb").write_text("{}")
    hand_in(tmp_path / "in", "ada", VAE, "{}")
    quick(fake)
    late = Late(10, {VAE: datetime(2020, 1, 1, tzinfo=UTC)})
    for _ in range(2):
        summary = grade_folder(tmp_path / "in", tmp_path / "out", late=late)
        assert {learner for learner, _ in summary.untimed} == {"doejane_1", "शर्माअनिल_7", "roemax_3"}
        assert {learner for learner, _ in summary.said_late} == {"doejane_1", "शर्माअनिल_7"}
    assert scores(tmp_path / "out")["ada"] == ("0", "graded"), "its time is known"
    assert grade_folder(tmp_path / "in", tmp_path / "out").untimed == ()


@pytest.mark.situation(
    "Uploads",
    "two notebooks of one exercise in two folders",
    "the page and the screen say which counts, and what the other would have",
)
def test_of_two_places_the_page_says_which_counts(tmp_path: Path, quick: Quick) -> None:
    """One folder is called like the exercise, the other's notebook is known by its cells."""
    hand_in(tmp_path / "in", "ada", VAE, "{ }}")
    (tmp_path / "in" / "ada" / "week 7").mkdir()
    (tmp_path / "in" / "ada" / "week 7" / "answers.ipynb").write_text("{}")
    hand_in(tmp_path / "in", "bob", VAE, "{}")
    quick(fake)
    page = tmp_path / "out" / "feedback" / "ada" / f"{VAE}.html"
    says = "Another notebook of this exercise was handed in before this one, in another folder. This one counts; "

    def record():
        grade_folder(tmp_path / "in", tmp_path / "out")
        with Journal(tmp_path / "out" / JOURNAL) as journal:
            bob = journal.of("bob")[0]
            assert (bob.elsewhere, bob.notes) == ((), [])
            (one,) = journal.of("ada")
            return one

    first = record()
    assert (first.score, first.elsewhere) == (1, (2,)) or (first.score, first.elsewhere) == (2, (1,))
    assert says + f"the other would have {first.elsewhere[0]:g} of 2 points." in page.read_text()
    (tmp_path / "in" / "ada" / "week 7" / "answers.ipynb").write_text("{}   ")  # the one changed last
    second = record()
    assert (second.score, second.elsewhere) == (2, (1,))
    assert says + "the other would have 1 of 2 points." in page.read_text()
    (tmp_path / "in" / "ada" / VAE / f"{VAE}.ipynb").write_text("{}    ")
    third = record()
    assert (third.score, third.elsewhere) == (0, (2,))
    assert says + "the other would have 2 of 2 points." in page.read_text()


def test_the_screen_says_what_was_passed_over(tmp_path: Path, quick: Quick) -> None:
    """Skipped files, for whom no lateness is worked out, which of two notebooks counts: with names that can be seen."""
    hand_in(tmp_path / "in", "bo\u200bb", VAE, "{ }}")
    hand_in(tmp_path / "in" / "bo\u200bb", "old", "deeper", "{}")
    (tmp_path / "in" / "bo\u200bb" / "answers.ipynb").write_text("{}")
    (tmp_path / "in" / f"शर्मा_LATE_1_2_{VAE}.ipynb").write_text("{}")
    quick(fake)
    arguments = ["grade", tmp_path / "in", "--out", tmp_path / "out", "--late", 1, "--due", "2020-01-01"]
    done = CliRunner().invoke(app, [str(word) for word in arguments], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert (
        "skipped 1, which no learner was graded for: 'bo\\u200bb/old/deeper/deeper.ipynb': it lies too deep"
        in said
    )
    assert "--late worked out nothing for 1 of the submissions" in said
    assert f"1 of them the LMS calls late: शर्मा_1 {VAE}" in said
    assert f"bo<U+200B>b {VAE}: two notebooks in two folders; the one handed in last counts" in said
    assert CliRunner().invoke(app, [*map(str, arguments), "--quiet"]).output == ""


@pytest.mark.situation("Names", "a result that the journal can't take", "that submission alone is marked failed")
def test_a_submission_that_cannot_be_recorded_fails_alone(tmp_path: Path, quick: Quick) -> None:
    for learner in ("ada", "bob", "cy"):
        hand_in(tmp_path / "in", learner, VAE, "{}")

    def unwritable(job: Job) -> Graded:
        result, answers = fake(job)
        return (result, {"f": b"no text"} if job.learner == "bob" else answers)  # type: ignore[dict-item]

    quick(unwritable)
    told: list[tuple[str, str]] = []
    summary = grade_folder(
        tmp_path / "in", tmp_path / "out", progress=lambda r: told.append((r.learner, r.status))
    )
    assert scores(tmp_path / "out") == {"ada": ("2", "graded"), "bob": ("0", "failed"), "cy": ("2", "graded")}
    assert ("bob", "failed") in told
    (bob,) = [result for result in summary.results if result.learner == "bob"]
    assert "could not be recorded (TypeError" in bob.reason
    quick(fake)
    assert grade_folder(tmp_path / "in", tmp_path / "out").graded == 1, "the next call tries it again"


@pytest.mark.parametrize("learner", ["x\udcff", "\ud83d", "a\0b", "\u202ebob"])
def test_every_name_has_hidden_inputs_of_its_own(learner: str) -> None:
    seeds = {hidden_seed(b"secret", name, VAE, "f") for name in (learner, "x\udcfe", "bob")}
    assert len(seeds) == 3


def test_what_has_not_changed_is_not_run_again_what_failed_is(tmp_path: Path, quick: Quick) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for learner in ("ada", "bob", "fails"):
        hand_in(source, learner, VAE, "{}")
    quick(fake)
    first = grade_folder(source, out)
    assert (first.graded, first.unchanged, first.count("failed")) == (3, 0, 1)
    (source / "bob" / VAE / f"{VAE}.ipynb").write_text("{ }")
    hand_in(source, "cy", VAE, "{}")
    shutil.rmtree(out / "feedback")
    told: list[str] = []
    second = grade_folder(source, out, progress=lambda result: told.append(result.learner))
    assert (second.graded, second.unchanged, sorted(told)) == (3, 1, ["bob", "cy", "fails"])
    assert scores(out) == {
        "ada": ("2", "graded"), "bob": ("0", "graded"), "cy": ("2", "graded"), "fails": ("0", "failed")
    }  # fmt: skip
    assert len(list((out / "feedback").rglob("*.html"))) == 4  # what somebody deleted is there again


def test_a_change_of_secret_or_limits_runs_all_again_and_regrade_does(tmp_path: Path, quick: Quick) -> None:
    hand_in(tmp_path / "in", "ada", VAE, "{}")
    quick(fake)

    def graded(**settings: object) -> int:
        return grade_folder(tmp_path / "in", tmp_path / "out", **settings).graded

    (tmp_path / "secret").write_text("another secret, long enough")
    assert [graded(), graded(), graded(regrade=True), graded()] == [1, 0, 1, 0]
    assert [graded(seconds_per_cell=7), graded(secret=tmp_path / "secret"), graded(sandbox="none")] == [1, 1, 1]
    assert graded() == 0
    quick(never)
    assert graded() == 0


def test_one_learner_alone(tmp_path: Path, quick: Quick) -> None:
    for learner in ("ada", "bob"):
        hand_in(tmp_path / "in", learner, VAE, "{}")
    quick(fake)
    assert grade_folder(tmp_path / "in", tmp_path / "out", only="bob").graded == 1
    assert list(scores(tmp_path / "out")) == ["bob"]
    with pytest.raises(FileNotFoundError, match="no notebook of a learner called 'eve'"):
        grade_folder(tmp_path / "in", tmp_path / "out", only="eve")


def test_a_notebook_that_changes_while_it_waits_is_graded_as_it_then_is(tmp_path: Path, quick: Quick) -> None:
    for learner in ("ada", "bob"):
        hand_in(tmp_path / "in", learner, VAE, "{}")
    quick(fake)

    def change(number: int) -> None:  # after it was noted, before it is run
        (tmp_path / "in" / "bob" / VAE / f"{VAE}.ipynb").write_text("{ }")

    grade_folder(tmp_path / "in", tmp_path / "out", workers=1, total=change)
    assert scores(tmp_path / "out") == {"ada": ("2", "graded"), "bob": ("0", "graded")}
    with Journal(tmp_path / "out" / JOURNAL) as journal:
        assert [(r.learner, r.attempt, r.content) for r in journal] == [
            ("ada", 1, sha256(b"{}").hexdigest()),
            ("bob", 2, sha256(b"{ }").hexdigest()),
        ]


def test_tables_are_written_when_a_batch_is_interrupted(tmp_path: Path, quick: Quick) -> None:
    for learner in ("ada", "bob", "cy"):
        hand_in(tmp_path / "in", learner, VAE, "{}")
    quick(fake, seconds=60)

    def interrupt(result: Result) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_folder(tmp_path / "in", tmp_path / "out", workers=1, progress=interrupt)
    assert list(scores(tmp_path / "out")) == ["ada"]
    assert grade_folder(tmp_path / "in", tmp_path / "out").graded == 2
    assert multiprocessing.active_children() == []


def test_neither_secret_nor_hidden_inputs_are_in_the_journal(tmp_path: Path, quick: Quick) -> None:
    hand_in(tmp_path / "in", "ada", VAE, "{}")
    (tmp_path / "secret").write_text("a-secret-of-some-length")
    quick(fake)
    grade_folder(tmp_path / "in", tmp_path / "out", secret=tmp_path / "secret")
    raw = (tmp_path / "out" / JOURNAL).read_bytes()
    seed = hidden_seed(b"a-secret-of-some-length", "ada", VAE, "gaussian_kl")
    assert b"a-secret-of" not in raw
    assert str(seed).encode() not in raw


def test_a_worker_that_cannot_start_ends_the_batch(tmp_path: Path, quick: Quick, capfd: object) -> None:
    hand_in(tmp_path / "in", "ada", VAE, "{}")
    quick(_Unreadable(), seconds=60)
    with pytest.raises(WorkerError, match="ended before it could start"):
        grade_folder(tmp_path / "in", tmp_path / "out")


class _Unreadable:
    """Can be sent to another process, but not read there."""

    def __call__(self, job: Job) -> Graded:
        raise NotImplementedError

    def __reduce__(self) -> tuple:
        return int, ("no number",)


def test_a_fault_of_ours_is_not_blamed_on_the_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the reference of f fails")

    monkeypatch.setattr(workers, "grade_bytes", broken)
    result, _ = workers.grade_one(Job(1, "ada", VAE, b"{}", "", "", Settings(b"s" * 32)))
    assert result.status == "failed"
    assert "no fault of the learner (RuntimeError: the reference of f fails)" in result.verdicts[0].message


def test_an_unknown_exercise_to_be_due_is_refused(tmp_path: Path) -> None:
    late = Late(10, {"05_vae": datetime(2026, 10, 31, tzinfo=UTC)})
    with pytest.raises(ValueError, match="no exercise 05_vae to be due; there are: 01_"):
        grade_folder(tmp_path, tmp_path / "out", late=late)


@LINUX
def test_a_cell_that_was_interrupted_is_named_and_what_it_defined_counts(tmp_path: Path) -> None:
    source = f"{RIGHT}\nwhile True:\n    pass"
    slow = "def train_grey_vae(*inputs):\n    while True:\n        pass"
    nbformat.write(solution(VAE, grey_log_likelihood=source, train_grey_vae=slow), tmp_path / "ada.ipynb")
    (result,) = grade_folder(tmp_path, tmp_path / "out", seconds_per_cell=2).results
    verdicts = {verdict.task: verdict for verdict in result.verdicts}
    assert verdicts["grey_log_likelihood"].verdict == "right"
    assert verdicts["train_grey_vae"].message == "train_grey_vae gave no outputs. It took longer than 2 s."
    assert result.notes[-2:] == (
        "Interrupted after 2 s: grey_log_likelihood.",
        "Interrupted after 2 s: train_grey_vae called.",
    )


@pytest.mark.parametrize(("name", "value"), [("workers", 0), ("seconds_per_cell", 0), ("memory_mb", -1)])
def test_limits_that_are_none_are_refused(tmp_path: Path, name: str, value: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        grade_folder(tmp_path, tmp_path / "out", **{name: value})


def test_a_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "ada", VAE, "{}")
    (tmp_path / "secret").write_text("abc\n")
    with pytest.raises(ValueError, match="at least 16 bytes, but holds 3"):
        grade_folder(tmp_path / "in", tmp_path / "out", secret=tmp_path / "secret")


def test_self_check_gives_public_verdicts_with_numbers(tmp_path: Path) -> None:
    path = tmp_path / "mine.ipynb"
    right = next(c.source for c in solution(VAE).cells if c.metadata.nbgrader.grade_id == "gaussian_kl")
    twice = right.replace("return 0.5 * ", "return ")
    nbformat.write(solution(VAE, gaussian_kl=twice, train_grey_vae=STUB), path)
    verdicts = {verdict.task: verdict for verdict in self_check(path)}
    assert verdicts["grey_log_likelihood"].verdict == "right"
    assert verdicts["train_grey_vae"].verdict == "untouched"
    assert "public case 1 of 3" in verdicts["gaussian_kl"].message
    assert "expected 1.1121, got 2.2242" in verdicts["gaussian_kl"].message


def test_self_check_refuses_what_the_grader_will_refuse(tmp_path: Path) -> None:
    """A learner hears of it at home, not with the marks."""
    answer = "from course_lib.objectives import kl_gaussians\ndef gaussian_kl(*given):\n    "
    answer += "return kl_gaussians(*given)"
    hand_in(tmp_path, "ada", VAE, solution(VAE, gaussian_kl=answer, train_grey_vae=STUB))
    verdicts = {verdict.task: verdict for verdict in self_check(tmp_path / "ada" / VAE / f"{VAE}.ipynb")}
    assert verdicts["gaussian_kl"].points == 0
    assert "kl_gaussians is what this exercise asks you to write" in verdicts["gaussian_kl"].message
    assert verdicts["grey_log_likelihood"].verdict == "right"


def test_self_check_refuses_what_is_no_exercise(tmp_path: Path) -> None:
    path = tmp_path / "mine.ipynb"
    path.write_text("{}")
    with pytest.raises(SubmissionError, match="no list of cells"):
        self_check(path)
    with pytest.raises(FileNotFoundError):
        self_check(tmp_path / "nowhere.ipynb")
