"""docs/security.md names only tests and files that are there; the probe's advice leads to what it names."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def names_of_tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def promises() -> list[list[str]]:
    """The cells of the table of promises, row by row."""
    table = PAGE.split("## What is promised")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return rows[2:]


def test_every_promise_names_a_mechanism_and_a_test_that_exist() -> None:
    assert len(promises()) >= 15
    for row in promises():
        promise, mechanisms, tests = row
        files = re.findall(r"`([^`]+)`", mechanisms)
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
        assert files, promise
        assert [file for file in files if not (ROOT / file).is_file()] == [], promise
        assert len(named) == tests.count("`") // 2 > 0, f"{promise}: a test is written tests/ROOM/FILE.py::NAME"
        assert [name for file, name in named if name not in names_of_tests(ROOT / file)] == [], promise


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:course_lib|tests|docs)/[\w./-]+?)(?:::\w+)?`", PAGE))
    linked = {target for target in re.findall(r"\]\(([^)#]+)\)", PAGE) if not target.startswith("http")}
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [target for target in linked if not (ROOT / "docs" / target).exists()]
    assert missing == []


def test_the_container_is_made_of_files_that_are_there() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    copied = [word for line in re.findall(r"^COPY (.+)$", text, re.M) for word in line.split()[:-1]]
    assert {"Makefile", "course_lib", "solutions"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_sandbox_sends_people_to_what_is_here() -> None:
    files = ("jail.py", "probe.py")
    advice = "".join((ROOT / "course_lib/grading/sandbox" / name).read_text(encoding="utf-8") for name in files)
    assert "docs/security.md" in advice
    assert "Containerfile" in advice
    assert "/etc/apparmor.d/bwrap" in PAGE
