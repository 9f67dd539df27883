"""The patch VAE: every pixel in its place, and every part trained."""

import torch

from course_lib.models import PatchDecoder, PatchEncoder, PatchVAE
from course_lib.training import VAEStep


def test_a_patch_that_goes_in_comes_out_in_its_place():
    """With all its convolutions set to the identity, encoder and decoder move pixels but change none."""
    encoder, decoder = PatchEncoder(784, 16), PatchDecoder(784, 16)
    identity = torch.zeros(16, 16, 3, 3)
    identity[range(16), range(16), 1, 1] = 1
    with torch.no_grad():
        for layer in [*encoder, *decoder]:
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.copy_(identity[:, :, 1:2, 1:2] if layer.kernel_size == (1, 1) else identity)
            elif isinstance(layer, torch.nn.Linear):
                layer.weight.copy_(torch.eye(784))
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                layer.bias.zero_()
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(decoder(encoder(x)), x)


def test_shapes_and_a_step_that_trains_every_part():
    torch.manual_seed(0)
    model = PatchVAE(5, channels=6, likelihood="gaussian")
    x = torch.rand(4, 1, 28, 28)
    out, mu, logvar = model(x)
    assert (out.shape, mu.shape, logvar.shape) == (x.shape, (4, 5), (4, 5))
    before = [p.detach().clone() for p in model.parameters()]
    VAEStep(model)(x)
    assert all((a != b).any() for a, b in zip(before, model.parameters(), strict=True))
