"""Imports only go down the floors of the library, also those inside functions; and what must stay cheap does."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import course_lib

LIBRARY = Path(course_lib.__file__).parent
FLOORS = [
    "checks",
    "data",
    "models",
    "objectives",
    "training",
    "metrics",
    "viz",
    "claims",
    "scoreboard",
    "modes",
    "predictions",
    "probes",
    "tasks",
    "exercises",
    "grading",
    "lessons",
    "cli",
]


def floor_of(parts: tuple[str, ...]) -> int:
    """The floor of the module ``course_lib.<parts>``; the package itself lies below them all."""
    return FLOORS.index(parts[0]) if parts else -1


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and dotted parts (below ``course_lib``) of each import of the library itself, wherever it stands.

    ``package``: the parts of the package that the file is in, for relative imports.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ("course_lib", *package)[: len(package) + 2 - node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]  # import_module("course_lib.cli"), python -m course_lib.cli
        else:
            continue
        for name in names:
            parts = tuple(name.split("."))
            if parts[0] == "course_lib" and len(parts) > 1 and parts[1] in FLOORS:
                yield node.lineno, parts[1:]


def climbs(root: Path) -> list[str]:
    """Every import that goes up a floor, as 'file:line: which'."""
    found = []
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        own = parts[:-1] if parts[-1] == "__init__" else parts
        package = parts[:-1]
        for line, target in imported(ast.parse(file.read_text(encoding="utf-8")), package):
            if floor_of(target) > floor_of(own):
                found.append(
                    f"{file.relative_to(root)}:{line}: {'.'.join(own) or 'course_lib'} imports {target[0]}"
                )
    return found


def test_every_part_of_the_library_has_a_floor() -> None:
    parts = {file.relative_to(LIBRARY).with_suffix("").parts[0] for file in LIBRARY.rglob("*.py")}
    assert parts - {"__init__"} <= set(FLOORS)


def test_imports_only_go_down() -> None:
    assert climbs(LIBRARY) == []


@pytest.mark.parametrize(
    "line",
    [
        "import course_lib.viz.curves",
        "from course_lib.viz import image_grid",
        "from course_lib import viz",
        "from ..viz import image_grid",
        "from .. import viz",
        "def f():\n    from course_lib.cli import main",
        "import importlib\nimportlib.import_module('course_lib.grading')",
    ],
)
def test_an_import_that_climbs_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "objectives").mkdir()
    (tmp_path / "objectives" / "kl.py").write_text(line)
    assert len(climbs(tmp_path)) == 1


@pytest.mark.parametrize(
    "line", ["from . import elbo", "from ..models import VAE", "from course_lib import device"]
)
def test_an_import_that_stays_or_goes_down_is_fine(tmp_path: Path, line: str) -> None:
    (tmp_path / "objectives").mkdir()
    (tmp_path / "objectives" / "kl.py").write_text(line)
    assert climbs(tmp_path) == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("course_lib", "torch numpy matplotlib"),
        ("course_lib.cli", "torch numpy matplotlib papermill nbformat IPython jupyterlab"),
        ("course_lib.grading", "lark rfc3987_syntax matplotlib sklearn IPython jupyterlab"),
        ("course_lib.objectives", "matplotlib sklearn scipy pooch ipywidgets IPython pandas"),
        ("course_lib.models", "matplotlib sklearn scipy pooch ipywidgets IPython pandas"),
        ("course_lib.data", "matplotlib sklearn scipy pooch ipywidgets IPython pandas"),
    ],
)
def test_importing_stays_cheap(module: str, heavy: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
