"""The weights behind lesson 09's sliders: what their file holds, and that their recipe trains what it says."""

import torch

from course_lib.data import load
from course_lib.metrics import feature_classifier
from course_lib.models import VAEGAN
from course_lib.models.weights import SHIPPED
from course_lib.objectives import kl_standard_normal, squared_error
from course_lib.training import hybrid_recipes
from course_lib.training.hybrid_recipes import (
    HYBRID_BETAS,
    HYBRID_GAMMAS,
    HYBRID_IMAGES,
    DrawnFrom,
    build_hybrids,
    shipped_hybrids,
    train_hybrids,
)


def test_each_of_the_nine_has_its_weights_and_draws_what_its_codes_say():
    networks, test = shipped_hybrids(), load("glyphs", "test", HYBRID_IMAGES)
    assert set(networks) == {(beta, gamma) for beta in HYBRID_BETAS for gamma in HYBRID_GAMMAS}
    rates = {pair: kept.rate.item() for pair, kept in networks.items()}
    for gamma in HYBRID_GAMMAS:  # a dearer code is a shorter one
        in_order = [rates[beta, gamma] for beta in HYBRID_BETAS]
        assert in_order == sorted(in_order, reverse=True)
    for kept in networks.values():
        assert not any(p.requires_grad for p in kept.parameters())
        assert {p.dtype for p in kept.parameters()} == {torch.float32}, "stored in float16, used in float32"
    kept = networks[0.002, 5.0]
    images = kept.images(kept.codes)
    assert (feature_classifier()(images).argmax(1) == test.y).float().mean() > 0.9
    assert squared_error(images, test.x).mean() < squared_error(images.roll(1, 0), test.x).mean() / 3


def test_what_is_kept_is_what_the_network_makes_in_eval_mode():
    torch.manual_seed(4)
    vae, x = VAEGAN(16).vae, torch.rand(HYBRID_IMAGES, 1, 28, 28)
    vae.train()
    vae.decode(torch.randn(8, 16))  # so that the statistics of its normalisation are no longer the first ones
    kept = DrawnFrom()
    kept.keep(vae, x)
    mu, logvar = vae.encode(x)
    assert torch.allclose(kept.codes, mu, atol=1e-6)
    assert torch.allclose(kept.rate, kl_standard_normal(mu, logvar).mean())
    assert torch.allclose(kept.images(kept.codes[:9]), vae.reconstruct(x)[:9], atol=1e-5)
    assert vae.training


def test_the_recipe_gives_each_network_its_own_weights_and_leaves_random_numbers_alone(monkeypatch):
    monkeypatch.setattr(hybrid_recipes, "load", lambda name, split="train", n=200: load(name, split, n))
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build_hybrids()
    made = list(train_hybrids(vae_steps=5, num_steps=3))
    assert torch.equal(torch.rand(3), expected)
    weights = [kept.decoder[0].weight for kept in made]
    assert all(not torch.equal(a, b) for i, a in enumerate(weights) for b in weights[:i] if i // 3 == 0)
    assert not torch.equal(made[0].codes, made[6].codes)


def test_the_file_is_small():
    assert (SHIPPED / "hybrids.safetensors").stat().st_size < 1e6
