"""The lessons on an accelerator without float64, imitated: every tensor of a model that turns float64 is an error."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "library"))
from elsewhere import DEVICE, Elsewhere  # noqa: E402

NOTEBOOKS = [*sorted((ROOT / "notebooks").glob("*.ipynb")), *sorted((ROOT / "solutions").glob("*.ipynb"))]


@pytest.mark.slow
@pytest.mark.situation(
    "Laptops",
    "Apple Silicon, whose accelerator has no float64",
    "Lessons and solutions run on it: what needs float64 goes to the CPU first.",
)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_notebooks_run_where_there_is_no_float64(path, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_SMOKE", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("course_lib.device", lambda name="auto": DEVICE)
    import torch

    default = torch.get_default_dtype()
    names = {"__name__": "__main__"}
    with Elsewhere(), torch.random.fork_rng(devices=[]):
        try:
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == "code":
                    exec(compile("".join(cell["source"]), f"{path.name}, cell {cell['id']}", "exec"), names)
        finally:
            torch.set_default_dtype(default)
