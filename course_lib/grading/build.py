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
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_lib.grading.released import read_released, version_of, with_version
from course_lib.grading.released import to_text as released_text
from course_lib.tasks.registry import tasks_of, variants_of

_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"
_CHECK = re.compile(r"check\(\s*[\"'](\w+)[\"']")
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class BuildError(ValueError):
    """A solution notebook that no exercise can be made of; the message says which cell and why."""


def build_exercises(solutions: Path, exercises: Path, *, check: bool = False) -> list[str]:
    """Write each exercise from its solution; the names of those that changed, ``check``: that would change.

    The derived metadata of the solutions is brought up to date as well, and a new version is added to those that
    are kept. With ``check`` nothing is written.
    Raises ``BuildError`` for a solution that can't be built, ``FileNotFoundError`` if there are none.
    """
    sources = sorted(solutions.glob("[0-9][0-9]*_*.ipynb"))
    if not sources:
        raise FileNotFoundError(f"no solution such as 05_name.ipynb in {solutions}")
    names = {source.stem for source in sources}
    changed = {left.stem for left in exercises.glob("*.ipynb")} - names
    for source in sources:
        stamped, exercise = exercise_from(read_notebook(source), source.stem)
        kept = solutions / "released" / f"{source.stem}.json"
        try:
            released = with_version(read_released(kept), exercise)
        except ValueError as error:
            raise BuildError(str(error)) from None
        exercise.metadata["course"] = {"version": version_of(exercise)}
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


def exercise_from(solution: NotebookNode, name: str) -> tuple[NotebookNode, NotebookNode]:
    """A solution, stamped, and the exercise made of it."""
    stamped = stamp(solution, name)
    exercise = strip(stamped)
    if variants_of(name):
        for cell in exercise.cells:
            if cell.cell_type == "code" and (found := _CHECK.match(cell.source)):
                cell.source = f'print("{found[1]}: nothing is checked here; your instructor has the checks.")'
    return stamped, exercise


def stamp(solution: NotebookNode, exercise: str) -> NotebookNode:
    """A copy of ``solution`` with the metadata and cell ids that follow from its content, outputs untouched."""
    tasks = {task.name: task for task in tasks_of(exercise)}
    copy: NotebookNode = deepcopy(solution)
    copy.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}})
    copy.nbformat, copy.nbformat_minor = 4, 5
    answers: list[str] = []
    checks: list[str] = []
    taken: set[str] = set()
    for cell in copy.cells:
        nbgrader: dict[str, Any] = {"schema_version": 3, "grade": False, "solution": False, "locked": True}
        nbgrader["task"] = False
        found = _CHECK.match(cell.source) if cell.cell_type == "code" else None
        if cell.cell_type == "code" and _BEGIN in cell.source:
            name = _defined(cell.source)
            answers.append(name)
            nbgrader |= {"solution": True, "locked": False, "grade_id": name}
        elif found and found[1] not in tasks:
            raise BuildError(
                f'{exercise}: check("{found[1]}", ...) but there is no such task; add it to its module'
            )
        elif found:
            checks.append(found[1])
            nbgrader |= {"grade": True, "grade_id": f"check_{found[1]}", "points": tasks[found[1]].points}
        else:
            nbgrader["grade_id"] = _text_id(cell, taken)
        taken.add(nbgrader["grade_id"])
        kept = {key: cell.metadata[key] for key in ("course", "tags") if cell.metadata.get(key)}
        if nbgrader["grade"]:
            kept["tags"] = ["nbval-check-output"]  # the solution's checks print the same everywhere
        cell.metadata = nbformat.from_dict({"nbgrader": nbgrader} | kept)
        cell.id = nbgrader["grade_id"][:64]
    _agree(exercise, list(tasks), answers, checks)
    return copy


def strip(solution: NotebookNode) -> NotebookNode:
    """The exercise of a stamped solution: stubs for answers, no outputs. Every code cell of it parses."""
    exercise: NotebookNode = deepcopy(solution)
    for cell in exercise.cells:
        cell.metadata.pop("tags", None)
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        cell.source = stub(cell.source)
        try:
            ast.parse(plain_python(cell.source))
        except SyntaxError as error:
            raise BuildError(f"the cell {cell.id} does not parse once it is stripped: {error}") from None
    return exercise


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
            lines.append(f"{indent}raise NotImplementedError({json.dumps(todo, ensure_ascii=False)})")
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


def _text_id(cell: NotebookNode, taken: set[str]) -> str:
    """An id for one of our cells that changes only with its content."""
    kind = "text" if cell.cell_type == "markdown" else "code"
    name = f"{kind}-{hashlib.sha256(cell.source.encode()).hexdigest()[:8]}"
    while name in taken:
        name += "-again"
    return name


def _agree(exercise: str, tasks: list[str], answers: list[str], checks: list[str]) -> None:
    if answers != tasks or checks != tasks:
        raise BuildError(
            f"{exercise}: tasks, answers and checks must be the same, in the same order.\n"
            f"  tasks:   {', '.join(tasks)}\n  answers: {', '.join(answers)}\n  checks:  {', '.join(checks)}"
        )
