"""Are the tests worth anything? Each fault of the lists beside this file is put into a copy of the library, and the
fast tests of its floor have to fail on the copy.

    python tests/mutants/faults.py [AREA ...] [--every N]

Takes the lists faults_AREA.py, all of them if none is named. With ``--every 4`` each fourth fault is tried, and of the
others only looked up: the line that it changes has to be there.

One process imports torch and forks for each fault, which saves the two seconds that a fresh one would need.
"""

import argparse
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
import torch
import torch._dynamo  # noqa: F401  # what the first optimiser would import, in each fork anew
from fault import Fault

ROOT = Path(__file__).parent.parent.parent
AREAS = sorted(p.stem.removeprefix("faults_") for p in Path(__file__).parent.glob("faults_*.py"))
FAILED = (
    1  # pytest's exit code where tests ran and some failed; every other one means that something else is wrong
)


def faults_of(area: str) -> list[Fault]:
    """The list of one area."""
    return importlib.import_module(f"faults_{area}").FAULTS


def copy_library(folder: Path) -> None:
    """A copy of the library that tests in ``folder`` import instead of the real one."""
    shutil.copytree(ROOT / "course_lib", folder / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))


def run_tests(folder: Path, names: list[str]) -> tuple[int, str]:
    """pytest on copies of these files of ``tests/library/``, in a forked process with ``folder`` first on its path."""
    for name in names:
        shutil.copy(ROOT / "tests" / "library" / name, folder)
    log = folder / "log"
    child = os.fork()
    if child == 0:
        with log.open("w") as output, contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            os.chdir(folder)
            sys.path.insert(0, str(folder))
            arguments = [
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                "-c",
                os.devnull,
                "--rootdir",
                ".",
            ]
            code = pytest.main([*arguments, *names])
            import course_lib

            if not Path(course_lib.__file__).is_relative_to(folder):
                code = 99
        os._exit(int(code))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), log.read_text()


def out_of_date(fault: Fault) -> str:
    """What is wrong with its place in the library; nothing if it stands there."""
    count = (ROOT / "course_lib" / fault.file).read_text().count(fault.line)
    return "" if count == 1 else f"{fault.file} holds {fault.line!r} {count} times, not once; mend the list"


def verdict(fault: Fault) -> str:
    """'killed', or why it isn't."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        copy_library(folder)
        if stale := out_of_date(fault):
            return stale
        source = folder / "course_lib" / fault.file
        source.write_text(source.read_text().replace(fault.line, fault.slip))
        code, log = run_tests(folder, [fault.tests])
        if code == FAILED:
            return "killed"
        return (
            f"SURVIVED {fault.tests}" if code == 0 else f"the tests didn't run (exit code {code}):\n{log[-1500:]}"
        )


def unbroken_copy_passes(faults: list[Fault]) -> bool:
    """Otherwise the faults would be noticed for the wrong reason."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        copy_library(folder)
        code, log = run_tests(folder, sorted({fault.tests for fault in faults}))
    if code != 0:
        print(log[-3000:])
    return code == 0


def main() -> int:
    """Print a line for each fault and the counts; 0 if all are killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", default=AREAS)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    assert "course_lib" not in sys.modules
    killed = total = 0
    for area in options.areas:
        faults = faults_of(area)
        chosen = faults[:: options.every]
        if not unbroken_copy_passes(chosen):
            print(f"{area}: the tests fail on the unbroken library")
            return 1
        for fault in faults:
            result = verdict(fault) if fault in chosen else out_of_date(fault)
            if not result:
                continue
            killed += result == "killed"
            total += 1
            print(f"{area}: {fault.name}{f' ({fault.seen_in})' if fault.seen_in else ''}: {result}", flush=True)
    print(f"{killed} of {total} written faults killed")
    return 0 if killed == total else 1


if __name__ == "__main__":
    sys.exit(main())
