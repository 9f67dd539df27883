"""The lessons' table: what it prints is what was measured, and every row has a value a seed."""

import json
from pathlib import Path

import pytest

import course_lib
from course_lib import scoreboard as module
from course_lib.scoreboard import scoreboard

DATA = json.loads((Path(course_lib.__file__).parent / "scoreboard.json").read_text(encoding="utf-8"))


def test_a_cell_is_the_mean_between_the_least_and_the_greatest(monkeypatch, capsys) -> None:
    rows = {"real": {"frechet": [19.2]}, "vae": {"frechet": [200.0, 230.0, 260.0], "sure": [0.5, 0.7, 0.9]}}
    monkeypatch.setattr(module, "_table", lambda: {"settings": "s", "classifier": "c", "rows": rows})
    assert scoreboard("vae") == rows
    printed = capsys.readouterr().out
    assert "230 (200–260)" in printed
    assert "70 (50–90)" in printed, "shares in per cent"
    assert "–" in printed.splitlines()[2], "what wasn't measured"


def test_the_table_fits_a_notebook_and_names_every_row(capsys) -> None:
    models = [name for name in DATA["rows"] if name != "real"]
    rows = scoreboard(*models)
    printed = capsys.readouterr().out.splitlines()
    assert max(map(len, printed)) <= 88
    assert len(printed) == len(models) + 4  # two lines above, real images, the settings
    assert all("  " in line[20:] or line.count("(") < 2 for line in printed[3:-1])
    for name, row in rows.items():
        counts = {len(values) for values in row.values()}
        assert len(counts) == 1
        assert min(counts) >= (1 if name == "real" else 3)


def test_a_vae_with_another_prior_has_no_likelihood_of_its_own() -> None:
    own = {"nll", "kl", "active"}
    assert own <= DATA["rows"]["vae"].keys()
    assert not own & DATA["rows"]["vae_gaussian"].keys()


def test_a_fitted_mixture_is_of_the_same_networks_with_a_likelihood_of_its_own() -> None:
    rows = {name: DATA["rows"][name] for name in ("vae", "vae_mixture")}
    seeds = len(rows["vae_mixture"]["error"])
    assert rows["vae_mixture"]["error"] == pytest.approx(rows["vae"]["error"][:seeds], rel=1e-2)
    assert rows["vae_mixture"]["active"] == rows["vae"]["active"][:seeds]
    for name in ("nll", "kl", "frechet"):
        assert all(a < b for a, b in zip(rows["vae_mixture"][name], rows["vae"][name], strict=False))


def test_only_what_has_a_row_can_be_shown() -> None:
    with pytest.raises(ValueError, match=r"autoencoder.*got 'diffusion'"):
        scoreboard("diffusion")
    with pytest.raises(ValueError, match=r"columns must be among error.*got 'fid'"):
        scoreboard("vae", columns=("fid",))


def test_all_columns_can_be_shown(capsys) -> None:
    four = ("holes", "halfway", "min_share", "nll")
    scoreboard("autoencoder", "vae", "vae_gaussian", columns=four)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 88
    assert lines[3].split()[-2:] != lines[4].split()[-2:]
    scoreboard("vae", columns=("kl", "active", "seconds", "kid"))
    assert "16 (16–16)" in capsys.readouterr().out
