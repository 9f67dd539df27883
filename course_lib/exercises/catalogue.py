"""All exercises that can be handed in: the course's, from a folder of solutions, and an instructor's own.

The current version of each exercise is built from its solution. Every version that was ever built stays beside it in
``released/NN_name.json``, where ``course build`` puts it: so a notebook is graded as what was handed out. A version's
name is a hash of its code cells: it changes when what the grader runs does, and stays when a sentence is mended.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import course_lib
from course_lib.exercises.build import agree, master_cells, read_notebook
from course_lib.exercises.closure import digest_of, files_behind, imports_of
from course_lib.exercises.exercise import Exercise, MasterCell, version_of
from course_lib.exercises.load import OURS, load_tasks
from course_lib.exercises.released import read_released
from course_lib.exercises.variants import Variants, exercise_names, read_variants
from course_lib.tasks.core import Task

_PACKAGE = Path(course_lib.__file__).parent
_SOLUTIONS = _PACKAGE.parent / "solutions"
_FLOORS = ("data", "models", "objectives", "training", "viz")  # that a kernel for any exercise has imported


class Catalogue:
    """The exercises in the folder ``solutions`` (by default, that of the repository this package is in), and in the
    instructor's folder ``variants``, which comes first where both have one of a name.

    Raises ``FileNotFoundError`` if there is no exercise, ``ValueError`` for a solution that can't be built, a file of
    released versions that was changed, or a folder of variants that can't be used. Code in ``variants`` is read here,
    so a catalogue stays as it is when the folder changes.
    """

    def __init__(self, solutions: Path | None = None, variants: Path | None = None) -> None:
        folder = solutions or _SOLUTIONS
        self._variants = None if variants is None else read_variants(variants)
        theirs = exercise_names(self._variants.folder) if self._variants else []
        homes = {name: folder for name in exercise_names(OURS) if (folder / f"{name}.ipynb").is_file()}
        homes |= {name: self._variants.folder for name in theirs if self._variants}
        if not homes:
            raise FileNotFoundError(
                f"no solutions such as 05_variational_autoencoder.ipynb in {folder}: name the folder that holds them, "
                "or install the package from its repository with pip install -e"
            )
        self._theirs = frozenset(theirs)
        self._versions = {name: _versions(homes[name], name, checked=name not in theirs) for name in sorted(homes)}
        self._exercises: dict[str, Exercise] = {}
        self._earlier: dict[str, tuple[Task, ...]] = {}
        for name in theirs:  # read now: its package bears the hash of the code as it is
            load_tasks(name, self._variants)

    @property
    def names(self) -> tuple[str, ...]:
        """The exercises, in order, such as ``05_variational_autoencoder``."""
        return tuple(self._versions)

    def versions(self, name: str) -> Mapping[str, tuple[MasterCell, ...]]:
        """The code cells of every known version, by its name: the current one first, then the newest of the others.

        Raises ``KeyError`` for an unknown exercise; so do the other methods.
        """
        return self._versions[name]

    def exercise(self, name: str, version: str = "") -> Exercise:
        """An exercise in one version (by default the current one), with its tasks imported.

        Raises ``ValueError`` if its tasks can't be read or aren't those of its solution.
        """
        versions = self._versions[name]
        current = next(iter(versions))
        if name not in self._exercises:
            variants = self._variants_of(name)
            tasks, self._earlier[name], withheld = load_tasks(name, variants)
            agree(name, tasks, versions[current])
            own = sorted({task.probe.__module__ for task in (*tasks, *self._earlier[name])})
            floors = (f"course_lib.{floor}" for floor in _FLOORS)
            preload = ("torch", "sklearn.datasets", "course_lib.probes.collect", *floors, *own)
            self._exercises[name] = Exercise(name, current, versions[current], tasks, withheld, preload, variants)
        exercise = self._exercises[name]
        if version in ("", current):
            return exercise
        older = replace(exercise, version=version, cells=versions[version])
        judged = {task.name: task for task in (*exercise.tasks, *self._earlier[name])}
        return replace(older, tasks=tuple(judged[task] for task in older.answers if task in judged))

    def fingerprint(self, name: str = "") -> str:
        """A hash of all that a mark for this exercise (without a name: for any) depends on but the grader's own core:
        its versions, its tasks and probes and the code that they rest on, and what its cells import.

        It is of content alone: the same in every process and on every machine.
        """
        digest = hashlib.sha256()
        for one in [name] if name else self.names:
            exercise = self.exercise(one)
            package = exercise.variants.package if exercise.variants else ""
            roots = {"course_lib": _PACKAGE} | ({package: exercise.variants.folder} if exercise.variants else {})
            wanted = [(f"{package or 'course_lib.tasks'}.ex{one}", "")]
            wanted += [(module, "") for module in sorted({task.probe.__module__ for task in exercise.tasks})]
            for cells in self._versions[one].values():
                wanted += [source for cell in cells for source in imports_of(cell.source)]
            files = files_behind(wanted, roots)
            code = {module.replace(package, "variants") if package else module: p for module, p in files.items()}
            digest.update(f"{one}\0{','.join(self._versions[one])}\0{digest_of(code)}\0".encode())
        return digest.hexdigest()[:12]

    def _variants_of(self, name: str) -> Variants | None:
        return self._variants if name in self._theirs else None


def catalogue_of(solutions: Path | None = None, variants: Path | None = None) -> Catalogue:
    """The catalogue of these folders as they are now; the one of before if no file has changed since."""
    folders = [folder for folder in (solutions or _SOLUTIONS, variants) if folder is not None]
    files = (path for folder in folders for end in ("ipynb", "json", "py") for path in folder.rglob(f"*.{end}"))
    stamps = tuple(sorted((str(p), (status := p.stat()).st_mtime_ns, status.st_size) for p in files))
    return _catalogue(solutions, variants, stamps)


@lru_cache(maxsize=4)
def _catalogue(solutions: Path | None, variants: Path | None, _stamps: tuple[object, ...]) -> Catalogue:
    return Catalogue(solutions, variants)


def _versions(folder: Path, name: str, *, checked: bool) -> dict[str, tuple[MasterCell, ...]]:
    current = master_cells(read_notebook(folder / f"{name}.ipynb"), checked=checked)
    released = read_released(folder / "released" / f"{name}.json")
    return {version_of(current): current} | {v: released[v] for v in reversed(list(released))}
