"""The weights behind lesson 06: what their files hold, and that their recipes train what they say."""

import pytest
import torch

from course_lib.data import binarize, load
from course_lib.metrics import active_units, evaluate_elbo, feature_classifier, importance_nll
from course_lib.models import LadderVAE, MixturePrior
from course_lib.models.weights import SHIPPED, weights_notes
from course_lib.objectives import sampled_kl
from course_lib.training import TCVAEStep, latent_recipes, recipes
from course_lib.training.latent_recipes import (
    GLYPH_RECIPES,
    SHAPES_BETAS,
    build_glyph_model,
    build_shapes_vaes,
    shapes_step,
    shipped_conditional_vae,
    shipped_ladder_vae,
    shipped_mixture_vae,
    shipped_shapes_vaes,
    train_glyph_model,
    train_shapes_vaes,
)
from course_lib.training.ship import SHIP


@pytest.fixture(scope="module")
def glyphs():
    return load("glyphs", "test", 300)


@pytest.fixture(scope="module")
def binary(glyphs):
    return binarize(glyphs.x, torch.Generator().manual_seed(3))


def source():
    return torch.Generator().manual_seed(0)


def test_what_pays_more_for_its_code_says_less_about_shapes():
    x = binarize(load("shapes", "test", 500).x, source())
    bounds = {name: evaluate_elbo(model, x, generator=source()) for name, model in shipped_shapes_vaes().items()}
    assert tuple(bounds) == tuple(SHAPES_BETAS)
    rates = {name: bound.kl.mean().item() for name, bound in bounds.items()}
    assert rates["vae"] > 2 * rates["beta_vae"]
    assert abs(rates["beta_vae"] - rates["tc_vae"]) < 1.5
    assert bounds["vae"].elbo.mean() > max(bounds[name].elbo.mean() for name in ("beta_vae", "tc_vae")) + 5


def test_the_conditional_vae_makes_what_it_is_asked_for(glyphs, binary):
    model = shipped_conditional_vae()
    asked = torch.arange(10).repeat(30)
    torch.manual_seed(0)
    got = feature_classifier().probabilities(model.sample(300, asked)).argmax(1)
    assert (got == asked).float().mean() > 0.9
    nll = importance_nll(model, binary, 20, y=glyphs.y, generator=source()).mean()
    wrong = importance_nll(model, binary, 20, y=(glyphs.y + 1) % 10, generator=source()).mean()
    assert nll < 76
    assert wrong > nll + 2


def test_the_ladder_uses_both_layers(binary):
    model = shipped_ladder_vae()
    with torch.no_grad():
        q_top = model(binary).q_top
    assert active_units(q_top.mu).sum() >= 2
    assert -evaluate_elbo(model, binary, generator=source()).elbo.mean() < 82


def test_the_learned_prior_is_nearer_to_the_codes_than_the_standard_normal(binary):
    model, prior = shipped_mixture_vae()
    with torch.no_grad():
        mu, logvar = model.encode(binary)
        z = mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=source())
        assert sampled_kl(z, mu, logvar, prior).mean() < sampled_kl(z, mu, logvar).mean() - 1
    nll = importance_nll(model, binary, 20, prior=prior, generator=source()).mean()
    assert nll < importance_nll(model, binary, 20, generator=source()).mean() - 1
    assert nll < 76


def test_networks_are_shipped_for_use_and_small():
    models = [
        *shipped_shapes_vaes().values(),
        shipped_conditional_vae(),
        shipped_ladder_vae(),
        *shipped_mixture_vae(),
    ]
    for model in models:
        assert not model.training
        assert {p.dtype for p in model.parameters()} == {torch.float32}, "stored in float16, used in float32"
        assert not any(p.requires_grad for p in model.parameters())
    for name in ("shapes_vaes", *GLYPH_RECIPES):
        assert (SHIPPED / f"{name}.safetensors").stat().st_size < 1e6
        assert str(latent_recipes.BATCH_SIZE) in weights_notes(name)["steps"]


def test_every_shipped_file_can_be_made_again():
    assert {f"{name}.safetensors" for name in SHIP} == {path.name for path in SHIPPED.glob("*.safetensors")}


def test_networks_on_shapes_start_alike_and_leave_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    networks = build_shapes_vaes(seed=3)
    assert torch.equal(torch.rand(3), expected)
    first, *others = (network.state_dict() for network in networks.values())
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)
    assert not torch.equal(first["encoder.0.weight"], build_shapes_vaes()["vae"].encoder[0].weight)


def test_each_objective_on_shapes_is_its_own():
    model = build_shapes_vaes()["vae"]
    steps = {name: shapes_step(name, model, 50) for name in SHAPES_BETAS}
    assert [steps[name].beta for name in ("vae", "beta_vae")] == [1.0, 4.0]
    assert isinstance(steps["tc_vae"], TCVAEStep)
    assert (steps["tc_vae"].tc_weight, steps["tc_vae"].num_images) == (6.0, 50)


def test_the_recipe_on_shapes_trains_all_three(monkeypatch):
    monkeypatch.setattr(latent_recipes, "load", lambda name: load(name, num_images=100))
    trained, fresh = train_shapes_vaes(num_steps=2, seed=1), build_shapes_vaes(seed=1)
    weights = [network.encoder[0].weight for network in trained.values()]
    assert not any(torch.equal(w, fresh["vae"].encoder[0].weight) for w in weights)
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


@pytest.mark.parametrize("name", GLYPH_RECIPES)
def test_a_recipe_on_glyphs_trains_every_part_and_its_seed_tells(name, glyphs):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    trained = train_glyph_model(name, glyphs.x[:100], glyphs.y[:100], num_steps=3, seed=2)
    assert torch.equal(torch.rand(3), expected)
    assert not trained.training
    fresh = dict(build_glyph_model(name, seed=2).named_parameters())
    still = {n for n, p in trained.named_parameters() if torch.equal(p, fresh[n])}
    assert not still
    again = train_glyph_model(name, glyphs.x[:100], glyphs.y[:100], num_steps=3, seed=2)
    assert all(torch.equal(p, q) for p, q in zip(trained.parameters(), again.parameters(), strict=True))
    other = build_glyph_model(name, seed=1).state_dict()
    assert any(not torch.equal(p, other[n]) for n, p in fresh.items())


def test_the_ladder_warms_up_over_a_quarter():
    model = build_glyph_model("ladder_vae")
    assert isinstance(model, LadderVAE)
    beta = GLYPH_RECIPES["ladder_vae"].step(model, 1e-3, 40).beta
    assert [beta(step) for step in (0, 5, 10, 39)] == [0.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("name", GLYPH_RECIPES)
def test_decoders_are_built_like_that_of_the_vae(name):
    model = build_glyph_model(name)
    decoder = (model["vae"] if name == "mixture_vae" else model).decoder
    layers = [type(layer) for layer in recipes.build("vae").decoder]
    assert [type(layer) for layer in decoder] == layers


def test_sizes_are_those_of_the_recipes():
    assert recipes.LATENT_DIM == 16
    prior = build_glyph_model("mixture_vae")["prior"]
    assert isinstance(prior, MixturePrior)
    assert prior.means.shape == (10, 16)
    assert build_glyph_model("ladder_vae").latent_dims == (16, 8)
