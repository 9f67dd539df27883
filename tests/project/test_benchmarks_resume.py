"""The rows of a benchmark: what is written is found again by the next run, whenever the last one was killed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from resume import Rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "rows.csv"


def test_a_second_run_finds_what_the_first_has_written(path):
    first = Rows(path, ["mig", "seconds"])
    assert ("vae", 0, "beta=1, steps=5") not in first
    first.add("vae", 0, "beta=1, steps=5", seconds=61.5, mig=0.25)
    second = Rows(path, ["mig", "seconds"])
    for rows in (first, second):
        assert ("vae", 0, "beta=1, steps=5") in rows
        assert ("vae", 1, "beta=1, steps=5") not in rows
        assert ("vae", 0, "beta=1, steps=6") not in rows
        assert ("tc", 0, "beta=1, steps=5") not in rows
    second.add("vae", 1, "beta=1, steps=5", mig=0.5, seconds=60)
    second.add("vae", 2, "beta=1, steps=6", mig=0.75, seconds=60)
    third = Rows(path, ["mig", "seconds"])
    assert third.values("vae", "beta=1, steps=5", "mig") == [0.25, 0.5]
    assert path.read_text().splitlines()[0] == "name,seed,settings,mig,seconds"


@pytest.mark.parametrize("kept", [0, 5, 30, 45])
def test_a_line_cut_off_by_a_kill_is_dropped_and_nothing_else(path, kept):
    rows = Rows(path, ["mig"])
    rows.add("vae", 0, "a", mig=0.5)
    rows.add("vae", 1, "a", mig=0.25)
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    rows = Rows(path, ["mig"])
    for seed in (0, 1):
        if ("vae", seed, "a") not in rows:
            rows.add("vae", seed, "a", mig=0.5 / (1 + seed))
    assert path.read_bytes() == whole


def test_other_columns_are_refused(path):
    rows = Rows(path, ["mig"])
    with pytest.raises(ValueError, match=r"figures \['mig'\], got \['dci'\]"):
        rows.add("vae", 0, "a", dci=0.5)
    with pytest.raises(ValueError, match="out of the way"):
        Rows(path, ["mig", "dci"])


def test_the_seeds_that_are_missing_are_run(path):
    rows, ran = Rows(path, ["mig", "dci"]), []
    rows.add("vae", 1, "a", mig=1.5, dci=0.5)
    rows.add("vae", 0, "b", mig=9, dci=9)

    def run(seed):
        ran.append(seed)
        return {"dci": 0.25 * seed, "mig": float(seed)}

    assert rows.over_seeds("vae", 2, "a", run) == [[1.5, 0.0], [0.5, 0.0]]
    assert ran == [0]
    assert Rows(path, ["mig", "dci"]).over_seeds("vae", 1, "b", run) == [[9.0], [9.0]]
    assert ran == [0]
