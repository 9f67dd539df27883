"""Images of other sizes and numbers of channels than MNIST's, through every network and step; and of the wrong ones."""

import pytest
import torch
from torch import nn

from course_lib.models import (
    MLPVAE,
    VAEGAN,
    Classifier,
    ConcatenationDiscriminator,
    ConvAutoencoder,
    ConvConditionalVAE,
    ConvEncoder,
    ConvLadderVAE,
    ConvVAE,
    ConvVQVAE,
    Discriminator,
    Generator,
    LinearAutoencoder,
    PatchVAE,
    ToyDiscriminator,
    ToyGenerator,
    pack,
    spectral_norm,
)
from course_lib.training import (
    AutoencoderStep,
    ConditionalVAEStep,
    GANStep,
    LadderVAEStep,
    VAEGANStep,
    VAEStep,
    VQVAEStep,
)

SHAPES = [(3, 32, 32), (1, 8, 8), (2, 12, 20), (1, 28, 28)]
Y = torch.tensor([0, 3, 1, 2, 3, 1])
STEPS = {
    "autoencoder": lambda shape: AutoencoderStep(ConvAutoencoder(4, image_shape=shape)),
    "VAE": lambda shape: VAEStep(ConvVAE(4, batch_norm=True, image_shape=shape)),
    "Gaussian VAE": lambda shape: VAEStep(ConvVAE(4, likelihood="gaussian", image_shape=shape)),
    "patch VAE": lambda shape: VAEStep(PatchVAE(4, 6, image_shape=shape)),
    "conditional VAE": lambda shape: ConditionalVAEStep(ConvConditionalVAE(4, 5, image_shape=shape)),
    "ladder VAE": lambda shape: LadderVAEStep(ConvLadderVAE((4, 3), image_shape=shape)),
    "VQ-VAE": lambda shape: VQVAEStep(ConvVQVAE(8, 5, num_channels=shape[0])),
    "VAE-GAN": lambda shape: VAEGANStep(VAEGAN(4, image_shape=shape)),
    "GAN": lambda shape: GANStep(Generator(4, image_shape=shape), Discriminator(image_shape=shape), 4),
}


def batch_for(name, shape):
    x = torch.rand(6, *shape, generator=torch.Generator().manual_seed(1))
    return (x, Y) if name == "conditional VAE" else x


@pytest.mark.situation(
    "Odd tensors",
    "images of another size or number of channels than 1 x 28 x 28",
    "Every convolutional model takes them with image_shape, where the sides are multiples of 4.",
)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", STEPS)
def test_models_train_on_images_of_any_shape(name, shape):
    torch.manual_seed(0)
    step, batch = STEPS[name](shape), batch_for(name, shape)
    assert all(value.isfinite() for value in step(batch).values())
    if name == "GAN":
        assert step.ema.module.sample(2).shape == (2, *shape)
    elif name == "conditional VAE":
        assert step.model.reconstruct(*batch).shape == step.model.sample(6, Y).shape == (6, *shape)
    elif name in ("autoencoder", "VQ-VAE"):
        assert step.model.reconstruct(batch).shape == (6, *shape) if name == "VQ-VAE" else step.model(batch).shape
    else:
        assert step.model.reconstruct(batch).shape == step.model.sample(6).shape == (6, *shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_judges_take_images_of_any_shape(shape):
    x = torch.rand(6, *shape)
    assert Classifier(7, 5, shape)(x).shape == (6, 7)
    c, h, w = shape
    assert Discriminator(image_shape=(2 * c, h, w))(pack(x, 2)).shape == (3,)
    labelled = ConcatenationDiscriminator(Discriminator(image_shape=(c + 5, h, w)), 5)
    assert labelled(x, Y).shape == (6,)


def test_a_grey_models_weights_are_what_they_were():
    """The layers as they have always been built, in their order: a seed gives the weights of the shipped recipes."""
    torch.manual_seed(3)
    model = ConvVAE(4, (5, 6))
    torch.manual_seed(3)
    layers = [nn.Conv2d(1, 5, 4), nn.Conv2d(5, 6, 4), nn.Linear(6 * 7 * 7, 8), nn.Linear(4, 6 * 7 * 7)]
    layers += [nn.ConvTranspose2d(6, 5, 4), nn.ConvTranspose2d(5, 1, 4)]
    expected = [parameter for layer in layers for parameter in layer.parameters()]
    for mine, theirs in zip(model.parameters(), expected, strict=True):
        assert torch.equal(mine, theirs)
    assert list(Discriminator().head.weight.shape) == [1, 64 * 4 * 4]


@pytest.mark.situation(
    "Odd tensors",
    "images that don't fit the network: colour, 8 x 8, without a channel, flat, or float64",
    "One sentence with the shape wanted, the shape that came, and what to do.",
)
@pytest.mark.parametrize("name", [name for name in STEPS if name != "VQ-VAE"])
@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((3, 28, 28), r"image_shape=\(3, 28, 28\)"),
        ((1, 8, 8), r"image_shape=\(1, 8, 8\)"),
        ((28, 28), r"x\.unsqueeze\(1\)"),
        ((784,), r"x\.reshape\(-1, 1, 28, 28\)"),
    ],
)
def test_images_that_do_not_fit_are_refused_in_a_sentence(name, shape, remedy):
    step = STEPS[name]((1, 28, 28))
    came = ", ".join(map(str, (12 if name == "GAN" else 6, *shape)))
    wanted = rf"x must have shape \(N, 1, 28, 28\), got \({came},?\); .*{remedy}"
    if name == "GAN":
        with pytest.raises(ValueError, match=wanted.replace("(12", "(6")):
            step.discriminator(batch_for(name, shape))
    else:
        with pytest.raises(ValueError, match=wanted):
            step(batch_for(name, shape))


@pytest.mark.parametrize("shape", [(1, 30, 28), (3, 32, 30), (1, 7, 7)])
def test_sides_that_can_not_be_halved_twice_are_refused(shape):
    up = rf"multiples of 4, got \({shape[1]}, {shape[2]}\); pad the images to "
    for build in (
        *(lambda step=step: step(shape) for name, step in STEPS.items() if name != "VQ-VAE"),
        lambda: Classifier(image_shape=shape),
        lambda: ConvVQVAE(num_channels=shape[0])(torch.rand(2, *shape)),
    ):
        with pytest.raises(ValueError, match=up):
            build()
    with pytest.raises(ValueError, match=r"image_shape must be \(channels, height, width\), got \(28, 28\)"):
        ConvVAE(4, image_shape=(28, 28))


def test_other_inputs_that_do_not_fit_are_refused_in_a_sentence():
    x = torch.rand(4, 1, 28, 28)
    for network, bad, words in (
        (
            MLPVAE(784, 8, 2),
            x,
            r"x must have shape \(N, 784\), got \(4, 1, 28, 28\); images become .*x\.flatten\(1\)",
        ),
        (LinearAutoencoder(784, 2), x, r"\(N, 784\), got \(4, 1, 28, 28\)"),
        (ToyDiscriminator(), torch.rand(4, 3), r"x must have shape \(N, 2\), got \(4, 3\)"),
        (ToyGenerator(2), torch.rand(4, 3), r"z must have shape \(batch, 2\), got \(4, 3\)"),
        (Generator(4), torch.rand(4, 3), r"z must have shape \(batch, 4\), got \(4, 3\)"),
        (ConvAutoencoder(4).decoder, torch.rand(4, 3), r"z must have shape \(batch, 4\), got \(4, 3\)"),
        (
            ConvVQVAE(),
            x.expand(-1, 3, -1, -1),
            r"x must have shape \(N, 1, H, W\), got \(4, 3, 28, 28\); .*num_channels",
        ),
        (ConvVAE(4), x.double(), r"x must be torch\.float32 as the weights are, got torch\.float64; use x\.to"),
        (MLPVAE(784, 8, 2), x.flatten(1).double(), r"x must be torch\.float32 as the weights are"),
    ):
        with pytest.raises(ValueError, match=words):
            network(bad)
    assert LinearAutoencoder(6, 2)(torch.rand(3, 5, 6)).shape == (3, 5, 6)


def test_a_look_at_the_input_is_no_use_of_a_normalised_weight():
    """Spectral normalisation iterates once at each use in train mode."""
    torch.manual_seed(0)
    plain = nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 2, 4, stride=2, padding=1))
    encoder = ConvEncoder(3, (2, 3))
    encoder[0].weight.data.copy_(plain.parametrizations.weight.original)
    spectral_norm(encoder)
    vectors = encoder[0].parametrizations.weight[0]._u
    vectors.copy_(plain.parametrizations.weight[0]._u)
    encoder[0].parametrizations.weight[0]._v.copy_(plain.parametrizations.weight[0]._v)
    encoder(torch.rand(2, 1, 28, 28))
    _ = plain.weight
    torch.testing.assert_close(vectors, plain.parametrizations.weight[0]._u)
