"""Compiled steps compute what they are compiled from, and what can't be compiled says so."""

import copy

import pytest
import torch

from course_lib.models import MLPVAE, Autoencoder, ToyDiscriminator, ToyGenerator
from course_lib.objectives import LinearSchedule
from course_lib.training import AutoencoderStep, GANStep, IWAEStep, VAEStep
from course_lib.training.accelerate import InBFloat16, compile_step, tensor_cores

# Traces the whole step and differentiates it ahead of time, as the default backend does, but needs no C++ compiler.
BACKEND = "aot_eager"


@pytest.fixture(autouse=True)
def nothing_compiled_before():
    """A function is traced a few times at most, then run as it is; what other tests traced counts too."""
    torch._dynamo.reset()


@pytest.mark.parametrize(
    "build",
    [
        lambda m: VAEStep(m, beta=0.7),
        lambda m: IWAEStep(m, num_samples=3),
        lambda m: VAEStep(m, optimal_sigma=True),
    ],
    ids=["ELBO", "IWAE", "optimal sigma"],
)
def test_compiled_and_eager_losses_agree(build):
    torch.manual_seed(0)
    model = MLPVAE(12, 8, 3, likelihood="gaussian")
    plain, compiled = build(model), compile_step(build(copy.deepcopy(model)), backend=BACKEND, fullgraph=True)
    x = torch.rand(5, 12)
    for seed in range(4):
        torch.manual_seed(seed)
        expected = plain(x)
        torch.manual_seed(seed)
        found = compiled(x)
        assert expected.keys() == found.keys()
        for name in expected:
            torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "build",
    [
        lambda m: IWAEStep(m, num_samples=3, estimator="dreg"),
        lambda m: VAEStep(m, beta=LinearSchedule(0.0, 1.0, 5)),
    ],
    ids=["a hook on the samples", "a weight that changes with the steps"],
)
def test_what_lies_outside_the_graph_still_counts(build):
    torch.manual_seed(0)
    model = MLPVAE(12, 8, 3, likelihood="gaussian")
    plain, compiled = build(model), compile_step(build(copy.deepcopy(model)), backend=BACKEND)
    x = torch.rand(5, 12)
    for step in (plain, compiled):
        for seed in range(8):
            torch.manual_seed(seed)
            step(x)
    for a, b in zip(plain.model.parameters(), compiled.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_a_compiled_bernoulli_step_still_binarises():
    torch.manual_seed(0)
    model = MLPVAE(12, 8, 3)
    plain, compiled = VAEStep(model), compile_step(VAEStep(copy.deepcopy(model)), backend=BACKEND, fullgraph=True)
    x = torch.rand(5, 12)
    for seed in range(3):
        torch.manual_seed(seed)
        expected = plain(x)["loss"]
        torch.manual_seed(seed)
        torch.testing.assert_close(compiled(x)["loss"], expected, rtol=1e-5, atol=1e-5)


def test_second_order_steps_are_not_compiled():
    gan = GANStep(ToyGenerator(), ToyDiscriminator(), 2, squash=False)
    with pytest.raises(TypeError, match="got a GANStep; a gradient penalty differentiates twice"):
        compile_step(gan, backend=BACKEND)
    autoencoder = AutoencoderStep(Autoencoder(torch.nn.Linear(3, 2), torch.nn.Linear(2, 3)))
    with pytest.raises(TypeError, match="AutoencoderStep"):
        compile_step(autoencoder, backend=BACKEND)


def test_tensor_cores_are_asked_for_inside_only():
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with tensor_cores():
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cudnn.allow_tf32
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


def test_products_in_bfloat16_with_everything_else_in_float32():
    torch.manual_seed(0)
    network = torch.nn.Linear(64, 5)
    rounded = InBFloat16(copy.deepcopy(network))
    x, weights = torch.rand(7, 64), torch.randn(7, 5)
    expected, found = network(x), rounded(x)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)  # rounded somewhere,
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)  # but by no more than 2^-8 of each factor
    (weights * expected).sum().backward()
    (weights * found).sum().backward()
    assert rounded.network.weight.grad.dtype == torch.float32
    torch.testing.assert_close(rounded.network.weight.grad, network.weight.grad, rtol=0.02, atol=0.05)
