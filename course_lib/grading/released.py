"""Masters in the small: the code cells of each version of an exercise that was built, in one file of JSON lines.

    {"cells": {"8f3a…": "def f(): …"}, "versions": {"1c9e…": [["f", "answer", "8f3a…"], …]}}

The oldest version stands first. A version's name is the hash of its cells, so that one that was edited shows.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

_SHORT = 12  # hexadecimal digits


@dataclass(frozen=True)
class Released:
    """``cells``: source by hash. ``versions``: by name, each a list of (``grade_id``, role, hash of the source).

    Roles: ``answer``, ``check``, ``setup`` (run by the grader), ``shown`` (not run; its source isn't kept).
    """

    cells: dict[str, str] = field(default_factory=dict)
    versions: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)


def role_of(cell: NotebookNode) -> str:
    """What a code cell of a master is for."""
    if cell.metadata.nbgrader.solution:
        return "answer"
    if cell.metadata.nbgrader.grade:
        return "check"
    return "setup" if cell.metadata.get("course", {}).get("graded", True) else "shown"


def version_of(master: NotebookNode) -> str:
    """The name of a master's version: a hash of its code cells, in order."""
    return _hash(json.dumps(_compact(master)[0]))


def with_version(released: Released, master: NotebookNode) -> Released:
    """``released`` with a master added at the end, if it isn't among them."""
    version = version_of(master)
    if version in released.versions:
        return released
    rows, cells = _compact(master)
    return Released(released.cells | cells, released.versions | {version: rows})


def notebook_of(released: Released, version: str) -> NotebookNode:
    """The master of a version, without its text."""
    cells = []
    for grade_id, role, source in released.versions[version]:
        nbgrader = {"grade_id": grade_id, "solution": role == "answer", "grade": role == "check"}
        course = {"course": {"graded": False}} if role == "shown" else {}
        cells.append(
            nbformat.v4.new_code_cell(released.cells.get(source, ""), metadata={"nbgrader": nbgrader} | course)
        )
    return nbformat.v4.new_notebook(cells=cells)


def read_released(path: Path) -> Released:
    """The versions in a file; none if there is no such file. Raises ``ValueError`` for one that was edited."""
    if not path.is_file():
        return Released()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        versions = {name: [(a, b, c) for a, b, c in rows] for name, rows in content["versions"].items()}
        released = Released(dict(content["cells"]), versions)
        sound = all(_hash(source) == name for name, source in released.cells.items()) and all(
            _hash(json.dumps(rows)) == name and all(c in released.cells or b == "shown" for _, b, c in rows)
            for name, rows in versions.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError(
            f"{path} was changed by hand or cut off. Take it back from version control: git restore {path}"
        )
    return released


def to_text(released: Released) -> str:
    """The file's content: a line for each cell and for each version."""
    parts = []
    for name, entries in (("cells", released.cells), ("versions", released.versions)):
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())
        parts.append(f'"{name}": {{\n{lines}\n}}')
    return "{" + ",\n".join(parts) + "}\n"


def _compact(master: NotebookNode) -> tuple[list[tuple[str, str, str]], dict[str, str]]:
    rows, cells = [], {}
    for cell in master.cells:
        if cell.cell_type == "code":
            role = role_of(cell)
            source = "" if role == "shown" else cell.source
            rows.append((cell.metadata.nbgrader.grade_id, role, _hash(source)))
            if role != "shown":
                cells[_hash(source)] = source
    return rows, cells


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]
