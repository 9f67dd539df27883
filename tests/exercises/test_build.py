"""Building exercises from solutions: nothing drifts, nothing leaks, every stub parses and says what to do."""

import ast
import json
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from course_lib.exercises.build import BuildError, build_exercises, read_notebook, stamp, strip, stub
from course_lib.exercises.load import OURS, load_tasks
from course_lib.exercises.variants import exercise_names

ROOT = Path(__file__).parents[2]
BUILT = sorted(path.stem for path in (ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
NBGRADER_KEYS = {"schema_version", "grade", "solution", "locked", "task", "grade_id", "points"}


@pytest.fixture(params=BUILT)
def exercise(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return read_notebook(ROOT / "exercises" / f"{request.param}.ipynb")


def answer_cell(todo: str = "Return one.", name: str = "f") -> str:
    return f"def {name}():\n    ### BEGIN SOLUTION {todo}\n    return 1\n    ### END SOLUTION"


def test_every_solution_has_tasks_and_the_other_way_round() -> None:
    assert BUILT
    assert exercise_names(OURS) == BUILT


def test_nothing_has_drifted() -> None:
    assert build_exercises(ROOT / "solutions", ROOT / "exercises", check=True) == []


def test_building_again_changes_nothing_and_drift_is_found(tmp_path: Path) -> None:
    solutions, made = tmp_path / "solutions", tmp_path / "exercises"
    solutions.mkdir()
    for name in BUILT:
        (solutions / f"{name}.ipynb").write_bytes((ROOT / "solutions" / f"{name}.ipynb").read_bytes())
    assert build_exercises(solutions, made, check=True) == BUILT
    assert not made.exists(), "a check writes nothing"
    assert build_exercises(solutions, made) == BUILT
    assert build_exercises(solutions, made) == []
    first = made / f"{BUILT[0]}.ipynb"
    first.write_text(first.read_text().replace("NotImplementedError", "ValueError", 1))
    (made / "99_stray.ipynb").write_text("{}")
    assert build_exercises(solutions, made, check=True) == [BUILT[0], "99_stray"]
    assert build_exercises(solutions, made) == [BUILT[0], "99_stray"]
    assert build_exercises(solutions, made, check=True) == []


def test_an_exercise_holds_no_solution_and_no_output(exercise: nbformat.NotebookNode) -> None:
    text = json.dumps(exercise)
    assert "BEGIN SOLUTION" not in text
    assert "END SOLUTION" not in text
    for cell in exercise.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_each_stub_says_what_to_do(exercise: nbformat.NotebookNode) -> None:
    stubs = [cell for cell in exercise.cells if cell.metadata.nbgrader.solution]
    for cell in stubs:
        raises = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Raise)]
        assert raises
        for node in raises:
            assert len(ast.unparse(node).split()) >= 4, cell.source


def test_metadata_is_nbgraders_and_the_points_are_the_tasks(exercise: nbformat.NotebookNode) -> None:
    ids, points = [], {}
    for cell in exercise.cells:
        assert set(cell.metadata) <= {"nbgrader", "course"}
        meta = cell.metadata.nbgrader
        assert set(meta) <= NBGRADER_KEYS
        assert meta.schema_version == 3
        assert ("points" in meta) == meta.grade
        assert meta.locked != meta.solution
        ids.append(meta.grade_id)
        if meta.grade:
            points[meta.grade_id.removeprefix("check_")] = meta.points
    assert len(set(ids)) == len(ids)
    nbformat.validate(exercise)
    name = next(name for name in BUILT if {task.name for task in load_tasks(name)[0]} == set(points))
    assert points == {task.name: task.points for task in load_tasks(name)[0]}


def test_the_question_stands_above_the_answer_and_the_check_right_under(exercise: nbformat.NotebookNode) -> None:
    question = ""
    for cell, following in pairwise(exercise.cells):
        meta = cell.metadata.nbgrader
        if cell.cell_type == "markdown":
            question += cell.source
        if meta.solution:
            for word in ("ifficulty", "point", "minutes", "<details>", f"`{meta.grade_id}("):
                assert word in question, f"{word} is missing in the question of {meta.grade_id}"
            assert following.metadata.nbgrader.grade_id == f"check_{meta.grade_id}"
            question = ""


def test_two_regions_become_two_stubs_at_their_indents() -> None:
    source = "\n".join(
        ["x = 0", "if x:", *("    " + line for line in answer_cell().splitlines()), answer_cell("Two.")]
    )
    result = stub(source)
    assert '        raise NotImplementedError("Return one.")' in result
    assert result.endswith('    raise NotImplementedError("Two.")')
    assert "return 1" not in result


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (answer_cell("").replace("SOLUTION \n", "SOLUTION\n"), "sentence on what to do"),
        (answer_cell().replace("### END SOLUTION", ""), "BEGIN SOLUTION without"),
        ("### END SOLUTION", "without ### BEGIN"),
    ],
)
def test_a_broken_region_is_an_error(source: str, says: str) -> None:
    with pytest.raises(BuildError, match=says):
        stub(source)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([answer_cell(name="gaussian_kl")], "same order"),
        (['check("nothing", nothing)'], "no such task"),
        (["### BEGIN SOLUTION do it\nx = 1\n### END SOLUTION"], "must define the function"),
    ],
)
def test_a_solution_that_disagrees_with_its_tasks_is_an_error(cells: list[str], says: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    with pytest.raises(BuildError, match=says):
        stamp(notebook, "05_variational_autoencoder", load_tasks("05_variational_autoencoder")[0])


def test_a_stub_that_does_not_parse_is_an_error() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("def f(:\n    pass")])
    with pytest.raises(BuildError, match="does not parse"):
        strip(notebook)


def test_no_solutions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no solution"):
        build_exercises(tmp_path, tmp_path / "out")
