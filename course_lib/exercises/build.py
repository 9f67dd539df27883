"""Makes ``exercises/NN_name.ipynb`` out of ``solutions/NN_name.ipynb``, the one source of an exercise.

An author writes text, code and three kinds of marks; the metadata follows from them (nbgrader's schema 3, and
nothing of ours inside that namespace), so it is derived here and written into the solution too:

- a cell with ``### BEGIN SOLUTION what to do`` ... ``### END SOLUTION`` is an answer. Its ``grade_id`` is the name of
  the function defined in it. In the exercise the lines between the marks, and the marks, become
  ``raise NotImplementedError("what to do")``;
- a cell that starts with ``check("name", name)`` is its check, worth the points of the task of that name;
- every other cell is ours and read-only. One with ``{"course": {"graded": false}}`` in its metadata shows something
  (a plot, a long training) and isn't run by the grader.

An exercise bears its version, a hash of its code, as ``course.version`` in its metadata. Every version ever built is
kept in ``solutions/released`` (``released.py``): so what is handed in later is graded on what was handed out.

Learners don't have the tasks of an instructor's variant (``--variants``), so in its exercise a check only says so.
"""

import ast
import hashlib
import json
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_lib.exercises.exercise import MasterCell, Role, answers_in, version_of
from course_lib.exercises.load import load_tasks
from course_lib.exercises.released import read_released, with_version
from course_lib.exercises.released import to_text as released_text
from course_lib.exercises.variants import Variants
from course_lib.tasks.core import Task

_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"
_LINE_LENGTH = 88  # what JupyterLab shows at 1280 pixels
_CHECK = re.compile(r"check\(\s*[\"'](\w+)[\"']")
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class BuildError(ValueError):
    """A solution notebook that no exercise can be made of; the message says which cell and why."""


def build_exercises(
    solutions: Path, exercises: Path, *, variants: Variants | None = None, check: bool = False
) -> list[str]:
    """Write each exercise from its solution; the names of those that changed, ``check``: that would change.

    The derived metadata of the solutions is brought up to date as well, and a new version is added to those that
    are kept. With ``check`` nothing is written. ``variants``: the instructor's package that the solutions belong to.
    Raises ``BuildError`` for a solution that can't be built, ``FileNotFoundError`` if there are none.
    """
    sources = sorted(solutions.glob("[0-9][0-9]*_*.ipynb"))
    if not sources:
        raise FileNotFoundError(f"no solution such as 05_name.ipynb in {solutions}")
    names = {source.stem for source in sources}
    changed = {left.stem for left in exercises.glob("*.ipynb")} - names
    for source in sources:
        stamped = stamp(read_notebook(source), source.stem, load_tasks(source.stem, variants)[0])
        exercise = strip(stamped, checked=variants is None)
        cells = master_cells(stamped, checked=variants is None)
        kept = solutions / "released" / f"{source.stem}.json"
        try:
            released = with_version(read_released(kept), cells)
        except ValueError as error:
            raise BuildError(str(error)) from None
        exercise.metadata["course"] = {"version": version_of(cells)}
        for path, text in (
            (kept, released_text(released)),
            (source, to_text(stamped)),
            (exercises / source.name, to_text(exercise)),
        ):
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                changed.add(source.stem)
                if not check:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
    if not check:
        for stem in {left.stem for left in exercises.glob("*.ipynb")} - names:
            (exercises / f"{stem}.ipynb").unlink()
    return sorted(changed)


def read_notebook(path: Path) -> NotebookNode:
    """A notebook of ours, in the newest format."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def to_text(notebook: NotebookNode) -> str:
    """A notebook as it stands in a file: the same on every machine."""
    text: str = nbformat.writes(notebook)
    return text + "\n"


def master_cells(solution: NotebookNode, *, checked: bool = True) -> tuple[MasterCell, ...]:
    """The code cells of the exercise that is made of a solution, without its tasks being looked at.

    ``checked``: whether the learner's copy of the course has the checks. Raises ``BuildError`` as :func:`strip`.
    """
    exercise = strip(solution, checked=checked)
    cells = []
    for cell, (grade_id, role) in zip(exercise.cells, _marks(solution), strict=True):
        if role is not None:
            cells.append(MasterCell(grade_id, role, "" if role == "shown" else cell.source))
    return tuple(cells)


def stamp(solution: NotebookNode, name: str, tasks: Sequence[Task]) -> NotebookNode:
    """A copy of ``solution`` with the metadata and cell ids that follow from its content, outputs untouched."""
    points = {task.name: task.points for task in tasks}
    copy: NotebookNode = deepcopy(solution)
    copy.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}})
    copy.nbformat, copy.nbformat_minor = 4, 5
    agree(name, tasks, master_cells(solution))
    for cell, (grade_id, role) in zip(copy.cells, _marks(solution), strict=True):
        nbgrader: dict[str, Any] = {"schema_version": 3, "grade": role == "check", "solution": role == "answer"}
        nbgrader |= {"locked": role != "answer", "task": False, "grade_id": grade_id}
        if role == "check":
            nbgrader["points"] = points[grade_id.removeprefix("check_")]
        kept = {key: cell.metadata[key] for key in ("course", "tags") if cell.metadata.get(key)}
        if role == "check":
            kept["tags"] = ["nbval-check-output"]  # the solution's checks print the same everywhere
        cell.metadata = nbformat.from_dict({"nbgrader": nbgrader} | kept)
        cell.id = grade_id[:64]
    return copy


def strip(solution: NotebookNode, *, checked: bool = True) -> NotebookNode:
    """The exercise of a solution: stubs for answers, no outputs. Every code cell of it parses.

    Where learners don't have the checks (``checked`` is false), a check's cell only says so.
    """
    exercise: NotebookNode = deepcopy(solution)
    for cell, (grade_id, _) in zip(exercise.cells, _marks(solution), strict=True):
        cell.metadata.pop("tags", None)
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        cell.source = stub(cell.source)
        try:
            ast.parse(plain_python(cell.source))
        except SyntaxError as error:
            raise BuildError(f"the cell {grade_id} does not parse once it is stripped: {error}") from None
        if not checked and (found := _CHECK.match(cell.source)):
            cell.source = f'print("{found[1]}: nothing is checked here; your instructor has the checks.")'
    return exercise


def agree(name: str, tasks: Sequence[Task], cells: tuple[MasterCell, ...]) -> None:
    """Raise ``BuildError`` unless an exercise's tasks, answers and checks are the same, in the same order."""
    wanted = [task.name for task in tasks]
    answers = list(answers_in(cells))
    checks = [cell.grade_id.removeprefix("check_") for cell in cells if cell.role == "check"]
    for check in checks:
        if check not in wanted:
            raise BuildError(f'{name}: check("{check}", ...) but there is no such task; add it to its module')
    if answers != wanted or checks != wanted:
        raise BuildError(
            f"{name}: tasks, answers and checks must be the same, in the same order.\n"
            f"  tasks:   {', '.join(wanted)}\n  answers: {', '.join(answers)}\n  checks:  {', '.join(checks)}"
        )


def plain_python(source: str) -> str:
    """``source`` with IPython's own lines (``%magic``, ``!shell``) made harmless."""
    return re.sub(r"^([ \t]*)[%!].*", r"\1pass", source, flags=re.M)


def stub(source: str) -> str:
    """``source`` with each solution replaced by a line that raises ``NotImplementedError`` and says what to do."""
    lines: list[str] = []
    inside = False
    for line in source.splitlines():
        word = line.strip()
        if word.startswith(_BEGIN):
            todo = word.removeprefix(_BEGIN).strip(" :")
            if inside or not todo:
                raise BuildError(f"after {_BEGIN} a sentence on what to do is needed, and no second one inside")
            indent = line[: len(line) - len(line.lstrip())]
            quoted = json.dumps(todo, ensure_ascii=False)
            line = f"{indent}raise NotImplementedError({quoted})"
            long = len(line) > _LINE_LENGTH
            lines += [line[: -len(quoted) - 1], f"{indent}    {quoted}", f"{indent})"] if long else [line]
            inside = True
        elif word.startswith(_END):
            if not inside:
                raise BuildError(f"{_END} without {_BEGIN}")
            inside = False
        elif not inside:
            lines.append(line)
    if inside:
        raise BuildError(f"{_BEGIN} without {_END}")
    return "\n".join(lines)


def _defined(source: str) -> str:
    """The name of the last function defined at the top of a cell: the one that the cell is for."""
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if not names:
        raise BuildError(f"a cell with {_BEGIN} must define the function that is asked for")
    return names[-1]


def _marks(notebook: NotebookNode) -> list[tuple[str, Role | None]]:
    """The ``grade_id`` of each cell and, of a code cell, its role; they change with the cell's content only."""
    marks: list[tuple[str, Role | None]] = []
    taken: set[str] = set()
    for cell in notebook.cells:
        grade_id, role = _mark(cell)
        while role not in ("answer", "check") and grade_id in taken:
            grade_id += "-again"
        taken.add(grade_id)
        marks.append((grade_id, role))
    return marks


def _mark(cell: NotebookNode) -> tuple[str, Role | None]:
    digits = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
    if cell.cell_type != "code":
        return ("text" if cell.cell_type == "markdown" else "code") + f"-{digits}", None
    if _BEGIN in cell.source:
        return _defined(cell.source), "answer"
    if found := _CHECK.match(cell.source):
        return f"check_{found[1]}", "check"
    graded = cell.metadata.get("course", {}).get("graded", True)
    return f"code-{digits}", "setup" if graded else "shown"
