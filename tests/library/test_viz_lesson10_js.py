"""Lesson 10's widgets in node, as front ends compute them: rulers against the library's, ranks by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import needs_node
from test_viz_widgets_js import node

from course_lib.metrics import density_coverage, frechet_distance, memorization, precision_recall
from course_lib.metrics.kernel import squared_mmd
from course_lib.viz import fooled_rulers, model_advice
from course_lib.viz.widgets.fooled_rulers import LIMITS, NUM_POINTS, _fresh
from course_lib.viz.widgets.model_advice import _scores


def by_the_library(points: torch.Tensor, clouds: dict[str, torch.Tensor]) -> dict[str, float]:
    both = precision_recall(points, clouds["real"])
    return {
        "frechet": frechet_distance(points, clouds["real"]),
        "kernel": squared_mmd(points, clouds["real"]).item(),
        "precision": both.precision,
        "recall": both.recall,
        "coverage": density_coverage(points, clouds["real"]).coverage,
        "copies": memorization(points, clouds["train"], clouds["heldOut"]).closer,
    }


SETTINGS: list[dict[str, Any]] = [
    {},
    {"gaussian": True, "blur": 0.2},
    {"copies": 40, "shift": [0.3, -0.2]},
    {"dropped": 2, "outliers": 1},
    {"copies": 100},
]


@needs_node
@pytest.mark.parametrize("changes", SETTINGS)
def test_the_six_rulers_are_the_librarys(tmp_path: Path, changes: dict[str, Any]) -> None:
    data = fooled_rulers().data
    expression = """(it, { data, settings }) => {
      const points = it.handedIn(settings, data.given, data.noises[1]);
      return { points, found: it.measure(points, data.clouds) }; }"""
    given = {"data": data, "settings": data["start"] | changes}
    made = node(tmp_path, "rulers.js", expression, given)
    points = torch.tensor(made["points"], dtype=torch.float64)
    assert points.shape == (NUM_POINTS, 2)
    clouds = {name: torch.tensor(cloud, dtype=torch.float64) for name, cloud in data["clouds"].items()}
    assert made["found"] == pytest.approx(by_the_library(points, clouds), abs=1e-6)


@needs_node
def test_what_is_handed_in_is_what_the_controls_say(tmp_path: Path) -> None:
    data = fooled_rulers().data
    expression = (
        """(it, { data, all }) => all.map((settings) => it.handedIn(settings, data.given, data.noises[0]))"""
    )
    all_settings = [data["start"] | changes for changes in data["presets"].values()]
    made = node(tmp_path, "rulers.js", expression, {"data": data, "all": all_settings})
    clouds = {name: np.array(points) for name, points in zip(data["presets"], made, strict=True)}
    centers = np.array(data["given"]["centers"])
    nearest = {
        name: np.linalg.norm(points[:, None] - centers, axis=2).argmin(1) for name, points in clouds.items()
    }
    assert set(nearest["fresh points"]) == {0, 1, 2}
    assert set(nearest["a heap left out"]) == {1, 2}
    assert (clouds["copies"] == np.array(data["given"]["train"])).all()
    assert clouds["shifted"] - clouds["fresh points"] == pytest.approx(np.tile([0.6, 0.3], (NUM_POINTS, 1)))
    assert clouds["one heap, one far out"][-1].tolist() == data["given"]["outliers"][0]


def test_honest_models_keep_to_the_limits_nineteen_times_in_twenty() -> None:
    data = fooled_rulers().data
    clouds = {name: torch.tensor(cloud, dtype=torch.float64) for name, cloud in data["clouds"].items()}
    rng = np.random.default_rng(5)
    draws = [by_the_library(torch.from_numpy(_fresh(rng)), clouds) for _ in range(400)]
    for name, limit in LIMITS.items():
        values = np.array([draw[name] for draw in draws])
        beyond = values < limit if name in ("precision", "recall", "coverage") else values > limit
        print(name, np.quantile(values, [0.05, 0.5, 0.95]), beyond.mean())
        assert 0.01 < beyond.mean() < 0.09, name


BOARD = {
    "real": {"frechet": [19.0]},
    "vae": {"frechet": [200.0, 240.0], "sharpness": [0.9, 0.8], "error": [5.2, 5.1], "nll": [77.0, 76.5]},
    "vae_gan": {"frechet": [80.0, 170.0], "sharpness": [0.2, 0.3], "error": [7.0, 6.9]},
    "gan": {"frechet": [60.0, 90.0], "sharpness": [0.25, 0.2]},
}


def by_hand(board: dict[str, Any], weights: dict[str, int], choose: str) -> dict[str, float]:
    """Scores of 'low is better' measures, written once more with NumPy."""
    scores = {}
    for name, row in board.items():
        total = 0.0
        for measure, weight in weights.items():
            if measure not in row:
                continue
            on = np.log if measure == "frechet" else np.asarray
            means = [on(np.mean(other[measure])) for other in board.values() if measure in other]
            value = {"mean": np.mean, "low": np.max, "high": np.min}[choose](row[measure])
            share = (on(value) - min(means)) / (max(means) - min(means))
            total += weight * (1 - float(np.clip(share, 0, 1)))
        scores[name] = total / sum(weights.values())
    return scores


@needs_node
@pytest.mark.parametrize("weights", [{"frechet": 2, "sharpness": 1}, {"error": 3, "frechet": 1}])
def test_models_are_ranked_as_by_hand(tmp_path: Path, weights: dict[str, int]) -> None:
    data = model_advice(BOARD).data
    expression = """(it, { data, weights }) => {
      const order = it.ranked(data.models, data.measures, weights, []);
      const encoders = it.ranked(data.models, data.measures, weights, ["encode"]);
      return { order, encoders: encoders.map(({ name }) => name), tied: it.tied(order).map(({ name }) => name) }; }"""
    found = node(tmp_path, "advice.js", expression, {"data": data, "weights": weights})
    board = {name: row for name, row in BOARD.items() if name != "real"}
    for kind, choose in (("score", "mean"), ("low", "low"), ("high", "high")):
        expected = by_hand(board, weights, choose)
        assert {row["name"]: row[kind] for row in found["order"]} == pytest.approx(expected, abs=1e-9)
    scores = [row["score"] for row in found["order"]]
    assert scores == sorted(scores, reverse=True)
    assert found["encoders"] == [row["name"] for row in found["order"] if row["name"] != "gan"]
    first, *others = found["order"]
    assert found["tied"] == [row["name"] for row in others if row["high"] >= first["low"]]
    if "error" in weights:
        (score,) = (row["score"] for row in found["order"] if row["name"] == "gan")
        assert score == pytest.approx(0.25), "best by Fréchet distance; what it can't do counts as the worst"


def test_the_still_ranks_as_the_widget_does(tmp_path: Path) -> None:
    widget = model_advice(BOARD)
    rows = _scores(widget.data["models"], widget.data["measures"])
    board = {name: row for name, row in BOARD.items() if name != "real"}
    expected = by_hand(board, widget.data["start"]["weights"], "mean")
    assert {row[3]["name"]: row[0] for row in rows} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("board", [{}, {"vae": BOARD["vae"]}, {"vae": BOARD["vae"], "poem": BOARD["gan"]}])
def test_a_board_that_cannot_be_ranked_is_refused(board: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"board must have two rows or more among autoencoder_gaussian"):
        model_advice(board)
