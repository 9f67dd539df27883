"""Drawings of models: every box and arrow is there, ends exist, and colours mean one thing in all figures."""

import pytest
from matplotlib.patches import FancyArrowPatch

from course_lib.viz import (
    autoencoder_diagram,
    bars,
    draw_diagram,
    gan_diagram,
    histograms,
    latent_space_diagram,
    latent_variable_diagram,
    lines,
    measuring_diagram,
    vae_diagram,
    vae_gan_diagram,
)
from course_lib.viz.diagrams.language import Arrow, Box, diagram
from course_lib.viz.style import COLORS, MODELS, SYMBOLS, colors_of

DRAWINGS = [
    autoencoder_diagram,
    latent_space_diagram,
    latent_variable_diagram,
    measuring_diagram,
    vae_diagram,
    gan_diagram,
    lambda: gan_diagram("discriminator"),
    lambda: gan_diagram("generator"),
    lambda: gan_diagram(labels=True),
    vae_gan_diagram,
    lambda: vae_gan_diagram(gradients=True),
    draw_diagram,
    lambda: draw_diagram("pathwise"),
    lambda: draw_diagram("score"),
]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_nothing_is_drawn_outside_and_no_two_boxes_overlap(draw) -> None:
    figure = draw()
    figure.canvas.draw()
    frame = figure.bbox
    shapes = [patch for patch in figure.axes[0].patches if not isinstance(patch, FancyArrowPatch)]
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    for thing in (*figure.axes[0].patches, *texts):
        box = thing.get_window_extent()
        assert frame.x0 - 1 <= box.x0
        assert box.x1 <= frame.x1 + 1
        assert frame.y0 - 1 <= box.y0
        assert box.y1 <= frame.y1 + 1
    for i, one in enumerate(shapes):
        for other in shapes[:i]:
            assert not one.get_window_extent().overlaps(other.get_window_extent())
    for i, one in enumerate(texts):
        for other in texts[:i]:
            assert not one.get_window_extent().overlaps(other.get_window_extent()), (one, other)


def test_five_of_ten_ways_train_a_network_in_the_vae_gan() -> None:
    figure = vae_gan_diagram(gradients=True)
    arrows = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    used = [arrow for arrow in arrows if arrow.get_edgecolor()[0] > 0.8]  # vermilion, not grey
    assert (len(arrows), len(used)) == (10, 5)


def test_an_arrow_needs_both_its_ends() -> None:
    with pytest.raises(ValueError, match="got y"):
        diagram({"x": Box((0, 0), "$x$")}, [Arrow("x", "y")])
    with pytest.raises(ValueError, match="none"):
        diagram({}, [])


def test_a_model_has_one_colour_whatever_stands_beside_it() -> None:
    names = ["VAE-GAN, samples", "convolutional autoencoder", "something else", "VAE", "another"]
    colors = colors_of(names)
    assert colors[0] == MODELS["VAE-GAN"]
    assert colors[1] == MODELS["autoencoder"]
    assert colors[3] == MODELS["VAE"]
    assert not {colors[2], colors[4]} & set(MODELS[name] for name in ("VAE-GAN", "autoencoder", "VAE"))
    assert colors[2] != colors[4]
    assert colors_of(["loss of the GANs", "x"]) == list(COLORS[:2]), "only whole names count"
    assert not set(SYMBOLS.values()) & {
        MODELS[name] for name in ("PCA", "autoencoder", "VAE", "GAN", "VAE-GAN")
    } - {SYMBOLS["eps"]}


def test_charts_use_the_models_colours() -> None:
    drawn = lines({"first": ([0, 1], [0, 1]), "VAE": ([0, 1], [1, 2])}, "x", "y").axes[0].lines
    assert [line.get_color() for line in drawn] == [COLORS[0], MODELS["VAE"]]
    drawn = bars({"a": {"GAN": 1.0, "other": 2.0}}, "y").axes[0].containers
    assert drawn[0][0].get_facecolor()[:3] == pytest.approx(
        tuple(int(MODELS["GAN"][i : i + 2], 16) / 255 for i in (1, 3, 5))
    )
    figure = histograms({"VAE-GAN": [1.0, 2.0, 2.5]}, "x")
    assert figure.axes[0].patches[0].get_edgecolor()[:3] == pytest.approx(
        tuple(int(MODELS["VAE-GAN"][i : i + 2], 16) / 255 for i in (1, 3, 5))
    )
