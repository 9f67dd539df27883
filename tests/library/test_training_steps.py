"""Each step against the same step written out plainly, and each gradient against the network it belongs to."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data import binarize
from course_lib.models import (
    MLPVAE,
    VAEGAN,
    ConvAutoencoder,
    ConvLadderVAE,
    ConvVAE,
    ConvVQVAE,
    Discriminator,
    Generator,
    ToyDiscriminator,
    ToyGenerator,
    mlp,
)
from course_lib.training import (
    EMA,
    R1,
    AutoencoderStep,
    GANStep,
    IWAEStep,
    LadderVAEStep,
    VAEGANStep,
    VAEStep,
    VQVAEStep,
    adam,
)


@pytest.fixture
def x():
    return torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def weights(module):
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def assert_same(a, b, **tolerance):
    for name in a:
        torch.testing.assert_close(a[name], b[name], msg=lambda m, n=name: f"{n}: {m}", **tolerance)


def plain_adam(module, lr=1e-3, betas=(0.9, 0.999)):
    return torch.optim.Adam(module.parameters(), lr=lr, betas=betas)


def test_autoencoder_step_equals_the_plain_one():
    torch.manual_seed(0)
    model = mlp([5, 4, 5])
    twin = copy.deepcopy(model)
    x = torch.rand(8, 5)
    reported = AutoencoderStep(model, lr=1e-2)(x)
    optimizer = plain_adam(twin, 1e-2)
    loss = F.mse_loss(twin(x), x, reduction="sum") / len(x)
    loss.backward()
    optimizer.step()
    assert_same(weights(model), weights(twin), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(reported["squared error"], loss.detach())


def test_adam_is_fused_and_has_its_papers_settings():
    settings = adam([nn.Parameter(torch.ones(2))]).defaults
    assert (settings["lr"], settings["betas"], settings["fused"]) == (1e-3, (0.9, 0.999), True)


def test_vae_step_equals_the_plain_one():
    torch.manual_seed(0)
    model = MLPVAE(5, 8, 2)
    twin = copy.deepcopy(model)
    grey = torch.rand(8, 5)
    torch.manual_seed(1)
    reported = VAEStep(model, lr=1e-2, beta=0.5)(grey)
    torch.manual_seed(1)
    x = binarize(grey)
    mu, logvar = twin.encoder(x).chunk(2, 1)
    logits = twin.decoder(mu + logvar.exp().sqrt() * torch.randn_like(mu))
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum() / len(x)
    optimizer = plain_adam(twin, 1e-2)
    (reconstruction + 0.5 * kl).backward()
    optimizer.step()
    assert_same(weights(model), weights(twin), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(reported["KL"], kl.detach())
    torch.testing.assert_close(reported["-reconstruction"], reconstruction.detach())


def plain_gan_step(generator, discriminator, x, g_optimizer, d_optimizer, latent_dim, gamma, every):
    """The textbook's order: discriminator on detached images, then generator; gradients cleared in between."""
    fake = torch.sigmoid(generator(torch.randn(len(x), latent_dim, dtype=x.dtype)))
    d_optimizer.zero_grad()
    ones, zeros = torch.ones_like(x[:, 0, 0, 0]), torch.zeros_like(x[:, 0, 0, 0])
    loss = F.binary_cross_entropy_with_logits(discriminator(x), ones)
    loss = loss + F.binary_cross_entropy_with_logits(discriminator(fake.detach()), zeros)
    real = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    (loss + every * gamma / 2 * slope.square().sum() / len(x)).backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(discriminator(fake), ones).backward()
    g_optimizer.step()


def test_gan_step_equals_the_plain_one(x):
    torch.manual_seed(0)
    x = x.double()
    generator, discriminator = Generator(8).double(), Discriminator().double()
    twins = copy.deepcopy(generator), copy.deepcopy(discriminator)
    step = GANStep(generator, discriminator, 8, lr=1e-3, regularisers=[R1(0.7, every=4)])
    torch.manual_seed(1)
    step(x)
    torch.manual_seed(1)
    optimizers = [plain_adam(m, 1e-3, (0.5, 0.99)) for m in twins]
    plain_gan_step(*twins, x, *optimizers, 8, 0.7, 4)
    assert_same(weights(discriminator), weights(twins[1]))
    # the last convolution's gradients pass through batch normalisation, which cancels the sum of some to rounding
    assert_same(weights(generator), weights(twins[0]), rtol=1e-4, atol=1e-6)


def test_r1_is_lazy():
    torch.manual_seed(0)
    calls = []

    class Counting(ToyDiscriminator):
        def forward(self, t):
            calls.append(t.requires_grad)
            return super().forward(t)

    step = GANStep(ToyGenerator(), Counting(), 2, regularisers=[R1(every=3)], squash=False)
    for _ in range(7):
        step(torch.randn(4, 2))
    assert len(calls) == 7 * 2 + 3  # real and generated together, the generator's; R1 at steps 0, 3 and 6


def test_the_discriminator_sees_detached_images_and_the_generator_a_graph():
    torch.manual_seed(0)
    graphs = []

    class Noting(ToyDiscriminator):
        def forward(self, t):
            graphs.append(t.grad_fn is not None)
            return super().forward(t)

    GANStep(ToyGenerator(), Noting(), 2, regularisers=(), squash=False)(torch.randn(4, 2))
    assert graphs == [False, True]


@pytest.mark.parametrize("still", ["generator", "discriminator"])
def test_each_player_moves_only_its_own_weights(x, still):
    torch.manual_seed(0)
    generator, discriminator = Generator(8), Discriminator()
    for p in discriminator.parameters():
        p.grad = torch.full_like(p, 7.0)
    lr = {"generator": (0.0, 1e-2), "discriminator": (1e-2, 0.0)}[still]
    step = GANStep(generator, discriminator, 8, lr=lr[0], discriminator_lr=lr[1])
    before = weights(generator), weights(discriminator)
    step(x)
    after = weights(generator), weights(discriminator)
    for name, old, new in zip(("generator", "discriminator"), before, after, strict=True):
        moved = any(not torch.equal(old[n], new[n]) for n in old)
        assert moved == (name != still)


def test_discriminator_loss_gives_the_generator_no_gradient(x, monkeypatch):
    """Stop the step after the discriminator's half: no generator parameter may have a gradient."""
    torch.manual_seed(0)
    generator, discriminator = Generator(8), Discriminator()
    step = GANStep(generator, discriminator, 8)
    seen = {}
    original = step.d_optimizer.step

    def spy(*args, **kwargs):
        seen["generator"] = [p.grad for p in generator.parameters()]
        seen["discriminator"] = [p.grad for p in discriminator.parameters()]
        return original(*args, **kwargs)

    monkeypatch.setattr(step.d_optimizer, "step", spy)
    step(x)
    assert all(g is None for g in seen["generator"])
    assert all(g is not None and g.abs().sum() > 0 for g in seen["discriminator"])


# --- VAE-GAN


def smooth(module):
    """Softplus for ReLU, so that finite differences have no kinks to fall over."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU | nn.LeakyReLU):
            setattr(module, name, nn.Softplus())
        else:
            smooth(child)
    return module


@pytest.fixture
def vae_gan():
    torch.manual_seed(0)
    model = smooth(VAEGAN(3).double())
    step = VAEGANStep(model, beta=0.8, gamma=0.3, regularisers=[R1(0.4, every=2)])
    return model, step, torch.rand(4, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def stated_objectives(model, x, seed):
    """The three objectives as the paper states them, term by term, with the noise of ``seed``."""
    torch.manual_seed(seed)
    mu, logvar = model.vae.encoder(x).chunk(2, 1)
    x_hat = model.vae.decoder(mu + logvar.exp().sqrt() * torch.randn_like(mu)).sigmoid()
    x_p = model.vae.decoder(torch.randn(len(x), 3, dtype=x.dtype)).sigmoid()
    f, f_hat = model.discriminator.body(x), model.discriminator.body(x_hat)
    d, d_hat, d_p = (model.discriminator(t).sigmoid() for t in (x, x_hat, x_p))
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)
    error = 0.5 * ((f_hat - f) ** 2).sum(1)
    fool = -0.5 * (d_hat.log() + d_p.log())
    tell = -d.log() - 0.5 * ((1 - d_hat).log() + (1 - d_p).log())
    real = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.discriminator(real).sum(), real, create_graph=True)
    r1 = 2 * 0.2 * slope.square().flatten(1).sum(1)
    return {
        "encoder": (0.8 * kl + error).mean(),
        "decoder": (0.3 * error + fool).mean(),
        "discriminator": (tell + r1).mean(),
    }


def test_vae_gan_gradients_are_those_of_the_stated_objectives(vae_gan):
    model, step, x = vae_gan
    torch.manual_seed(5)
    gradients, _ = step.gradients(x)
    for name, parameters in step.parameters.items():
        expected = torch.autograd.grad(stated_objectives(model, x, 5)[name], parameters)
        for got, want in zip(gradients[name], expected, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["encoder", "decoder", "discriminator"])
def test_vae_gan_gradients_by_finite_differences(vae_gan, name):
    model, step, x = vae_gan
    torch.manual_seed(6)
    gradients, _ = step.gradients(x)
    h = 1e-6
    for parameter, gradient in list(zip(step.parameters[name], gradients[name], strict=True))[::3]:
        direction = torch.randn(parameter.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(2))
        values = []
        for sign in (1, -1):
            parameter.data += sign * h * direction
            values.append(stated_objectives(model, x, 6)[name].item())
            parameter.data -= sign * h * direction
        assert (gradient * direction).sum().item() == pytest.approx(
            (values[0] - values[1]) / (2 * h), rel=1e-4, abs=1e-7
        )


def test_vae_gan_step_moves_all_three_and_leaves_no_gradient(vae_gan):
    model, step, x = vae_gan
    before = weights(model)
    step(x)
    after = weights(model)
    # a bias before a batch normalisation has no gradient; everything else moves
    assert sum(torch.equal(before[n], after[n]) for n in before) == 0
    assert all(p.grad is None for p in model.parameters())


def test_vae_gan_step_equals_plain_adam_on_the_gradients(vae_gan):
    """Also where a gradient lies in memory in another order than its weights, as those of R1 do."""
    model, step, x = vae_gan
    twin = copy.deepcopy(model)
    torch.manual_seed(8)
    gradients, _ = step.gradients(x)
    torch.manual_seed(8)
    step(x)
    networks = (twin.vae.encoder, twin.vae.decoder, twin.discriminator)
    for network, name in zip(networks, gradients, strict=True):
        for p, g in zip(network.parameters(), gradients[name], strict=True):
            p.grad = g.clone(memory_format=torch.contiguous_format)
        plain_adam(network, 1e-3, (0.5, 0.99)).step()
    assert_same(weights(model), weights(twin), rtol=1e-5, atol=1e-8)


# --- averaged weights


def test_ema_follows_its_recursion_and_copies_buffers(x):
    torch.manual_seed(0)
    generator = Generator(4)
    ema = EMA(generator, decay=0.5)
    expected = weights(generator)
    for number in range(4):
        with torch.no_grad():
            for p in generator.parameters():
                p.add_(torch.randn_like(p))
        generator(torch.randn(8, 4))
        ema.update(generator)
        decay = min(0.5, (1 + number) / (10 + number))
        now = weights(generator)
        expected = {n: decay * expected[n] + (1 - decay) * now[n] for n in expected}
    assert_same(weights(ema.module), expected)
    for mine, theirs in zip(ema.module.buffers(), generator.buffers(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(ValueError, match="decay"):
        EMA(generator, 1.0)


def test_sampling_leaves_batch_statistics_and_mode_alone():
    torch.manual_seed(0)
    generator = Generator(4).train()
    before = [b.clone() for b in generator.buffers()]
    images = generator.sample(3)
    assert images.shape == (3, 1, 28, 28)
    assert ((images >= 0) & (images <= 1)).all()
    assert generator.training
    assert all(torch.equal(a, b) for a, b in zip(before, generator.buffers(), strict=True))


@pytest.mark.situation(
    "Odd tensors",
    "training images in [-1, 1] or 0..255, or bytes",
    "Every step of an image model refuses them in a sentence.",
)
@pytest.mark.parametrize(
    "build",
    [
        lambda: GANStep(Generator(4), Discriminator(), 4),
        lambda: VAEGANStep(VAEGAN(3)),
        lambda: VAEStep(ConvVAE(3, likelihood="gaussian")),
        lambda: IWAEStep(ConvVAE(3, likelihood="gaussian"), num_samples=2),
        lambda: VAEStep(ConvVAE(3)),
        lambda: VQVAEStep(ConvVQVAE()),
        lambda: LadderVAEStep(ConvLadderVAE((3, 2))),
        lambda: AutoencoderStep(ConvAutoencoder(3)),
        lambda: AutoencoderStep(ConvAutoencoder(3), corrupt=lambda x: x * 0.5),
    ],
)
def test_steps_of_image_models_refuse_what_is_no_grey_level(build):
    grey = torch.rand(4, 1, 28, 28)
    step = build()
    before = copy.deepcopy(step.state_dict())
    with pytest.raises(ValueError, match=r"x must hold grey levels in \[0, 1\], got -[01].* to .*; scale"):
        step(2 * grey - 1)
    with pytest.raises(ValueError, match=r"got .* to 2\d\d.*; divide bytes by 255"):
        step(255 * grey)
    with pytest.raises(TypeError, match=r"must hold floats in \[0, 1\], got torch.uint8"):
        step((255 * grey).byte())
    assert str(step.state_dict()) == str(before)
    assert all(value.isfinite() for value in step(grey).values())


def test_points_of_the_plane_may_lie_anywhere():
    GANStep(ToyGenerator(), ToyDiscriminator(), 2, squash=False)(torch.full((4, 2), -30.0))
