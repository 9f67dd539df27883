"""Folders as other systems leave them: whose files they are, which count, when they came, what is passed over."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from course_lib.exercises.load import OURS
from course_lib.exercises.variants import exercise_names
from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.intake.submissions import Found, Submission, find_submissions

EXERCISES = exercise_names(OURS)
VAE, GAN = "05_variational_autoencoder", "07_gan"


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def found(tmp_path: Path, files: dict[str, str], how: str = "folder") -> Found:
    """What is found where the files lie in a folder, in a zip, or in a zip with a folder around them."""
    if how == "folder":
        return find_submissions(put(tmp_path / "in", files), EXERCISES)
    around = "course101/" if how == "wrapped zip" else ""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(around + name, text)
    return find_submissions(tmp_path / "in.zip", EXERCISES)


def read(submission: Submission) -> str:
    try:
        return submission.read().decode()
    except SubmissionError as error:
        return f"! {error}"


@pytest.fixture(params=["folder", "zip", "wrapped zip"])
def how(request: pytest.FixtureRequest) -> str:
    return request.param


COURSE = {
    "nbgrader_config.py": "",
    "gradebook.db": "",
    "source/header.ipynb": "ours",
    f"source/{VAE}/{VAE}.ipynb": "ours",
    f"source/{GAN}/{GAN}.ipynb": "ours",
    f"release/{VAE}/{VAE}.ipynb": "ours",
    f"submitted/ada/{VAE}/{VAE}.ipynb": "ada",
    f"submitted/ada/{VAE}/timestamp.txt": "2026-10-31 17:59:59.948203 UTC\n",
    f"submitted/दीपा/{VAE}/{VAE}.ipynb": "deepa",
    "submitted/bob/week 7/answers.ipynb": "bob",
    f"autograded/ada/{VAE}/{VAE}.ipynb": "ours",
    f"feedback/ada/{VAE}/{VAE}.html": "ours",
}


@pytest.mark.situation(
    "nbgrader",
    "the whole course folder in place of submitted/",
    "those in submitted/ are graded, the rest is counted and named",
)
def test_nbgraders_course_folder(tmp_path: Path, how: str) -> None:
    result = found(tmp_path, COURSE, how)
    assert {s.learner: read(s) for s in result.submissions} == {"ada": "ada", "दीपा": "deepa", "bob": "bob"}
    assert result.skipped == (
        "'autograded/': 1 notebooks beside nbgrader's submitted/, which nobody handed in",
        "'release/': 1 notebooks beside nbgrader's submitted/, which nobody handed in",
        "'source/': 3 notebooks beside nbgrader's submitted/, which nobody handed in",
    )


@pytest.mark.parametrize(
    "beside", [["source/x.txt"], ["release/x.txt"], ["gradebook.db"], ["nbgrader_config.py"], []]
)
def test_nbgraders_course_folder_is_known_by_any_part(tmp_path: Path, how: str, beside: list[str]) -> None:
    files = {"submitted/ada/week 7/a.ipynb": "ada", "submitted/bob/week 7/b.ipynb": "bob"}
    result = found(tmp_path, files | dict.fromkeys(beside, ""), how)
    assert {s.learner: read(s) for s in result.submissions} == {"ada": "ada", "bob": "bob"}


@pytest.mark.situation(
    "nbgrader", "a course folder without submitted/", "it is refused, and the right folder is named"
)
@pytest.mark.parametrize("kept", ["source release", "source nbgrader_config.py", "release feedback gradebook.db"])
def test_a_course_folder_without_hand_ins_is_refused(tmp_path: Path, how: str, kept: str) -> None:
    files = {name: text for name, text in COURSE.items() if name.partition("/")[0] in kept.split()}
    files |= {f"release/{VAE}/{VAE}.ipynb": "ours"} if "release" in kept else {f"source/{VAE}/{VAE}.ipynb": "ours"}
    with pytest.raises(FileNotFoundError, match=r"nbgrader's course folder \(.*\).*lacks the folder submitted"):
        found(tmp_path, files, how)


@pytest.mark.parametrize("learner", ["source", "release", "submitted", "feedback"])
def test_a_learner_may_be_called_like_a_folder_of_nbgraders(tmp_path: Path, learner: str) -> None:
    result = found(tmp_path, {f"{learner}/{VAE}/{VAE}.ipynb": "1", f"ada/{VAE}/{VAE}.ipynb": "2"})
    assert {s.learner for s in result.submissions} == {learner, "ada"}
    alone = found(tmp_path / "alone", {f"{learner}/{VAE}/{VAE}.ipynb": "1"})
    assert {s.learner for s in alone.submissions} == {learner}


TIMES = {
    "2026-10-31 17:59:59.948203 UTC\n": "2026-10-31T17:59:59+00:00",
    "2026-10-31 17:59:59 UTC": "2026-10-31T17:59:59+00:00",
    "2026-10-31T17:59:59Z": "2026-10-31T17:59:59+00:00",
    "2026-10-31 18:59:59.000001 +0100\r\n": "2026-10-31T17:59:59+00:00",
    "2026-10-31 09:59:59-08:00": "2026-10-31T17:59:59+00:00",
    "2026-10-31 18:59:59 CET": "",
    "2026-10-31 18:59:59": "",
    "31.10.2026 18:59": "",
    "": "",
    "\ufffd" * 5000: "",
}


@pytest.mark.situation("nbgrader", "timestamp.txt beside a notebook", "it is the time of handing in")
@pytest.mark.parametrize(("text", "time"), TIMES.items(), ids=map(str, range(len(TIMES))))
def test_a_time_stamp_is_the_time_of_handing_in(tmp_path: Path, how: str, text: str, time: str) -> None:
    files = {f"ada/{VAE}/{VAE}.ipynb": "ada", f"ada/{VAE}/timestamp.txt": text, f"bob/{VAE}/{VAE}.ipynb": "bob"}
    times = {s.learner: s.submitted for s in found(tmp_path, files, how).submissions}
    assert times["ada"] == time
    assert times["bob"] == "" or how == "folder"


def test_no_time_stamp_of_a_learners_own_counts(tmp_path: Path) -> None:
    """Beside a notebook in a zip of theirs, in Moodle's download, or as a link to another file."""
    stamp = "2020-01-01 00:00:00 UTC"
    folder = put(tmp_path / "in", {f"Eve X_9_assignsubmission_file/{VAE}/timestamp.txt": stamp})
    put(folder, {f"Eve X_9_assignsubmission_file/{VAE}/{VAE}.ipynb": "eve", f"dee/{VAE}/{VAE}.ipynb": "dee"})
    (folder / "dee" / VAE / "timestamp.txt").symlink_to(put(tmp_path, {"other": stamp}) / "other")
    (folder / "cy" / VAE).mkdir(parents=True)
    with zipfile.ZipFile(folder / "cy" / VAE / "work.zip", "w") as archive:
        archive.writestr(f"{VAE}.ipynb", "cy")
        archive.writestr("timestamp.txt", stamp)
    with zipfile.ZipFile(folder / "cy" / VAE / "work.zip") as archive:
        assert archive.namelist()
    os.utime(folder / "cy" / VAE / "work.zip", (1e9, 1e9))
    times = {s.learner: s.submitted for s in find_submissions(folder, EXERCISES).submissions}
    assert times == {"Eve X_9": "", "dee": "", "cy": "2001-09-09T01:46:40+00:00"}
    assert stat.S_ISLNK((folder / "dee" / VAE / "timestamp.txt").lstat().st_mode)
