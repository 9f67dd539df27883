"""What was handed out earlier is graded on what was handed out; masters of every version stay, small and unharmed."""

import json
from pathlib import Path

import nbformat
import pytest

from course_lib.grading.build import BuildError, build_exercises, read_notebook
from course_lib.grading.masters import answer_ids, exercise_version, load_masters, master_of
from course_lib.grading.read import Cell, Handed, read_submission
from course_lib.grading.released import notebook_of, read_released, to_text, version_of, with_version
from course_lib.lessons.workspace import start
from course_lib.tasks.registry import exercises

ROOT = Path(__file__).parents[2]
VAE = "05_variational_autoencoder"


def solutions_in(folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{VAE}.ipynb").write_bytes((ROOT / "solutions" / f"{VAE}.ipynb").read_bytes())
    return folder


def change(solutions: Path, old: str, new: str) -> None:
    path = solutions / f"{VAE}.ipynb"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def sources(notebook: nbformat.NotebookNode) -> dict[str, str]:
    return {c.metadata.nbgrader.grade_id: c.source for c in notebook.cells if c.cell_type == "code"}


@pytest.fixture
def two_versions(tmp_path: Path) -> tuple[Path, bytes, bytes]:
    """Solutions of which two versions were built, and both exercises; the newer has another stub and another set-up."""
    solutions = solutions_in(tmp_path / "solutions")
    build_exercises(solutions, tmp_path / "made")
    old = (tmp_path / "made" / f"{VAE}.ipynb").read_bytes()
    change(solutions, "Add up the divergence of each latent dimension.", "Another sentence.")
    change(solutions, "from torch import Tensor", "from torch import Tensor, nn")
    load_masters.cache_clear()
    assert build_exercises(solutions, tmp_path / "made") == [VAE]
    return solutions, old, (tmp_path / "made" / f"{VAE}.ipynb").read_bytes()


def test_every_exercise_says_its_version_and_its_master_is_kept() -> None:
    for exercise in load_masters():
        handed = read_submission((ROOT / "exercises" / f"{exercise}.ipynb").read_bytes())
        assert handed.version == exercise_version(exercise)
        path = ROOT / "solutions" / "released" / f"{exercise}.json"
        assert handed.version in read_released(path).versions
        assert path.stat().st_size < 100_000, "compact: ten thousand bytes and some for each change"
        assert master_of(exercise, handed) == (load_masters()[exercise], [])
    assert (
        len({exercise_version(exercise) for exercise in load_masters()}) == len(load_masters()) == len(exercises())
    )


def test_a_submission_of_an_older_version_gets_its_own_master(two_versions: tuple[Path, bytes, bytes]) -> None:
    solutions, old, new = two_versions
    first, second = read_submission(old), read_submission(new)
    assert first.version != second.version == exercise_version(VAE, solutions)
    master, notes = master_of(VAE, first, solutions)
    assert sources(master) == {
        cell.metadata.nbgrader.grade_id: cell.source if cell.metadata.get("course", {}).get("graded", True) else ""
        for cell in nbformat.reads(old.decode(), 4).cells
        if cell.cell_type == "code"
    }
    assert "has been changed since" in notes[0]
    assert "Worded anew since then: kl_divergence." in notes[1]
    assert master_of(VAE, second, solutions) == (load_masters(solutions)[VAE], [])


def test_an_unknown_version_is_graded_on_the_nearest(two_versions: tuple[Path, bytes, bytes]) -> None:
    solutions, old, new = two_versions
    for data, stub in ((old, "Add up the divergence"), (new, "Another sentence")):
        cells = read_submission(data).cells
        master, notes = master_of(VAE, Handed(cells, "abc"), solutions)
        assert stub in sources(master)["kl_divergence"]
        assert "Version abc of the exercise isn't known here" in notes[0]
        assert stub in sources(master_of(VAE, Handed(cells), solutions)[0])["kl_divergence"], (
            "without a version too"
        )
    assert "Another sentence" in sources(master_of(VAE, Handed((), ""), solutions)[0])["kl_divergence"]


def test_tasks_that_came_and_went_are_told(two_versions: tuple[Path, bytes, bytes]) -> None:
    solutions, old, _ = two_versions
    path = solutions / "released" / f"{VAE}.json"
    kept = read_released(path)
    other = notebook_of(kept, read_submission(old).version)
    for cell in other.cells:
        cell.metadata.nbgrader.grade_id = cell.metadata.nbgrader.grade_id.replace("kl_divergence", "entropy")
    path.write_text(to_text(with_version(kept, other)))
    master, notes = master_of(VAE, Handed((Cell("code", "", "entropy"),), version_of(other)), solutions)
    assert answer_ids(master)[0] == "entropy"
    assert "No longer asked for, so without marks: entropy." in notes
    assert "Asked for since then, so not expected here: kl_divergence." in notes


def test_mended_words_make_no_new_version(tmp_path: Path) -> None:
    solutions, made = solutions_in(tmp_path / "solutions"), tmp_path / "made"
    build_exercises(solutions, made)
    kept = solutions / "released" / f"{VAE}.json"
    before = kept.read_text()
    text = next(c.source for c in read_notebook(solutions / f"{VAE}.ipynb").cells if c.cell_type == "markdown")
    change(solutions, json.dumps(text.splitlines()[0])[1:-1], "Another heading")
    assert build_exercises(solutions, made) == [VAE]
    assert kept.read_text() == before
    change(solutions, "Add up the divergence", "Sum the divergence")
    assert build_exercises(solutions, made, check=True) == [VAE]
    assert kept.read_text() == before
    assert build_exercises(solutions, made) == [VAE]
    assert len(read_released(kept).versions) == 2
    assert len(kept.read_text()) < len(before) + 1500, "cells that didn't change are kept once"
    change(solutions, "Sum the divergence", "Add up the divergence")
    build_exercises(solutions, made)
    assert len(read_released(kept).versions) == 2, "back to the first"


@pytest.mark.parametrize("harm", ["lost", "edited", "cut off", "a version dropped"])
def test_drift_of_the_kept_masters_is_noticed(tmp_path: Path, harm: str) -> None:
    solutions, made = solutions_in(tmp_path / "solutions"), tmp_path / "made"
    build_exercises(solutions, made)
    kept = solutions / "released" / f"{VAE}.json"
    match harm:
        case "lost":
            kept.unlink()
        case "edited":
            kept.write_text(kept.read_text().replace("NotImplementedError", "ValueError", 1))
        case "cut off":
            kept.write_text(kept.read_text()[:-20])
        case "a version dropped":
            kept.write_text('{"cells": {}, "versions": {}}')
    if harm in ("edited", "cut off"):
        with pytest.raises(BuildError, match="changed by hand or cut off"):
            build_exercises(solutions, made, check=True)
    else:
        assert build_exercises(solutions, made, check=True) == [VAE]


def test_the_learners_copy_keeps_the_version(tmp_path: Path) -> None:
    for folder in ("exercises", "notebooks"):
        (tmp_path / folder).mkdir()
    source = ROOT / "exercises" / f"{VAE}.ipynb"
    (tmp_path / "exercises" / source.name).write_bytes(source.read_bytes())
    start(tmp_path)
    copy = tmp_path / "workspace" / "exercises" / source.name
    assert read_submission(copy.read_bytes()).version == exercise_version(VAE)
