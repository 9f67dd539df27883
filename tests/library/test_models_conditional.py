"""The conditional VAE: labels stand where they should, matter through their own weights alone, and are checked."""

import pytest
import torch

from course_lib.models import ConditionalVAE, ConvConditionalVAE, append_labels, check_labels, mlp

PIXELS, LATENT, CLASSES, BATCH = 7, 2, 3, 5
Y = torch.tensor([2, 0, 1, 1, 2])


def model_and_images(kind):
    torch.manual_seed(0)
    if kind == "mlp":
        encoder, decoder = mlp([PIXELS + CLASSES, 6, 2 * LATENT]), mlp([LATENT + CLASSES, 6, PIXELS])
        return ConditionalVAE(encoder, decoder, LATENT, CLASSES).double(), torch.rand(BATCH, PIXELS).double()
    return ConvConditionalVAE(LATENT, CLASSES, (2, 4)).double(), torch.rand(BATCH, 1, 28, 28).double()


@pytest.fixture(params=["mlp", "conv"])
def pair(request):
    return model_and_images(request.param)


def test_labels_stand_behind_vectors():
    x = torch.arange(6.0, dtype=torch.float64).reshape(3, 2)
    expected = torch.tensor([[0, 1, 0, 0, 0, 1], [2, 3, 1, 0, 0, 0], [4, 5, 0, 0, 1, 0]], dtype=torch.float64)
    assert torch.equal(append_labels(x, torch.tensor([3, 0, 2]), 4), expected)


def test_labels_are_constant_channels_of_images():
    x = torch.rand(2, 1, 3, 4)
    out = append_labels(x, torch.tensor([1, 0]), 2)
    expected = torch.zeros(2, 3, 3, 4)
    expected[:, :1] = x
    expected[0, 2] = 1
    expected[1, 1] = 1
    assert torch.equal(out, expected)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0, 3, 1], "0 to 2, got 3"),
        ([0, -1, 1], "0 to 2, got -1"),
        ([0, 1], r"shape \(3,\), one per image, got \(2,\)"),
        ([[0], [1], [2]], r"got \(3, 1\)"),
    ],
)
def test_labels_outside_the_classes_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        check_labels(torch.tensor(y), 3, 3)


def test_labels_of_another_type_are_refused():
    with pytest.raises(TypeError, match=r"int64 class indices, got torch.float32; use y.long\(\)"):
        check_labels(torch.zeros(3), 3, 3)


def test_the_first_and_the_last_class_are_fine():
    check_labels(torch.tensor([0, 2]), 2, 3)


def test_forward_is_the_networks_on_inputs_with_labels(pair):
    model, x = pair
    eps = torch.randn(BATCH, LATENT, dtype=torch.float64)
    one_hot = torch.eye(CLASSES, dtype=torch.float64)[Y]
    maps = one_hot if x.ndim == 2 else one_hot[:, :, None, None].expand(-1, -1, 28, 28)
    expected_mu, expected_logvar = model.encoder(torch.cat([x, maps], 1)).split(LATENT, dim=1)
    z = expected_mu + (expected_logvar / 2).exp() * eps
    logits, mu, logvar = model(x, Y, eps)
    torch.testing.assert_close(mu, expected_mu)
    torch.testing.assert_close(logvar, expected_logvar)
    torch.testing.assert_close(logits, model.decoder(torch.cat([z, one_hot], 1)))
    assert logits.shape == x.shape
    means = model.decoder(torch.cat([expected_mu, one_hot], 1)).sigmoid()
    torch.testing.assert_close(model.reconstruct(x, Y), means)


def test_another_label_is_another_posterior_and_another_image(pair):
    model, x = pair
    other = (Y + 1) % CLASSES
    z = torch.randn(BATCH, LATENT, dtype=torch.float64)
    assert ((model.encode(x, Y)[0] - model.encode(x, other)[0]).abs().amax(1) > 1e-3).all()
    assert ((model.decode(z, Y) - model.decode(z, other)).flatten(1).abs().amax(1) > 1e-3).all()


def test_without_weight_the_label_does_not_matter(pair):
    model, x = pair
    with torch.no_grad():
        model.encoder[0].weight[:, x.shape[1] :] = 0
        model.decoder[0].weight[:, LATENT:] = 0
    other = (Y + 1) % CLASSES
    eps = torch.randn(BATCH, LATENT, dtype=torch.float64)
    for a, b in zip(model(x, Y, eps), model(x, other, eps), strict=True):
        assert torch.equal(a, b)


def test_samples_are_of_the_classes_asked_for(pair):
    model, _ = pair
    z = torch.randn(BATCH, LATENT, dtype=torch.float64)
    expected = model.decode(z, Y).sigmoid()
    torch.testing.assert_close(model.sample(BATCH, Y, z), expected)
    torch.testing.assert_close(model.sample(BATCH, 2, z), model.sample(BATCH, torch.full((BATCH,), 2), z))
    torch.manual_seed(1)
    drawn = model.sample(4, 1)
    torch.manual_seed(1)
    torch.testing.assert_close(drawn, model.sample(4, 1, torch.randn(4, LATENT, dtype=torch.float64)))
    assert not drawn.requires_grad


def test_samples_of_wrong_classes_codes_or_numbers_are_refused(pair):
    model, x = pair
    with pytest.raises(ValueError, match="0 to 2, got 3"):
        model.sample(4, 3)
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        model.sample(4, Y)
    with pytest.raises(ValueError, match=r"\(batch, 2\), got \(5, 3\)"):
        model.decode(torch.zeros(BATCH, 3), Y)
    with pytest.raises(ValueError, match="0 to 2, got 3"):
        model(x, Y + 1)


@pytest.mark.parametrize("sizes", [(0, 3), (2, 0)])
def test_sizes_of_nothing_are_refused(sizes):
    with pytest.raises(ValueError, match="integer of at least 1, got 0"):
        ConvConditionalVAE(*sizes)
    with pytest.raises(ValueError, match="integer of at least 1, got 0"):
        ConditionalVAE(torch.nn.Identity(), torch.nn.Identity(), *sizes)
