"""A submission as data: bytes in, plain cells out, or a reason a person can act on.

Nothing is executed. Of each cell its kind, its text and its ``grade_id`` are taken; outputs, tags, other metadata and
attachments are left behind.
"""

import json
from dataclasses import dataclass
from typing import Any

import nbformat

MAX_BYTES = 20 << 20
_MAX_CELLS = 2000
_MAX_CODE = 1 << 20


class SubmissionError(ValueError):
    """A submission that can't be graded; the message tells the learner why and what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell of a submission: ``code`` or ``markdown``, its text, and the id of ours that it bears, if any."""

    kind: str
    source: str
    grade_id: str = ""


def read_submission(data: bytes) -> list[Cell]:
    """The cells of a submitted notebook. Raises ``SubmissionError`` for anything that isn't a notebook."""
    if len(data) > MAX_BYTES:
        raise SubmissionError(
            f"The file has more than {MAX_BYTES >> 20} MB. Clear all outputs in JupyterLab, save, hand it in again."
        )
    if not data.strip():
        raise SubmissionError("The file is empty. Save the notebook in JupyterLab and hand it in again.")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SubmissionError("The file is not a notebook: it isn't text in UTF-8.") from None
    except RecursionError:
        raise SubmissionError("The file is not a notebook: its JSON is nested too deeply.") from None
    except ValueError as error:
        raise SubmissionError(
            f"The file is not a notebook: it isn't JSON ({error}). It may have been cut off or edited by hand."
        ) from None
    return [_cell(cell) for cell in _cells(content)]


def _cells(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, dict) and content.get("nbformat") in (2, 3):
        try:
            content = nbformat.convert(nbformat.from_dict(content), 4)
        except Exception:
            raise SubmissionError("The notebook has an old format. Open and save it in JupyterLab.") from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise SubmissionError("The file is JSON, but not a notebook: it has no list of cells.")
    if len(cells) > _MAX_CELLS:
        raise SubmissionError(f"The notebook has {len(cells)} cells; at most {_MAX_CELLS} are taken.")
    if sum(len(_source(cell)) for cell in cells if cell.get("cell_type") == "code") > _MAX_CODE:
        raise SubmissionError("The notebook holds more than 1 MB of code. Keep data in files, not in cells.")
    return cells


def _cell(cell: dict[str, Any]) -> Cell:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return Cell(
        kind="code" if cell.get("cell_type") == "code" else "markdown",
        source=_source(cell),
        grade_id=grade_id if isinstance(grade_id, str) else "",
    )


def _source(cell: dict[str, Any]) -> str:
    """A cell's text; lone surrogates, which no file can hold, are replaced."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source.encode("utf-8", "replace").decode("utf-8") if isinstance(source, str) else ""
