"""The table of docs/situations.md, out of the marks that the tests carry.

    python docs/make_situations.py

A test marked ``@pytest.mark.situation(where, met, what)`` is a row: where it is met, what comes, what becomes of it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "situations.md"
HEAD = """# What it takes as it comes

Files, machines, learning management systems and runs as they are met outside a tidy clone, and what becomes of them.
Each row is a test; this page is printed from their marks by `python docs/make_situations.py`.
"""


def situations() -> Iterator[tuple[str, str, str]]:
    """The rows: where, what comes, what becomes of it; in the order of the files and of their lines."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(node, "decorator_list", []):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.situation":
                    where, met, what = (ast.literal_eval(argument) for argument in mark.args)
                    yield where, met, what


def page() -> str:
    """The whole page: a table for each place."""
    rooms: dict[str, list[str]] = {}
    for where, met, what in situations():
        rooms.setdefault(where, ["| what comes | what becomes of it |", "|---|---|"]).append(f"| {met} | {what} |")
    return "\n".join([HEAD, *(f"## {where}\n\n" + "\n".join(rooms[where]) + "\n" for where in sorted(rooms))])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
