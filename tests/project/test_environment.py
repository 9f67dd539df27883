"""What gets installed, whichever way: the pins, the list for conda, and what the make variables do to pip's lines."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = [re.split(r"[<>=!~\[; ]", line)[0] for line in PROJECT["dependencies"]]
FOR_TESTS = [re.split(r"[<>=!~\[; ]", line)[0] for line in PROJECT["optional-dependencies"]["test"]]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {plain(name): number for name, number in (line.split("==") for line in lines)}


def test_every_dependency_has_a_pin() -> None:
    assert {plain(name) for name in NEEDED + FOR_TESTS} <= pins().keys()


def test_what_is_installed_here_is_what_is_pinned() -> None:
    pinned = pins()
    installed = {name: version(name).split("+")[0] for name in NEEDED + FOR_TESTS}
    assert installed == {name: pinned[plain(name)] for name in installed}


def test_conda_gets_the_same_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *from_conda, through_pip = environment["dependencies"]
    pinned = pins()
    lowest_python = PROJECT["requires-python"].removeprefix(">=")
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
