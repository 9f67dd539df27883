"""What every committed notebook must be before it is read or run: executed, fresh, small, described, comparable."""

import ast
from pathlib import Path
from typing import Any

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from course_lib.claims import Settings
from course_lib.lessons.execute import parameter_names
from course_lib.lessons.find import notebooks_in
from course_lib.lessons.minutes import reading_minutes, stated_minutes
from course_lib.lessons.outputs import faults, read_notebook

ROOT = Path(__file__).resolve().parents[2]
LESSONS = notebooks_in(ROOT / "notebooks")
SOLUTIONS = notebooks_in(ROOT / "solutions")
FIRST_FOUR = {"01_autoencoders", "05_variational_autoencoder", "07_gan", "09_vae_gan"}
FEWEST_COMPARED = 3

lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
everything = pytest.mark.parametrize(
    "path", LESSONS + SOLUTIONS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read_notebook(path).cells if cell.cell_type == "code" and cell.source.strip()]


def is_compared(cell: Any) -> bool:
    """Does nbval compare this cell's output with the committed one?"""
    comments = [line.strip().lstrip("# ") for line in cell.source.splitlines() if line.strip().startswith("#")]
    marked = "NBVAL_CHECK_OUTPUT" in comments or "nbval-check-output" in cell.metadata.get("tags", [])
    return (
        marked
        and cell.execution_count is not None
        and any("image/png" not in o.get("data", {}) for o in cell.outputs)
    )


def test_the_lessons_and_their_exercises_are_there() -> None:
    assert {path.stem for path in LESSONS} >= FIRST_FOUR
    assert {path.stem for path in SOLUTIONS} >= FIRST_FOUR


@lessons
def test_outputs_are_fresh(path: Path) -> None:
    """If this fails: ``course run NN --in-place``, look at the pictures, commit."""
    assert faults(path) == []


@everything
def test_enough_outputs_are_compared(path: Path) -> None:
    compared = sum(map(is_compared, code_cells(path)))
    assert compared >= FEWEST_COMPARED, "mark cells with # NBVAL_CHECK_OUTPUT whose print depends on no machine"


@lessons
def test_a_lesson_takes_the_parameters_of_every_lesson(path: Path) -> None:
    assert {"SEED", "DATASET", "DEVICE"} <= set(parameter_names(read_notebook(path)))


@lessons
def test_a_lesson_claims_nothing_at_other_parameters(path: Path) -> None:
    """Papermill puts its values into a cell below the parameters': by then the lesson must know its defaults."""
    (cell,) = (cell for cell in code_cells(path) if "parameters" in cell.metadata.get("tags", []))
    namespace: dict[str, Any] = {"Settings": Settings}
    exec(cell.source, namespace)
    settings = namespace["settings"]
    assert {*settings.defaults, "settings"} == set(parameter_names(read_notebook(path)))
    assert settings.are_defaults()
    namespace["DATASET"] = "mnist"
    assert not settings.are_defaults()


@lessons
def test_every_picture_is_described(path: Path) -> None:
    undescribed = [
        cell.execution_count
        for cell in code_cells(path)
        for output in cell.outputs
        if "image/png" in output.get("data", {}) and not output.metadata.get("image/png", {}).get("alt")
    ]
    assert undescribed == [], "these cells show a picture without alternative text; use course_lib.viz.show"


@lessons
def test_a_lesson_says_how_long_it_takes_to_read(path: Path) -> None:
    stated, worked_out = stated_minutes(path), reading_minutes(path)
    assert stated is not None, (
        f"its first cell must say: **Time:** about {worked_out} minutes to read, code included"
    )
    assert abs(stated - worked_out) <= 5


def called(path: Path, function: str) -> list[str]:
    """The first arguments, all of them words, of a notebook's calls of ``function``, in order."""
    names = []
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                names.append(ast.literal_eval(node.args[0]))
    return names


@lessons
def test_every_prediction_is_answered_by_name(path: Path) -> None:
    asked, answered = called(path, "predict"), called(path, "answer")
    assert sorted(asked) == sorted(answered), "predict(name, ...) and answer(name, ...) come in pairs"
    assert len(set(asked)) == len(asked)


def test_predictions_have_names_of_their_own() -> None:
    names = [name for path in LESSONS for name in called(path, "predict")]
    assert len(set(names)) == len(names)  # guesses of all lessons are kept in one file


@everything
def test_any_machine_has_the_kernel(path: Path) -> None:
    assert read_notebook(path).metadata.kernelspec.name == "python3"
