"""The models that ``quality.py`` compares: how each is trained, and what of it can be measured."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn

from course_lib.data import ImageSet
from course_lib.metrics import importance_nll
from course_lib.models import (
    VAE,
    Autoencoder,
    ConditionalGenerator,
    ConditionalVAE,
    ConvAutoencoder,
    Discriminator,
    Generator,
    LadderVAE,
    MixturePrior,
    ProjectionDiscriminator,
    evaluating,
    reparameterize,
)
from course_lib.objectives import Schedule, kl_gaussians, kl_standard_normal, sampled_kl
from course_lib.training import AutoencoderStep, GANStep, fit
from course_lib.training.latent_recipes import NUM_COMPONENTS, train_glyph_model
from course_lib.training.recipes import BATCH_SIZE, GAN_BETAS, LATENT_DIM, RECIPES, settling, train


@dataclass
class Cost:
    """The ``seconds`` of one core that the training inside took."""

    seconds: float = math.nan

    def __enter__(self) -> Self:
        self._began = time.process_time()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.seconds = time.process_time() - self._began


@dataclass
class Trained:
    """What of a trained model is measured; ``None`` for what it can't do. Images are (N, 1, 28, 28) in [0, 1], their
    classes int64 (N,)."""

    sample: Callable[[int], Tensor]
    cost: Cost
    reconstruct: Callable[[ImageSet], Tensor] | None = None
    codes: Callable[[ImageSet], Tensor] | None = None
    """Codes (N, D) of images, drawn where the encoder is random."""
    draw: Callable[[int], Tensor] | None = None
    """Random codes, as ``sample`` decodes."""
    decode: Callable[[Tensor], Tensor] | None = None
    rate: Callable[[ImageSet], tuple[Tensor, Tensor]] | None = None
    """The KL of each image (N,), and the posteriors' means (N, D)."""
    nll: Callable[[ImageSet], Tensor] | None = None
    """The NLL of binary images, (N,)."""


Family = dict[str, Trained]
Rate = float | Schedule | None
AUTOENCODER_RATE = 4e-3


def standard_normal(n: int) -> Tensor:
    return torch.randn(n, LATENT_DIM)


def fitted_normal(codes: Tensor) -> Callable[[int], Tensor]:
    """Draws from the Gaussian with the mean and covariance of ``codes`` (N, D). Each variance gets a millionth more:
    an encoder that has died gives numbers that do not vary."""
    center, covariance = codes.mean(0), codes.T.cov()
    scale_tril = torch.linalg.cholesky(covariance + 1e-6 * torch.eye(len(center)))
    return lambda n: center + torch.randn(n, len(center)) @ scale_tril.T


def after(draw: Callable[[int], Tensor], decode: Callable[[Tensor], Tensor]) -> Callable[[int], Tensor]:
    """Decoded draws."""
    return lambda n: decode(draw(n))


def from_priors(name: str, model: Trained, train: ImageSet, vae: VAE | None = None) -> Family:
    """A model with an encoder drawn from N(0, I), and from a Gaussian and a mixture fitted to its codes of training
    images. ``vae``: the model, where it has a likelihood."""
    assert model.codes
    assert model.decode
    decode, codes = model.decode, model.codes(train)
    with Cost() as fitting:
        prior = MixturePrior.fitted(codes, NUM_COMPONENTS)
    cost = Cost(model.cost.seconds + fitting.seconds)
    gaussian = fitted_normal(codes)
    return {
        name: replace(model, draw=standard_normal, sample=after(standard_normal, decode)),
        # with another prior it is another model: its NLL and KL aren't the VAE's
        f"{name}_gaussian": replace(model, draw=gaussian, sample=after(gaussian, decode), rate=None, nll=None),
        f"{name}_mixture": replace(
            replace(model, rate=None, nll=None) if vae is None else of_vae(vae, cost, prior),
            draw=prior.sample,
            sample=after(prior.sample, decode),
            cost=cost,
        ),
    }


def of_vae(vae: VAE, cost: Cost, prior: MixturePrior | None = None, *, likelihood: bool = True) -> Trained:
    """``prior``: N(0, I) if None."""

    @torch.no_grad()
    def codes(images: ImageSet) -> Tensor:
        return reparameterize(*vae.encode(images.x))

    def rate(images: ImageSet) -> tuple[Tensor, Tensor]:
        mu, logvar = vae.encode(images.x)
        if prior is None:
            return kl_standard_normal(mu, logvar), mu
        return sampled_kl(reparameterize(mu, logvar), mu, logvar, prior), mu

    draw = standard_normal if prior is None else prior.sample
    return Trained(
        lambda n: vae.sample(n, draw(n)),
        cost,
        lambda images: vae.reconstruct(images.x),
        codes,
        draw,
        lambda z: vae.sample(len(z), z),
        rate if likelihood else None,
        (lambda images: importance_nll(vae, images.x, num_samples=100, prior=prior)) if likelihood else None,
    )


def of_conditional(vae: ConditionalVAE, cost: Cost) -> Trained:
    def encode(images: ImageSet) -> tuple[Tensor, Tensor]:
        return vae.encode(images.x, images.y)

    def rate(images: ImageSet) -> tuple[Tensor, Tensor]:
        mu, logvar = encode(images)
        return kl_standard_normal(mu, logvar), mu

    return Trained(
        lambda n: vae.sample(n, torch.arange(n) % vae.num_classes),
        cost,
        lambda images: vae.reconstruct(images.x, images.y),
        lambda images: reparameterize(*encode(images)),
        standard_normal,
        None,  # between two images of two classes there is no class
        rate,
        lambda images: importance_nll(vae, images.x, num_samples=100, y=images.y),
    )


def of_ladder(vae: LadderVAE, cost: Cost) -> Trained:
    """Its codes are those of the lower layer, which is what the decoder sees."""

    def draw(n: int) -> Tensor:
        return reparameterize(*vae.prior_bottom(torch.randn(n, vae.latent_dims[1])))

    def rate(images: ImageSet) -> tuple[Tensor, Tensor]:
        bound = vae(images.x)
        kl_bottom = kl_gaussians(*bound.q_bottom, *bound.p_bottom)
        return kl_standard_normal(*bound.q_top) + kl_bottom, bound.q_top.mu

    return Trained(
        vae.sample,
        cost,
        lambda images: vae.reconstruct(images.x),
        lambda images: reparameterize(*vae(images.x).q_bottom),
        draw,
        lambda z: torch.sigmoid(vae.decode(z)),
        rate,
        lambda images: importance_nll(vae, images.x, num_samples=100),
    )


def train_recipe(name: str, data: ImageSet, num_steps: int, seed: int, lr: Rate = None) -> Family:
    """``lr``: another learning rate than the recipe's."""
    with Cost() as cost:
        network, _ = train(name, data.x, num_steps=num_steps, seed=seed, lr=lr, progress=False)
    if isinstance(network, Generator):
        return {name: Trained(network.sample, cost)}
    assert isinstance(network, VAE)
    return from_priors(
        name, of_vae(network, cost, likelihood=name == "vae"), data, network if name == "vae" else None
    )


def train_latent(row: str, recipe: str, data: ImageSet, num_steps: int, seed: int) -> Family:
    """A recipe of lesson 06, at the learning rate of the VAE."""
    with Cost() as cost:
        lr = settling(RECIPES["vae"].rate, num_steps)
        network = train_glyph_model(recipe, data.x, data.y, num_steps=num_steps, seed=seed, lr=lr)
    if isinstance(network, ConditionalVAE):
        return {row: of_conditional(network, cost)}
    if isinstance(network, LadderVAE):
        return {row: of_ladder(network, cost)}
    assert isinstance(network, nn.ModuleDict)
    vae, prior = network["vae"], network["prior"]
    assert isinstance(vae, VAE)
    assert isinstance(prior, MixturePrior)
    return {row: of_vae(vae, cost, prior)}


def train_autoencoder(data: ImageSet, num_steps: int, seed: int, lr: Rate = None) -> Family:
    """The network of lesson 01."""
    torch.manual_seed(seed)
    model: Autoencoder = ConvAutoencoder(LATENT_DIM)
    lr = settling(AUTOENCODER_RATE, num_steps) if lr is None else lr
    with Cost() as cost:
        fit(
            AutoencoderStep(model, lr),
            data.x,
            num_steps=num_steps,
            batch_size=BATCH_SIZE,
            seed=seed,
            progress=False,
        )

    def codes(images: ImageSet) -> Tensor:
        with evaluating(model):
            return model.encode(images.x)

    def decode(z: Tensor) -> Tensor:
        with evaluating(model):
            return model.decode(z).clamp(0, 1)

    trained = Trained(
        lambda n: decode(standard_normal(n)), cost, lambda images: decode(codes(images)), codes, None, decode
    )
    return from_priors("autoencoder", trained, data)


def train_conditional_gan(data: ImageSet, num_steps: int, seed: int) -> Family:
    """The recipe ``gan``, in which both players are told the class: ten more inputs, and a projection."""
    torch.manual_seed(seed)
    num_classes = len(data.class_names)
    generator = ConditionalGenerator(Generator(LATENT_DIM + num_classes), num_classes)
    judge = ProjectionDiscriminator(Discriminator(), num_classes)
    step = GANStep(generator, judge, LATENT_DIM, lr=settling(RECIPES["gan"].rate, num_steps), betas=GAN_BETAS)
    with Cost() as cost:
        fit(step, (data.x, data.y), num_steps=num_steps, batch_size=BATCH_SIZE, seed=seed, progress=False)
    drawn = step.ema.module.eval()
    assert isinstance(drawn, ConditionalGenerator)
    return {"conditional_gan": Trained(lambda n: drawn.sample(torch.arange(n) % num_classes), cost)}


MODELS: dict[str, Callable[[ImageSet, int, int], Family]] = {
    "autoencoder": train_autoencoder,
    "vae": lambda x, n, s: train_recipe("vae", x, n, s),
    "vae_mixture_prior": lambda x, n, s: train_latent("vae_mixture_prior", "mixture_vae", x, n, s),
    "conditional_vae": lambda x, n, s: train_latent("conditional_vae", "conditional_vae", x, n, s),
    "ladder_vae": lambda x, n, s: train_latent("ladder_vae", "ladder_vae", x, n, s),
    "gan": lambda x, n, s: train_recipe("gan", x, n, s),
    "conditional_gan": train_conditional_gan,
    "vae_gan": lambda x, n, s: train_recipe("vae_gan", x, n, s),
}
DRAWN = ("", "_gaussian", "_mixture")
ROWS = {
    name: [name + way for way in DRAWN] if name in ("autoencoder", "vae", "vae_gan") else [name] for name in MODELS
}
