"""An exercise as one value: its code cells in one version, what it asks, and what a learner's process gets for it.

It is made once (:class:`~course_lib.exercises.catalogue.Catalogue`) and handed on: whoever recognises, rebuilds, runs,
judges or reports takes an ``Exercise`` and looks nothing up.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from course_lib.exercises.variants import Variants
from course_lib.tasks.core import Task

Role = Literal["answer", "check", "setup", "shown"]
_DIGITS = 12  # hexadecimal, of a hash that names something


@dataclass(frozen=True)
class MasterCell:
    """A code cell as handed out. ``role``: ``answer``, ``check``, ``setup`` (run by the grader) or ``shown`` (not run;
    its source isn't kept)."""

    grade_id: str
    role: Role
    source: str = ""


@dataclass(frozen=True)
class Exercise:
    """One version of an exercise.

    ``tasks``: those that this version asks for and that are still judged, in order. ``withheld``: the functions of the
    library that a learner's process doesn't get (see ``tasks/exNN_name/__init__.py``). ``preload``: the modules that a
    kernel imports sooner or later. ``variants``: the instructor's package that this exercise is from, if it isn't the
    course's.
    """

    name: str
    version: str
    cells: tuple[MasterCell, ...]
    tasks: tuple[Task, ...]
    withheld: Mapping[str, str]
    preload: tuple[str, ...]
    variants: Variants | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of what is asked for: the ``grade_id`` of each answer cell, in order."""
        return answers_in(self.cells)


def answers_in(cells: tuple[MasterCell, ...]) -> tuple[str, ...]:
    """The ``grade_id`` of each answer cell, in order."""
    return tuple(cell.grade_id for cell in cells if cell.role == "answer")


def version_of(cells: tuple[MasterCell, ...]) -> str:
    """The name of a version: a hash of its code cells, in order."""
    return short_hash(json.dumps([(cell.grade_id, cell.role, short_hash(cell.source)) for cell in cells]))


def short_hash(text: str) -> str:
    """Twelve hexadecimal digits that tell one text from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
