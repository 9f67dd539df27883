"""The players of conditional and packed games against their formulas; bounded weights against singular values."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from course_lib.models import (
    ConcatenationDiscriminator,
    ConditionalGenerator,
    Discriminator,
    Generator,
    ProjectionDiscriminator,
    ToyDiscriminator,
    ToyGenerator,
    clip_weights,
    pack,
    spectral_norm,
)

CLASSES = 3
Y = torch.tensor([2, 0, 1, 1, 0])
SWAPPED = torch.tensor([1, 0, 2, 1, 2])
CHANGED = [True, False, True, False, True]


def one_hot(y):
    return torch.eye(CLASSES, dtype=torch.float64)[y]


def changed(a, b):
    return [not torch.equal(p, q) for p, q in zip(a, b, strict=True)]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


# --- several channels


def test_discriminators_take_more_channels_or_coordinates():
    assert Discriminator((2, 3, 4), (5, 28, 28))(torch.rand(6, 5, 28, 28)).shape == (6,)
    assert ToyDiscriminator(7, in_dim=4)(torch.rand(6, 4)).shape == (6,)
    with pytest.raises(ValueError, match="channels of image_shape must be an integer of at least 1, got 0"):
        Discriminator(image_shape=(0, 28, 28))


def test_toy_samples_are_the_generator_s_points():
    generator = ToyGenerator(latent_dim=3, hidden_dim=5)
    z = torch.randn(4, 3)
    points = generator.sample(4, z)
    torch.testing.assert_close(points, generator(z).detach())
    assert not points.requires_grad
    torch.manual_seed(1)
    drawn = generator.sample(6)
    torch.manual_seed(1)
    torch.testing.assert_close(drawn, generator(torch.randn(6, 3)).detach())


@pytest.mark.parametrize(
    "sample",
    [
        lambda: ToyGenerator(3, 5).double().sample(5),
        lambda: Generator(3, (3, 2)).double().sample(5),
        lambda: ConditionalGenerator(ToyGenerator(2 + CLASSES, 5), CLASSES).double().sample(Y),
    ],
)
def test_noise_is_of_the_type_of_the_weights(sample):
    assert sample().dtype == torch.float64


# --- labels


def test_conditional_generator_reads_the_label_behind_the_noise():
    inner = ToyGenerator(latent_dim=2 + CLASSES, hidden_dim=6).double()
    generator = ConditionalGenerator(inner, CLASSES)
    z = torch.randn(5, 2, dtype=torch.float64)
    assert generator.latent_dim == 2
    torch.testing.assert_close(generator(z, Y), inner(torch.cat([z, one_hot(Y)], dim=1)))
    assert changed(generator(z, Y), generator(z, SWAPPED)) == CHANGED


def test_conditional_samples_leave_batch_statistics_alone():
    inner = Generator(2 + CLASSES, (3, 2))
    generator = ConditionalGenerator(inner, CLASSES).train()
    before = [b.clone() for b in generator.buffers()]
    z = torch.randn(5, 2)
    torch.testing.assert_close(generator.sample(Y, z), inner.sample(5, torch.cat([z, one_hot(Y).float()], dim=1)))
    torch.manual_seed(1)
    drawn = generator.sample(Y)
    torch.manual_seed(1)
    torch.testing.assert_close(drawn, generator.sample(Y, torch.randn(5, 2)))
    assert generator.training
    assert all(torch.equal(a, b) for a, b in zip(before, generator.buffers(), strict=True))


def test_a_generator_needs_room_for_noise():
    assert ConditionalGenerator(ToyGenerator(CLASSES + 1), CLASSES).latent_dim == 1
    with pytest.raises(ValueError, match="what num_classes leaves"):
        ConditionalGenerator(ToyGenerator(CLASSES), CLASSES)


def test_concatenation_discriminator_reads_the_label_behind_the_data():
    inner = ToyDiscriminator(6, in_dim=2 + CLASSES).double()
    x = torch.randn(5, 2, dtype=torch.float64)
    discriminator = ConcatenationDiscriminator(inner, CLASSES)
    torch.testing.assert_close(discriminator(x, Y), inner(torch.cat([x, one_hot(Y)], dim=1)))
    assert changed(discriminator(x, Y), discriminator(x, SWAPPED)) == CHANGED


def test_concatenation_discriminator_reads_labels_as_channels_of_images():
    inner = Discriminator((2, 3, 4), (1 + CLASSES, 28, 28)).double()
    x = torch.rand(5, 1, 28, 28, dtype=torch.float64)
    planes = torch.zeros(5, CLASSES, 28, 28, dtype=torch.float64)
    for number, label in enumerate(Y.tolist()):
        planes[number, label] = 1
    logits = ConcatenationDiscriminator(inner, CLASSES)(x, Y)
    torch.testing.assert_close(logits, inner(torch.cat([x, planes], dim=1)))


def test_projection_discriminator_equals_its_formula():
    inner = Discriminator((2, 3, 4)).double()
    discriminator = ProjectionDiscriminator(inner, CLASSES).double()
    x = torch.rand(5, 1, 28, 28, dtype=torch.float64)
    phi = inner.body(x)
    w, b, v = inner.head.weight[0], inner.head.bias[0], discriminator.v.weight
    expected = torch.stack([(v[y] * f).sum() + (w * f).sum() + b for f, y in zip(phi, Y.tolist(), strict=True)])
    torch.testing.assert_close(discriminator(x, Y), expected)
    assert changed(discriminator(x, Y), discriminator(x, SWAPPED)) == CHANGED


def test_projections_start_small():
    """Glorot's bound; standard normal ones would drown the head among 64 features."""
    discriminator = ProjectionDiscriminator(Discriminator((2, 3, 4)), CLASSES)
    assert 0 < discriminator.v.weight.abs().max() <= (6 / (CLASSES + 64)) ** 0.5


@pytest.mark.parametrize("wrong", [CLASSES, -1])
def test_labels_outside_the_classes_are_refused(wrong):
    y = torch.tensor([0, wrong])
    with pytest.raises(ValueError, match=f"0 to 2, got {wrong}"):
        ConditionalGenerator(ToyGenerator(5), CLASSES)(torch.randn(2, 2), y)
    with pytest.raises(ValueError, match=f"0 to 2, got {wrong}"):
        ConcatenationDiscriminator(ToyDiscriminator(in_dim=5), CLASSES)(torch.randn(2, 2), y)
    with pytest.raises(ValueError, match=f"0 to 2, got {wrong}"):
        ProjectionDiscriminator(Discriminator((2, 3, 4)), CLASSES)(torch.rand(2, 1, 28, 28), y)


@pytest.mark.parametrize(
    "build",
    [
        lambda: ConditionalGenerator(ToyGenerator(5), 0),
        lambda: ConcatenationDiscriminator(ToyDiscriminator(), 0),
        lambda: ProjectionDiscriminator(Discriminator(), 0),
    ],
)
def test_there_must_be_a_class(build):
    with pytest.raises(ValueError, match="num_classes"):
        build()


# --- packing


def test_packing_puts_neighbours_side_by_side():
    x = torch.arange(12.0).reshape(6, 2)
    assert pack(x, 3).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert torch.equal(pack(x, 1), x)


def test_packed_images_keep_their_pixels_apart():
    x = torch.rand(6, 2, 3, 4)
    packed = pack(x, 2)
    assert packed.shape == (3, 4, 3, 4)
    for number in range(3):
        assert torch.equal(packed[number], torch.cat([x[2 * number], x[2 * number + 1]]))


def test_packing_refuses_a_remainder():
    with pytest.raises(ValueError, match="batch of 6 can't be packed by 4; take a multiple of 4"):
        pack(torch.rand(6, 2), 4)
    with pytest.raises(ValueError, match="num_packed"):
        pack(torch.rand(6, 2), 0)


# --- bounded weights


@pytest.fixture
def normed():
    """All the linear maps a player may have, with weights that have moved since the last power iteration."""
    network = nn.Sequential(nn.Embedding(9, 6), nn.Linear(6, 8), nn.Unflatten(1, (2, 2, 2)))
    network.extend([nn.Conv2d(2, 5, 2, padding=1), nn.ReLU(), nn.ConvTranspose2d(5, 3, 2)])
    assert spectral_norm(network) is network
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(Normal(0.3, 2.0).sample(p.shape))
    return network, torch.tensor([3, 0, 8, 5])


def test_the_largest_singular_value_becomes_one(normed):
    network, x = normed
    for _ in range(20):
        network(x)
    network.eval()
    for number, module in enumerate(network):
        if hasattr(module, "weight"):
            matrix = module.weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else module.weight
            largest = torch.linalg.svdvals(matrix.detach().flatten(1))[0].item()
            assert largest == pytest.approx(1, abs=0.02), number


def test_only_training_moves_the_power_iteration(normed):
    network, x = normed
    before = [b.clone() for b in network.buffers()]
    assert len(before) == 8
    network.eval()(x)
    assert changed(before, network.buffers()) == [False] * 8
    network.train()(x)
    assert changed(before, network.buffers()) == [True] * 8


def test_clipping_bounds_each_weight():
    network = nn.Linear(3, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-0.7, 0.2, 0.5]]))
        network.bias.fill_(-0.3)
    clip_weights(network, 0.3)
    assert network.weight.tolist() == [pytest.approx([-0.3, 0.2, 0.3])]
    clip_weights(network)
    assert network.bias.item() == pytest.approx(-0.01)


@pytest.mark.parametrize("limit", [0.0, -0.1])
def test_a_limit_must_leave_room(limit):
    with pytest.raises(ValueError, match=f"limit must be above 0, got {limit}"):
        clip_weights(nn.Linear(2, 1), limit)
