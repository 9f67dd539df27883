"""How long a widget takes from the pointer's move to the picture, in JupyterLab in a headless Chromium.

    python benchmarks/widgets.py

Drags the widgets of lesson 01 (both networks run in the browser: the median has to be below 16 ms, a frame) and a pad
whose picture the kernel draws (below 100 ms), as tests/browser does, and prints what it measured. The best of three
drags counts. Wants a machine that computes nothing else; on a busy one the times are the other programs'.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from machine import machine

ROOT = Path(__file__).parents[1]
TESTS = "tests/browser/test_widgets_browser.py"


def main() -> int:
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}\n", flush=True)
    command = [sys.executable, "-m", "pytest", TESTS, "-s", "-k", "work_alone or python_draws"]
    environment = os.environ | {"WIDGETS_TIMED": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    print("\n".join(re.findall(r"^\.*(.*\bmedian .* ms)$", done.stdout, re.MULTILINE)))
    if done.returncode != 0:
        print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
