"""The lessons' table of games: what it prints is what was measured, in the width of a notebook."""

import json
import math
from pathlib import Path

import pytest

import course_lib
from course_lib import modes as module
from course_lib.modes import modes_table

DATA = json.loads((Path(course_lib.__file__).parent / "modes.json").read_text(encoding="utf-8"))
AVERAGED = {"modes": [16, 22, 25], "high_quality": [0.5, 0.9, 0.97], "reverse_kl": [0.9, 0.25, 0.05]}
LAST = {"modes": [12, 20, 22], "high_quality": [0.4, 0.8, 0.9], "reverse_kl": [1.1, 0.4, 0.3]}


@pytest.fixture
def measured(monkeypatch):
    rows = {"plain": {"averaged": AVERAGED, "last": LAST}, "r1": {"averaged": LAST, "last": LAST}}
    monkeypatch.setattr(module, "_table", lambda: {"settings": "some steps", "rows": rows})


@pytest.mark.usefixtures("measured")
def test_a_cell_is_the_mean_between_the_least_and_the_greatest(capsys):
    assert modes_table("plain", "r1") == {"plain": AVERAGED, "r1": LAST}
    head, plain, r1, foot = capsys.readouterr().out.splitlines()
    assert head.split() == ["modes", "of", "25", "high", "quality,", "%", "reverse", "KL,", "nats"]
    assert plain.split() == ["non-saturating", "21.0", "(16–25)", "79.0", "(50–97)", "0.40", "(0.05–0.90)"]
    assert r1.split() == ["R1", "18.0", "(12–22)", "70.0", "(40–90)", "0.60", "(0.30–1.10)"]
    assert foot == "some steps, averaged weights, 3 seeds"


@pytest.mark.usefixtures("measured")
def test_the_last_weights_are_of_the_same_runs(capsys):
    assert modes_table("plain", weights="last") == {"plain": LAST}
    assert "last weights" in capsys.readouterr().out


def test_one_seed_has_no_spread_and_seeds_are_counted(monkeypatch, capsys):
    one = {"modes": [0], "high_quality": [0.0], "reverse_kl": [math.inf]}
    rows = {"plain": {"averaged": AVERAGED}, "hinge": {"averaged": one}}
    monkeypatch.setattr(module, "_table", lambda: {"settings": "some steps", "rows": rows})
    modes_table("plain", "hinge")
    _, _, hinge, foot = capsys.readouterr().out.splitlines()
    assert hinge.split() == ["hinge", "0.0", "0.0", "inf"]
    assert foot.endswith(", 1 to 3 seeds")
    modes_table("hinge")
    assert capsys.readouterr().out.endswith(", 1 seed\n")


def test_the_table_fits_a_notebook_and_has_a_value_a_seed(capsys):
    for weights in ("averaged", "last"):
        rows = modes_table(*DATA["rows"], weights=weights)
        for row in rows.values():
            assert {len(values) for values in row.values()} == {len(row["modes"])}
            assert all(0 <= value <= 25 for value in row["modes"])
            assert all(0 <= value <= 1 for value in row["high_quality"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 88


def test_every_game_that_may_be_measured_has_a_name():
    assert DATA["rows"].keys() <= module._NAMES.keys()
    assert max(map(len, module._NAMES.values())) < 28


def test_only_what_was_measured_can_be_shown():
    with pytest.raises(ValueError, match=r"methods must have a row \(plain.*got 'diffusion'"):
        modes_table("diffusion")
    with pytest.raises(ValueError, match=r"weights must be 'averaged' or 'last', got 'first'"):
        modes_table("plain", weights="first")
