"""The formats of ``course report``, a file each: its name is the format's (``-`` for ``_``), its first line the help.

A format is added by one new file here, with a ``FORMAT`` in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Literal

from course_lib.grading.results import Record

Need = Literal["names", "template", "course", "secret"]


@dataclass(frozen=True)
class Request:
    """What a format may use: the records, the folder to write into, and what the command's options gave.

    ``template``: the table to fill in. ``columns``: its columns by exercise. ``exercise``: the only one wanted, or
    empty. ``course``: the clone of the course. What the format doesn't need is left empty.
    """

    records: Sequence[Record]
    folder: Path
    template: Path = Path()
    columns: Mapping[str, str] = field(default_factory=dict)
    exercise: str = ""
    course: Path = Path()
    secret: bytes = b""


@dataclass(frozen=True)
class Written:
    """What a format has written, for a line on the terminal; ``left_out``: the marks that had no place in it."""

    path: Path
    content: str
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class Format:
    """``needs``: ``names`` (learners' own, no pseudonyms), ``template`` (a table to fill in), ``course``, ``secret``.

    ``write`` raises ``ValueError`` or ``OSError`` for what can't be written.
    """

    write: Callable[[Request], Written]
    needs: frozenset[Need] = frozenset()


def format_names() -> list[str]:
    return [module.name.replace("_", "-") for module in iter_modules(__path__)]


def load_format(name: str) -> Format:
    """The format of that name, one of :func:`format_names`."""
    found: Format = import_module(f"{__name__}.{name.replace('-', '_')}").FORMAT
    return found
