"""A deep decoder computed layer by layer with plain matrices, and what a skip connection does for a gradient."""

from typing import Any

import pytest
import torch

from course_lib.models import DeepDecoder, DeepVAE


def by_hand(network: DeepDecoder, z: torch.Tensor) -> torch.Tensor:
    h = z
    for layer in network.layers:
        h = (h @ layer.weight.T + layer.bias).clamp(min=0)  # type: ignore[operator]
        if network.skip:
            h = torch.hstack([h, z])
    return h @ network.out.weight.T + network.out.bias


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("latent_dim", "num_layers", "batch"), [(3, 1, 4), (2, 4, 5)])
def test_it_is_its_layers(skip: bool, latent_dim: int, num_layers: int, batch: int) -> None:
    torch.manual_seed(1)
    network = DeepDecoder(latent_dim, num_layers, skip, hidden_dim=6, image_shape=(2, 4, 8)).double()
    z = torch.randn(batch, latent_dim, dtype=torch.float64)
    out = network(z)
    assert out.shape == (batch, 2, 4, 8)
    assert torch.allclose(out.flatten(1), by_hand(network, z))
    assert len(network.layers) == num_layers


def test_by_a_skip_the_code_reaches_the_pixels_and_without_one_ten_layers_hardly_pass_it() -> None:
    reach = {}
    for skip in (False, True):
        torch.manual_seed(2)
        z = torch.randn(64, 5, requires_grad=True)
        DeepDecoder(5, 10, skip, hidden_dim=32)(z).square().sum().backward()
        assert z.grad is not None
        reach[skip] = z.grad.norm().item()
    assert reach[True] > 100 * reach[False]


def test_the_vae_around_it_encodes_and_decodes_images() -> None:
    model = DeepVAE(3, num_layers=2, skip=True, hidden_dim=7, image_shape=(1, 4, 8))
    logits, mu, logvar = model(torch.rand(5, 1, 4, 8).round())
    assert logits.shape == (5, 1, 4, 8)
    assert mu.shape == logvar.shape == (5, 3)


@pytest.mark.parametrize("sizes", [{"latent_dim": 0}, {"num_layers": 0}, {"hidden_dim": 0}])
def test_sizes_below_one_are_refused(sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(sizes))):
        DeepDecoder(**({"latent_dim": 3} | sizes))
    with pytest.raises(ValueError, match="must"):
        DeepDecoder(3)(torch.zeros(2, 4))
