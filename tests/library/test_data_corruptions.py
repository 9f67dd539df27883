"""Corruptions pixel by pixel with given draws, and their shares with random ones."""

import math

import pytest
import torch

from course_lib.data import add_noise, mask_pixels, salt_and_pepper

X = torch.tensor([[0.2, 0.4, 0.6], [0.8, 0.5, 0.9]])
U = torch.tensor([[0.05, 0.149, 0.15], [0.29, 0.3, 0.7]])


def test_noise_is_scaled_and_added():
    eps = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
    torch.testing.assert_close(add_noise(X, 0.5, eps), torch.tensor([[0.7, -0.6, 0.85], [0.8, 2.0, 0.4]]))
    assert torch.equal(add_noise(X, 0), X)


def test_masked_pixels_are_those_below_the_share():
    assert mask_pixels(X, 0.3, U).tolist() == [[0, 0, 0], [0, X[1, 1], X[1, 2]]]


def test_salt_and_pepper_halve_the_share():
    assert salt_and_pepper(X, 0.3, U).tolist() == [[0, 0, 1], [1, X[1, 1], X[1, 2]]]


@pytest.mark.parametrize("corrupt", [mask_pixels, salt_and_pepper])
def test_a_share_of_nothing_and_of_everything(corrupt):
    u = torch.tensor([[0.0, 0.2, 0.999], [0.499, 0.5, 0.7]])
    assert torch.equal(corrupt(X, 0, u), X)
    assert not bool(((corrupt(X, 1, u) > 0) & (corrupt(X, 1, u) < 1)).any())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_random_draws_have_the_stated_sizes_and_leave_the_input_alone(dtype):
    """Within 4 standard errors of 100,000 pixels; each pixel by itself."""
    x = torch.full((50, 1, 40, 50), 0.5, dtype=dtype)
    torch.manual_seed(0)
    noise = add_noise(x, 0.3) - 0.5
    masked, spiced = mask_pixels(x, 0.2), salt_and_pepper(x, 0.2)
    assert (x == 0.5).all()
    assert noise.dtype == masked.dtype == spiced.dtype == dtype
    four = 4 / math.sqrt(x.numel())
    assert abs(noise.mean()) < 0.3 * four
    assert abs(noise.std() - 0.3) < 0.3 * four / math.sqrt(2)
    for share, hits in ((0.2, masked == 0), (0.1, spiced == 0), (0.1, spiced == 1)):
        assert abs(hits.to(dtype).mean() - share) < four * math.sqrt(share * (1 - share))
        assert hits.flatten(1).any(1).all()
    assert not torch.equal(masked == 0, mask_pixels(x, 0.2) == 0)


@pytest.mark.parametrize("corrupt", [mask_pixels, salt_and_pepper])
@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_shares_outside_0_to_1_are_refused(corrupt, share):
    with pytest.raises(ValueError, match=r"share must lie in \[0, 1\], got"):
        corrupt(X, share)


def test_a_negative_scale_is_refused():
    for std in (-0.1, math.nan):
        with pytest.raises(ValueError, match=f"std must be at least 0, got {std}"):
            add_noise(X, std)
