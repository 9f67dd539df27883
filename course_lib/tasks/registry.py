"""Finds tasks: an exercise ``05_name`` has its tasks in the module or package ``ex05_name`` beside this one.

An instructor's own may stand in a folder elsewhere, as ``ex05b_name`` (:func:`use_variants`).
"""

import hashlib
import importlib
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from course_lib.tasks.core import Task

_HERE = Path(__file__).parent
_variants: tuple[Path, str] | None = None  # the folder in use, and a hash of its code


def use_variants(folder: Path | None) -> bool:
    """Find the exercises of ``folder`` too, from now on in this process; of two with one name, the folder's. Its
    modules ``exNN_name`` and ``probes_*`` are imported as if they stood beside this one. None: the course's alone.

    Returns whether that, or the folder's code, is other than before. Raises ``FileNotFoundError`` if there is no
    exercise, or none of its solutions; ``ValueError`` for a module that bears the name of one of the course's.
    """
    global _variants
    wanted = None if folder is None else (folder.resolve(), _hash(folder))
    if wanted == _variants:
        return False
    path = importlib.import_module("course_lib.tasks").__path__
    path[:] = [*([] if wanted is None else [str(wanted[0])]), str(_HERE)]
    for name, module in list(sys.modules.items()):
        if name.startswith("course_lib.tasks.") and (
            name.split(".")[2].startswith("ex") or _HERE not in Path(module.__file__ or "").parents
        ):
            del sys.modules[name]
    importlib.invalidate_caches()
    exercises.cache_clear()
    tasks_of.cache_clear()
    _variants = wanted
    return True


def variants_of(exercise: str) -> Path | None:
    """The folder of variants that an exercise is from; None if it is the course's."""
    return _variants[0] if _variants and exercise in _names(_variants[0]) else None


def variants_id(exercise: str) -> str:
    """A hash of the code in the folder of variants; empty without one, and for an exercise of the course."""
    return "" if _variants is None or (exercise in exercises() and not variants_of(exercise)) else _variants[1]


@cache
def exercises() -> tuple[str, ...]:
    """The names of the exercises that have tasks, in order, such as ``05_variational_autoencoder``."""
    return tuple(sorted(_names(_HERE) | (_names(_variants[0]) if _variants else set())))


@cache
def tasks_of(exercise: str) -> tuple[Task, ...]:
    """The tasks of an exercise, in order. Raises ``ValueError`` for an unknown exercise, one whose code fails,
    or an unreachable probe."""
    if exercise not in exercises():
        raise ValueError(f"there is no exercise {exercise!r}; there are: {', '.join(exercises())}")
    try:
        tasks: tuple[Task, ...] = importlib.import_module(f"course_lib.tasks.ex{exercise}").TASKS
    except Exception as error:  # an instructor's own code; the course's is tested
        raise ValueError(f"the tasks of {exercise} can't be read: {type(error).__name__}: {error}") from error
    for task in tasks:
        if not task.probe.__module__.startswith("course_lib.tasks.probes"):
            raise ValueError(
                f"the probe of {task.name} is in {task.probe.__module__}, which a learner's process doesn't get; "
                "put it into a file probes_NAME.py beside and import it from course_lib.tasks.probes_NAME"
            )
    return tasks


def withheld_of(exercise: str) -> Mapping[str, str]:
    """The functions of the library that a learner's process doesn't get, as they are this exercise's answers."""
    tasks_of(exercise)
    withheld: Mapping[str, str] = importlib.import_module(f"course_lib.tasks.ex{exercise}").WITHHELD
    return withheld


def preload_of(exercise: str) -> tuple[str, ...]:
    """The modules that a kernel for this exercise imports sooner or later."""
    own = sorted({task.probe.__module__ for task in tasks_of(exercise)})
    floors = ("data", "models", "objectives", "training", "viz")
    return ("torch", "sklearn.datasets", "course_lib.tasks.collect", *(f"course_lib.{f}" for f in floors), *own)


def find_task(name: str) -> Task:
    """The task of that name. Raises ``ValueError`` if no exercise has one."""
    names = []
    for exercise in exercises():
        for task in tasks_of(exercise):
            if task.name == name:
                return task
            names.append(task.name)
    raise ValueError(f"there is no task {name!r}; there are: {', '.join(names)}")


def _names(folder: Path) -> set[str]:
    """The names of the exercises whose tasks are in a folder."""
    modules = (path for path in folder.glob("ex[0-9][0-9]*_*") if path.suffix == ".py" or path.is_dir())
    return {path.stem.removeprefix("ex") for path in modules}


def _hash(folder: Path) -> str:
    """A hash of a folder's code, which must be one that can be used."""
    names = _names(folder)
    if not names:
        raise FileNotFoundError(f"no variant in {folder}: it should hold ex05b_NAME.py beside 05b_NAME.ipynb")
    for name in sorted(names):
        if not (folder / f"{name}.ipynb").is_file():
            raise FileNotFoundError(f"{folder} holds ex{name}, but not its solution {name}.ipynb")
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("ex") and (_HERE / path.name).exists():
            raise ValueError(f"the course has a module {path.name} of its own; rename {path}")
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
