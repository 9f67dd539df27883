"""The payload tables, ``payloads/*.txt``: a line on the table, then ``# %% name | what | flags`` and the source."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("payloads")


@dataclass(frozen=True)
class Payload:
    """One entry of a table. ``what`` is attacked, where the table's entries differ in it."""

    name: str
    what: str
    flags: frozenset[str]
    source: str


def table(name: str) -> Iterator[Payload]:
    """The entries of ``payloads/NAME.txt``."""
    _, *parts = re.split(r"^# %% ", (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for part in parts:
        head, source = part.split("\n", 1)
        words = [word.strip() for word in head.split("|")] + ["", ""]
        flags = frozenset(flag.strip() for flag in words[2].split(",") if flag)
        yield Payload(words[0], words[1], flags, source.strip("\n"))
