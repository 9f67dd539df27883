"""Which exercise a submission is of, and in which version it was handed out."""

from collections.abc import Collection, Mapping, Sequence

from course_lib.exercises.catalogue import Catalogue
from course_lib.exercises.exercise import Exercise, MasterCell, answers_in
from course_lib.grading.intake.code import defined
from course_lib.grading.intake.read import Cell, ReadNotebook, SubmissionError


def recognise(handed: ReadNotebook, catalogue: Catalogue, expected: str = "") -> tuple[Exercise, list[str]]:
    """The exercise that a submission is of, as it was handed out, and what the learner should know of that.

    Where it names a version that isn't known, or none, the version is taken that it has most cells of, and the newer
    one if two are as near. Raises ``SubmissionError`` if it isn't clear or another exercise than expected.
    """
    asked = {
        n: {a for cells in catalogue.versions(n).values() for a in answers_in(cells)} for n in catalogue.names
    }
    name = exercise_in(handed.cells, asked, expected)
    versions = catalogue.versions(name)
    version = handed.version or _nearest(handed.cells, versions)
    notes = []
    if version not in versions:
        version = _nearest(handed.cells, versions)
        notes.append(
            f"Version {handed.version} of the exercise isn't known here. It was graded as version {version}."
        )
    current = catalogue.exercise(name)
    if version == current.version:
        return current, notes
    exercise = catalogue.exercise(name, version)
    return exercise, notes + _changes(exercise, current)


def exercise_in(cells: Sequence[Cell], answers: Mapping[str, Collection[str]], expected: str = "") -> str:
    """The exercise whose answers these cells hold: by the cells' marks, or else by the functions that they define.

    ``answers``: what each exercise asks for. Raises ``SubmissionError`` as :func:`recognise`.
    """
    if expected and expected not in answers:
        raise SubmissionError(f"There is no master of exercise {expected}; there are: {', '.join(answers)}.")
    functions = _functions(cells)
    for names in ({cell.grade_id for cell in cells}, functions):
        hits = {exercise: len(names.intersection(asked)) for exercise, asked in answers.items()}
        best = max(hits, key=lambda name: hits[name])
        if hits.get(expected):
            return expected
        if hits[best] and expected and names is not functions and functions.intersection(answers[expected]):
            return expected
        if hits[best] and expected:
            raise SubmissionError(f"This is exercise {best}, handed in for {expected}.")
        if hits[best]:
            return best
    raise SubmissionError("None of an exercise's answer cells is in this notebook. Is it the right file?")


def _functions(cells: Sequence[Cell]) -> set[str]:
    return {name for cell in cells if cell.kind == "code" for name in defined(cell.source)}


def _nearest(cells: Sequence[Cell], versions: Mapping[str, Sequence[MasterCell]]) -> str:
    """The version that has most cells in common with a submission, and fewest that it lacks; of an answer the function
    will do, without its cell's mark."""
    theirs = {cell.grade_id for cell in cells} | _functions(cells)

    def likeness(version: str) -> float:
        ours = {cell.grade_id for cell in versions[version]}
        return len(ours & theirs) / len(ours)

    return max(versions, key=likeness)


def _changes(old: Exercise, new: Exercise) -> list[str]:
    """What has changed since an older version, in as far as it matters for the marks."""
    asked, now = ({c.grade_id: c.source for c in e.cells if c.role == "answer"} for e in (old, new))
    judged = {task.name for task in old.tasks}
    notes = [
        "The exercise has been changed since this version of it was handed out; it was graded as this version."
    ]
    if gone := [name for name in asked if name not in judged]:
        notes.append(f"No longer asked for, so without marks: {', '.join(gone)}.")
    if added := [name for name in now if name not in asked]:
        notes.append(f"Asked for since then, so not expected here: {', '.join(added)}.")
    if changed := [name for name in asked if name in now and asked[name] != now[name]]:
        notes.append(
            f"Worded anew since then: {', '.join(changed)}. Ask your instructor if the new wording says more."
        )
    return notes
