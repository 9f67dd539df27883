"""The VQ-VAE: codes by brute force, the gradient past them, each term on its own side, and codes in use."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Categorical, Independent

from course_lib.models import VQVAE, ConvVQVAE, nearest_code, straight_through
from course_lib.objectives import perplexity, vq_loss

B, D, K = 5, 3, 7


@pytest.fixture
def tensors():
    source = torch.Generator().manual_seed(2)
    z_e = torch.randn(B, D, 2, 4, generator=source, dtype=torch.float64)
    codebook = 0.3 + torch.randn(K, D, generator=source, dtype=torch.float64)
    return z_e.requires_grad_(), codebook.requires_grad_()


def binary(*shape):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(8)) < 0.4).double()


def tiny():
    """3 places of 2 numbers an image: images of 9 pixels, linear on either side."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(9, 6), nn.Unflatten(1, (2, 3)))
    decoder = nn.Sequential(nn.Flatten(), nn.Linear(6, 9))
    return VQVAE(encoder, decoder, num_codes=K, code_dim=2).double(), binary(B, 9)


# --- the codes


def test_the_nearest_code_by_brute_force(tensors):
    z_e, codebook = (t.detach() for t in tensors)
    expected = torch.empty(B, 2, 4, dtype=torch.int64)
    for b in range(B):
        for i in range(2):
            for j in range(4):
                distances = [math.dist(z_e[b, :, i, j].tolist(), code.tolist()) for code in codebook]
                expected[b, i, j] = distances.index(min(distances))
    assert len(expected.unique()) > 3
    assert torch.equal(nearest_code(z_e, codebook), expected)
    assert torch.equal(nearest_code(z_e[:, :, 0, 0], codebook), expected[:, 0, 0])


def test_the_lowest_of_equally_near_codes():
    codebook = torch.tensor([[5.0, 0.0], [1.0, 1.0], [-1.0, -1.0], [1.0, 1.0]])
    assert nearest_code(torch.tensor([[0.0, 0.0], [2.0, 1.0]]), codebook).tolist() == [1, 1]


def test_vectors_of_another_size_are_refused(tensors):
    with pytest.raises(ValueError, match=r"\(batch, 3, ...\), got \(5, 2, 2, 4\)"):
        nearest_code(tensors[0][:, :2], tensors[1])


def test_straight_through_has_the_codes_value_and_the_identitys_gradient():
    z_e, z_q = torch.randn(2, 4, D, dtype=torch.float64).requires_grad_().unbind()
    scale = torch.randn(4, D, dtype=torch.float64)
    out = straight_through(z_e, z_q)
    torch.testing.assert_close(out, z_q)
    to_encoder, to_codes = torch.autograd.grad((scale * out).sum(), (z_e, z_q), allow_unused=True)
    assert torch.equal(to_encoder, scale)
    assert to_codes is None


def test_forward_decodes_the_codes_it_reports():
    model, x = tiny()
    logits, z_e, z_q, codes = model(x)
    torch.testing.assert_close(z_e, model.encoder(x))
    assert torch.equal(codes, nearest_code(z_e, model.codebook))
    for b in range(B):
        for i in range(3):
            assert torch.equal(z_q[b, :, i], model.codebook[codes[b, i]])
    torch.testing.assert_close(logits, model.decoder(z_q))
    torch.testing.assert_close(model.decode(codes), logits)
    for outside in (-1, K):
        with pytest.raises(IndexError):
            model.decode(torch.full_like(codes, outside))
    assert torch.equal(model.encode(x), codes)
    torch.testing.assert_close(model.reconstruct(x), logits.sigmoid())
    assert not model.reconstruct(x).requires_grad


def test_images_have_seven_by_seven_codes():
    model = ConvVQVAE(num_codes=K, code_dim=D, channels=(2, 4))
    x = binary(B, 1, 28, 28).float()
    logits, z_e, z_q, codes = model(x)
    assert (logits.shape, codes.shape) == (x.shape, (B, 7, 7))
    assert z_e.shape == z_q.shape == (B, D, 7, 7)
    assert model.codebook.shape == (K, D)
    assert ConvVQVAE().codebook.shape == (64, 16)
    for sizes in ((0, 3), (7, 0)):
        with pytest.raises(ValueError, match="at least 1, got 0"):
            ConvVQVAE(*sizes)


# --- the loss


def test_the_loss_is_its_three_parts(tensors):
    z_e, codebook = tensors
    z_q = codebook[torch.arange(B * 8).reshape(B, 2, 4) % K].movedim(-1, 1)
    x = binary(B, 1, 2, 3)
    logits = 2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    likelihood = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    distance = torch.stack([(a - b).norm() ** 2 for a, b in zip(z_e, z_q, strict=True)])
    objective = vq_loss(logits, x, z_e, z_q, beta=0.6)
    torch.testing.assert_close(objective.codebook, distance)
    torch.testing.assert_close(objective.commitment, distance)
    torch.testing.assert_close(objective.loss, (1.6 * distance - likelihood).mean())
    expected = {"loss": objective.loss, "-reconstruction": -likelihood, "commitment": distance}
    torch.testing.assert_close(objective.parts, expected)
    torch.testing.assert_close(vq_loss(logits, x, z_e, z_q).loss, (1.25 * distance - likelihood).mean())


def test_each_term_trains_its_own_side():
    model, x = tiny()
    logits, z_e, z_q, _ = model(x)
    objective = vq_loss(logits, x, z_e, z_q)
    sides = {
        "encoder": model.encoder[0].weight,
        "decoder": model.decoder[1].weight,
        "codebook": model.codebook,
    }
    trained = {
        name: {
            side
            for side, weight in sides.items()
            for gradient in torch.autograd.grad(part.sum(), weight, retain_graph=True, allow_unused=True)
            if gradient is not None and gradient.abs().sum() > 0
        }
        for name, part in vars(objective).items()
        if name != "beta"
    }
    assert trained == {
        "reconstruction": {"encoder", "decoder"},
        "codebook": {"codebook"},
        "commitment": {"encoder"},
    }


def test_the_gradients_of_each_side_by_hand():
    """To a code: twice the way from the vectors that chose it. To the encoder: the decoder's gradient at the
    codes, and beta times twice the way from the codes."""
    model, x = tiny()
    logits, z_e, z_q, codes = model(x)
    z_e.retain_grad()
    vq_loss(logits, x, z_e, z_q, beta=0.4).loss.backward()
    to_codes = torch.zeros_like(model.codebook)
    for b in range(B):
        for i in range(3):
            to_codes[codes[b, i]] += 2 * (z_q - z_e)[b, :, i].detach() / B
    torch.testing.assert_close(model.codebook.grad, to_codes)
    weight = model.decoder[1].weight.detach()
    from_decoder = (logits.detach().sigmoid() - x) @ weight / B
    to_encoder = from_decoder.reshape(B, 2, 3) + 0.4 * 2 * (z_e - z_q).detach() / B
    torch.testing.assert_close(z_e.grad, to_encoder)


def test_grey_levels_and_other_shapes_are_refused(tensors):
    z_e, _ = tensors
    x = binary(B, 9)
    with pytest.raises(ValueError, match="images of 0 and 1"):
        vq_loss(x, x + 0.25, z_e, z_e)
    with pytest.raises(ValueError, match="same shape"):
        vq_loss(x, x, z_e, z_e[:, :1])


# --- how many codes are used


def test_perplexity_counts_the_codes_in_use():
    torch.testing.assert_close(perplexity(torch.arange(12).reshape(3, 4) % 6, 6), torch.tensor(6.0))
    torch.testing.assert_close(perplexity(torch.arange(12).reshape(3, 4) % 6, 9), torch.tensor(6.0))
    torch.testing.assert_close(perplexity(torch.full((2, 5), 3), 4), torch.tensor(1.0))
    codes = torch.tensor([0, 0, 0, 1, 2, 2, 4, 4])
    expected = Categorical(torch.tensor([3.0, 1, 2, 0, 2])).entropy().exp()
    torch.testing.assert_close(perplexity(codes, 5), expected)


@pytest.mark.parametrize(
    ("codes", "words"), [([0, 4], "0 to 3, got 0 to 4"), ([-1, 2], "got -1 to 2"), ([], "got none")]
)
def test_perplexity_of_codes_that_there_are_not_is_refused(codes, words):
    with pytest.raises(ValueError, match=words):
        perplexity(torch.tensor(codes, dtype=torch.int64), 4)
