"""The widgets in Python: what is sent, what stays out of notebooks, what stands in where there is no front end."""

import base64
import io
import json
import re
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from course_lib import viz
from course_lib.data import load
from course_lib.models import ConvAutoencoder
from course_lib.viz.style import CLASS_COLORS, NAMED_COLORS
from course_lib.viz.widgets import host, slider
from course_lib.viz.widgets.host import module, packed, style_sheet

BOARD = {
    "real": {"frechet": [19.0]},
    "vae": {"frechet": [200.0, 240.0], "error": [5.2, 5.1]},
    "gan": {"frechet": [60.0, 70.0]},
}
WIDGETS = {
    "alarm_stream": lambda: viz.alarm_stream(
        torch.randn(9, 16),
        torch.arange(16) * torch.ones(9, 1) > 13,
        {"a": torch.rand(9, 3)},
        [5, 9, 15],
        {"a": 0.5},
    ),
    "best_judge": viz.best_judge,
    "cloud_and_line": viz.cloud_and_line,
    "code_map": viz.code_map,
    "denoiser_field": viz.denoiser_field,
    "fooled_rulers": viz.fooled_rulers,
    "model_advice": lambda: viz.model_advice(BOARD),
    "one_latent": viz.one_latent,
    "dirac_game": viz.dirac_game,
    "draw_and_gradient": viz.draw_and_gradient,
    "gumbel_triangle": viz.gumbel_triangle,
    "pad": lambda: viz.pad(lambda x, y: torch.linspace(x, y + 1, 16).reshape(4, 4)),
    "ring_game": viz.ring_game,
    "scrubber": lambda: viz.scrubber(torch.rand(5, 1, 8, 8)),
    "traversal_sliders": viz.traversal_sliders,
    "turned_code": viz.turned_code,
    "two_maps": viz.two_maps,
}


def sent(widget, monkeypatch):
    """The list that the widget's messages are put into from now on."""
    messages = []
    monkeypatch.setattr(widget, "send", messages.append)
    return messages


@pytest.mark.parametrize("name", WIDGETS)
def test_data_are_sent_when_asked_for_and_are_no_part_of_the_state(name, monkeypatch):
    widget = WIDGETS[name]()
    messages = sent(widget, monkeypatch)
    widget._handle_custom_msg({"kind": "something else"}, [])
    assert messages == []
    widget._handle_custom_msg({"kind": "ask"}, [])
    assert messages == [{"kind": "data", "data": widget.data}]
    state = json.dumps(widget.get_state(), default=str)
    assert len(state) < 90_000, "the module, the style and a value"
    for long in re.findall(r'"base64": "([^"]{200,})"|"png": "([^"]{200,})"', json.dumps(widget.data)):
        assert max(long, key=len)[:200] not in state


@pytest.mark.parametrize("name", WIDGETS)
def test_a_picture_stands_in_where_there_is_no_front_end(name):
    bundle, metadata = WIDGETS[name]()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).convert("L"))
    assert len(np.unique(picture)) > 5
    assert picture.shape[1] <= 800
    assert metadata["image/png"]["alt"] == bundle["text/plain"] != ""


def test_both_widgets_of_lesson_01_run_first_thing_in_a_notebook_and_leave_it_small():
    sources = ["from course_lib.viz import code_map, cloud_and_line\ncloud_and_line()", "code_map()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    for cell in notebook.cells:
        (output,) = cell.outputs
        assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(output.data)
    assert len(nbformat.writes(notebook)) < 350_000


def test_the_random_numbers_of_a_lesson_are_the_same_with_and_without_a_widget():
    viz.widgets.code_map._shipped.cache_clear()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    viz.code_map()
    viz.cloud_and_line()
    assert torch.equal(torch.rand(3), expected)


def test_the_code_map_shows_codes_of_test_images_and_its_digits_are_of_their_class():
    widget = viz.code_map()
    model, images = viz.widgets.code_map._shipped(), load("glyphs", "test", 1_000)
    x, y, names = images.x, images.y, images.class_names
    arrays = {
        name: np.frombuffer(base64.b64decode(widget.data[name]["base64"]), widget.data[name]["dtype"]).reshape(
            widget.data[name]["shape"]
        )
        for name in ("codes", "labels", "images")
    }
    assert np.allclose(arrays["codes"], model.encode(x).numpy(), atol=1e-6)
    assert np.array_equal(arrays["labels"], y)
    for digit in range(len(names)):
        nearest = (x[:, 0] - torch.tensor(arrays["images"][digit]) / 255).square().sum((1, 2)).argmin()
        assert y[nearest] == digit
    error = (model(x) - x).square().sum((1, 2, 3)).mean()
    assert error < 27, "trained: the mean image alone leaves 41"
    inside = np.abs(arrays["codes"]).max(1) < widget.data["x"][1]
    assert inside.mean() > 0.99


def test_the_cloud_is_round_before_its_handles_shape_it():
    points = np.array(viz.cloud_and_line().data["points"])
    assert points.mean(0) == pytest.approx([0, 0], abs=1e-3)
    assert np.allclose(np.cov(points.T, bias=True), np.eye(2), atol=1e-3)


def test_a_pad_draws_for_the_point_that_was_chosen(monkeypatch):
    calls = []

    def draw(x, y):
        calls.append((x, y))
        return [[x, y]]

    pad = viz.pad(draw, x=(0, 1), y=(0, 2))
    assert calls == [(0.5, 1.0)]
    messages = sent(pad, monkeypatch)
    pad.value = [0.0, 1.0]
    ((message,), at) = messages, calls[-1]
    assert at == (0.0, 1.0)
    assert message["at"] == [0.0, 1.0]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(message["png"]))))
    assert picture.shape == (84, 168)
    assert picture[0, [0, -1]].tolist() == [0, 255]


def test_a_pad_says_why_a_picture_failed(monkeypatch):
    pad = viz.pad(lambda x, y: [[1 / (1 - x)]], x=(0, 1), y=(0, 1), start=(0, 0))
    messages = sent(pad, monkeypatch)
    pad.value = [1.0, 0.5]
    assert messages == [
        {"kind": "picture", "at": [1.0, 0.5], "error": messages[0]["error"]},
    ]
    assert "(1.00, 0.50): ZeroDivisionError" in messages[0]["error"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: viz.pad(x=(1, 1)), "x must run from low to high"),
        (lambda: viz.pad(y=(2, 1)), "y must run from low to high"),
        (lambda: viz.pad(start=(0, 9)), "start must lie in"),
        (lambda: viz.pad(lambda x, y: torch.zeros(3, 4, 4)), "shape"),
        (lambda: viz.scrubber([]), "at least one"),
        (lambda: viz.scrubber(torch.rand(3, 4, 4), labels=["a"]), "all 3 frames, got 1"),
        (lambda: viz.scrubber(torch.rand(3, 4, 4), frames_per_second=0), "positive"),
        (lambda: packed(torch.zeros(2, dtype=torch.float64)), "float32 or uint8"),
    ],
)
def test_what_a_widget_cannot_show_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_scrubber_takes_figures_and_images_and_names_its_frames():
    figures = [viz.lines({"line": ([0, 1], [0, slope])}, "x", "y") for slope in range(3)]
    data = viz.scrubber(figures, labels=[0, 100, 200]).data
    assert data["labels"] == ["0", "100", "200"]
    assert [Image.open(io.BytesIO(base64.b64decode(frame))).width for frame in data["frames"]] == [600] * 3
    assert viz.scrubber(torch.rand(2, 8, 8)).data["labels"] == ["frame 1", "frame 2"]


def test_modules_and_style_are_installed_with_the_library():
    root = Path(__file__).resolve().parents[2]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
        "course_lib"
    ]
    library = host.FOLDER.parents[1]
    packaged = {file for pattern in patterns for file in library.glob(pattern)}
    assert {file for file in host.FOLDER.iterdir() if file.suffix in (".js", ".css")} <= packaged


def test_a_module_needs_no_file_beside_it():
    for file in host.FOLDER.glob("*.js"):
        assert not re.search(r'from "\.', module(file.name)), file.name
        assert "http:" not in module(file.name).replace("http://www.w3.org/2000/svg", ""), file.name
        assert "https:" not in module(file.name), file.name


def test_widgets_have_the_colours_of_the_figures():
    css = style_sheet()
    assert len(set(CLASS_COLORS)) == 10
    for color in (*CLASS_COLORS, *NAMED_COLORS.values()):
        assert color in css
    assert set(re.findall(r"var\(--(\w+)", css)) - {"jp", "paper", "ink", "faint", "soft"} <= set(NAMED_COLORS)
    assert Path(slider.__file__).parent == host.FOLDER


def test_a_code_map_takes_a_network_of_ones_own_and_leaves_it_alone() -> None:
    torch.manual_seed(3)
    model = ConvAutoencoder(latent_dim=2).train()
    images = load("glyphs", "test", 60)
    widget = viz.code_map(model, images)
    sent = np.frombuffer(base64.b64decode(widget.data["codes"]["base64"]), dtype="<f4").reshape(-1, 2)
    with torch.no_grad():
        assert np.allclose(sent, model.encode(images.x).numpy(), atol=1e-5)
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    with pytest.raises(ValueError, match=r"two numbers per image, got codes of shape \(60, 3\)"):
        viz.code_map(ConvAutoencoder(latent_dim=3), images)
