"""Folders of submissions graded for real: right, half right, untouched, broken, and some that mean harm.

Every exercise that has a solution is covered. The hostile ones are tried on exercise 05 with short limits.
"""

import csv
import json
import os
import stat
from copy import deepcopy
from pathlib import Path

import nbformat
import psutil
import pytest

from course_lib.grading import SubmissionError, grade_folder, self_check
from course_lib.grading import batch as batches
from course_lib.grading.build import read_notebook
from course_lib.grading.results import Result, Summary
from course_lib.tasks.registry import tasks_of

ROOT = Path(__file__).parents[1]
EXERCISES = sorted(path.stem for path in (ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
VAE = "05_variational_autoencoder"
LINUX = pytest.mark.skipif(os.name != "posix", reason="limits need POSIX")


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
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, list[Result], list[int]]:
    """Four submissions of every exercise, graded in one batch."""
    folder = tmp_path_factory.mktemp("usual")
    for exercise in EXERCISES:
        last = tasks_of(exercise)[-1].name
        hand_in(folder / "in", "right", exercise, solution(exercise))
        hand_in(
            folder / "in", "half", exercise, solution(exercise, **{last: f"def {last}(*inputs):\n    return 'no'"})
        )
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


def test_a_right_submission_gets_full_marks(by_learner: dict[str, Result]) -> None:
    result = by_learner["right"]
    assert [verdict.verdict for verdict in result.verdicts] == ["right"] * len(result.verdicts), result.verdicts
    assert result.score == result.max_score == sum(task.points for task in tasks_of(result.exercise))
    assert result.status == "graded"


def test_a_half_right_one_gets_the_right_part(by_learner: dict[str, Result]) -> None:
    result = by_learner["half"]
    *rest, last = result.verdicts
    assert all(verdict.points == verdict.max_points > 0 for verdict in rest), rest
    assert (last.points, last.verdict) == (0, "error")
    assert f"{last.task} could not be used." in last.message


def test_an_untouched_one_gets_zero_and_a_kind_word(by_learner: dict[str, Result]) -> None:
    result = by_learner["untouched"]
    assert result.score == 0
    assert result.max_score > 0
    for verdict in result.verdicts:
        assert verdict.verdict == "untouched"
        assert f"{verdict.task} is not written yet." in verdict.message


def test_a_broken_one_gets_zero_with_a_reason(by_learner: dict[str, Result]) -> None:
    result = by_learner["broken"]
    assert (result.score, result.status) == (0, "rejected")
    assert result.max_score == by_learner["right"].max_score
    assert all("isn't JSON" in verdict.message for verdict in result.verdicts)


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


@LINUX
def test_the_secret_is_made_once_for_its_owner_only(usual: tuple[Summary, list[Result], list[int]]) -> None:
    out = usual[0].out
    secret = out.with_name(out.name + ".secret")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    key = secret.read_text().strip()
    assert len(key) >= 32
    assert not any(key in path.read_text(encoding="utf-8") for path in out.rglob("*") if path.is_file())


STUB = "def train_vae(*inputs):\n    raise NotImplementedError('later')"
RIGHT = "\ndef reparameterize(mu, logvar, eps):\n    return mu + (logvar / 2).exp() * eps"
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
    "parent": ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "stopped", 2, "ended from inside"),
    "memory": ("x = []\nwhile True:\n    x.append(bytearray(10**8))", "graded", 6, "MemoryError"),
    "loops": ("while True:\n    pass", "graded", 6, "longer than 5 s"),
    "stubborn": (STUBBORN, "stopped", 2, "could not be interrupted"),
    "orphans": (
        "import subprocess\nsubprocess.Popen(['sleep', '3141'], start_new_session=True)\nimport os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(3141)" + RIGHT,
        "graded",
        8,
        "",
    ),
    "forges": (
        "import IPython.display, torch\nfrom course_lib.tasks import collect, core, judging, probes\n"
        "class Always(torch.Tensor):\n    def __eq__(self, other):\n        return True\n"
        "judging.judge = lambda *a, **k: core.Verdict('right')\ntorch.isclose = torch.ones_like\n"
        "core.Verdict.passed = property(lambda self: True)\n"
        "def reparameterize(mu, logvar, eps):\n    return mu.as_subclass(Always)",
        "graded",
        6,
        "It looks like this mistake: there is no noise",
    ),
}  # fmt: skip


@LINUX
def test_those_that_mean_harm_get_what_they_earned_and_leave_nothing_behind(tmp_path: Path) -> None:
    for name, (source, *_) in HOSTILE.items():
        hand_in(tmp_path / "in", name, VAE, solution(VAE, reparameterize=source, train_vae=STUB))
    (tmp_path / "in" / "other.ipynb").write_text(json.dumps({"nbformat": 4, "cells": []}))
    noisy = "import sys\nprint('<b>oops</b>', file=sys.stderr)" + RIGHT
    nbformat.write(solution(VAE, reparameterize=noisy, train_vae=STUB), tmp_path / "in" / "noisy.ipynb")
    summary = grade_folder(
        tmp_path / "in", tmp_path / "out", seconds_per_cell=5, seconds_per_submission=60, memory_mb=1024
    )
    results = {result.learner: result for result in summary.results}
    assert len(results) == len(HOSTILE) + 2
    for name, (_, status, score, says) in HOSTILE.items():
        result = results[name]
        told = " ".join(verdict.message for verdict in result.verdicts)
        assert (result.status, result.score) == (status, score), f"{name}: {told}"
        assert says in told, name
    assert (results["noisy"].exercise, results["noisy"].score) == (VAE, 8)
    assert results["other"].status == "rejected"
    (told,) = [row["message"] for row in rows(tmp_path / "out" / "tasks.csv") if row["learner"] == "other"]
    assert "None of an exercise's answer cells" in told
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if "3141" in (p.info["cmdline"] or [])]
    assert left == []
    page = (tmp_path / "out" / "feedback" / "noisy" / f"{VAE}.html").read_text(encoding="utf-8")
    assert "<b>oops" not in page


def _breaks(submission: batches.Submission, settings: object) -> object:
    """Stands in for a submission that ends the worker that grades it."""
    if submission.learner == "bad":
        os._exit(1)
    return batches._page(batches._not_run(submission, "graded", "", settings), {})


def test_a_worker_that_dies_takes_no_other_submission_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for learner in ("bad", "next"):
        hand_in(tmp_path / "in", learner, VAE, "{}")
    monkeypatch.setattr(batches, "_grade_one", _breaks)
    summary = grade_folder(tmp_path / "in", tmp_path / "out", workers=1)
    status = {result.learner: result.status for result in summary.results}
    assert status == {"bad": "failed", "next": "graded"}


def test_a_fault_of_ours_is_not_blamed_on_the_learner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the reference of f fails")

    monkeypatch.setattr(batches, "grade_bytes", broken)
    hand_in(tmp_path, "ada", VAE, "{}")
    submission = batches.find_submissions(tmp_path)[0]
    result, _ = batches._grade_one(submission, batches._Settings(b"s" * 32, batches.Limits(), None))
    assert result.status == "failed"
    assert "no fault of the learner (RuntimeError: the reference of f fails)" in result.verdicts[0].message


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
    twice = "def kl_divergence(mu, logvar):\n    return (mu**2 + logvar.exp() - 1 - logvar).sum(1)"
    nbformat.write(solution(VAE, kl_divergence=twice, train_vae=STUB), path)
    verdicts = {verdict.task: verdict for verdict in self_check(path)}
    assert verdicts["reparameterize"].verdict == "right"
    assert verdicts["train_vae"].verdict == "untouched"
    assert "public case 1 of 3" in verdicts["kl_divergence"].message
    assert "expected 1.8319, got 3.6639" in verdicts["kl_divergence"].message


def test_self_check_refuses_what_is_no_exercise(tmp_path: Path) -> None:
    path = tmp_path / "mine.ipynb"
    path.write_text("{}")
    with pytest.raises(SubmissionError, match="no list of cells"):
        self_check(path)
    with pytest.raises(FileNotFoundError):
        self_check(tmp_path / "nowhere.ipynb")
