"""The benchmarks of modes: rows of a table differ in one thing, and coverage of stacks is counted right."""

import json
import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import modes
import stacked
from resume import Rows

from course_lib import modes as table
from course_lib.data import load

# a Wasserstein critic's loss means nothing without a constraint
MORE_THAN_ONE = {"wasserstein_gp": {"loss", "regularisers"}}


@pytest.mark.parametrize(("method", "of"), [pair for pair in modes.ONE_CHANGE.items() if pair[1]])
def test_a_row_of_the_table_differs_from_another_in_one_thing(method, of):
    a, b = modes.METHODS[method], modes.METHODS[of]
    changed = {name for name in a.settings | b.settings if a.settings.get(name) != b.settings.get(name)}
    changed |= {name for name in ("anneal_r1", "decay", "normed") if getattr(a, name) != getattr(b, name)}
    assert changed == MORE_THAN_ONE.get(method, changed)
    assert len(changed) == 1 or method in MORE_THAN_ONE


def test_the_lessons_know_every_row():
    assert modes.ONE_CHANGE.keys() == table._NAMES.keys()


def test_the_table_holds_the_rows_of_its_settings(tmp_path, monkeypatch):
    rows = Rows(tmp_path / "modes.csv", modes.FIGURES)
    for seed, steps in ((0, 10), (1, 10), (2, 20)):
        for weights in ("", "/last"):
            values = {"modes": 20 + seed, "high_quality": 0.123456, "reverse_kl": math.inf, "seconds": 1.0}
            rows.add(f"grid/plain{weights}", seed, modes.settings_word("plain", steps), **values)
    monkeypatch.setattr(modes, "TABLE", tmp_path / "modes.json")
    modes.write_table(rows, 10)
    written = json.loads((tmp_path / "modes.json").read_text(encoding="utf-8"))
    row = {"modes": [20, 21], "high_quality": [0.1235, 0.1235], "reverse_kl": [math.inf, math.inf]}
    assert written["rows"] == {"plain": {"averaged": row, "last": row}}


@pytest.mark.parametrize("method", ["modern", "spectral_norm", "wasserstein_clip", "best"])
def test_a_run_gives_figures_of_both_weights(method):
    found = modes.train("ring", method, 3, 0)
    assert found.keys() == {"", "/last"}
    for figures in found.values():
        assert figures.keys() == set(modes.FIGURES)
        assert 0 <= figures["modes"] <= 8


def test_a_run_that_diverges_covers_nothing(monkeypatch):
    monkeypatch.setitem(modes.METHODS, "wild", modes.PLAIN.but(lr=1e30))
    for figures in modes.train("ring", "wild", 20, 0).values():
        assert (figures["modes"], figures["high_quality"], figures["reverse_kl"]) == (0, 0, math.inf)


def test_the_class_of_a_stack_has_a_digit_for_each_channel():
    glyphs = load("glyphs", num_images=300)
    stacks = glyphs.x.reshape(-1, 3, 28, 28)
    wanted = glyphs.y.reshape(-1, 3) @ torch.tensor([100, 10, 1])
    classes, sure = stacked.judged(stacks)
    assert (classes == wanted).double().mean() > 0.95
    assert 0.9 < sure <= 1


def test_coverage_of_stacks_by_hand():
    shares = torch.full((1000,), 0.001, dtype=torch.float64)
    found = stacked.coverage(torch.tensor([3, 3, 3, 999]), shares)
    assert found["modes"] == 2
    assert found["reverse_kl"] == pytest.approx(0.75 * math.log(750) + 0.25 * math.log(250))
    assert stacked.coverage(torch.arange(1000), shares)["reverse_kl"] == pytest.approx(0)


def test_shares_of_stacks_are_those_of_three_independent_digits():
    glyphs = load("glyphs", num_images=200)
    shares = stacked.shares_of(glyphs.x).reshape(10, 10, 10)
    assert shares.sum().item() == pytest.approx(1)
    one = shares.sum((1, 2))
    torch.testing.assert_close(shares[2, 7, 5], one[2] * one[7] * one[5])
    assert one[2].item() == pytest.approx((glyphs.y == 2).double().mean().item(), abs=0.03)
