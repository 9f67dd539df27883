"""Strangers' text on its way into tables, pages and file names: harmless there, and no two names made one."""

import codecs
import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# what can't be seen, or turns the order of what can: C0 without tab and line ends, DEL, C1, and the
# characters that override the direction of writing (Unicode UAX 9)
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORMULA = re.compile(r"[\t\r\n]|\s*([=+@＝＋－＠]|-.)", re.DOTALL)
_SEPARATOR = re.compile("([;\t\r\n])")  # where a cell begins for a spreadsheet that doesn't separate by commas
# there, an item of a list of ours stays as it is: "- mu: expected 1, got 2."
_LATER_FORMULA = re.compile(r"[\s\"]*([=+@＝＋－＠]|-(?! [^=|!(){}\"]{1,200}(?:: | was expected))[^-])")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@ -]{0,79}(?<![. ])")
_DIGEST = re.compile(r".*-[0-9a-f]{16}", re.DOTALL)
_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def clean(text: str, longest: int | None = None) -> str:
    """``text`` with a mark in place of what can't be seen or encoded, cut after ``longest`` characters."""
    text = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode("utf-8"))
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


def cell(text: str) -> str:
    """``text`` as a cell of a table. What a spreadsheet would take for a formula gets an apostrophe before it.

    So does what follows a semicolon, a tab or the end of a line in it: where a country's spreadsheets separate by
    semicolons, quotes inside a line of commas hold nothing together.
    """
    first, *rest = _SEPARATOR.split(clean(text))
    first = "'" + first if _FORMULA.match(first + "".join(rest[:1])) else first
    return first + "".join("'" + piece if _LATER_FORMULA.match(piece) else piece for piece in rest)


@contextmanager
def new_table(path: Path, head: Sequence[str]) -> Iterator[Callable[[Sequence[str]], None]]:
    """What adds a row to a table at ``path``, which is there when all rows are, so that nobody finds half of it.

    Where a name (a row's first cell) isn't ASCII, the table begins with the mark by which spreadsheets know UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    foreign = False

    def add(row: Sequence[str]) -> None:
        nonlocal foreign
        foreign = foreign or not row[0].isascii()
        write_rows(file, [row])

    with unfinished.open("w", newline="", encoding="utf-8") as file:
        write_rows(file, [head])
        yield add
    if foreign:
        unfinished.write_bytes(codecs.BOM_UTF8 + unfinished.read_bytes())
    unfinished.replace(path)


def write_rows(file: TextIO, rows: Iterable[Sequence[str]]) -> None:
    """Write rows of cells, none of which a spreadsheet takes for a formula."""
    csv.writer(file).writerows([cell(text) for text in row] for row in rows)


def write_text(path: Path, text: str) -> None:
    """Write a file in one go, below folders that are made if they aren't there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def safe_name(name: str) -> str:
    """A file name: the name itself if it is plain, else what is plain of it and a hash of the whole.

    A name that looks as if it ended in such a hash gets one too, so that nobody can choose another's file name.
    """
    plain = _PLAIN.fullmatch(name) and not _WINDOWS.fullmatch(name) and not _DIGEST.fullmatch(name)
    return name if plain else hashed_name(name)


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """A file name for each name, unlike the others also where large and small letters are the same."""
    safe = {name: safe_name(name) for name in names}
    count = Counter(file.casefold() for file in safe.values())
    return {name: file if count[file.casefold()] == 1 else hashed_name(name) for name, file in safe.items()}


def hashed_name(name: str) -> str:
    """What is plain of a name, and a hash of the whole."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40].lstrip('-')}-{digest}"
