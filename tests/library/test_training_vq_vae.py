"""The step of the VQ-VAE against the same step written out plainly, and codes that come back to life."""

import copy

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import binarize
from course_lib.models import ConvVQVAE
from course_lib.training import VQVAEStep
from course_lib.training.steps import vq_vae

B, K = 6, 5


def tiny():
    torch.manual_seed(0)
    model = ConvVQVAE(K, 2, (2, 4)).double()
    grey = torch.rand(B, 1, 28, 28, generator=torch.Generator().manual_seed(4)).double()
    vectors = model.encoder(grey.round()).movedim(1, -1).reshape(-1, 2)
    model.codebook.data.copy_(vectors[:: len(vectors) // K][:K])
    model.codebook.data[-1] += 5  # never chosen
    return model, grey


def plain_step(model, optimizer, grey, beta, revive):
    x = binarize(grey)
    z_e = model.encoder(x)
    codes = (z_e.unsqueeze(2) - model.codebook.T[None, :, :, None, None]).square().sum(1).argmin(1)
    z_q = F.embedding(codes, model.codebook).permute(0, 3, 1, 2)
    logits = model.decoder(z_e + z_q.detach() - z_e.detach())
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / B
    commitment = F.mse_loss(z_e, z_q.detach(), reduction="sum") / B
    loss = reconstruction + F.mse_loss(z_q, z_e.detach(), reduction="sum") / B + beta * commitment
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if revive:
        drawn = torch.randint(B * 49, (K,))
        for k in set(range(K)) - set(codes.unique().tolist()):
            image, place = divmod(int(drawn[k]), 49)
            model.codebook.data[k] = z_e[image, :, place // 7, place % 7].detach()
    shares = F.one_hot(codes, K).float().mean((0, 1, 2))
    perplexity = 2 ** -(shares * shares.clamp(min=1e-9).log2()).sum()
    parts = {"loss": loss, "-reconstruction": reconstruction, "commitment": commitment, "perplexity": perplexity}
    return {name: value.detach() for name, value in parts.items()}


def test_vq_step_equals_the_plain_one():
    for options, lr, beta in (({}, 1e-3, 0.25), ({"lr": 1e-2, "beta": 0.7}, 1e-2, 0.7)):
        model, grey = tiny()
        twin = copy.deepcopy(model)
        step = VQVAEStep(model, revive_every=2, **options)
        optimizer = torch.optim.Adam(twin.parameters(), lr=lr)
        seen = []
        for number in range(3):
            torch.manual_seed(number)
            reported = step(grey)
            torch.manual_seed(number)
            expected = plain_step(twin, optimizer, grey, beta, revive=number in (0, 2))
            torch.testing.assert_close(reported, expected)
            seen.append(reported["perplexity"].item())
            for p, q in zip(model.parameters(), twin.parameters(), strict=True):
                torch.testing.assert_close(p, q)
        assert max(seen) > 1.5


def test_codes_are_revived_after_the_first_step_and_every_tenth(monkeypatch):
    model, grey = tiny()
    step = VQVAEStep(model)
    at = []
    monkeypatch.setattr(vq_vae, "revive_codes", lambda *_: at.append(step.steps))
    for _ in range(12):
        step(grey)
    assert at == [1, 11]
    with pytest.raises(ValueError, match="revive_every must be an integer of at least 1, got 0"):
        VQVAEStep(model, revive_every=0)


@pytest.mark.parametrize("trailing", [(), (3, 4)])
def test_an_unused_code_moves_onto_a_vector_of_the_batch_and_a_used_one_stays(trailing):
    source = torch.Generator().manual_seed(5)
    z_e = torch.randn(B, 2, *trailing, generator=source)
    codebook = torch.randn(K, 2, generator=source)
    before = codebook.clone()
    codes = torch.tensor([1, 3, 3, 1, 3, 3]).reshape(B, *[1] * len(trailing)).expand(B, *trailing)
    torch.manual_seed(0)
    vq_vae.revive_codes(codebook, z_e, codes)
    assert torch.equal(codebook[[1, 3]], before[[1, 3]])
    vectors = [tuple(v) for v in z_e.movedim(1, -1).reshape(-1, 2).tolist()]
    revived = [tuple(v) for v in codebook[[0, 2, 4]].tolist()]
    assert all(v in vectors for v in revived)
    assert len(set(revived)) > 1
