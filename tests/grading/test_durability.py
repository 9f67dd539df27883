"""A grader killed with SIGKILL at random moments, and once out of room, gives the marks of an undisturbed one.

The whole of it, with 300 submissions and 20 kills, is ``make soak``.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "soak"))
import durability

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")]


def test_kills_and_a_full_disk_change_no_mark(tmp_path: Path) -> None:
    counts = durability.disturbed(tmp_path, 60, 3, real=False, seed=1)
    assert counts["killed"] >= 2
    assert counts["disk full"] == 1


def test_a_kill_amid_real_notebooks_changes_no_mark(tmp_path: Path) -> None:
    assert durability.disturbed(tmp_path, 4, 1, real=True, seed=2)["disk full"] == 1
