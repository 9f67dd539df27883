"""What gets installed, whichever way: the pins, the list for conda, and what the make variables do to pip's lines."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml

from course_lib.lessons import doctor

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=!~\[; ]", line)[0] for line in requirements]


NEEDED = names(PROJECT["dependencies"])
FOR_TESTS = names(PROJECT["optional-dependencies"]["test"])
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {plain(name): number for name, number in (line.split("==") for line in lines)}


def test_every_dependency_has_a_pin() -> None:
    assert {plain(name) for name in NEEDED + FOR_TESTS} <= pins().keys()


def imported(tree: ast.AST, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Each package that is imported, and whether inside a function or for types only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0], inside
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        yield from imported(node, inside or lazy)


def undeclared(library: Path, needed: list[str], extras: list[str]) -> list[str]:
    """What the files below ``library`` import and pyproject.toml doesn't name, as 'file: package'."""
    provided_by = packages_distributions()
    always, sometimes = set(map(plain, needed)), set(map(plain, [*needed, *extras]))
    missing = set()
    for file in library.rglob("*.py"):
        for package, inside in imported(ast.parse(file.read_text(encoding="utf-8"))):
            beside = file.with_name(f"{package}.py").is_file()  # programs of the sandbox import their neighbours
            if package == "course_lib" or package in sys.stdlib_module_names or beside:
                continue
            distributions = set(map(plain, provided_by.get(package, [package])))
            if not distributions & (sometimes if inside else always):
                missing.add(f"{file.relative_to(library)}: {package}")
    return sorted(missing)


LIBRARY = ROOT / "course_lib"
FOR_SOME = names(PROJECT["optional-dependencies"]["cluster"])


def test_all_that_is_imported_is_declared() -> None:
    assert undeclared(LIBRARY, NEEDED, FOR_SOME) == []


@pytest.mark.parametrize(
    "name", ["jinja2", "markupsafe", "traitlets", "jupyter_client", "jupyter_core", "pyzmq", "ipython", "filelock"]
)
def test_a_dependency_that_is_not_declared_is_found(name: str) -> None:
    assert undeclared(LIBRARY, [other for other in NEEDED if other != name], FOR_SOME)


def test_an_extra_may_be_imported_inside_a_function_only(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n    import distributed\n")
    assert undeclared(tmp_path, NEEDED, FOR_SOME) == []
    assert undeclared(tmp_path, NEEDED, []) == ["a.py: distributed"]
    (tmp_path / "a.py").write_text("import distributed.client\n")
    assert undeclared(tmp_path, NEEDED, FOR_SOME) == ["a.py: distributed"]


def test_what_is_installed_here_is_what_is_pinned() -> None:
    pinned = pins()
    installed = {name: version(name).split("+")[0] for name in NEEDED + FOR_TESTS}
    assert installed == {name: pinned[plain(name)] for name in installed}


def test_conda_gets_the_same_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *from_conda, through_pip = environment["dependencies"]
    pinned = pins()
    lowest_python = PROJECT["requires-python"].removeprefix(">=").partition(",")[0]
    assert from_conda == [f"python={lowest_python}", "pip", f"pytorch={pinned['torch']}"]
    listed = [f"{name}=={pinned[plain(name)]}" for name in NEEDED if name != "torch"]
    assert through_pip == {"pip": [*listed, "-e ."]}
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def planned(*arguments: str, python: str = "python3") -> tuple[int, str]:
    """What make would do in a fresh clone (another folder for the environment stands for that), and its exit code."""
    make = shutil.which("make")
    assert make, "make is needed"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = [make, "--dry-run", "VENV=no/such/venv", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def installs(text: str) -> list[str]:
    return [line.split(" install ")[1] for line in text.splitlines() if " -m pip " in line]


def test_by_default_nothing_but_the_pins_decides() -> None:
    code, text = planned("lab")
    assert code == 0
    assert installs(text) == ["--no-compile -c constraints.txt -e ."]


def test_torch_alone_comes_from_the_cpu_index() -> None:
    code, text = planned("lab", "TORCH=cpu")
    assert code == 0
    assert installs(text) == [
        f"--no-compile -c constraints.txt --no-deps --index-url {CPU_INDEX} torch",
        "--no-compile -c constraints.txt -e .",
    ]


def test_tests_bring_their_own_extras() -> None:
    code, text = planned("test")
    assert code == 0
    assert installs(text) == [
        "--no-compile -c constraints.txt -e .",
        "--no-compile -c constraints.txt -e '.[test]'",
    ]


@pytest.mark.parametrize(("target", "ending"), [("bench", "run.py"), ("bench-quick", "run.py --quick")])
def test_opponents_are_installed_beside_no_lesson(target: str, ending: str) -> None:
    code, text = planned(target)
    assert code == 0
    assert installs(text) == [
        "--no-compile -c constraints.txt -e .",
        "--no-compile -c constraints.txt -e '.[bench]'",
    ]
    assert "no/such/venv/" not in text
    assert re.search(rf"^no/such/venv-bench/\w+/python benchmarks/{ending}$", text, re.MULTILINE)
    assert "-bench" in planned("clean")[1]


def test_a_misspelt_variable_is_refused() -> None:
    code, text = planned("lab", "TORCH=cup")
    assert code == 2
    assert "TORCH is 'cup'" in text


def test_the_first_command_is_the_one_that_opens_the_lesson() -> None:
    assert planned()[1] == planned("lab")[1]
    assert planned("lab")[1].rstrip().endswith("course lab")


@pytest.mark.parametrize("target", ["lab", "test", "test-quick", "lint", "checkpoints", "clean"])
def test_every_target_of_the_readme_exists(target: str) -> None:
    assert planned(target)[0] == 0


@pytest.mark.situation(
    "Laptops",
    "Python 3.11, 3.12, 3.13 or 3.14",
    "installed with the same pins; the hosted workflow is to run the lowest and the highest on Linux, macOS and "
    "Windows, which hasn't been seen yet",
)
def test_supported_pythons_are_the_same_everywhere() -> None:
    low, high = doctor.LOWEST_PYTHON, doctor.HIGHEST_PYTHON
    supported = [f"{low[0]}.{minor}" for minor in range(low[1], high[1] + 1)]
    given = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3" in line]
    assert given == supported
    assert PROJECT["requires-python"] == f">={supported[0]},<{high[0]}.{high[1] + 1}"
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["elsewhere"]["strategy"]["matrix"]
    assert matrix["python"] == [supported[0], supported[-1]]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert f"Python {supported[0]} to {supported[-1]}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"not {low} <= sys.version_info[:2] <= {high}" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_a_python_that_was_never_tried_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 15, 0))
    found = doctor.python(ROOT)
    assert not found.ok
    assert "Python 3.11 to 3.14" in found.remedy
