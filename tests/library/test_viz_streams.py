"""Pictures of lesson 02: a watched stream, and fields of arrows."""

import numpy as np
import pytest
import torch

from course_lib.viz import stream_and_scores, vector_fields


def test_a_stream_has_its_faults_shaded_and_a_panel_for_each_detector() -> None:
    signal, faults = torch.randn(3, 10), torch.zeros(3, 10, dtype=torch.bool)
    faults[1, 4:7] = True
    figure = stream_and_scores(signal, faults, {"PCA": torch.rand(3, 2), "other": torch.rand(3, 2)}, [4, 9])
    top, first, second = figure.axes
    assert np.allclose(top.lines[0].get_ydata(), signal.flatten().numpy())
    for axes in figure.axes:
        (band,) = axes.patches
        x = band.get_x()
        assert (x, x + band.get_width()) == (12, 18)  # samples 14 to 16, and two to each side
    assert (first.get_title(loc="left"), second.get_title(loc="left")) == ("PCA", "other")
    drawn = first.lines[0].get_xdata()
    assert drawn.tolist() == [4, 9, 10, 14, 19, 20, 24, 29, 30]
    assert np.isnan(np.asarray(first.lines[0].get_ydata(), dtype=float)[2::3]).all(), "broken between stretches"
    assert len(stream_and_scores(signal, faults, {}, [4, 9]).axes) == 1


def test_arrows_of_all_panels_have_one_scale_and_long_ones_are_cut() -> None:
    points = torch.tensor([[0.0, 0.0], [0.5, 0.5], [-0.5, 0.2]])
    short = torch.tensor([[0.1, 0.0], [0.0, 0.1], [0.1, 0.0]])
    long = torch.tensor([[0.1, 0.0], [30.0, 40.0], [0.0, 0.1]])
    figure = vector_fields(points, points, {"a": {"exact": short}, "b": {"trained": long}})
    first, second = (axes.collections[1] for axes in figure.axes)
    assert first.scale == second.scale == pytest.approx(16 * 0.1 / 1.3)
    assert np.allclose([first.U, first.V], short.T)
    assert np.allclose([second.U[1], second.V[1]], [0.3 * 0.6, 0.3 * 0.8])
    with pytest.raises(ValueError, match="got an empty one"):
        vector_fields(points, points, {})
