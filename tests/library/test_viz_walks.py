"""Walks between codes and along one dimension: which codes are decoded, and where their images stand."""

import math

import numpy as np
import pytest
import torch

from course_lib.viz import interpolate, latent_traversal

A, B = (torch.randn(3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
T = torch.linspace(0, 1, 7)


def test_a_straight_way_and_one_along_the_circle():
    straight, circle = (interpolate(A, B, T, spherical=s) for s in (False, True))
    assert straight.shape == circle.shape == (3, 7, 40)
    for walk in (straight, circle):
        torch.testing.assert_close(walk[:, 0], A)
        torch.testing.assert_close(walk[:, -1], B)
    torch.testing.assert_close(straight[1, 2], A[1] * 2 / 3 + B[1] / 3)
    same = B * (A.norm(dim=1) / B.norm(dim=1))[:, None]  # of one length: so is the whole way, at equal angles
    way = interpolate(A, same, T, spherical=True)
    torch.testing.assert_close(way.norm(dim=2), A.norm(dim=1)[:, None].expand(3, 7))
    angles = torch.acos(torch.cosine_similarity(way[:, 1:], way[:, :-1], dim=2))
    torch.testing.assert_close(angles, angles[:, :1].expand(3, 6))
    assert (interpolate(A, same, T)[:, 3].norm(dim=1) < 0.9 * A.norm(dim=1)).all()


def test_a_circle_between_codes_of_one_direction_is_straight():
    torch.testing.assert_close(interpolate(A, 2 * A, T, spherical=True), interpolate(A, 2 * A, T))
    with pytest.raises(ValueError, match="opposite ways"):
        interpolate(A, -A, T, spherical=True)
    with pytest.raises(ValueError, match=r"\(N, D\), \(N, D\) and \(T,\), got"):
        interpolate(A, B[:2], T)


def picture(z):
    """Images of 2 x 3 pixels whose grey levels are the first six numbers of the code, on a scale from -4 to 4."""
    return ((z[:, :6] + 4) / 8).reshape(-1, 1, 2, 3).float()


def shown(figure, nrows, ncols):
    """The images of a figure, (nrows, ncols, 2, 3), out of the middle of their pixels."""
    canvas = np.asarray(figure.axes[0].images[0].get_array())
    height, width = ((size + 2) // count for size, count in zip(canvas.shape, (nrows, ncols), strict=True))
    zoom = (height - 2) // 2
    rows = [np.arange(2) * zoom + zoom // 2 + height * r for r in range(nrows)]
    columns = [np.arange(3) * zoom + zoom // 2 + width * c for c in range(ncols)]
    return np.array([[canvas[np.ix_(r, c)] for c in columns] for r in rows])


@pytest.mark.situation(
    "What users look for",
    "walks between codes and traversals of one latent dimension at a time",
    "viz.interpolate gives the codes of a walk, straight or along the circle; viz.latent_traversal draws the others.",
)
def test_a_traversal_moves_one_dimension_at_a_time():
    z = torch.tensor([0.5, -1.0, 2.0, 0.0, 1.0, -2.0])
    figure = latent_traversal(picture, z, dims=(4, 1), values=(-2.5, 0.0, 1.5))
    expected = z.repeat(2, 3, 1)
    expected[0, :, 4] = expected[1, :, 1] = torch.tensor([-2.5, 0.0, 1.5])
    expected = picture(expected.flatten(0, 1)).reshape(2, 3, 2, 3).numpy()
    np.testing.assert_allclose(shown(figure, 2, 3), expected, atol=1e-6)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["$z_{5}$", "$z_{2}$", "-2.5", "0", "1.5"]
    assert len(latent_traversal(picture, z[None]).axes[0].texts) == 6 + 7
    assert math.isclose(shown(latent_traversal(picture, z), 6, 7)[3, 0, 1, 0], (-3 + 4) / 8)
    for bad in ({"dims": (6,)}, {"dims": (1, 1)}, {"dims": ()}, {"values": ()}):
        with pytest.raises(ValueError, match="dims must be different ones of 0 to 5, and values some"):
            latent_traversal(picture, z, **bad)
    with pytest.raises(ValueError, match=r"\(D,\) or \(1, D\), got \(3, 40\)"):
        latent_traversal(picture, A)
