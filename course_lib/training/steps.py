"""What one training step of each model does: this is where the models of the course differ.

A step owns its networks' optimisers. It takes a batch of images and returns named scalars, detached, in nats per
image (squared grey levels for the autoencoder). Networks and data are on one device.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from course_lib.data import binarize
from course_lib.models import VAE, VAEGAN, reparameterize
from course_lib.objectives import (
    discriminator_loss,
    elbo,
    generator_loss,
    r1_penalty,
    squared_error,
    vae_gan_losses,
)
from course_lib.training.ema import EMA

Betas = tuple[float, float]
NETWORKS = ("encoder", "decoder", "discriminator")


def adam(parameters: Iterable[nn.Parameter], lr: float = 1e-3, betas: Betas = (0.9, 0.999)) -> torch.optim.Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) with its update in one fused kernel."""
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor, parameters: Sequence[nn.Parameter]) -> None:
    """One step down ``loss``, for these parameters and no others.

    ``inputs`` keeps the gradient away from every other network, so a step can't leak into the other player.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward(inputs=list(parameters))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


class AutoencoderStep:
    """Squared error, summed over pixels. ``model``: x (B, ...) to x_hat of the same shape."""

    def __init__(self, model: nn.Module, lr: float = 1e-3) -> None:
        self.model = model
        self.parameters = list(model.parameters())
        self.optimizer = adam(self.parameters, lr)

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        loss = squared_error(self.model(x), x).mean()
        _descend(self.optimizer, loss, self.parameters)
        return {"squared error": loss.detach()}


class VAEStep:
    """Minus the ELBO on images binarised afresh at every step (``x``: grey levels in [0, 1])."""

    def __init__(self, model: VAE, lr: float = 1e-3, beta: float = 1.0) -> None:
        self.model = model
        self.beta = beta
        self.parameters = list(model.parameters())
        self.optimizer = adam(self.parameters, lr)

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        x = binarize(x)
        logits, mu, logvar = self.model(x)
        bound = elbo(logits, x, mu, logvar, self.beta)
        _descend(self.optimizer, bound.loss, self.parameters)
        return {
            "loss": bound.loss.detach(),
            "-reconstruction": -bound.reconstruction.detach().mean(),
            "KL": bound.kl.detach().mean(),
        }


class GANStep:
    """One step of the discriminator, then one of the generator through the discriminator just improved.

    Both use the same generated batch, detached for the discriminator. R1 is lazy (Karras et al. 2020,
    arXiv:1912.04958, appendix B): every ``r1_every`` steps, times ``r1_every``. ``ema.module`` is the generator
    with averaged weights, the one to draw samples from. ``squash`` turns the generator's output into data: a
    sigmoid for images, ``None`` for points of the plane.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latent_dim: int,
        *,
        lr: float = 1e-3,
        discriminator_lr: float | None = None,
        betas: Betas = (0.5, 0.99),
        r1_gamma: float = 0.5,
        r1_every: int = 8,
        ema_decay: float = 0.999,
        saturating: bool = False,
        squash: bool = True,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.g_parameters = list(generator.parameters())
        self.d_parameters = list(discriminator.parameters())
        self.g_optimizer = adam(self.g_parameters, lr, betas)
        self.d_optimizer = adam(self.d_parameters, lr if discriminator_lr is None else discriminator_lr, betas)
        self.r1_gamma = r1_gamma
        self.r1_every = r1_every
        self.saturating = saturating
        self.squash = squash
        self.ema = EMA(generator, ema_decay)
        self.steps = 0

    def generate(self, num_samples: int, device: torch.device) -> Tensor:
        """A batch of generated data, with gradient to the generator."""
        dtype = self.g_parameters[0].dtype
        out = self.generator(torch.randn(num_samples, self.latent_dim, device=device, dtype=dtype))
        return torch.sigmoid(out) if self.squash else out

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        x_fake = self.generate(len(x), x.device)
        real_logits, fake_logits = self.discriminator(torch.cat([x, x_fake.detach()])).chunk(2)
        d_loss = discriminator_loss(real_logits, fake_logits).loss
        objective = d_loss
        if self.r1_gamma > 0 and self.steps % self.r1_every == 0:
            objective = objective + self.r1_every * r1_penalty(self.discriminator, x, self.r1_gamma).mean()
        _descend(self.d_optimizer, objective, self.d_parameters)

        g_loss = generator_loss(self.discriminator(x_fake), self.saturating).mean()
        _descend(self.g_optimizer, g_loss, self.g_parameters)
        self.ema.update(self.generator)
        self.steps += 1
        return {"discriminator": d_loss.detach(), "generator": g_loss.detach()}


class VAEGANStep:
    """One step of all three networks, each down its own objective (Larsen et al. 2016, algorithm 1).

    ``gamma`` weighs the feature error against fooling the discriminator in the decoder's objective; ``beta`` the
    KL in the encoder's. ``ema.module`` is the VAE with averaged weights.
    """

    def __init__(
        self,
        model: VAEGAN,
        *,
        lr: float = 1e-3,
        betas: Betas = (0.5, 0.99),
        beta: float = 1.0,
        gamma: float = 1.0,
        r1_gamma: float = 0.5,
        r1_every: int = 8,
        ema_decay: float = 0.999,
    ) -> None:
        self.model = model
        self.beta = beta
        self.gamma = gamma
        self.r1_gamma = r1_gamma
        self.r1_every = r1_every
        networks = (model.vae.encoder, model.vae.decoder, model.discriminator)
        self.parameters = {
            name: list(network.parameters()) for name, network in zip(NETWORKS, networks, strict=True)
        }
        self.optimizers = {name: adam(parameters, lr, betas) for name, parameters in self.parameters.items()}
        self.ema = EMA(model.vae, ema_decay)
        self.steps = 0

    def gradients(self, x: Tensor) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, Tensor]]:
        """Each network's gradient of its own objective, and the named parts, from one pass."""
        vae, discriminator = self.model.vae, self.model.discriminator
        mu, logvar = vae.encode(x)
        x_hat = torch.sigmoid(vae.decode(reparameterize(mu, logvar)))
        x_prior = torch.sigmoid(vae.decode(vae.prior().sample((len(x),))))
        features, features_hat = discriminator.features(x), discriminator.features(x_hat)
        losses = vae_gan_losses(
            mu=mu,
            logvar=logvar,
            features=features,
            features_hat=features_hat,
            logits=discriminator.head(features).squeeze(1),
            logits_hat=discriminator.head(features_hat).squeeze(1),
            logits_prior=discriminator(x_prior),
            beta=self.beta,
            gamma=self.gamma,
        )
        d_objective = losses.discriminator
        if self.r1_gamma > 0 and self.steps % self.r1_every == 0:
            d_objective = d_objective + self.r1_every * r1_penalty(discriminator, x, self.r1_gamma).mean()

        encoder, decoder, rest = (self.parameters[name] for name in NETWORKS)
        # The KL doesn't depend on the decoder, so one pass gives the encoder's gradient and the decoder's of the
        # feature error.
        of_vae = torch.autograd.grad(losses.encoder, encoder + decoder, retain_graph=True)
        of_fool = torch.autograd.grad(losses.fool.mean(), decoder, retain_graph=True)
        gradients = {
            "encoder": of_vae[: len(encoder)],
            "decoder": tuple(self.gamma * g + f for g, f in zip(of_vae[len(encoder) :], of_fool, strict=True)),
            "discriminator": torch.autograd.grad(d_objective, rest),
        }
        parts = {
            "KL": losses.kl.detach().mean(),
            "feature error": losses.feature_error.detach().mean(),
            "fool": losses.fool.detach().mean(),
            "discriminator": losses.discriminator.detach(),
        }
        return gradients, parts

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        gradients, parts = self.gradients(x)
        for name, parameters in self.parameters.items():
            for parameter, gradient in zip(parameters, gradients[name], strict=True):
                # in the parameter's own memory order, which the fused Adam takes for granted
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
            self.optimizers[name].step()
            self.optimizers[name].zero_grad(set_to_none=True)
        self.ema.update(self.model.vae)
        self.steps += 1
        return parts
