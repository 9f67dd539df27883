"""Finds tasks: an exercise ``05_name`` has its tasks in the module or package ``ex05_name`` beside this one."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from course_lib.tasks.core import Task


@cache
def exercises() -> tuple[str, ...]:
    """The names of the exercises that have tasks, in order, such as ``05_variational_autoencoder``."""
    return tuple(sorted(path.stem.removeprefix("ex") for path in Path(__file__).parent.glob("ex[0-9][0-9]_*")))


@cache
def tasks_of(exercise: str) -> tuple[Task, ...]:
    """The tasks of an exercise, in order. Raises ``ValueError`` for an unknown exercise."""
    if exercise not in exercises():
        raise ValueError(f"there is no exercise {exercise!r}; there are: {', '.join(exercises())}")
    tasks: tuple[Task, ...] = import_module(f"course_lib.tasks.ex{exercise}").TASKS
    return tasks


def withheld_of(exercise: str) -> Mapping[str, str]:
    """The functions of the library that a learner's process doesn't get, as they are this exercise's answers."""
    tasks_of(exercise)
    withheld: Mapping[str, str] = import_module(f"course_lib.tasks.ex{exercise}").WITHHELD
    return withheld


def preload_of(exercise: str) -> tuple[str, ...]:
    """The modules that a kernel for this exercise imports sooner or later."""
    probes = f"probes_{exercise[:2]}"
    own = (f"course_lib.tasks.{probes}",) if Path(__file__).with_name(f"{probes}.py").is_file() else ()
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
