"""A fresh notebook to run: the master's cells, the learner's answers in their places, and the grader's own cells.

Answers are found by their ``grade_id``. What a learner did to the notebook's structure costs nothing where the
intention is clear, and is told in ``notes``:

- a cell that was copied or split: all parts run, in order, so that the last definition counts;
- an answer that stands in another cell (merged into one, typed anew, swapped, below an untouched stub, in a check's
  cell): found by the function that is defined there, and called after that cell has run;
- cells of the learner's own stay where they are, after the cell of ours that they follow;
- a cell of ours that was changed runs as it was handed out, then as it was changed. The lines ``check("f", f)`` are
  left out wherever they stand: the grader calls the answers itself.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from course_lib.exercises.exercise import Exercise, MasterCell
from course_lib.grading.intake.code import bound, defined, is_blank, without_checks
from course_lib.grading.intake.read import Cell
from course_lib.probes.collect import request
from course_lib.tasks.core import Case, Task

_METADATA = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
_WARM_UP = """import torch as _torch
from course_lib.probes.collect import collect as _collect
from course_lib.probes.host import settle as _settle
_settle()"""


@dataclass
class Rebuilt:
    """A notebook to run. ``answers``: the learner's code per task. ``missing``: why a task has none."""

    notebook: NotebookNode
    answers: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)


def rebuild(exercise: Exercise, cells: Sequence[Cell], cases: Mapping[str, Sequence[Case]]) -> Rebuilt:
    """The notebook that runs a submission's code on ``cases``, by task name.

    An answer that is no longer judged runs like the others and isn't called.
    """
    ours = {cell.grade_id: cell for cell in exercise.cells}
    result = Rebuilt(nbformat.v4.new_notebook(metadata=deepcopy(_METADATA)))
    theirs, extras = _sort(cells, ours, result)
    collected = _place_answers(ours, theirs, extras, result)
    by_name = {task.name: task for task in exercise.tasks}
    run = result.notebook.cells
    _add(run, [_WARM_UP], ours=True)
    _add(run, extras[""])
    for grade_id, cell in ours.items():
        if cell.role == "setup":
            _add(run, [cell.source])
        *parts, last = theirs.get(grade_id) or [""]
        _add(run, parts)
        _add(run, [last] if last else [], **({"answer": grade_id} if cell.role == "answer" else {}))
        for name in collected.get(grade_id, []):
            if name in by_name:
                run.append(_collector(by_name[name], cases[name], result.answers[name]))
        _add(run, extras[grade_id])
    for name in collected.get("", []):
        if name in by_name:
            run.append(_collector(by_name[name], cases[name], result.answers[name]))
    return result


def _sort(
    cells: Sequence[Cell], ours: Mapping[str, MasterCell], result: Rebuilt
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The learner's code in our answer and set-up cells, and what is their own by the id of ours that it follows."""
    theirs: dict[str, list[str]] = {}
    extras: dict[str, list[str]] = {grade_id: [] for grade_id in ("", *ours)}
    above = dict(zip(ours, ["", *ours], strict=False))
    anchor = ""
    for cell in cells:
        role = ours[cell.grade_id].role if cell.grade_id in ours else ""
        anchor = cell.grade_id if role else anchor
        if cell.kind != "code":
            if role == "answer":
                result.note(f"The cell of {cell.grade_id} is a text cell. Turn it back into a code cell.")
            continue
        source = without_checks(cell.source)
        changed = bool(role) and not _same(cell.source, ours[cell.grade_id].source)
        if role == "answer":
            theirs.setdefault(cell.grade_id, []).append(source)
        elif role == "setup" and changed:
            theirs.setdefault(cell.grade_id, []).append(source)
            result.note("A cell of ours was changed. It was run as it was handed out, then as you have it.")
        elif role == "check" and changed and not is_blank(source):
            extras[above[cell.grade_id]].append(source)
            result.note("Code in the cell of a check was run before the check.")
        elif role == "shown" and changed and defined(source) & ours.keys():
            extras[cell.grade_id].append(source)
        elif not role and not is_blank(source):
            extras[anchor].append(source)
    return theirs, extras


def _place_answers(
    ours: Mapping[str, MasterCell], theirs: dict[str, list[str]], extras: dict[str, list[str]], result: Rebuilt
) -> dict[str, list[str]]:
    """Fill ``result.answers``; returns which tasks are called at which of our cells (``""``: at the end)."""
    order = ["", *ours]
    checks = [grade_id for grade_id, cell in ours.items() if cell.role == "check"]
    answers = [grade_id for grade_id, cell in ours.items() if cell.role == "answer"]
    found: dict[str, list[tuple[int, str, str]]] = {name: [] for name in answers}  # place, holder, source
    for place, grade_id in enumerate(order):
        held = theirs.get(grade_id, []) if grade_id in answers else []
        for holder, source in [(grade_id, source) for source in held] + [
            ("", source) for source in extras[grade_id]
        ]:
            for name in defined(source) & set(answers) - {holder}:
                found[name].append((place, holder, source))
    collected: dict[str, list[str]] = {}
    for name in answers:
        own, stub = theirs.get(name, []), ours[name].source
        written = [source for source in own if not _same(source, stub)]
        place = order.index(f"check_{name}")
        if found[name] and not any(name in bound(source) for source in written):
            where, holder, source = found[name][-1]
            place = max(place, where + 1)
            theirs[name] = written
            result.answers[name] = source
            result.note(_found(name, holder, bool(own)))
        elif own:
            theirs[name] = written or own[:1]
            result.answers[name] = "\n\n".join(theirs[name])
            if len(written) > 1:
                result.note(
                    f"{len(written)} cells are marked as {name}. All were run, in order: the last one counts."
                )
            others = {other for source in written for other in defined(source)}
            if others and not any(name in bound(source) for source in written):
                result.note(f"The cell of {name} defines {', '.join(sorted(others)[:5])}. Keep the name {name}.")
        else:
            result.missing[name] = (
                f"There is no cell for {name}: neither one with its mark nor one that defines it. It may have been "
                "deleted or be a text cell now; take it again from the exercise as it was handed out."
            )
            continue
        at = next((check for check in checks if order.index(check) >= place), "")
        collected.setdefault(at, []).append(name)
    return collected


def _found(name: str, holder: str, has_cell: bool) -> str:
    if holder:
        return f"{name} was found in the cell of {holder}."
    if has_cell:
        return f"{name} was found in a cell of yours; its own was not filled in."
    return f"The cell of {name} had lost its mark; a cell of yours that defines it was taken."


def _collector(task: Task, cases: Sequence[Case], answer: str) -> NotebookNode:
    probe = f"{task.probe.__module__}:{task.probe.__qualname__}"
    source = (
        "from course_lib.probes.collect import collect as _collect\n"  # again: the name may have been taken
        f'_collect("{task.name}", "{probe}", "{request(cases)}", {answer!r})'
    )
    return nbformat.v4.new_code_cell(source, metadata={"course": {"collects": task.name}})


def _add(run: list[NotebookNode], sources: Sequence[str], **course: object) -> None:
    for source in sources:
        run.append(nbformat.v4.new_code_cell(source, metadata={"course": course} if course else {}))


def _same(a: str, b: str) -> bool:
    return "".join(a.split()) == "".join(b.split())
