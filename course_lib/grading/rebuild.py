"""A fresh notebook to run: the master's cells, the learner's answers in their places, and the grader's own cells.

Answers are found by their ``grade_id``. What a learner did to the notebook's structure costs nothing where the
intention is clear, and is told in ``notes``:

- a cell that was copied or split: all parts run, in order, so that the last definition counts;
- one that lost its id (deleted and typed again, or merged into another): found by the function that it defines;
- cells of the learner's own stay where they are, after the cell of ours that they follow;
- a cell of ours that was changed runs as it was handed out, then as it was changed. Check cells are replaced.
"""

import ast
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from course_lib.grading.build import plain_python
from course_lib.grading.masters import answer_ids
from course_lib.grading.read import Cell, SubmissionError
from course_lib.tasks.collect import request
from course_lib.tasks.core import Case, Task

_WARM_UP = "import torch as _torch\nfrom course_lib.tasks.collect import collect as _collect"


@dataclass
class Rebuilt:
    """A notebook to run. ``answers``: the learner's code per task. ``missing``: why a task has none."""

    notebook: NotebookNode
    answers: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def recognise(cells: Sequence[Cell], masters: Mapping[str, NotebookNode], expected: str = "") -> str:
    """The exercise whose answer cells a submission holds. Raises ``SubmissionError`` if it isn't clear or another."""
    ids = {cell.grade_id for cell in cells} - {""}
    hits = {name: len(ids & set(answer_ids(master))) for name, master in masters.items()}
    best = max(hits, key=lambda name: hits[name])
    if expected and expected not in masters:
        raise SubmissionError(f"There is no master of exercise {expected}; there are: {', '.join(masters)}.")
    if hits[best] == 0:
        if expected and _defines_any(cells, answer_ids(masters[expected])):
            return expected
        raise SubmissionError("None of an exercise's answer cells is in this notebook. Is it the right file?")
    if expected and hits[expected] == 0:
        raise SubmissionError(f"This is exercise {best}, handed in for {expected}.")
    return expected or best


def rebuild(
    master: NotebookNode, cells: Sequence[Cell], tasks: Sequence[Task], cases: Mapping[str, Sequence[Case]]
) -> Rebuilt:
    """The notebook that runs a submission's code on ``cases``, by task name."""
    ours = {cell.metadata.nbgrader.grade_id: cell for cell in master.cells}
    names = answer_ids(master)
    result = Rebuilt(nbformat.v4.new_notebook(metadata=master.metadata))
    theirs, extras = _sort(cells, set(ours))
    collect_after = _place_answers(names, theirs, extras, result)
    by_name = {task.name: task for task in tasks}
    run = result.notebook.cells
    run.append(nbformat.v4.new_code_cell(_WARM_UP, metadata={"course": {"ours": True}}))
    _add(run, extras[""])
    for grade_id, cell in ours.items():
        meta = cell.metadata.nbgrader
        code = cell.cell_type == "code"
        if meta.solution:
            _add(run, [result.answers[grade_id]] if grade_id in theirs else [], answer=grade_id)
        elif code and not meta.grade and cell.metadata.get("course", {}).get("graded", True):
            _add(run, [cell.source])
            changed = [
                t.source for t in theirs.get(grade_id, []) if t.kind == "code" and not _same(t.source, cell.source)
            ]
            if changed:
                _add(run, changed)
                result.notes.append(
                    "A cell of ours was changed. It was run as it was handed out, then as you have it."
                )
        elif meta.grade:
            for name in collect_after.get(grade_id.removeprefix("check_"), []):
                run.append(_collector(by_name[name], cases[name]))
        _add(run, extras[grade_id])
    for name in collect_after.get("", []):
        run.append(_collector(by_name[name], cases[name]))
    return result


def _sort(cells: Sequence[Cell], ours: set[str]) -> tuple[dict[str, list[Cell]], dict[str, list[str]]]:
    """The learner's versions of our cells, and the code of cells of their own by the id of ours that they follow."""
    theirs: dict[str, list[Cell]] = {}
    extras: dict[str, list[str]] = {grade_id: [] for grade_id in ("", *ours)}
    anchor = ""
    for cell in cells:
        if cell.grade_id in ours:
            theirs.setdefault(cell.grade_id, []).append(cell)
            anchor = cell.grade_id
        elif cell.kind == "code":
            extras[anchor].append(cell.source)
    return theirs, extras


def _place_answers(
    names: list[str], theirs: dict[str, list[Cell]], extras: dict[str, list[str]], result: Rebuilt
) -> dict[str, list[str]]:
    """Fill ``result.answers``; returns which tasks are collected after which task's check (``""``: at the end)."""
    for name in names:
        code = [cell.source for cell in theirs.get(name, []) if cell.kind == "code"]
        if len(code) > 1:
            result.notes.append(
                f"{len(code)} cells are marked as {name}. All were run, in order: the last one counts."
            )
        if code:
            result.answers[name] = "\n\n".join(code)
        else:
            if name in theirs:
                result.notes.append(f"The cell of {name} is a text cell. Turn it back into a code cell.")
            theirs.pop(name, None)
    collect_after: dict[str, list[str]] = {}
    for name in names:
        place = name
        if name not in theirs:
            holder = next(
                (other for other in theirs if other in names and name in _defined(result.answers[other])), None
            )
            found = holder is None and any(
                name in _defined(source) for sources in extras.values() for source in sources
            )
            if holder is not None:
                place = max(name, holder, key=names.index)
                result.answers[name] = result.answers[holder]
                result.notes.append(f"{name} was found in the cell of {holder}.")
            elif found:
                place = ""
                result.answers[name] = next(s for x in extras.values() for s in x if name in _defined(s))
                result.notes.append(
                    f"The cell of {name} had lost its mark; a cell of yours that defines it was taken."
                )
            else:
                result.missing[name] = (
                    f"There is no cell for {name}: neither one with its mark nor one that defines it. It may have been "
                    "deleted; take it again from the exercise as it was handed out."
                )
                continue
        collect_after.setdefault(place, []).append(name)
    return collect_after


def _collector(task: Task, cases: Sequence[Case]) -> NotebookNode:
    probe = f"{task.probe.__module__}:{task.probe.__qualname__}"
    source = (
        "from course_lib.tasks.collect import collect as _collect\n"  # again: the name may have been taken
        f'_collect("{task.name}", "{probe}", "{request(cases)}")'
    )
    return nbformat.v4.new_code_cell(source, metadata={"course": {"collects": task.name}})


def _add(run: list[NotebookNode], sources: Sequence[str], answer: str = "") -> None:
    for source in sources:
        run.append(nbformat.v4.new_code_cell(source, metadata={"course": {"answer": answer}} if answer else {}))


def _defined(source: str) -> set[str]:
    """The functions that some code defines at its top level; none if it doesn't parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(plain_python(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


def _defines_any(cells: Sequence[Cell], names: Sequence[str]) -> bool:
    return any(_defined(cell.source) & set(names) for cell in cells if cell.kind == "code")


def _same(a: str, b: str) -> bool:
    return "".join(a.split()) == "".join(b.split())
