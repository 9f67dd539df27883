"""The tasks of one exercise, imported; nobody else's."""

import importlib
from collections.abc import Mapping
from pathlib import Path

import course_lib.tasks
from course_lib.exercises.variants import Variants, exercise_names
from course_lib.tasks.core import Task

OURS = Path(course_lib.tasks.__file__).parent
_PROBES = "course_lib.probes."


def load_tasks(
    name: str, variants: Variants | None = None
) -> tuple[tuple[Task, ...], tuple[Task, ...], Mapping[str, str]]:
    """The tasks of an exercise, in order; those that only older versions of it ask for; and the functions of the
    library that a learner's process doesn't get, as they are its answers.

    ``variants``: the package that the exercise is from, if it isn't the course's. Raises ``ValueError`` for an unknown
    exercise, one whose code fails, or a probe that a learner's process couldn't import.
    """
    package, folder = (variants.package, variants.folder) if variants else ("course_lib.tasks", OURS)
    if name not in exercise_names(folder):
        there = ", ".join(exercise_names(folder))
        raise ValueError(
            f"{name} has no tasks: make {folder}/ex{name} with TASKS and WITHHELD; there are: {there}"
        )
    try:
        module = importlib.import_module(f"{package}.ex{name}")
    except Exception as error:  # an instructor's own code; the course's is tested
        raise ValueError(f"the tasks of {name} can't be read: {type(error).__name__}: {error}") from error
    if absent := [needed for needed in ("TASKS", "WITHHELD") if not hasattr(module, needed)]:
        raise ValueError(
            f"{module.__file__} must hold TASKS, a tuple, and WITHHELD, a dictionary (empty if the library has nothing "
            f"of the answers); not there: {', '.join(absent)}"
        )
    tasks: tuple[Task, ...] = module.TASKS
    earlier: tuple[Task, ...] = getattr(module, "EARLIER", ())
    withheld: Mapping[str, str] = module.WITHHELD
    for task in (*tasks, *earlier):
        if not task.probe.__module__.startswith((_PROBES, f"{package}.probes.")):
            raise ValueError(
                f"the probe of {task.name} is in {task.probe.__module__}, which a learner's process doesn't get; "
                "put it into a file probes/NAME.py beside and import it by: from .probes.NAME import ..."
            )
    return tasks, earlier, withheld
