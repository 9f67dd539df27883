"""Tables of comma-separated values as spreadsheets and learning platforms save them.

Read: UTF-8 or UTF-16, with commas, semicolons or tabs between the cells. Each cell keeps how it was written, so that a
table that is filled in gives back all others byte for byte.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_REMEDY = 'In the spreadsheet save it as "CSV UTF-8", or export it again.'
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel and LibreOffice; of old Excel
_DELIMITERS = ",;\t"


class Kept(str):
    """A cell's text; ``raw`` is how the table has it, quotes and all."""

    raw: str


@dataclass(frozen=True)
class Sheet:
    """A table: its ``rows`` that aren't blank, the head first, and the ``lines`` of the file that they end in.

    ``delimiter``, ``newline``, ``mark`` (a byte-order mark): how it was written.
    """

    path: Path
    rows: list[list[Kept]]
    lines: list[int]
    delimiter: str
    newline: str
    mark: bool

    @property
    def head(self) -> list[str]:
        """The names of the columns, without spaces around them."""
        return [name.strip() for name in self.rows[0]]

    def written(self, rows: Sequence[Sequence[str]]) -> bytes:
        """A table of this kind, in UTF-8: kept cells as they were, others quoted where they must be."""
        lines = (self.delimiter.join(_raw(cell, self.delimiter) for cell in row) for row in rows)
        text = "".join(line + self.newline for line in lines)
        return (codecs.BOM_UTF8 if self.mark else b"") + text.encode()


def read_sheet(path: Path) -> Sheet:
    """The table in a file. Raises ``ValueError`` with a way out if it is empty, of another encoding or a workbook,
    ``OSError`` if it can't be read."""
    text, mark = _text(path)
    text = re.sub(r"\Asep=.\r?\n", "", text)  # a hint that Excel takes
    delimiter = _delimiter(text)
    rows, lines = [], []
    for line, row in _parsed(text, delimiter):
        if any(cell.strip() for cell in row):
            rows.append(row)
            lines.append(line)
    if not rows:
        raise ValueError(f"{path} is empty")
    return Sheet(path, rows, lines, delimiter, "\r\n" if "\r\n" in text else "\n", mark)


def _text(path: Path) -> tuple[str, bool]:
    """What a file holds, and whether it begins with a byte-order mark."""
    data = path.read_bytes()
    if data.startswith(_WORKBOOKS):
        raise ValueError(f"{path} is a workbook, not a table of comma-separated values. {_REMEDY}")
    marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode(_encoding(data)), marked
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} is neither UTF-8 nor UTF-16 (see line {line}), and nothing tells which other encoding it is. "
            f"{_REMEDY}"
        ) from None


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = data[:200]  # without a mark: the head is in ASCII for the most part, so that every other byte is 0
    if start[1::2].count(0) * 4 > len(start):
        return "utf-16-le"
    if start[::2].count(0) * 4 > len(start):
        return "utf-16-be"
    return "utf-8-sig"


def _delimiter(text: str) -> str:
    """What stands most often in the first line, a comma if nothing does."""
    first = re.sub(r'"[^"]*"', "", text.lstrip().partition("\n")[0])
    return max(_DELIMITERS, key=first.count)


def _parsed(text: str, delimiter: str) -> list[tuple[int, list[Kept]]]:
    """The rows as RFC 4180 has them, each with the line that it ends in."""
    cell = re.compile(rf'"(?P<quoted>(?:[^"]|"")*+)"(?P<rest>[^{delimiter}\r\n]*)|[^{delimiter}\r\n]*')
    found: list[tuple[int, list[Kept]]] = []
    row: list[Kept] = []
    place, line = 0, 1
    while place < len(text):
        match = cell.match(text, place)
        assert match is not None  # nothing at all is a cell, too
        quoted, place = match["quoted"], match.end()
        kept = Kept(match[0] if quoted is None else quoted.replace('""', '"') + match["rest"])
        kept.raw = match[0]
        row.append(kept)
        line += len(re.findall(r"\r\n|\r|\n", kept.raw))
        if text.startswith(delimiter, place):
            place += 1
            if place < len(text):
                continue
            row.append(_empty())
        found.append((line, row))
        row = []
        line += place < len(text)
        place += 2 if text.startswith("\r\n", place) else 1
    return found


def _empty() -> Kept:
    kept = Kept("")
    kept.raw = ""
    return kept


def _raw(text: str, delimiter: str) -> str:
    if isinstance(text, Kept):
        return text.raw
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in (delimiter, '"', "\r", "\n")) else text
