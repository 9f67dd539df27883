"""The page of situations says what the tests say."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_page_is_printed_from_marks() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_situations.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/make_situations.py"


def test_rows_are_whole_and_different() -> None:
    rows = list(runpy.run_path(str(ROOT / "docs" / "make_situations.py"))["situations"]())
    assert len(set(rows)) == len(rows)
    assert all(cell.strip() == cell and cell and "|" not in cell for row in rows for cell in row)
