"""The picture behind the sliders of a latent plane: every code, the point, and the image as it is."""

import numpy as np
import pytest
import torch

from course_lib.viz import point_and_image

Z = torch.tensor([[0.0, 1.0], [2.0, -3.0], [4.0, 5.0]])
Y = torch.tensor([0, 1, 0])


def test_it_shows_every_code_the_point_and_the_image_on_the_fixed_scale() -> None:
    image = torch.tensor([[[0.2, 0.4, 0.3], [0.5, 0.6, 0.7]]])
    plane, right = point_and_image(Z, Y, ("a", "b", "c"), (1.5, -2.0), image).axes
    drawn = np.concatenate([np.asarray(collection.get_offsets()) for collection in plane.collections])
    assert {tuple(row) for row in drawn} == {tuple(row) for row in Z.tolist()}
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in plane.lines] == [(1.5, -2.0)]
    assert {text.get_text() for text in plane.texts} == {"a", "b"}, "no label for a class without codes"
    (shown,) = right.images
    np.testing.assert_array_equal(shown.get_array(), image[0])
    assert shown.get_clim() == (0, 1)


def test_what_can_not_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        point_and_image(torch.zeros(3, 4), Y, ("a", "b"), (0, 0), torch.zeros(1, 8, 8))
    with pytest.raises(ValueError, match=r"\(1, H, W\)"):
        point_and_image(Z, Y, ("a", "b"), (0, 0), torch.zeros(2, 1, 8, 8))
