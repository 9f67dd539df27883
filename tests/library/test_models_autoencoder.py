"""The autoencoders: the linear one against principal components, the convolutional one by its shapes."""

import copy

import pytest
import torch

from course_lib.models import Autoencoder, ConvAutoencoder, LinearAutoencoder
from course_lib.objectives import squared_error

N, P, D = 40, 6, 2


def principal_components():
    """Centred data, their D first directions (P, D), and the sum of squares that those leave unexplained."""
    source = torch.Generator().manual_seed(1)
    x = torch.randn(N, P, generator=source, dtype=torch.float64) * torch.linspace(3, 0.5, P, dtype=torch.float64)
    x = x @ torch.linalg.qr(torch.randn(P, P, generator=source, dtype=torch.float64)).Q
    x = x - x.mean(0)
    _, sizes, directions = torch.linalg.svd(x, full_matrices=False)
    return x, directions[:D].T, sizes[D:].square().sum()


def linear_autoencoder(to_code, to_image):
    model = LinearAutoencoder(P, D).double()
    with torch.no_grad():
        for layer, weight in ((model.encoder, to_code), (model.decoder, to_image)):
            layer.weight.copy_(weight)
            layer.bias.zero_()
    return model


@pytest.mark.parametrize("mix", [[[1.0, 0.0], [0.0, 1.0]], [[2.0, -0.5], [0.3, 1.2]]])
def test_the_linear_one_is_at_its_best_on_the_principal_subspace_whatever_the_codes_axes(mix):
    """Its error is what the discarded components hold (Eckart & Young 1936), no gradient is left, and no
    neighbour is better."""
    x, directions, unexplained = principal_components()
    mix = torch.tensor(mix, dtype=torch.float64)
    model = linear_autoencoder(mix @ directions.T, directions @ mix.inverse())
    error = squared_error(model(x), x).sum()
    torch.testing.assert_close(error, unexplained)
    for gradient in torch.autograd.grad(error, list(model.parameters())):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-9, rtol=0)
    with torch.no_grad():
        torch.manual_seed(2)
        for p in model.parameters():
            p.add_(0.01 * torch.randn_like(p))
        assert squared_error(model(x), x).sum() > unexplained


def test_images_become_codes_and_unsquashed_images_again():
    torch.manual_seed(0)
    model = ConvAutoencoder(3, channels=(2, 4), batch_norm=True)
    x = torch.rand(5, 1, 28, 28)
    z = model.encode(x)
    assert z.shape == (5, 3)
    torch.testing.assert_close(model.eval()(x), model.decode(z))
    assert model(x).shape == x.shape
    assert model.decode(1e4 * z).abs().max() > 1
    assert isinstance(model, Autoencoder)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: LinearAutoencoder(0, 2), "num_pixels"),
        (lambda: LinearAutoencoder(6, 0), "latent_dim"),
        (lambda: ConvAutoencoder(0), "latent_dim"),
    ],
)
def test_sizes_of_nothing_are_refused(build, name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
        build()


@pytest.mark.situation(
    "What users look for", "the reconstructions of an autoencoder", "reconstruct(x), as of every other model here."
)
def test_a_reconstruction_to_look_at():
    torch.manual_seed(0)
    model = ConvAutoencoder(3, (2, 3), batch_norm=True)
    x = torch.rand(5, 1, 28, 28)
    before = copy.deepcopy(model.state_dict())
    x_hat = model.reconstruct(x)
    assert not x_hat.requires_grad
    assert model.training
    assert all(torch.equal(a, b) for a, b in zip(before.values(), model.state_dict().values(), strict=True))
    torch.testing.assert_close(x_hat[:2], model.eval()(x[:2]))
    assert LinearAutoencoder(6, 2).reconstruct(torch.rand(4, 6)).shape == (4, 6)
