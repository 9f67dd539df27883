"""Sentences that say why, or that something always happens, stand beside what shows it: a claim, a proof, a link."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.lessons.find import notebooks_in
from course_lib.lessons.outputs import read_notebook

ROOT = Path(__file__).resolve().parents[2]
LESSONS = notebooks_in(ROOT / "notebooks")
EXCEPTIONS = tomllib.loads((Path(__file__).parent / "unclaimed.toml").read_text(encoding="utf-8"))["sentence"]
SAYS_WHY = re.compile(
    r"\b(because|that is why|repair(s|ed)?|causes?|fails?|always|never|common|published code)\b", re.IGNORECASE
)
LINK = re.compile(
    r"https?://|arXiv|\b[A-Z]\w+(?: et al\.)?[^.]{0,40}\b(19|20)\d\d\b"
)  # an address, or a name and a year
SHOWN = re.compile(r"\b(claim\(|assert )")
FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
END = re.compile(r"(?<=[.?!:])(?<! al\.)\s+|\n\s*\n|\n\s*[-|>]")


def sentences(text: str) -> list[str]:
    return [" ".join(part.split()) for part in END.split(FORMULA.sub(" ", text))]


def unclaimed(cells: list[Any]) -> Iterator[str]:
    """Sentences that say why, without a link in them and without a claim in the cell before or after."""
    for index, cell in enumerate(cells):
        if cell.cell_type != "markdown":
            continue
        beside = [other for other in cells[max(0, index - 1) : index + 2] if other.cell_type == "code"]
        if any(SHOWN.search(other.source) for other in beside):
            continue
        yield from (s for s in sentences(cell.source) if SAYS_WHY.search(s) and not LINK.search(s))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_what_a_lesson_says_of_causes_is_shown_or_excepted(path: Path) -> None:
    """If this fails: claim it in the cell beside it, link it, say less, or list it in unclaimed.toml with a reason."""
    allowed = [entry["begins"] for entry in EXCEPTIONS if entry["lesson"] == path.stem]
    found = list(unclaimed(read_notebook(path).cells))
    assert [s for s in found if not any(begin in s for begin in allowed)] == []
    assert [begin for begin in allowed if not any(begin in s for s in found)] == [], "no longer there: take it out"


def test_every_exception_has_a_reason() -> None:
    assert all(len(entry["why"]) > 10 for entry in EXCEPTIONS)


class Cell:
    def __init__(self, cell_type: str, source: str) -> None:
        self.cell_type, self.source = cell_type, source


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("R1 repairs it.", "print(1)", 1),
        ("R1 repairs it.", 'claim("modes", 8, above=7)', 0),
        ("It works because of R1 ([a paper](https://x.org)).", "print(1)", 0),
        ("Mescheder et al. (2018) prove that it never circles.", "print(1)", 0),
        ("It is commonplace. It falls.", "print(1)", 0),
        ("That always\nhappens. It never does.", "print(1)", 2),
    ],
)
def test_the_search_itself(text: str, code: str, found: int) -> None:
    assert len(list(unclaimed([Cell("markdown", text), Cell("code", code)]))) == found
