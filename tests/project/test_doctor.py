"""What the check of the environment tells a reader: what is missing, what to do, and nothing of what is in order."""

from pathlib import Path

import pytest
import torch

from course_lib.lessons import doctor
from course_lib.lessons.doctor import Finding

ROOT = Path(__file__).resolve().parents[2]


def test_advice_is_short_where_all_is_well_and_names_no_folder() -> None:
    lines = doctor.advice(ROOT).splitlines()
    assert {"✓ python", "✓ packages", "✓ glyphs", "✓ weights"} <= set(lines)
    assert not any(str(ROOT) in line for line in lines)
    assert all(len(line) <= 88 for line in lines)


def test_advice_says_what_is_missing_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> Finding:
        raise OSError("no such disk")

    checks = [
        (lambda _: Finding("weights", False, "4 of 5 files whole", "git checkout here", True), "weights", True),
        (broken, "glyphs", True),
        (lambda _: Finding("sandbox", False, "no bwrap", "only for grading"), "sandbox", False),
    ]
    monkeypatch.setattr(doctor, "CHECKS", checks)
    assert doctor.advice(ROOT).splitlines() == [
        "✗ weights: 4 of 5 files whole",
        "    → git checkout here",
        "✗ glyphs: OSError: no such disk",
        "    → make setup",
    ]


def test_a_missing_accelerator_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    found = doctor.compute(ROOT)
    assert found.ok
    assert "none is needed" in found.remedy


@pytest.mark.parametrize(("cuda", "says"), [(None, "without TORCH=cpu"), ("13.0", "none is needed")])
def test_a_gpu_that_this_build_of_pytorch_cannot_use_is_pointed_out(
    cuda: str | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torch.version, "cuda", cuda)
    assert says in doctor.compute(ROOT).remedy
