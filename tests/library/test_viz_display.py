"""Both ways to display a figure: with a caption, and under sliders; in a notebook without a browser too."""

import base64
import io

import nbformat
import pytest
import torch
from matplotlib.figure import Figure
from nbclient import NotebookClient
from PIL import Image

from course_lib import viz
from course_lib.viz import display as display_module


def test_show_gives_the_picture_an_alternative_text_and_a_caption(monkeypatch):
    calls = []
    monkeypatch.setattr(display_module, "display", lambda data, **options: calls.append((data, options)))
    figure = viz.image_grid(torch.rand(4, 1, 28, 28))
    caption = 'Strokes thicker than "real" ones & <blurred>.'
    viz.show(figure, caption)
    (picture, options), (under, _) = calls
    assert base64.b64decode(picture["image/png"]) == viz.png(figure)
    assert options["metadata"]["image/png"]["alt"] == caption
    assert options["raw"]
    assert "&quot;real&quot; ones &amp; &lt;blurred&gt;." in under["text/html"]
    with pytest.raises(ValueError, match="caption"):
        viz.show(figure, " ")


def test_show_closes_a_figure_of_pyplot(monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr(display_module, "display", lambda *args, **options: None)
    plt.switch_backend("agg")
    figure, _ = plt.subplots()
    viz.show(figure, "Nothing to see.")
    assert not plt.fignum_exists(figure.number)


def line(slope: float = 1.0, kind: str = "solid") -> Figure:
    return viz.lines({kind: ([0, 1], [0, slope])}, "x", "y")


def test_a_slider_redraws_its_picture():
    figure = viz.slider_figure(line, slope=(0.0, 4.0, 0.5), kind=["solid", "dashed"])
    assert figure.image.value == viz.png(line(1.0, "solid")), "it starts at the defaults"
    figure.sliders["slope"].value = 3.0
    assert figure.image.value == viz.png(line(3.0, "solid"))
    figure.sliders["kind"].value = "dashed"
    assert figure.image.value == viz.png(line(3.0, "dashed"))
    bundle, metadata = viz.slider_figure(line, "A line.", slope=(0, 4))._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]) == viz.png(line(1.0))
    assert metadata["image/png"]["alt"] == "A line."


def test_sliders_are_whole_where_all_is_whole():
    def draw(whole, part=0.5, plain=3):
        return line(whole + part + plain)

    sliders = viz.slider_figure(draw, whole=(1, 9), part=(0, 4), plain=(0, 6, 2)).sliders
    assert [(s.value, type(s.value)) for s in sliders.values()] == [(1, int), (0.5, float), (3, int)]
    assert [s.step for s in sliders.values()] == [1, 0.2, 2]


@pytest.mark.parametrize("sliders", [{}, {"slope": (4.0, 1.0)}, {"slope": 3}, {"slope": "ab"}, {"slope": []}])
def test_bad_sliders_are_refused(sliders):
    with pytest.raises(ValueError, match="slider"):
        viz.slider_figure(line, **sliders)


def test_both_ways_to_display_work_in_a_notebook_run_without_a_browser():
    cells = [
        "from course_lib import viz\n"
        "def line(slope=1.0):\n"
        "    return viz.lines({'line': ([0, 1], [0, slope])}, 'x', 'y')\n"
        "viz.show(line(), 'A line that rises.')",
        "viz.slider_figure(line, 'Move the slider.', slope=(0.0, 4.0, 0.5))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    picture, caption = notebook.cells[0].outputs
    assert picture.metadata["image/png"]["alt"] == "A line that rises."
    assert Image.open(io.BytesIO(base64.b64decode(picture.data["image/png"]))).width == 600
    assert "A line that rises." in caption.data["text/html"]
    (widget,) = notebook.cells[1].outputs
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(widget.data)
    assert len(nbformat.writes(notebook)) < 150_000
