"""Every benchmark, one after another: what `make bench` and `make bench-quick` call.

    python benchmarks/run.py [--quick]

The parts that train many networks keep one row for each in benchmarks/results, so a run that is stopped goes on
where it was, and a finished one only prints its tables. Delete a file there to measure anew.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FULL = [
    ["speed.py"],
    ["memory.py"],
    ["nll.py"],
    ["modes.py"],
    ["disentanglement.py"],
    ["rotation.py"],
    ["quality.py"],
    ["grading.py"],
    ["grading_scale.py", "--long"],
    ["grading_parent.py", "--long"],
]
QUICK = [
    ["speed.py", "--quick"],
    ["memory.py", "--steps", "50", "--rows", "10000"],
    ["nll.py", "--quick"],
    ["modes.py", "--quick"],
    ["disentanglement.py", "--quick"],
    ["rotation.py", "--quick"],
    ["quality.py", "--quick"],
    ["grading.py", "--quick"],
    ["grading_scale.py", "--quick"],
    ["grading_parent.py", "--quick"],
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="each part small: minutes in all, nothing of quality shown"
    )
    options = parser.parse_args()
    failed = []
    for script, *arguments in QUICK if options.quick else FULL:
        print(f"\n## {' '.join([script, *arguments])}\n", flush=True)
        if script == "nll.py" and not os.environ.get("COURSE_DATA"):
            print("Left out: it is about MNIST. Set COURSE_DATA to the folder with its files.")
            continue
        if subprocess.run([sys.executable, HERE / script, *arguments], check=False).returncode:
            failed.append(script)
    if failed:
        print(f"\nFailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
