"""docs/coverage.md says which cell teaches what: every cell that it names is there, once."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "coverage.md"
ROW = re.compile(
    r"^\| (?P<topic>[^|]+) \| \[[^]]+\]\(\.\./(?P<notebook>[^)]+)\) \| `(?P<holds>[^`]+)` \|$", re.MULTILINE
)
ROWS = [found.groupdict() for found in ROW.finditer(PAGE.read_text(encoding="utf-8"))]


def test_every_row_of_the_page_is_read() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    tables = sum(line.startswith("| what") for line in lines)
    assert len(ROWS) == len(lines) - tables
    assert len(ROWS) >= 30


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['topic']}-{Path(row['notebook']).stem[:2]}" for row in ROWS])
def test_the_cell_is_there(row: dict[str, str]) -> None:
    cells = nbformat.read(ROOT / row["notebook"], as_version=4).cells
    holding = [index for index, cell in enumerate(cells) if row["holds"] in " ".join(cell.source.split())]
    assert len(holding) == 1, f"cells {holding} of {row['notebook']} hold {row['holds']!r}"


def test_every_lesson_and_exercise_teaches_something() -> None:
    named = {row["notebook"] for row in ROWS}
    there = {
        path.relative_to(ROOT).as_posix()
        for folder in ("notebooks", "exercises")
        for path in (ROOT / folder).glob("*.ipynb")
    }
    assert named == there
