"""The code cells of each version of an exercise that was built, in one file of JSON lines.

    {"cells": {"8f3a…": "def f(): …"}, "versions": {"1c9e…": [["f", "answer", "8f3a…"], …]}}

The oldest version stands first, and cells that versions share stand once. A version's name is the hash of its cells,
so that one that was edited shows.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from course_lib.exercises.exercise import MasterCell, short_hash, version_of

Versions = Mapping[str, tuple[MasterCell, ...]]


def with_version(released: Versions, cells: tuple[MasterCell, ...]) -> Versions:
    """``released`` with a version added at the end, if it isn't among them."""
    version = version_of(cells)
    return released if version in released else {**released, version: cells}


def read_released(path: Path) -> Versions:
    """The versions in a file, the oldest first; none if there is no such file.

    Raises ``ValueError`` for a file that was edited.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sources = dict(content["cells"])
        versions = {
            name: tuple(MasterCell(a, role, "" if role == "shown" else sources[c]) for a, role, c in rows)
            for name, rows in content["versions"].items()
        }
        sound = all(short_hash(source) == name for name, source in sources.items())
        sound = sound and all(version_of(cells) == name for name, cells in versions.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError(
            f"{path} was changed by hand or cut off. Take it back from version control: git restore {path}"
        )
    return versions


def to_text(released: Versions) -> str:
    """The file's content: a line for each cell and for each version."""
    cells = [cell for version in released.values() for cell in version]
    sources = {short_hash(cell.source): cell.source for cell in cells if cell.role != "shown"}
    rows = {
        version: [(cell.grade_id, cell.role, short_hash(cell.source)) for cell in cells]
        for version, cells in released.items()
    }
    parts = []
    for name, entries in (("cells", sources), ("versions", rows)):
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())
        parts.append(f'"{name}": {{\n{lines}\n}}')
    return "{" + ",\n".join(parts) + "}\n"
