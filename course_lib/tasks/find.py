"""Which exercise asks for what, read off the sources: so that a check imports its own exercise and no other.

An exercise ``05_name`` has its tasks in the package ``ex05_name`` beside this file, each written ``Task(name="f", …)``;
those that only older versions of it ask for, too.
"""

import importlib
import re
from functools import cache
from pathlib import Path

from course_lib.tasks.core import Task

_HERE = Path(__file__).parent
_NAMED = re.compile(r"\bTask\(\s*name=\"(\w+)\"")


@cache
def asked_by() -> dict[str, str]:
    """The module of the exercise that asks for each task, by the task's name."""
    found = {}
    for path in sorted(_HERE.glob("ex[0-9][0-9]*/**/*.py")):
        for name in _NAMED.findall(path.read_text(encoding="utf-8")):
            found[name] = path.relative_to(_HERE).parts[0]
    return found


def find_task(name: str) -> Task:
    """The task of that name. Raises ``ValueError`` if no exercise has one."""
    asked = asked_by()
    if name not in asked:
        raise ValueError(f"there is no task {name!r}; there are: {', '.join(asked)}")
    module = importlib.import_module(f"course_lib.tasks.{asked[name]}")
    tasks: tuple[Task, ...] = (*module.TASKS, *getattr(module, "EARLIER", ()))
    return next(task for task in tasks if task.name == name)
