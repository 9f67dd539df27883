"""The widgets of lesson 00: what the browser draws is what torch draws, and what was chosen comes back to Python."""

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch
from conftest import needs_node
from matplotlib.colors import to_rgb
from test_viz_widgets_js import node

from course_lib import viz
from course_lib.data import load
from course_lib.data.glyphs import CHARACTERS, FACES, HELD_OUT_FACES, RANGES, masters, warp
from course_lib.training.recipes import shipped
from course_lib.viz.style import MODELS, NAMED_COLORS
from course_lib.viz.widgets.glyph_factors import drawn
from course_lib.viz.widgets.host import packed
from course_lib.viz.widgets.three_models import planes, point_of


def unpacked(data: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data["base64"]), data["dtype"]).reshape(data["shape"])


@needs_node
def test_the_browser_draws_the_three_networks_of_the_course(tmp_path: Any) -> None:
    data = viz.three_models().data
    z = torch.randn(4, 16, generator=torch.Generator().manual_seed(3))
    given = {"networks": data["networks"], "z": [packed(one) for one in z]}
    found = node(
        tmp_path, "nets.js", "(it, g) => g.networks.map((n) => g.z.map((z) => it.run(n.layers, z).values))", given
    )
    for name, images in zip(("vae", "gan", "vae_gan"), found, strict=True):
        expected = shipped(name)[0].sample(4, z=z)  # type: ignore[operator]
        assert torch.allclose(torch.tensor(images).reshape(4, 1, 28, 28), expected, atol=1e-4)


def test_each_model_has_its_name_and_its_colour_in_all_figures() -> None:
    networks = viz.three_models().data["networks"]
    assert {n["name"]: to_rgb(NAMED_COLORS[n["color"]]) for n in networks} == {
        name: to_rgb(MODELS[name]) for name in ("VAE", "GAN", "VAE-GAN")
    }


@needs_node
def test_the_browser_goes_to_the_points_that_python_goes_to(tmp_path: Any) -> None:
    data = viz.three_models().data
    places = [(0, [0.0, 0.0]), (3, [1.5, -2.0]), (11, [-3.0, 0.25])]
    found = node(
        tmp_path,
        "latent.js",
        "(it, g) => g.places.map(([k, at]) => it.onPlane(g.planes, k, at))",
        {"planes": data["planes"], "places": places},
    )
    for z, (plane, (x, y)) in zip(found, places, strict=True):
        vectors = unpacked(data["planes"])[plane]
        assert np.allclose(z, vectors[0] + x * vectors[1] + y * vectors[2], atol=1e-5)
        assert np.allclose(z, point_of(plane, x, y), atol=1e-5)


def test_points_of_a_plane_are_as_far_out_as_draws_of_the_prior() -> None:
    gram = planes() @ planes().mT
    assert torch.allclose(gram, torch.diag(torch.tensor([14.0, 1.0, 1.0])).expand(12, 3, 3), atol=1e-4)
    noise = torch.randn(2_000, 2, generator=torch.Generator().manual_seed(0))
    z = torch.stack([point_of(i % 12, float(x), float(y)) for i, (x, y) in enumerate(noise)])
    assert z.square().sum(1).mean().item() == pytest.approx(16, abs=0.2)


def test_the_point_under_the_cross_is_to_be_had() -> None:
    widget = viz.three_models()
    widget.value = {"plane": 2, "point": [1.0, -0.5]}
    assert torch.equal(widget.z, point_of(2, 1.0, -0.5))
    assert widget.z.shape == (16,)


GLYPHS = [  # whole and broken values, both ends of the ranges, faces at both ends of the list
    {"character": 2, "face": 8, "rotation": 0, "scale": 0.9, "shear": 0, "shift_x": 0, "shift_y": 0},
    {"character": 7, "face": 0, "rotation": 12, "scale": 0.75, "shear": 0.15, "shift_x": 1.5, "shift_y": -1.5},
    {
        "character": 9,
        "face": 20,
        "rotation": -7.3,
        "scale": 0.81,
        "shear": -0.11,
        "shift_x": -0.37,
        "shift_y": 0.9,
    },
    {"character": 0, "face": 13, "rotation": 3.1, "scale": 1.0, "shear": 0.06, "shift_x": 0.21, "shift_y": 1.1},
]


@needs_node
def test_the_browser_draws_the_glyphs_of_the_data_set(tmp_path: Any) -> None:
    data = viz.glyph_factors().data
    test = load("glyphs", "test", 6)
    taken = [{name: float(values[i]) for name, values in test.factors.items()} for i in range(6)]
    taken = [one | {name: int(one[name]) for name in ("character", "face")} for one in taken]
    expression = """(it, g) => g.glyphs.map((glyph) => {
      const [, many, height, width] = g.masters.shape;
      const first = (glyph.face * many + glyph.character) * height * width;
      const master = { values: g.masters.values.subarray(first, first + height * width), shape: [height, width] };
      return it.warp(master, g.place, glyph).values;
    })"""
    given = {"glyphs": GLYPHS + taken, "masters": data["masters"], "place": data["place"]}
    found = torch.tensor(node(tmp_path, "glyphs.js", expression, given)).reshape(-1, 28, 28)
    for image, glyph in zip(found, GLYPHS, strict=False):
        master = masters()[[glyph["face"]], [CHARACTERS.index(str(glyph["character"]))]]
        expected = warp(master, **{name: torch.tensor([float(glyph[name])]) for name in RANGES})[0, 0]
        assert torch.allclose(image, expected, atol=1e-4)
        assert torch.equal(drawn(glyph)[0, 0], expected)
    assert torch.allclose(found[len(GLYPHS) :], test.x[:, 0], atol=1e-4), "pictures of the set itself"


@needs_node
def test_a_face_is_found_by_family_weight_and_slant(tmp_path: Any) -> None:
    faces = viz.glyph_factors().data["faces"]
    wanted = {
        ("DejaVu Serif", False, False): "DejaVuSerif",
        ("DejaVu Serif", True, True): "DejaVuSerif-BoldItalic",
        ("STIX General", False, True): "STIXGeneralItalic",
        ("Computer Modern", True, False): "cmb10",
        ("Computer Modern", True, True): "cmti10",  # it has no face that is both: the slant is kept
        ("Computer Modern Typewriter", True, True): "cmtt10",
    }
    asked = [{"family": family, "bold": bold, "slanted": slanted} for family, bold, slanted in wanted]
    found = node(tmp_path, "glyphs.js", "(it, g) => g[1].map((one) => it.faceOf(g[0], one))", [faces, asked])
    assert [FACES[number] for number in found] == list(wanted.values())


def test_faces_are_those_of_the_data_set_with_their_properties() -> None:
    faces = viz.glyph_factors().data["faces"]
    assert [face["name"] for face in faces] == list(FACES)
    assert {face["name"] for face in faces if face["held_out"]} == set(HELD_OUT_FACES)
    for face in faces:
        assert face["bold"] == any(part in face["name"] for part in ("Bold", "Bol", "cmb"))
        assert face["slanted"] == any(part in face["name"] for part in ("Oblique", "Italic", "Ita", "cmti"))


@needs_node
def test_pixels_that_differ_are_counted(tmp_path: Any) -> None:
    a, b = torch.rand(2, 1, 6, 5, generator=torch.Generator().manual_seed(1))
    found = node(tmp_path, "glyphs.js", "(it, g) => it.changed(g[0], g[1], 0.3)", [packed(a), packed(b)])
    assert found == int(((a - b).abs() > 0.3).sum()) > 3


def test_the_glyph_that_was_made_is_to_be_had() -> None:
    widget = viz.glyph_factors()
    assert torch.equal(widget.x, drawn(widget.data["start"]))
    widget.value = widget.value | {"character": 7, "rotation": 10.0}
    assert widget.x.shape == (1, 1, 28, 28)
    assert (widget.x - drawn(widget.data["start"])).abs().max() > 0.5


@pytest.mark.parametrize("make", [viz.three_models, viz.glyph_factors])
def test_what_is_sent_at_once_passes_jupyters_limit(make: Any) -> None:
    """A server drops messages above 3 MB in three seconds; both widgets of a lesson may ask at the same time."""
    widget = make()
    assert len(json.dumps(widget.data)) < 1_400_000
    assert len(json.dumps(widget.get_state(), default=str)) < 90_000
    bundle, metadata = widget._repr_mimebundle_()
    assert len(base64.b64decode(bundle["image/png"])) > 3_000
    assert metadata["image/png"]["alt"] == widget.caption


def test_the_random_numbers_of_a_lesson_are_left_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    viz.three_models()._repr_mimebundle_()
    viz.glyph_factors()._repr_mimebundle_()
    assert torch.equal(torch.rand(3), expected)
