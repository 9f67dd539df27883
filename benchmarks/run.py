"""Every benchmark, one after another: what `make bench` and `make bench-quick` call.

    python benchmarks/run.py [--quick]

The parts that train many networks keep one row for each in benchmarks/results, so a run that is stopped goes on
where it was, and a finished one only prints its tables. Delete a file there to measure anew. A part that needs what
isn't here is left out with a line that says what; an opponent that isn't installed isn't timed.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from course_lib.grading.sandbox import SandboxError, require
from course_lib.lessons.doctor import chromium

HERE = Path(__file__).parent
FULL = [
    ["speed.py"],
    ["memory.py"],
    ["speedrun.py"],
    ["modes.py"],
    ["stacked.py"],
    ["disentanglement.py"],
    ["rotation.py"],
    ["anomalies.py"],
    ["collapse.py"],
    ["gan_recipe.py"],
    ["tuning.py"],
    ["quality.py"],
    ["widgets.py"],
    ["grading.py"],
    ["grading_scale.py", "--long"],
    ["grading_parent.py", "--long"],
]
QUICK = [
    ["speed.py", "--quick"],
    ["memory.py", "--steps", "50", "--rows", "10000"],
    ["speedrun.py", "--quick"],
    ["modes.py", "--quick"],
    ["stacked.py", "--quick"],
    ["disentanglement.py", "--quick"],
    ["rotation.py", "--quick"],
    ["anomalies.py", "--quick"],
    ["collapse.py", "--quick"],
    ["gan_recipe.py", "--quick"],
    ["tuning.py", "--quick"],
    ["quality.py", "--quick"],
    ["widgets.py"],
    ["grading.py", "--quick"],
    ["grading_scale.py", "--quick"],
    ["grading_parent.py", "--quick"],
]


def without_mnist() -> str:
    """Why a part on MNIST can't run, or nothing."""
    return (
        "" if os.environ.get("COURSE_DATA") else "it is about MNIST; set COURSE_DATA to the folder with its files"
    )


@cache
def without_sandbox() -> str:
    """Why a part that grades can't run, or nothing."""
    try:
        require("auto")
    except SandboxError as error:
        return str(error).partition("\n")[0]  # the rest is what to do, at length
    return ""


def without_browser() -> str:
    """Why a part in a browser can't run, or nothing."""
    if find_spec("playwright") is None or chromium() is None:
        return "it needs playwright (`pip install -e '.[test]'`) and a Chromium (`apt install chromium`)"
    return ""


NEEDS: dict[str, Callable[[], str]] = {
    "speedrun.py": without_mnist,
    "widgets.py": without_browser,
    "grading.py": without_sandbox,
    "grading_scale.py": without_sandbox,
    "grading_parent.py": without_sandbox,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="each part small: minutes in all, nothing of quality shown"
    )
    options = parser.parse_args()
    failed = []
    for script, *arguments in QUICK if options.quick else FULL:
        print(f"\n## {' '.join([script, *arguments])}\n", flush=True)
        if script in NEEDS and (missing := NEEDS[script]()):
            print(f"Left out: {missing}", flush=True)
            continue
        if subprocess.run([sys.executable, HERE / script, *arguments], check=False).returncode:
            failed.append(script)
    if failed:
        print(f"\nFailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
