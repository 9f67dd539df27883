"""A submission as data: bytes in, plain cells out, or a reason a person can act on.

Nothing is executed. Each cell gives its kind, its text and its ``grade_id``, the notebook gives the version of the
exercise; outputs, tags, other metadata and attachments are left behind. Time and memory are bounded by the size of
the file: at worst 1.5 s and 310 MB, for 20 MB of nothing but short values.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 20 << 20
_MAX_CELLS = 2000
_MAX_CODE = 1 << 20
_MAX_BRACKETS = 1 << 20  # of lists and objects: each takes 64 bytes and more, for two or three in the file
_MAX_DIGITS = 4000  # of a whole number; Python refuses longer ones


class SubmissionError(ValueError):
    """A submission that can't be graded; the message tells the learner why and what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell of a submission: ``code`` or ``markdown``, its text, and the id of ours that it bears, if any."""

    kind: str
    source: str
    grade_id: str = ""


@dataclass(frozen=True)
class ReadNotebook:
    """A notebook that was handed in. ``version``: which one of the exercise it says it is; empty if it doesn't say."""

    cells: tuple[Cell, ...]
    version: str = ""


def read_submission(data: bytes) -> ReadNotebook:
    """A submitted notebook. Raises ``SubmissionError`` for anything that isn't one."""
    if len(data) > MAX_BYTES:
        raise SubmissionError(
            f"The file has more than {MAX_BYTES >> 20} MB. Clear all outputs in JupyterLab, save, hand it in again."
        )
    if not data.strip():
        raise SubmissionError("The file is empty. Save the notebook in JupyterLab and hand it in again.")
    if data.count(b"[") + data.count(b"{") > _MAX_BRACKETS:
        raise SubmissionError(
            "The file holds too many lists. Clear all outputs in JupyterLab, save, hand it in again."
        )
    try:
        content = json.loads(data.decode("utf-8-sig"), parse_int=_int)
    except UnicodeDecodeError:
        raise SubmissionError("The file is not a notebook: it isn't text in UTF-8.") from None
    except RecursionError:
        raise SubmissionError("The file is not a notebook: its JSON is nested too deeply.") from None
    except ValueError as error:
        raise SubmissionError(
            f"The file is not a notebook: it isn't JSON ({error}). It may have been cut off or edited by hand."
        ) from None
    return ReadNotebook(tuple(_cell(cell) for cell in _cells(content)), _version(content))


def _int(digits: str) -> int:
    return int(digits) if len(digits) < _MAX_DIGITS else 0  # none of those that are read is as long


def _cells(content: Any) -> list[dict[str, Any]]:
    """The cells of a notebook; those of formats 2 and 3 lie in worksheets."""
    sheets = content.get("worksheets") if isinstance(content, dict) else None
    if isinstance(sheets, list) and content.get("nbformat") in (2, 3) and all(isinstance(s, dict) for s in sheets):
        parts = [sheet.get("cells") for sheet in sheets]
        cells: Any = [cell for part in parts if isinstance(part, list) for cell in part]
    else:
        cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise SubmissionError("The file is JSON, but not a notebook: it has no list of cells.")
    if len(cells) > _MAX_CELLS:
        raise SubmissionError(f"The notebook has {len(cells)} cells; at most {_MAX_CELLS} are taken.")
    if sum(len(_source(cell)) for cell in cells if cell.get("cell_type") == "code") > _MAX_CODE:
        raise SubmissionError("The notebook holds more than 1 MB of code. Keep data in files, not in cells.")
    return cells


def _version(content: dict[str, Any]) -> str:
    version = _inside(content, "metadata", "course", "version")
    return version if isinstance(version, str) and re.fullmatch(r"[0-9a-f]{1,64}", version) else ""


def _cell(cell: dict[str, Any]) -> Cell:
    grade_id = _inside(cell, "metadata", "nbgrader", "grade_id")
    return Cell(
        kind="code" if cell.get("cell_type") == "code" else "markdown",
        source=_source(cell),
        grade_id=grade_id if isinstance(grade_id, str) else "",
    )


def _inside(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _source(cell: dict[str, Any]) -> str:
    """A cell's text (``input`` in old formats), in lines that end as ours do.

    Lone surrogates, which no file can hold, are replaced.
    """
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return ""
    return source.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
