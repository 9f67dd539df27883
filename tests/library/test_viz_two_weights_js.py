"""The widget of lesson 09's two weights: what the browser shows is what the nine shipped networks draw."""

import base64
from typing import Any

import numpy as np
import pytest
import torch
from conftest import needs_node
from test_viz_widgets_js import node

from course_lib import viz
from course_lib.data import load
from course_lib.metrics import feature_classifier, sharpness_distance
from course_lib.objectives import squared_error
from course_lib.training.hybrid_recipes import HYBRID_BETAS, HYBRID_GAMMAS, HYBRID_IMAGES, shipped_hybrids
from course_lib.viz.widgets.host import packed


@needs_node
def test_a_strip_is_so_many_images_side_by_side(tmp_path: Any) -> None:
    images = torch.randint(256, (5, 1, 3, 4), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    expression = "(it, g) => it.strip(g.images, 1, 3)"
    found = node(tmp_path, "two_weights.js", expression, {"images": packed(images)})
    assert found["shape"] == [1, 3, 12]
    expected = torch.cat(list(images[1:4, 0]), dim=1) / 255
    assert np.allclose(np.array(found["values"]).reshape(3, 12), expected, atol=1e-6)


@needs_node
def test_the_browser_counts_the_networks_as_python_does(tmp_path: Any) -> None:
    places = [{"beta": b, "gamma": g} for b in range(len(HYBRID_BETAS)) for g in range(len(HYBRID_GAMMAS))]
    given = {"places": places, "n": len(HYBRID_GAMMAS)}
    found = node(tmp_path, "two_weights.js", "(it, g) => g.places.map((p) => it.network(p, g.n))", given)
    pairs = [(HYBRID_BETAS[p["beta"]], HYBRID_GAMMAS[p["gamma"]]) for p in places]
    assert [list(shipped_hybrids())[i] for i in found] == pairs


def test_pictures_and_numbers_are_those_of_the_networks() -> None:
    data, networks = viz.two_weights().data, shipped_hybrids()
    test = load("glyphs", "test", HYBRID_IMAGES)
    first = [int((test.y == label).nonzero()[0]) for label in range(10)]
    assert len(data["numbers"]) == len(networks) == 9
    made = np.frombuffer(base64.b64decode(data["made"]["base64"]), np.uint8).reshape(data["made"]["shape"])
    assert made.shape == (9, 20, 1, 28, 28)
    for number, kept in enumerate(networks.values()):
        expected = 255 * kept.images(kept.codes[first])
        assert np.abs(made[number, :10] - expected.numpy()).max() <= 0.51
        images, said = kept.images(kept.codes), data["numbers"][number]
        assert said["error"] == pytest.approx(squared_error(images, test.x).mean().item())
        assert said["sharpness"] == pytest.approx(sharpness_distance(images, test.x))
        rightly = feature_classifier()(images).argmax(1) == test.y
        assert said["read"] == pytest.approx(rightly.float().mean().item())
        assert said["rate"] == kept.rate.item()


def test_the_weights_that_were_chosen_are_to_be_had() -> None:
    widget = viz.two_weights()
    widget.value = {"beta": 2, "gamma": 0}
    assert widget.weights == (HYBRID_BETAS[2], HYBRID_GAMMAS[0])
