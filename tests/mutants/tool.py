"""A mutation tool (mutmut) over the formulas: how many of its small changes do the fast tests notice?

    python tests/mutants/tool.py [--children 2] [--report-only]

What is mutated and which tests run is set in pyproject.toml. A change that survives has to be explained in
``survivors.toml``: a regular expression that finds it in "function, removed line, added line", and the reason. The
exit code is 1 below 90 % killed, or if a survivor has no reason. A run that was stopped goes on where it was; delete
the folder ``mutants`` to start afresh.
"""

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
REASONS = Path(__file__).parent / "survivors.toml"
AT_LEAST = 0.90
NOTICED = ("killed", "timeout", "segfault", "caught by type check")
MUTMUT = str(Path(sys.executable).with_name("mutmut"))


def statuses() -> dict[str, str]:
    """Mutant → what became of it."""
    listed = subprocess.run(
        [MUTMUT, "results", "--all", "true"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = (line.strip().rsplit(": ", 1) for line in listed.stdout.splitlines() if ": " in line)
    return {name: status for name, status in lines}


def change(mutant: str) -> str:
    """The mutant's function, the lines taken away and those put in their place."""
    shown = subprocess.run([MUTMUT, "show", mutant], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [f"{line[0]} {line[1:].strip()}" for line in shown.splitlines() if re.match(r"[-+](?![-+])", line)]
    return "\n".join([re.sub(r"__mutmut_\d+$", "", mutant), *lines])


def reason(text: str, reasons: list[dict[str, str]]) -> str | None:
    """Why this change may survive, if survivors.toml says so."""
    return next((r["why"] for r in reasons if re.search(r["change"], text, re.MULTILINE | re.DOTALL)), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=2)
    parser.add_argument("--report-only", action="store_true", help="don't run, only count what was run")
    options = parser.parse_args()
    if not options.report_only:
        one_thread = os.environ | {
            "OMP_NUM_THREADS": "1"
        }  # each of several processes; more would wait for one another
        command = [MUTMUT, "run", "--max-children", str(options.children)]
        done = subprocess.run(command, cwd=ROOT, env=one_thread, check=False)
        if done.returncode != 0:
            return done.returncode
    counts = Counter(statuses().values())
    total, noticed = counts.total(), sum(counts[status] for status in NOTICED)
    reasons = tomllib.loads(REASONS.read_text())["survivor"]
    unexplained = counts["not checked"]  # of a run that was stopped
    explained: Counter[str] = Counter()
    for mutant, status in statuses().items():
        if status in NOTICED or status == "not checked":
            continue
        text = change(mutant)
        why = reason(text, reasons)
        if why is None:
            unexplained += 1
            print(f"{status}, not explained: {text}\n", flush=True)
        else:
            explained[why] += 1
    for why, count in explained.most_common():
        print(f"{count:4d} survive: {why}")
    if counts["not checked"]:
        print(f"{counts['not checked']} changes weren't tried: run it again, it goes on where it was")
    print(f"{noticed} of {total} changes noticed ({noticed / total:.1%}), {unexplained} survivors not explained")
    return 0 if noticed >= AT_LEAST * total and not unexplained else 1


if __name__ == "__main__":
    sys.exit(main())
