"""What was handed out earlier is graded on what was handed out; masters of every version stay, small and unharmed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from course_lib.exercises.build import BuildError, build_exercises, read_notebook
from course_lib.exercises.catalogue import Catalogue
from course_lib.exercises.exercise import Exercise, version_of
from course_lib.exercises.released import read_released, to_text, with_version
from course_lib.grading.intake.read import Cell, ReadNotebook, read_submission
from course_lib.grading.intake.recognise import recognise
from course_lib.lessons.workspace import start

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


def sources(exercise: Exercise) -> dict[str, str]:
    return {cell.grade_id: cell.source for cell in exercise.cells}


@pytest.fixture
def two_versions(tmp_path: Path) -> tuple[Path, bytes, bytes]:
    """Solutions of which two versions were built, and both exercises; the newer has another stub and another set-up."""
    solutions = solutions_in(tmp_path / "solutions")
    build_exercises(solutions, tmp_path / "made")
    old = (tmp_path / "made" / f"{VAE}.ipynb").read_bytes()
    change(solutions, "Write the divergence between two Gaussians; add up nothing.", "Another sentence.")
    change(solutions, "from course_lib.models import mlp", "from course_lib.models import MLPVAE, mlp")
    assert build_exercises(solutions, tmp_path / "made") == [VAE]
    return solutions, old, (tmp_path / "made" / f"{VAE}.ipynb").read_bytes()


def test_every_exercise_says_its_version_and_its_master_is_kept() -> None:
    catalogue = Catalogue()
    for name in catalogue.names:
        handed = read_submission((ROOT / "exercises" / f"{name}.ipynb").read_bytes())
        assert handed.version == catalogue.exercise(name).version
        path = ROOT / "solutions" / "released" / f"{name}.json"
        assert handed.version in read_released(path)
        assert path.stat().st_size < 100_000, "compact: ten thousand bytes and some for each change"
        assert recognise(handed, catalogue) == (catalogue.exercise(name), [])
    assert len({catalogue.exercise(name).version for name in catalogue.names}) == len(catalogue.names)


def test_a_submission_of_an_older_version_gets_its_own_master(two_versions: tuple[Path, bytes, bytes]) -> None:
    solutions, old, new = two_versions
    catalogue = Catalogue(solutions)
    first, second = read_submission(old), read_submission(new)
    assert first.version != second.version == catalogue.exercise(VAE).version
    exercise, notes = recognise(first, catalogue)
    assert exercise.version == first.version
    assert sources(exercise) == {
        cell.metadata.nbgrader.grade_id: cell.source if cell.metadata.get("course", {}).get("graded", True) else ""
        for cell in nbformat.reads(old.decode(), 4).cells
        if cell.cell_type == "code"
    }
    assert "has been changed since" in notes[0]
    assert "Worded anew since then: gaussian_kl." in notes[1]
    assert recognise(second, catalogue) == (catalogue.exercise(VAE), [])


def test_an_unknown_version_is_graded_on_the_nearest(two_versions: tuple[Path, bytes, bytes]) -> None:
    solutions, old, new = two_versions
    catalogue = Catalogue(solutions)
    for data, stub in ((old, "Write the divergence"), (new, "Another sentence")):
        cells = read_submission(data).cells
        exercise, notes = recognise(ReadNotebook(cells, "abc"), catalogue)
        assert stub in sources(exercise)["gaussian_kl"]
        assert "Version abc of the exercise isn't known here" in notes[0]
        unnamed, _ = recognise(ReadNotebook(cells), catalogue)
        assert stub in sources(unnamed)["gaussian_kl"], "without a version too"
    typed_anew = (Cell("code", "def gaussian_kl(): ..."),)
    assert "Another sentence" in sources(recognise(ReadNotebook(typed_anew), catalogue)[0])["gaussian_kl"]


def test_tasks_that_came_and_went_are_told(two_versions: tuple[Path, bytes, bytes]) -> None:
    solutions, old, _ = two_versions
    path = solutions / "released" / f"{VAE}.json"
    released = read_released(path)
    first = released[read_submission(old).version]
    other = tuple(replace(cell, grade_id=cell.grade_id.replace("gaussian_kl", "entropy")) for cell in first)
    path.write_text(to_text(with_version(released, other)))
    handed = ReadNotebook((Cell("code", "", "grey_log_likelihood"),), version_of(other))
    exercise, notes = recognise(handed, Catalogue(solutions))
    assert exercise.answers[0] == "entropy"
    assert next(task.name for task in exercise.tasks) == "grey_log_likelihood"
    assert "No longer asked for, so without marks: entropy." in notes
    assert "Asked for since then, so not expected here: gaussian_kl." in notes


IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from course_lib.exercises.catalogue import Catalogue
catalogue = Catalogue(Path(sys.argv[1]))
print(len(catalogue.versions(sys.argv[2])), catalogue.fingerprint(sys.argv[2]), catalogue.fingerprint())
"""


def test_every_process_has_the_same_fingerprint(two_versions: tuple[Path, bytes, bytes]) -> None:
    """Also where an exercise has an older version, whose cells stand in no notebook."""
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(two_versions[0]), VAE]
    said = [
        subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2", "3")
    ]
    number, *fingerprints = said[0].stdout.split()
    assert (number, len(fingerprints)) == ("2", 2)
    assert len({done.stdout for done in said}) == 1


def test_mended_words_make_no_new_version(tmp_path: Path) -> None:
    solutions, made = solutions_in(tmp_path / "solutions"), tmp_path / "made"
    build_exercises(solutions, made)
    kept = solutions / "released" / f"{VAE}.json"
    before = kept.read_text()
    text = next(c.source for c in read_notebook(solutions / f"{VAE}.ipynb").cells if c.cell_type == "markdown")
    change(solutions, json.dumps(text.splitlines()[0])[1:-1], "Another heading")
    assert build_exercises(solutions, made) == [VAE]
    assert kept.read_text() == before
    change(solutions, "Write the divergence", "State the divergence")
    assert build_exercises(solutions, made, check=True) == [VAE]
    assert kept.read_text() == before
    assert build_exercises(solutions, made) == [VAE]
    assert len(read_released(kept)) == 2
    assert len(kept.read_text()) < len(before) + 1500, "cells that didn't change are kept once"
    change(solutions, "State the divergence", "Write the divergence")
    build_exercises(solutions, made)
    assert len(read_released(kept)) == 2, "back to the first"


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
    assert read_submission(copy.read_bytes()).version == Catalogue().exercise(VAE).version


@pytest.mark.parametrize(
    ("name", "ends", "gone"),
    [
        (VAE, ("kl_divergence", "train_vae"), "kl_divergence"),
        ("07_gan", ("optimal_discriminator", "r1_penalty"), "gan_step"),
    ],
)
def test_the_first_edition_keeps_its_tasks(name: str, ends: tuple[str, str], gone: str) -> None:
    """Handed out before the exercise asked for something else; recognised by its version, or by its functions alone."""
    handed = read_submission((ROOT / f"tests/exercises/handed_in/{name[:2]}_first_edition.ipynb").read_bytes())
    catalogue = Catalogue()
    bare = tuple(Cell("code", cell.source) for cell in handed.cells)
    for notebook in (handed, ReadNotebook(handed.cells), ReadNotebook(bare)):
        exercise, notes = recognise(notebook, catalogue)
        assert (exercise.name, exercise.version) == (name, handed.version)
        assert exercise.answers == tuple(task.name for task in exercise.tasks)
        assert exercise.answers[::4] == ends
        assert sum(task.points for task in exercise.tasks) == 12
        assert not any("without marks" in note for note in notes)
    assert exercise.withheld == catalogue.exercise(name).withheld
    assert gone not in {task.name for task in catalogue.exercise(name).tasks}
