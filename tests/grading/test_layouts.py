"""Folders as other systems leave them: whose files they are, which count, when they came, what is passed over."""

import os
import stat
import zipfile
from pathlib import Path

import pytest
from conftest import read

from course_lib.exercises.load import OURS
from course_lib.exercises.variants import exercise_names
from course_lib.grading.intake.submissions import Found, find_submissions

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


EXCHANGE = {
    f"inbound/ada+{VAE}+2026-10-31 09:59:59.948203 UTC/{VAE}.ipynb": "ada's first",
    f"inbound/ada+{VAE}+2026-10-31 17:59:59.948203 UTC/{VAE}.ipynb": "ada",
    f"inbound/ada+{VAE}+2026-10-31 17:59:59.948203 UTC/timestamp.txt": "2026-10-31 17:59:59.948203 UTC",
    f"inbound/ada+{GAN}+2026-11-30 10:00:00 UTC+8fa31c/{GAN}.ipynb": "ada's gan",
    f"inbound/दीपा+{VAE}+2026-10-30 10:00:00.1 CET+x/answers.ipynb": "deepa",
    f"outbound/{VAE}/{VAE}.ipynb": "ours",
}


@pytest.mark.situation(
    "nbgrader",
    "its exchange, with inbound/LEARNER+EXERCISE+TIME, or that folder alone",
    "what each learner handed in last is graded, the rest is counted and named",
)
@pytest.mark.parametrize("start", ["", "exchange/", "inbound only"])
def test_nbgraders_exchange(tmp_path: Path, how: str, start: str) -> None:
    files = {f"{start.removesuffix('inbound only')}{name}": text for name, text in EXCHANGE.items()}
    if start == "inbound only":
        files = {name.removeprefix("inbound/"): text for name, text in files.items() if "outbound" not in name}
    result = found(tmp_path, files, how)
    told = {(s.learner, s.exercise): (read(s), s.submitted if how != "folder" else "") for s in result.submissions}
    assert told.pop(("ada", VAE)) == ("ada", "2026-10-31T17:59:59+00:00" if how != "folder" else "")
    assert told == {("ada", GAN): ("ada's gan", ""), ("दीपा", VAE): ("deepa", "")}
    assert f"'ada+{VAE}+2026-10-31 09:59:59.948203 UTC': handed in again later" in result.skipped
    assert len(result.skipped) == (1 if start == "inbound only" else 2)


@pytest.mark.parametrize(
    "name",
    [
        f"bob+{VAE}+2026-10-31/{VAE}.ipynb",
        f"inbound/bob+{VAE}+2026-10-31 17:59:59 UTC/{VAE}.ipynb",
        f"eve/inbound/bob+{VAE}+2026-10-31 17:59:59 UTC/{VAE}.ipynb",
        f"eve+{VAE}+2026-10-31.ipynb",
        f"eve/{VAE}/bob+{VAE}+2026-10-31/x.ipynb",
    ],
)
def test_no_learner_makes_a_class_look_like_an_exchange(tmp_path: Path, how: str, name: str) -> None:
    files = {f"ada/{VAE}/{VAE}.ipynb": "ada", f"doejane_1_2_{GAN}.ipynb": "jane", name: "eve"}
    kept = {(s.learner, s.exercise): read(s) for s in found(tmp_path, files, how).submissions}
    assert (kept["ada", VAE], kept["doejane_1", GAN]) == ("ada", "jane")
    assert ("bob", VAE) not in kept


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


def notes(tmp_path: Path, files: dict[str, str], how: str = "folder") -> dict[tuple[str, str], str]:
    return {(s.learner, s.exercise): s.note or f"! {s.problem}" for s in found(tmp_path, files, how).submissions}


@pytest.mark.situation("Uploads", "two notebooks in one upload", "the page says which was graded and which wasn't")
@pytest.mark.parametrize(
    "place",
    ["ada/{}", f"ada/{VAE}/{{}}", "Ada L_7_assignsubmission_file/{}", "Ada L_7_assignsubmission_file/a/b/{}"],
)
def test_of_two_notebooks_the_page_says_which_was_graded(tmp_path: Path, place: str, how: str) -> None:
    names = {f"{VAE}.ipynb": "graded", f"{VAE} (1).ipynb": "copy", f"Kopie von {VAE}.ipynb": "copy"}
    if place != "ada/{}":
        names["scratch.ipynb"] = "scratch"
    result = found(tmp_path, {place.format(name): text for name, text in names.items()}, how)
    (one,) = result.submissions
    assert (one.exercise, read(one)) == (VAE, "graded")
    assert one.note.startswith(f"Graded: {VAE}.ipynb. Not graded: ")
    assert all(name in one.note for name in names)


def test_two_copies_and_no_original_are_refused_by_name(tmp_path: Path) -> None:
    names = [f"{VAE} (1).ipynb", f"{VAE} (2).ipynb", f"Copy of {VAE}.ipynb"]
    (told,) = notes(tmp_path, {f"ada/{name}": name for name in names}).values()
    assert told == f"! There are 3 notebooks for one exercise: {names[0]}, {names[1]} and {names[2]}. Keep one."


def test_in_a_zip_of_several_exercises_the_rest_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "bob.zip", "w") as archive:
        for name in (
            f"w/{VAE}.ipynb",
            f"w/{GAN}.ipynb",
            "w/x.ipynb",
            "w/utils.py",
            "w/data/faces.npz",
            "w/.venv/y.py",
        ):
            archive.writestr(name, name)
    told = notes(tmp_path, {})
    assert set(told) == {("bob", VAE), ("bob", GAN)}
    for note in told.values():
        assert "Not graded: x.ipynb." in note
        assert "Handed in beside it: utils.py and faces.npz. Only the notebook is graded" in note


BESIDE = {
    "nbgrader": (f"ada/{VAE}/{VAE}.ipynb", [f"ada/{VAE}/helpers.py", f"ada/{VAE}/weights/vae.pt"]),
    "by hand": (f"ada/{VAE}.ipynb", ["ada/helpers.py", "ada/vae.pt"]),
    "by hand, with a folder of data": (f"ada/{VAE}.ipynb", ["ada/data/helpers.py", "ada/data/vae.pt"]),
    "flat": (f"ada__{VAE}.ipynb", ["ada__helpers.py", "ada__vae.pt"]),
    "Moodle": (
        "Ada L_7_assignsubmission_file/a.ipynb",
        [f"Ada L_7_assignsubmission_file/s/{x}" for x in ("helpers.py", "vae.pt")],
    ),
    "Canvas": (f"doe_1_2_{VAE}.ipynb", ["doe_1_3_helpers.py", "doe_1_4_vae.pt"]),
    "other scripts": (f"दीपा/{VAE}/{VAE}.ipynb", [f"दीपा/{VAE}/helpers.py", f"दीपा/{VAE}/vae.pt"]),
}


@pytest.mark.situation(
    "Uploads", "a module, weights or data beside the notebook", "the page says that only the notebook is graded"
)
@pytest.mark.parametrize(("book", "others"), BESIDE.values(), ids=BESIDE)
def test_what_lies_beside_the_notebook_is_said_not_to_be_there(
    tmp_path: Path, how: str, book: str, others: list[str]
) -> None:
    (one,) = found(tmp_path, {book: "x"} | dict.fromkeys(others, ""), how).submissions
    assert (read(one), one.problem) == ("x", "")
    assert one.note == (
        "Handed in beside it: helpers.py and vae.pt. Only the notebook is graded, and no other file is there when it "
        "runs: what it needs has to stand in its cells."
    )


def test_what_no_notebook_needs_is_not_spoken_of(tmp_path: Path, how: str) -> None:
    files = {
        f"ada/{VAE}/{VAE}.ipynb": "x",
        f"ada/{VAE}/timestamp.txt": "",
        f"ada/{VAE}/report.PDF": "",
        "ada/.DS_Store": "",
    }
    files |= {
        f"Bob_7_assignsubmission_file/{VAE}.ipynb": "x",
        "Bob_7_assignsubmission_onlinetext/onlinetext.html": "",
        f"cy/{GAN}/.ipynb_checkpoints/{GAN}-checkpoint.ipynb": "old",
        f"cy/{GAN}/{GAN}.ipynb": "x",
    }
    assert set(notes(tmp_path, files, how).values()) == {"! "}


def test_only_other_files_are_named_where_there_is_no_notebook(tmp_path: Path) -> None:
    files = {"Bob_7_assignsubmission_file/model.py": "", "doe_1_2_my answers.docx": "", f"ada/{VAE}/x.py": ""}
    assert notes(tmp_path, files) == {
        ("Bob_7", ""): "! There is no notebook among the files that were handed in. What was handed in: model.py.",
        (
            "doe_1",
            "",
        ): "! There is no notebook among the files that were handed in. What was handed in: my answers.docx.",
        ("ada", VAE): f"! There is no notebook {VAE}.ipynb. What was handed in: x.py.",
    }


def test_a_long_list_of_files_is_cut(tmp_path: Path) -> None:
    files = {f"ada/{VAE}/{VAE}.ipynb": "x"} | {f"ada/{VAE}/{i:03}.npy": "" for i in range(200)}
    assert "000.npy, 001.npy, 002.npy, 003.npy, 004.npy and 195 more." in notes(tmp_path, files)["ada", VAE]
