"""Committed outputs: what they were made from, and whether that still holds.

``metadata.course`` of an executed lesson holds the SHA-256 of its code cells and the library version that ran them.
"""

import hashlib
from pathlib import Path
from typing import Any

import nbformat

from course_lib import __version__

MAX_BYTES = 1_000_000  # of a committed notebook
RECORD = "course"


def read_notebook(path: Path) -> Any:
    """The notebook at `path` in format 4; `ValueError` with the file's name if it is none."""
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, AttributeError, KeyError, nbformat.ValidationError) as error:
        raise ValueError(f"{path} is not a notebook: {error}") from error


def source_hash(notebook: Any, *cell_types: str) -> str:
    """SHA-256 of the cells' sources, in order; of the code cells unless other `cell_types` are named.

    White space at a cell's end doesn't count; a cell moved, split, or added does.
    """
    wanted = cell_types or ("code",)
    digest = hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type in wanted:
            digest.update(cell.source.rstrip().encode() + b"\0")
    return digest.hexdigest()


def record_of(notebook: Any) -> dict[str, str]:
    """What goes into ``metadata.course`` of a notebook executed now."""
    return {"code_sha256": source_hash(notebook), "library_version": __version__}


def faults(path: Path) -> list[str]:
    """What is wrong with the committed outputs of the lesson at `path`, one sentence each; empty if all is well."""
    notebook = read_notebook(path)
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    unrun = sum(cell.execution_count is None for cell in code)
    if unrun:
        found.append(f"{unrun} of {len(code)} code cells were never run")
    elif not any(cell.outputs for cell in code):
        found.append("no cell has an output")
    if any(output.output_type == "error" for cell in code for output in cell.outputs):
        found.append("an output is an error")
    recorded, now = notebook.metadata.get(RECORD), record_of(notebook)
    if not recorded:
        found.append("nothing says which code made the outputs")
    elif recorded.get("code_sha256") != now["code_sha256"]:
        found.append("a code cell changed since the outputs were made")
    elif recorded.get("library_version") != now["library_version"]:
        found.append(f"made with course_lib {recorded.get('library_version')}, this is {now['library_version']}")
    size = path.stat().st_size
    if size > MAX_BYTES:
        found.append(f"{size:,} bytes, more than {MAX_BYTES:,}: fewer or smaller pictures")
    return found
