"""Pictures of clouds: an ellipse where the mean is, as large as two standard deviations; the rest is refused."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Circle, Ellipse

from course_lib.viz import clouds_and_samples, new_figure, shift_and_floor
from course_lib.viz.clouds import class_colors, draw_clouds

CURVE = {0.5: (6.0, 120.0), 2.0: (3.0, 131.0)}
Y = torch.tensor([0, 3, 11])
MU = torch.tensor([[0.5, -1.0], [2.0, 0.0], [-1.5, 1.0]])
SIGMA = torch.tensor([[0.1, 0.3], [0.2, 0.2], [1.0, 0.5]])


def ellipses(axes):
    return [patch for patch in axes.patches if isinstance(patch, Ellipse) and not isinstance(patch, Circle)]


def test_a_cloud_is_an_ellipse_of_two_standard_deviations():
    _, axes = new_figure()
    draw_clouds(axes, MU, SIGMA, class_colors(Y))
    drawn = ellipses(axes)
    assert np.allclose([e.center for e in drawn], MU)
    assert np.allclose([[e.width / 2, e.height / 2] for e in drawn], 2 * SIGMA)  # half-axes
    assert len({e.get_facecolor() for e in drawn}) == 3


def test_classes_have_colours_and_more_than_ten_begin_again():
    colors = class_colors(torch.arange(12))
    assert len(set(colors)) == 10
    assert colors[10:] == colors[:2]


def test_a_frame_shows_clouds_samples_in_reading_order_and_its_place_on_the_curve():
    samples = torch.zeros(4, 1, 3, 5)
    samples[1], samples[2] = 0.5, 1.0
    figure = clouds_and_samples(MU, SIGMA, Y, samples, CURVE, 2.0)
    plane, grid, right = figure.axes
    assert len(ellipses(plane)) == 3
    (prior,) = [patch for patch in plane.patches if isinstance(patch, Circle)]
    assert prior.radius == 2
    shown = np.asarray(grid.images[0].get_array())
    assert shown.shape == (6, 10)
    assert (shown[:3, 5:] == 0.5).all()
    assert (shown[3:, :5] == 1).all()
    curve, chosen = right.lines
    assert curve.get_xydata().tolist() == [[6, 120], [3, 131]]
    assert chosen.get_xydata().tolist() == [[3, 131]]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"samples": torch.zeros(5, 1, 3, 3)}, "square number of images"),
        ({"samples": torch.zeros(4, 3, 3)}, "square number of images"),
        ({"beta": 1.0}, r"beta must be one of the curve's, 0.5, 2, got 1.0"),
        ({"mu": torch.zeros(3, 3)}, "mu must hold points"),
        ({"sigma": torch.ones(2, 2)}, "one entry for each of the 3 means, got 2 and 3"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changed, said):
    given = {"mu": MU, "sigma": SIGMA, "y": Y, "samples": torch.zeros(4, 1, 3, 3), "curve": CURVE, "beta": 0.5}
    with pytest.raises(ValueError, match=said):
        clouds_and_samples(**(given | changed))


def test_the_distance_of_two_normals_is_a_shift_and_a_stretch():
    figure = shift_and_floor((0.0, 1.0), (2.0, 1.8), [100, 200], [40.0, 20.0])
    left, right = figure.axes
    assert left.get_title(loc="left") == "d² = 4 (shift) + 0.64 (stretch)"
    for line, (m, s) in zip(left.lines[::2], ((0, 1), (2, 1.8)), strict=True):
        x, density = line.get_data()
        assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-3)
        assert np.trapezoid(x * density, x) == pytest.approx(m, abs=1e-2)
        assert np.trapezoid((x - m) ** 2 * density, x) == pytest.approx(s**2, abs=1e-2)
    assert right.lines[0].get_xydata().tolist() == [[100, 40], [200, 20]]
