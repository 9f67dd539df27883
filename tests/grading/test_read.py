"""A submission is read as data and rebuilt on the master, whatever a learner did to the notebook's structure."""

import json
from collections.abc import Callable
from dataclasses import replace

import nbformat
import pytest
import torch

from course_lib.exercises.build import plain_python
from course_lib.exercises.catalogue import Catalogue
from course_lib.exercises.exercise import Exercise, MasterCell
from course_lib.grading.intake import read as reading
from course_lib.grading.intake.code import bound, defined, without_checks
from course_lib.grading.intake.read import Cell, SubmissionError, read_submission
from course_lib.grading.intake.recognise import exercise_in
from course_lib.grading.running.rebuild import Rebuilt, rebuild
from course_lib.tasks.core import Task

EXERCISE = "00_example"


def one() -> torch.Tensor:
    return torch.ones(1)


TASKS = [Task(name=name, points=1, cases=lambda seed: [], reference=one) for name in ("f", "g", "h")]


def ours(source: str, grade_id: str, kind: str = "code", **flags) -> nbformat.NotebookNode:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    meta = {"schema_version": 3, "grade": False, "solution": False, "locked": True, "task": False}
    course = {"course": flags.pop("course")} if "course" in flags else {}
    return make(source, metadata={"nbgrader": meta | flags | {"grade_id": grade_id}} | course)


def answer(name: str) -> nbformat.NotebookNode:
    return ours(f"def {name}():\n    raise NotImplementedError('Write it.')", name, solution=True, locked=False)


def master() -> nbformat.NotebookNode:
    cells = [ours("Text", "text-1", "markdown"), ours("unit = 1", "code-1")]
    for name in ("f", "g", "h"):
        cells += [ours(f"Write {name}", f"text-{name}", "markdown"), answer(name)]
        cells += [ours(f'check("{name}", {name})', f"check_{name}", grade=True, points=1)]
    cells += [ours("shown = 'by us'", "code-2", course={"graded": False})]
    return nbformat.v4.new_notebook(cells=cells)


def example() -> Exercise:
    """The exercise that is handed out as :func:`master`."""
    roles = {"f": "answer", "g": "answer", "h": "answer", "code-1": "setup", "code-2": "shown"}
    cells = [
        MasterCell(i, roles.get(i, "check"), "" if roles.get(i) == "shown" else c.source)
        for c in master().cells
        if c.cell_type == "code" and (i := c.metadata.nbgrader.grade_id)
    ]
    return Exercise(EXERCISE, "1", tuple(cells), tuple(TASKS), {}, ())


def submission(edit: Callable[[list[Cell]], list[Cell] | None] = lambda cells: None) -> list[Cell]:
    """The cells of a right submission, after ``edit``."""
    cells = read_submission(nbformat.writes(master()).encode()).cells
    cells = [
        Cell("code", f"def {c.grade_id}():\n    return '{c.grade_id}'", c.grade_id) if len(c.grade_id) == 1 else c
        for c in cells
    ]
    return edit(cells) or cells


def where(cells: list[Cell], grade_id: str) -> int:
    return [cell.grade_id for cell in cells].index(grade_id)


def rebuilt_of(cells: list[Cell]) -> Rebuilt:
    return rebuild(example(), cells, {"f": [], "g": [], "h": []})


def play(rebuilt: Rebuilt) -> dict[str, object]:
    """What each collector would find: the notebook's cells run in order in one namespace."""
    names: dict[str, object] = {}
    found: dict[str, object] = {}
    for cell in rebuilt.notebook.cells[1:]:
        task = cell.metadata.get("course", {}).get("collects")
        if task:
            function = names.get(task)
            found[task] = function() if callable(function) else None
        else:
            exec(cell.source, names)
    return found | {"names": set(names)}


RIGHT = {"f": "f", "g": "g", "h": "h"}


def check(cells: list[Cell], **expected: object) -> Rebuilt:
    rebuilt = rebuilt_of(cells)
    found = play(rebuilt)
    found.pop("names")
    assert found == RIGHT | expected
    return rebuilt


def code(source: str, grade_id: str = "") -> Cell:
    return Cell("code", source, grade_id)


def test_answers_are_taken_and_everything_else_is_ours() -> None:
    rebuilt = check(submission())
    assert rebuilt.notes == []
    sources = [cell.source for cell in rebuilt.notebook.cells]
    assert not any(source.startswith("check(") or "shown" in source for source in sources)
    assert rebuilt.answers["g"] == "def g():\n    return 'g'"


def test_metadata_tags_and_outputs_of_a_submission_are_left_behind() -> None:
    notebook = master()
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="forged")]
    notebook.metadata["kernelspec"] = {"name": "forged", "display_name": "forged"}
    text = json.dumps(rebuilt_of(list(read_submission(nbformat.writes(notebook).encode()).cells)).notebook)
    assert "forged" not in text
    assert "skip-execution" not in text


def test_cells_of_the_learners_own_stay_in_their_place() -> None:
    def edit(cells: list[Cell]) -> None:
        cells.insert(0, code("start = 1"))
        at = where(cells, "g")
        cells.insert(at, code("def helper():\n    return 'helped' + str(start)"))
        cells[at + 1] = code("def g():\n    return helper()", "g")
        cells.append(code("late = 1"))

    check(submission(edit), g="helped1")


def test_a_definition_between_stub_and_check_counts() -> None:
    def edit(cells: list[Cell]) -> None:
        at = where(cells, "f")
        cells[at] = code("def f():\n    raise NotImplementedError", "f")
        cells.insert(at + 1, code("def f():\n    return 'mine'"))

    check(submission(edit), f="mine")


def test_of_a_copied_or_split_cell_all_parts_run_in_order() -> None:
    def edit(cells: list[Cell]) -> None:
        at = where(cells, "f")
        cells[at : at + 1] = [
            code("def part():\n    return 'split'", "f"),
            code("def f():\n    return part()", "f"),
        ]

    rebuilt = check(submission(edit), f="split")
    assert any("2 cells are marked as f" in note for note in rebuilt.notes)


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_cell_that_lost_its_mark_is_found_by_its_function(place: int) -> None:
    def edit(cells: list[Cell]) -> None:
        del cells[where(cells, "f")]
        cells.insert(
            place if place >= 0 else len(cells), code("%matplotlib inline\n\ndef f():\n    return 'typed again'")
        )

    rebuilt = rebuilt_of(submission(edit))
    for cell in rebuilt.notebook.cells:
        cell.source = cell.source.replace("%matplotlib inline", "")
    assert play(rebuilt)["f"] == "typed again"
    assert any("lost its mark" in note for note in rebuilt.notes)
    assert "typed again" in rebuilt.answers["f"]


@pytest.mark.parametrize("keeper", ["f", "g"])
def test_two_answers_merged_into_one_cell_are_both_found(keeper: str) -> None:
    def edit(cells: list[Cell]) -> None:
        at = where(cells, keeper)
        cells[at] = code("def f():\n    return 'f'\n\ndef g():\n    return 'g'", keeper)
        del cells[where(cells, "g" if keeper == "f" else "f")]

    rebuilt = check(submission(edit))
    assert any(f"found in the cell of {keeper}" in note for note in rebuilt.notes)


def test_moved_cells_run_in_our_order() -> None:
    def edit(cells: list[Cell]) -> list[Cell]:
        return cells[::-1]

    check(submission(edit))


def test_a_deleted_answer_is_missing_with_a_reason_and_the_rest_counts() -> None:
    rebuilt = rebuilt_of(submission(lambda cells: [cell for cell in cells if cell.grade_id != "g"]))
    assert "There is no cell for g" in rebuilt.missing["g"]
    assert {"f", "h"} <= set(play(rebuilt))
    assert "g" not in play(rebuilt)


def test_an_answer_turned_into_text_is_told() -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "g")] = Cell("markdown", "def g(): ...", "g")

    rebuilt = rebuilt_of(submission(edit))
    assert "g" in rebuilt.missing
    assert any("text cell" in note for note in rebuilt.notes)


def test_a_changed_set_up_cell_runs_after_ours() -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "code-1")] = code("import math\nmine = unit", "code-1")

    rebuilt = rebuilt_of(submission(edit))
    assert {"math", "mine"} <= play(rebuilt)["names"]
    assert any("was changed" in note for note in rebuilt.notes)


def test_a_changed_check_cell_is_replaced_and_what_else_stands_in_it_runs_before() -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "check_f")] = code("check('f', f)\nseen = f()\ncheck('f', f);", "check_f")
        cells[where(cells, "f")] = code("def f(:", "f")
        at = where(cells, "check_g")
        cells[at] = code("def g():\n    return 'in the check'\n\ncheck('g', g)", "check_g")
        cells[where(cells, "g")] = master_cell("g")

    rebuilt = rebuilt_of(submission(edit))
    sources = [cell.source for cell in rebuilt.notebook.cells]
    assert "pass\nseen = f()\npass" in sources
    assert not any("check('" in source for source in sources)
    assert "in the check" in rebuilt.answers["g"]
    assert order(rebuilt, "def g():\n    return 'in the check'") < order(rebuilt, '_collect("g"')


def master_cell(grade_id: str) -> Cell:
    (cell,) = (cell for cell in master().cells if cell.metadata.nbgrader.grade_id == grade_id)
    return Cell("code", cell.source, grade_id)


def order(rebuilt: Rebuilt, text: str) -> int:
    (at,) = (i for i, cell in enumerate(rebuilt.notebook.cells) if text in cell.source)
    return at


def test_swapped_marks_are_seen_through() -> None:
    def edit(cells: list[Cell]) -> None:
        f, g = where(cells, "f"), where(cells, "g")
        cells[f], cells[g] = code(cells[g].source, "f"), code(cells[f].source, "g")

    rebuilt = check(submission(edit))
    assert rebuilt.notes == ["f was found in the cell of g.", "g was found in the cell of f."]
    assert rebuilt.answers["f"] == "def f():\n    return 'f'"


@pytest.mark.parametrize("place", ["right after the check", "at the end"])
def test_an_answer_below_an_untouched_stub_counts(place: str) -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "f")] = master_cell("f")
        at = where(cells, "check_f") + 1 if place == "right after the check" else len(cells)
        cells.insert(at, code("def f():\n    return 'below'"))

    rebuilt = check(submission(edit), f="below")
    assert rebuilt.notes == ["f was found in a cell of yours; its own was not filled in."]


def test_a_stub_that_was_left_behind_overwrites_no_answer() -> None:
    def merged(cells: list[Cell]) -> None:
        cells[where(cells, "f")] = code("def f():\n    return 'f'\n\ndef g():\n    return 'merged'", "f")
        cells[where(cells, "g")] = master_cell("g")

    assert check(submission(merged), g="merged").notes == ["g was found in the cell of f."]

    def copied(cells: list[Cell]) -> None:
        cells.insert(where(cells, "f") + 1, master_cell("f"))

    assert check(submission(copied)).notes == []


def test_merged_with_its_check_an_answer_still_runs_to_its_end() -> None:
    def edit(cells: list[Cell]) -> None:
        both = "def f():\n    return 'f'\ncheck('f', f)\ndef g():\n    return 'g'"
        cells[where(cells, "f")] = code(both, "f")
        for gone in ("check_f", "g"):
            del cells[where(cells, gone)]

    check(submission(edit))


def test_a_renamed_function_is_told() -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "f")] = code("def my_f():\n    return 1", "f")

    rebuilt = rebuilt_of(submission(edit))
    assert rebuilt.notes == ["The cell of f defines my_f. Keep the name f."]
    assert rebuilt.missing == {}


@pytest.mark.parametrize(
    "source", ["f = lambda: 'f'", "if True:\n    def f():\n        return 'f'", "class f:\n    1"]
)
def test_an_answer_may_be_bound_by_other_means(source: str) -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "f")] = code(source, "f")
        cells.append(code("def f():\n    return 'an experiment'"))

    assert rebuilt_of(submission(edit)).answers["f"] == source


def test_our_text_turned_into_code_is_the_learners_own() -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "text-g")] = code("def helper():\n    return 'typed in our text'", "text-g")
        cells[where(cells, "g")] = code("def g():\n    return helper()", "g")

    check(submission(edit), g="typed in our text")


def test_parts_of_an_answer_stay_cells() -> None:
    def edit(cells: list[Cell]) -> None:
        at = where(cells, "f")
        cells[at:at] = [code("broken(", "f"), code("%%capture\nhelper = 1", "f")]

    sources = [cell.source for cell in rebuilt_of(submission(edit)).notebook.cells]
    assert "%%capture\nhelper = 1" in sources, "a cell magic works in a first line only"
    assert "broken(" in sources, "a part that fails ends no other"


@pytest.mark.parametrize(
    ("source", "counts"),
    [
        ("%%capture\ndef f():\n    return 1", True),
        ("\n%%time\ndef f():\n    return 1", True),
        ("!rm -rf .\n%run x.py\ny = !ls\ndef f():\n    return 1", True),
        ("%%bash\ndef f():\n    return 1", False),
        ("%%writefile f.py\ndef f():\n    return 1", False),
        ("async def f():\n    return 1", True),
        ("    def f():\n        return 1", False),
    ],
)
def test_an_answer_without_its_mark_is_found_among_magics(source: str, counts: bool) -> None:
    rebuilt = rebuilt_of(submission(lambda cells: [*(c for c in cells if c.grade_id != "f"), code(source)]))
    assert ("f" in rebuilt.answers) == counts
    assert ("f" in rebuilt.missing) != counts


def test_an_answer_that_no_task_asks_for_any_more_runs_but_is_not_called() -> None:
    rebuilt = rebuild(replace(example(), tasks=tuple(TASKS[:2])), submission(), {"f": [], "g": []})
    assert set(play(rebuilt)) == {"f", "g", "names"}
    assert "h" in play(rebuilt)["names"]


@pytest.mark.parametrize(
    "source",
    [
        "\n" * (1 << 20),
        " " * (1 << 20) + "!",
        "%" * (1 << 20),
        "def " * (1 << 18),
        "a = " * (1 << 18),
        "(" * (1 << 20),
        "f" * (1 << 20),
        "import " * 150_000,
        "a:" * (1 << 19),
        "check(" * 170_000,
        "a;" * (1 << 19),
    ],
)
def test_a_megabyte_of_anything_is_sorted_in_linear_time(source: str) -> None:
    """No clock: what takes more than linear time here would take hours."""
    rebuilt = rebuilt_of([code(source, "f"), code(source)])
    assert set(rebuilt.missing) == {"g", "h"}
    assert not bound(source) & {"f", "g", "h"}
    assert not defined(source) & {"f", "g", "h"}
    assert len(without_checks(source)) == len(source)
    assert plain_python(source)


def test_code_that_does_not_parse_is_no_harm_to_the_others() -> None:
    def edit(cells: list[Cell]) -> None:
        cells[where(cells, "f")] = code("def f(:", "f")
        cells.insert(2, code("(" * 5000))

    rebuilt = rebuilt_of(submission(edit))
    assert rebuilt.answers["f"] == "def f(:"
    assert rebuilt.missing == {}


def test_the_exercise_is_known_by_its_answer_cells() -> None:
    answers = {EXERCISE: example().answers}
    assert exercise_in(submission(), answers) == EXERCISE
    assert exercise_in(submission(), answers, EXERCISE) == EXERCISE
    typed_again = [code(f"def {name}():\n    return 1") for name in "fgh"]
    assert exercise_in(typed_again, answers, EXERCISE) == EXERCISE
    with pytest.raises(SubmissionError, match="None of an exercise's answer cells"):
        exercise_in([code("1 + 1")], answers)
    with pytest.raises(SubmissionError, match="There is no master of exercise 02_nothing"):
        exercise_in(submission(), answers, "02_nothing")
    real = {name: Catalogue().exercise(name).answers for name in Catalogue().names}
    first = next(iter(real))
    cells = [code("...", name) for name in real[first]]
    assert exercise_in(cells, real) == first
    with pytest.raises(SubmissionError, match=f"This is exercise {first}, handed in for {EXERCISE}"):
        exercise_in(cells, real | answers, EXERCISE)


def notebook_bytes(**content) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []} | content).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\xff", "isn't text in UTF-8"),
        (b"print('hello')", "isn't JSON"),
        (notebook_bytes()[:-10], "isn't JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'"cells"', "no list of cells"),
        (b"{}", "no list of cells"),
        (b"null", "no list of cells"),
        (notebook_bytes(cells={"a": 1}), "no list of cells"),
        (notebook_bytes(cells=[1, 2]), "no list of cells"),
        (notebook_bytes(cells=[{}] * 2001), "2001 cells"),
        (notebook_bytes(cells=[{"cell_type": "code", "source": "x" * 1_100_000}]), "more than 1 MB of code"),
        (notebook_bytes(cells=[], nbformat=3, worksheets=[{"cells": [1]}]), "no list of cells"),
        (b'{"cells": [' + b"[]," * (1 << 20) + b"1]}", "too many lists"),
        (b'{"nbformat": 1e999, "cells": 3}', "no list of cells"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(SubmissionError, match=says):
        read_submission(data)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 1 << 20)
    with pytest.raises(SubmissionError, match=r"more than 1 MB\. Clear all outputs"):
        read_submission(b" " * (1 << 20) + b"{}")


@pytest.mark.parametrize(
    "cell",
    [
        {},
        {"cell_type": 3, "source": 4, "metadata": 5},
        {"cell_type": "code", "source": [1, "x = 1", None], "metadata": {"nbgrader": []}},
        {"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": ["f"]}}},
        {"cell_type": "code", "source": "x = '\ud800'", "metadata": None},
        {"cell_type": "code", "source": {"a": 1}, "metadata": {"nbgrader": {"grade_id": 7}}},
        {"cell_type": "code", "source": "x = '\0'", "metadata": {"nbgrader": "f"}},
    ],
)
def test_odd_cells_are_read_as_what_is_plain_in_them(cell: dict) -> None:
    (read,) = read_submission(notebook_bytes(cells=[cell])).cells
    assert read.grade_id == ""
    read.source.encode()


def test_an_old_notebook_is_brought_up_to_date() -> None:
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}}
    old["worksheets"] = [{"cells": [{"cell_type": "code", "input": "x = 1", "language": "python", "outputs": []}]}]
    assert [cell.source for cell in read_submission(json.dumps(old).encode()).cells] == ["x = 1"]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ('{"cells": [{"cell_type": "code", "source": "x = 1\\r\\ny = 2\\r"}]}', "x = 1\ny = 2\n"),
        ('\ufeff{"cells": [{"cell_type": "code", "source": "x"}]}', "x"),
        ('{"cells": [], "cells": [{"cell_type": "code", "source": "x"}]}', "x"),
        (
            '{"a": [NaN, -Infinity, 1e999, 9%s], "cells": [{"cell_type": "code", "source": "x"}]}' % ("9" * 5000),
            "x",
        ),
    ],
)
def test_odd_json_is_read_as_jupyter_reads_it(text: str, source: str) -> None:
    assert [cell.source for cell in read_submission(text.encode()).cells] == [source]


@pytest.mark.parametrize(
    ("metadata", "version"),
    [
        ({"course": {"version": "0a1b2c"}}, "0a1b2c"),
        ({"course": {"version": "../../x"}}, ""),
        ({"course": {"version": 3}}, ""),
        ({"course": ["version"]}, ""),
        ([], ""),
    ],
)
def test_the_version_is_what_the_notebook_says(metadata: object, version: str) -> None:
    assert read_submission(notebook_bytes(metadata=metadata)).version == version
