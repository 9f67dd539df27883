"""Figures: what is drawn is what was given, and every text can be read."""

import io

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from course_lib import viz
from course_lib.objectives.adversarial import generator_push
from course_lib.training import History

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.rand(13, 1, 28, 28, generator=GENERATOR)
POINTS = torch.randn(60, 2, generator=GENERATOR)
HISTORY = History(steps=[10, 20, 30], values={"loss": [3.0, 2.0, 1.5], "kl": [0.1, 0.5, 0.7]}, seconds=1.0)


def discriminator(x: torch.Tensor) -> torch.Tensor:
    return 2.0 * x[:, 0] - 3.0 * x[:, 1] + 0.5


def pixels(figure: Figure) -> np.ndarray:
    """The figure as it is shown: uint8 (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(viz.png(figure))).convert("RGB"))


FIGURES = {
    "image_grid": lambda: viz.image_grid(IMAGES, 5, "Samples"),
    "signed grid": lambda: viz.image_grid(IMAGES - 0.5, signed=True),
    "image_rows": lambda: viz.image_rows(
        {"original": IMAGES[:4], "a long label": IMAGES[4:7]}, columns=list("abcd")
    ),
    "training_curves": lambda: viz.training_curves(HISTORY, reference={"real data": 2.0}),
    "lines": lambda: viz.lines({"a": ([1, 2], [3.0, 4.0])}, "KL (nats)", "error (nats)", "Title", markers=True),
    "latent_scatter": lambda: viz.latent_scatter(POINTS, torch.arange(60) % 10, list("0123456789")),
    "point_panels": lambda: viz.point_panels({"codes": POINTS, "prior": POINTS[:9]}),
    "discriminator_field": lambda: viz.discriminator_field(discriminator, POINTS, POINTS, arrows="saturating"),
    "histograms": lambda: viz.histograms({"real": POINTS, "model": POINTS[:, 0]}, "sharpness (1)"),
    "bars": lambda: viz.bars({"AE": 3.0, "VAE": 4.5}, "distance (1)", errors={"AE": 0.5}, reference={"real": 1.0}),
    "grouped bars": lambda: viz.bars({"AE": {"train": 3.0, "test": 4.0}, "VAE": {"train": 1.0}}, "distance (1)"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_legible_small_and_leaves_no_trace(name):
    before = dict(mpl.rcParams)
    figure = FIGURES[name]()
    assert dict(mpl.rcParams) == before
    shown = viz.png(figure)
    assert len(shown) < 100_000
    height, width, _ = pixels(figure).shape
    assert width <= 920
    hidden = never_drawn(figure)
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden:
            assert text.get_fontsize() >= 9, text.get_text()
            box = text.get_window_extent()
            inside = box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1
            assert inside, f"{text.get_text()!r} is cut off"
    if "image" not in name and "grid" not in name:
        axes = figure.axes[0]
        assert axes.get_ylabel()
        assert axes.get_xlabel() or "bars" in name
    assert viz.png(FIGURES[name]()) == shown, "the same data, the same picture"


def never_drawn(figure: Figure) -> set[int]:
    """Tick labels beyond the limits of their axis, or of axes that are switched off, exist but aren't drawn."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.majorTicks, *axis.minorTicks):
                if not (axes.axison and low <= tick.get_loc() <= high):
                    hidden |= {id(tick.label1), id(tick.label2)}
    return hidden


@pytest.mark.parametrize(("count", "ncols"), [(1, 10), (10, 10), (13, 4)])
def test_an_image_pixel_is_a_whole_number_of_screen_pixels(count, ncols):
    """Oracle: each image enlarged by repetition, found again in the picture at its place."""
    x = IMAGES[:count]
    shown = pixels(viz.image_grid(x, ncols))
    ncols = min(ncols, count)
    zoom = (shown.shape[1] - 4 - 2 * (ncols - 1)) // (28 * ncols)
    assert zoom >= 2
    for index, image in enumerate(x[:, 0].numpy()):
        top = 2 + (index // ncols) * (28 * zoom + 2)
        left = 2 + (index % ncols) * (28 * zoom + 2)
        found = shown[top : top + 28 * zoom, left : left + 28 * zoom].astype(float)
        expected = np.kron(255 * image, np.ones((zoom, zoom)))
        assert np.abs(found - expected[:, :, None]).max() <= 2, f"image {index} is resampled or misplaced"


def test_grey_levels_have_a_fixed_scale_and_signed_values_their_own_colours():
    dim = pixels(viz.image_grid(torch.full((1, 1, 28, 28), 0.25)))
    assert abs(int(dim[40, 40, 0]) - 64) <= 1, "a dim image is not stretched to full contrast"
    values = torch.zeros(1, 1, 28, 28)
    values[..., :14, :], values[..., 14:, :] = 3.0, -3.0
    shown = pixels(viz.image_grid(values, signed=True)) / 255
    assert to_hex(shown[20, 20]) == "#0072b2"
    assert to_hex(shown[-20, 20]) == "#d55e00"


def test_rows_stand_beside_their_labels():
    rows = {"first": IMAGES[:3], "second": torch.zeros(2, 1, 28, 28)}
    figure = viz.image_rows(rows, columns=["a", "b", "c"])
    labels = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    assert set(labels) == {"first", "second", "a", "b", "c"}
    assert labels["first"].y0 > labels["second"].y1
    assert labels["a"].x1 < labels["b"].x0 < labels["b"].x1 < labels["c"].x0
    boxes = list(labels.values())
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    with pytest.raises(ValueError, match="name all 3 columns"):
        viz.image_rows(rows, columns=["a"])
    with pytest.raises(ValueError, match="one size"):
        viz.image_rows({"a": IMAGES, "b": torch.zeros(1, 1, 8, 8)})


@pytest.mark.parametrize("bad", [torch.zeros(4, 784), torch.zeros(0, 1, 28, 28), torch.zeros(2, 3, 28, 28)])
def test_what_is_no_image_batch_is_refused(bad):
    with pytest.raises(ValueError, match=r"\(N, 1, H, W\)"):
        viz.image_grid(bad)


def test_curves_are_the_recorded_values():
    (axes,) = viz.training_curves(HISTORY, ["kl"]).axes
    (line,) = axes.lines
    assert line.get_xdata().tolist() == [10, 20, 30]
    assert line.get_ydata().tolist() == [0.1, 0.5, 0.7]
    two = viz.training_curves({"beta = 1": HISTORY, "beta = 4": HISTORY}, ["kl"])
    assert [text.get_text() for text in two.axes[0].get_legend().get_texts()] == ["beta = 1", "beta = 4"]
    both = viz.training_curves({"a": HISTORY})
    assert [text.get_text() for text in both.axes[0].get_legend().get_texts()] == ["a, loss", "a, kl"]
    with pytest.raises(ValueError, match="loss, kl"):
        viz.training_curves(HISTORY, ["elbo"])


def test_histograms_share_bins_and_have_area_one():
    figure = viz.histograms({"a": [0.0, 0.1, 0.1, 4.0], "b": [1.0]}, "x", bins=8)
    outlines = [patch.get_data() for patch in figure.axes[0].patches[::2]]
    for outline in outlines:
        assert np.array_equal(outline.edges, np.linspace(0, 4, 9))
        assert (outline.values * np.diff(outline.edges)).sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="finite"):
        viz.histograms({"a": [0.0, float("nan")]}, "x")


def test_bars_are_as_high_as_their_values():
    figure = viz.bars({"AE": {"train": 3.0, "test": 4.0}, "VAE": {"test": 1.0}}, "distance")
    heights = [[bar.get_height() for bar in group] for group in figure.axes[0].containers]
    assert heights == [[3.0], [4.0, 1.0]]
    positions = [bar.get_x() + bar.get_width() / 2 for group in figure.axes[0].containers for bar in group]
    assert round(positions[0]) == round(positions[1]) == 0
    assert round(positions[2]) == 1


def test_scatter_needs_a_label_for_each_code():
    with pytest.raises(ValueError, match="one label for each of the 60"):
        viz.latent_scatter(POINTS, torch.zeros(59), ["0"])
    with pytest.raises(ValueError, match=r"\(N, 2\), got \(60, 3\)"):
        viz.latent_scatter(torch.zeros(60, 3), torch.zeros(60), ["0"])


def test_the_field_is_sigma_of_the_logit_where_the_axes_say():
    """Blue where the logit is far above 0, vermilion far below; x_1 runs right and x_2 up."""
    figure = viz.discriminator_field(lambda x: 40 * x[:, 1] - 20 * x[:, 0], POINTS[:1], POINTS[:1] + 9, limit=2.0)
    shown = pixels(figure).astype(int)
    for point, real in (((0.0, 1.0), True), ((0.0, -1.0), False), ((1.5, 0.5), False), ((-1.5, -0.5), True)):
        x, y = figure.axes[0].transData.transform(point)
        red, _, blue = shown[shown.shape[0] - 1 - round(y), round(x)]
        assert (blue > red + 50) == real
        assert (red > blue + 50) != real


def test_arrows_of_two_figures_can_share_a_scale():
    def longest(figure):
        (quiver,) = (item for item in figure.axes[0].collections if hasattr(item, "U"))
        return np.hypot(quiver.U, quiver.V).max() / quiver.scale

    draw = viz.discriminator_field
    figures = [draw(discriminator, POINTS, POINTS, 2.0, arrows=loss) for loss in ("saturating", "non_saturating")]
    assert [longest(figure) for figure in figures] == pytest.approx([0.6, 0.6])
    half = draw(discriminator, POINTS, POINTS, 2.0, arrows="saturating", arrow_scale=0.5)
    push = generator_push(discriminator, POINTS[:40], "saturating").norm(dim=1).max().item()
    assert longest(half) == pytest.approx(push / 0.5, rel=1e-4)
    with pytest.raises(ValueError, match="non_saturating"):
        draw(discriminator, POINTS, POINTS, arrows="lsgan")
