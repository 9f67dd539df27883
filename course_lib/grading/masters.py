"""The masters: the exercises as handed out, which say what is the learner's in a submission and what is ours.

The current one of each exercise is built from its solution. Those of every version that was ever built stay in
``solutions/released/NN_name.json``, where ``course build`` puts them: of each version the code cells (only these are
run), cells that versions share once. An exercise's version is a hash of that content: it changes when what the
grader runs does, and stays when a sentence is mended. Those of an instructor's variants are in the variants' folder.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nbformat import NotebookNode

from course_lib.grading.build import exercise_from, read_notebook
from course_lib.grading.read import Handed
from course_lib.grading.released import notebook_of, read_released, version_of
from course_lib.tasks import registry
from course_lib.tasks.registry import exercises, tasks_of, variants_of

_ROOT = Path(__file__).parents[2]


def use_variants(folder: Path | None) -> None:
    """Take the exercises of an instructor's folder in as well: :func:`course_lib.tasks.registry.use_variants`.

    A process that keeps a sandbox must not go on with another folder.
    """
    if registry.use_variants(folder):
        load_masters.cache_clear()
        versions_of.cache_clear()


@cache
def load_masters(solutions: Path | None = None) -> dict[str, NotebookNode]:
    """The current exercises by name, built from ``solutions`` (by default, those of the repository this package is in).

    Raises ``FileNotFoundError`` if there are none.
    """
    files = {name: _folder(name, solutions) / f"{name}.ipynb" for name in exercises()}
    masters = {name: exercise_from(read_notebook(file), name)[1] for name, file in files.items() if file.is_file()}
    if not masters:
        raise FileNotFoundError(
            f"no solutions such as 05_variational_autoencoder.ipynb in {solutions or _ROOT / 'solutions'}: name the "
            "folder that holds them, or install the package from its repository with pip install -e"
        )
    return masters


def exercise_version(exercise: str, solutions: Path | None = None) -> str:
    """The version of an exercise that is handed out now. Raises ``KeyError`` for an unknown one."""
    return version_of(load_masters(solutions)[exercise])


@cache
def versions_of(exercise: str, solutions: Path | None) -> dict[str, NotebookNode]:
    """Every known version of an exercise, the current one first, then from the newest to the oldest."""
    current = load_masters(solutions)[exercise]
    released = read_released(_folder(exercise, solutions) / "released" / f"{exercise}.json")
    older = {version: notebook_of(released, version) for version in reversed(released.versions)}
    return {version_of(current): current} | {v: n for v, n in older.items() if v != version_of(current)}


def master_of(exercise: str, handed: Handed, solutions: Path | None = None) -> tuple[NotebookNode, list[str]]:
    """The master of the version that was handed in, and what the learner should know of it.

    Of a version that isn't known the one whose cells it has most of, the newer one if two are as near.
    """
    versions = versions_of(exercise, solutions)
    newest = next(iter(versions))
    version = handed.version or _nearest(handed, versions)
    notes = []
    if version not in versions:
        version = _nearest(handed, versions)
        notes.append(
            f"Version {handed.version} of the exercise isn't known here. It was graded as version {version}."
        )
    if version != newest:
        notes += _since(versions[version], versions[newest], exercise)
    return versions[version], notes


def answer_ids(master: NotebookNode) -> list[str]:
    """The names of the tasks in a master, in order: the ``grade_id`` of its answer cells."""
    return [cell.metadata.nbgrader.grade_id for cell in master.cells if cell.metadata.nbgrader.solution]


def _folder(exercise: str, solutions: Path | None) -> Path:
    """Where the solution of an exercise is."""
    return variants_of(exercise) or solutions or _ROOT / "solutions"


def _nearest(handed: Handed, versions: Mapping[str, NotebookNode]) -> str:
    """The version that has most cells in common with a submission, and fewest that it lacks."""
    theirs = {cell.grade_id for cell in handed.cells}

    def likeness(version: str) -> float:
        ours = {cell.metadata.nbgrader.grade_id for cell in versions[version].cells if cell.cell_type == "code"}
        return len(ours & theirs) / len(ours)

    return max(versions, key=likeness)


def _since(old: NotebookNode, new: NotebookNode, exercise: str) -> list[str]:
    """What has changed since an older version, in as far as it matters for the marks."""
    asked = {cell.metadata.nbgrader.grade_id: cell.source for cell in old.cells if cell.metadata.nbgrader.solution}
    now = {cell.metadata.nbgrader.grade_id: cell.source for cell in new.cells if cell.metadata.nbgrader.solution}
    tasks = {task.name for task in tasks_of(exercise)}
    notes = [
        "The exercise has been changed since this version of it was handed out; it was graded as this version."
    ]
    if gone := [name for name in asked if name not in tasks]:
        notes.append(f"No longer asked for, so without marks: {', '.join(gone)}.")
    if added := [name for name in now if name not in asked]:
        notes.append(f"Asked for since then, so not expected here: {', '.join(added)}.")
    if changed := [name for name in asked if name in now and asked[name] != now[name]]:
        notes.append(
            f"Worded anew since then: {', '.join(changed)}. Ask your instructor if the new wording says more."
        )
    return notes
