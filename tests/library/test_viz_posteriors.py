"""Pictures of posteriors: on the grid they are the ones that can be worked out, and the ellipses are two sigmas."""

import math

import numpy as np
import pytest
import torch
from matplotlib.patches import Ellipse
from torch import nn
from torch.distributions import MultivariateNormal

from course_lib.models import VAE
from course_lib.viz import aggregate_posterior, posterior_panels
from course_lib.viz.posteriors import posterior_on_grid

STD = 0.7


@pytest.fixture
def linear():
    model = VAE(nn.Linear(3, 4), nn.Linear(2, 3), 2, likelihood="gaussian")
    w = torch.tensor([[1.0, 0.5], [0.2, -1.0], [0.4, 0.9]])
    with torch.no_grad():
        model.decoder.weight.copy_(w)
        model.decoder.bias.zero_()
        model.logvar_x.fill_(2 * math.log(STD))
    x = torch.tensor([[0.8, -1.1, 0.3], [0.1, 0.4, -0.6]])
    precision = torch.eye(2) + w.T @ w / STD**2
    mean = torch.linalg.solve(precision, x @ w / STD**2, left=False)
    return model, x, mean, precision


def test_the_posterior_on_the_grid_is_that_of_the_linear_model(linear):
    model, x, mean, precision = linear
    (first, second), share = posterior_on_grid(model, x[:1], mean[0] + 0.2, 2.5, side=61)
    exact = MultivariateNormal(mean[0], precision_matrix=precision)
    z1, z2 = np.meshgrid(first, second)
    density = exact.log_prob(torch.tensor(np.stack([z1, z2], -1))).exp().numpy()
    cell = (first[1] - first[0]) * (second[1] - second[0])
    assert np.allclose(share / cell, density, atol=0.01)
    assert density.max() > 0.3


def test_each_guess_is_an_ellipse_of_two_standard_deviations(linear):
    model, x, mean, _ = linear
    logvar = torch.tensor([[0.2, -0.6], [-1.0, -0.2]])
    figure = posterior_panels(model, x, {"encoder": (mean + 0.3, logvar - 1), "own": (mean, logvar)})
    panels = [axes for axes in figure.axes if axes.patches]
    assert len(panels) == 2
    for i, axes in enumerate(panels):
        first, own = (patch for patch in axes.patches if isinstance(patch, Ellipse))
        assert own.center == pytest.approx(mean[i].tolist())
        assert (own.width, own.height) == pytest.approx((4 * (0.5 * logvar[i]).exp()).tolist())
        assert first.center == pytest.approx((mean[i] + 0.3).tolist())
    with pytest.raises(ValueError, match="one to three named pairs, got 0"):
        posterior_panels(model, x, {})
    with pytest.raises(ValueError, match=r"shape \(N, 2\)"):
        posterior_panels(model, x, {"q": (torch.zeros(2, 3), torch.zeros(2, 3))})


def test_a_square_image_stands_in_its_panels_corner():
    model = VAE(nn.Linear(4, 4), nn.Linear(2, 4), 2, likelihood="gaussian")
    x = torch.tensor([[0.8, -1.1, 0.3, 0.5], [0.1, 0.4, -0.6, 0.9]])
    figure = posterior_panels(model, x, {"q": (torch.zeros(2, 2), torch.zeros(2, 2))})
    corners = [axes.child_axes[0].images[0].get_array() for axes in figure.axes]
    assert np.allclose(corners, x.numpy().reshape(2, 2, 2)), "row by row, each in its own panel"


def test_an_aggregate_of_priors_is_the_prior_and_others_stand_out():
    figure = aggregate_posterior(torch.zeros(5, 2), torch.zeros(5, 2))
    density, difference = (axes.collections[0].get_array() for axes in figure.axes[:2])
    assert np.abs(difference).max() < 1e-5
    assert density.max() == pytest.approx(1 / (2 * math.pi), rel=1e-3)
    heaps = torch.tensor([[2.0, -1.0], [2.0, 1.0]])
    figure = aggregate_posterior(heaps, torch.full((2, 2), -2.0))
    density, difference = (np.asarray(axes.collections[0].get_array()).reshape(81, 81) for axes in figure.axes[:2])
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert (column - 40) * 0.08 == pytest.approx(2, abs=0.1), "z1 to the right"
    assert abs(row - 40) * 0.08 == pytest.approx(1, abs=0.1)
    assert difference[row, column] > 1
    assert difference[40, 0] == -3, "where nothing is, and not beyond the scale"
