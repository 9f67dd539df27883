"""Tests of the tests: a fourth of the written faults, area by area; `make mutants` takes all of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MUTANTS = Path(__file__).parents[1] / "mutants"
AREAS = sorted(p.stem.removeprefix("faults_") for p in MUTANTS.glob("faults_*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_the_tests_notice_written_faults(area):
    done = subprocess.run(
        [sys.executable, MUTANTS / "faults.py", area, "--every", "4"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " written faults killed" in done.stdout


def test_a_fault_that_nothing_notices_or_that_is_out_of_date_is_reported(tmp_path):
    """Otherwise a green list would say nothing."""
    code = f"""
import sys
sys.path.insert(0, {str(MUTANTS)!r})
import faults
from fault import Fault
good = Fault("mean over latents", "objectives/kl.py", ".sum(1)", ".mean(1)", "test_objectives_vae.py")
harmless = Fault("a comment", "objectives/kl.py", ".sum(1)", ".sum(1)  # sums", "test_metrics_detection.py")
gone = Fault("a line that isn't there", "objectives/kl.py", "no such line", "", "test_metrics_detection.py")
broken = Fault("a syntax error", "objectives/kl.py", ".sum(1)", ".sum(", "test_objectives_vae.py")
for fault in (good, harmless, gone, broken):
    print(faults.verdict(fault).split(":")[0].strip())
"""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "killed", done.stdout + done.stderr
    assert lines[1] == "SURVIVED test_metrics_detection.py"
    assert lines[2].startswith("objectives/kl.py holds 'no such line' 0 times")
    assert lines[3] == "the tests didn't run (exit code 2)"
