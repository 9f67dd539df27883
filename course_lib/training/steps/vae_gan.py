"""Training a VAE-GAN: three networks, each down its own objective."""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.checks import check_grey_levels
from course_lib.models import VAEGAN, reparameterize
from course_lib.objectives import Schedule, vae_gan_losses
from course_lib.training.ema import EMA
from course_lib.training.steps.core import Betas, TrainingStep, adam, clip, follow
from course_lib.training.steps.regularisers import R1, Regulariser, penalties

NETWORKS = ("encoder", "decoder", "discriminator")


class VAEGANStep(TrainingStep):
    """One step of all three networks, each down its own objective (Larsen et al. 2016, algorithm 1).

    ``gamma`` weighs the feature error against fooling the discriminator in the decoder's objective; ``beta`` the
    KL in the encoder's. ``regularisers`` keep the discriminator in check, as in :class:`GANStep`; where they ask for
    generated images, they get decoded samples of the prior. ``ema.module`` is the VAE with averaged weights.
    Raises ``ValueError`` for a discriminator that a regulariser refuses, and in a step for grey levels outside [0, 1].
    """

    def __init__(
        self,
        model: VAEGAN,
        *,
        lr: float | Schedule = 1e-3,
        betas: Betas = (0.5, 0.99),
        beta: float = 1.0,
        gamma: float = 1.0,
        regularisers: Sequence[Regulariser] = (R1(),),
        ema_decay: float = 0.999,
    ) -> None:
        for regulariser in regularisers:
            regulariser.check(model.discriminator)
        self.model = model
        self.lr = lr
        self.beta = beta
        self.gamma = gamma
        self.regularisers = regularisers
        networks = (model.vae.encoder, model.vae.decoder, model.discriminator)
        self.parameters = {
            name: list(network.parameters()) for name, network in zip(NETWORKS, networks, strict=True)
        }
        self.optimizers = {name: adam(parameters, lr, betas) for name, parameters in self.parameters.items()}
        self.ema = EMA(model.vae, ema_decay)

    def gradients(self, x: Tensor) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, Tensor]]:
        """Each network's gradient of its own objective, shaped like its parameters, and the named parts, from one pass
        over images (B, 1, 28, 28).

        ===============  ==========  =========  =============
        gradient of      encoder     decoder    discriminator
        ===============  ==========  =========  =============
        KL               times beta  none       none
        feature error    times 1     times      none
                                     gamma
        fooling          none        times 1    none
        telling apart,   none        none       times 1
        regularisers
        ===============  ==========  =========  =============
        """
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
        added = penalties(
            self.regularisers, discriminator, x, x_prior.detach(), step=self.steps, number=self.steps
        )
        d_objective = sum(added, start=losses.discriminator)

        encoder, decoder, rest = (self.parameters[name] for name in NETWORKS)
        # The KL doesn't depend on the decoder, so one pass gives the encoder's gradient and the decoder's of the
        # feature error.
        of_vae = torch.autograd.grad(losses.encoder, encoder + decoder, retain_graph=True)
        of_fool = torch.autograd.grad(losses.fool.mean(), decoder, retain_graph=True)
        gradients = {
            "encoder": of_vae[: len(encoder)],
            "decoder": tuple(losses.gamma * g + f for g, f in zip(of_vae[len(encoder) :], of_fool, strict=True)),
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
        check_grey_levels(x)
        gradients, parts = self.gradients(x)
        for name, parameters in self.parameters.items():
            for parameter, gradient in zip(parameters, gradients[name], strict=True):
                # in the parameter's own memory order, which the fused Adam takes for granted
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
            follow(self.optimizers[name], self.lr, self.steps)
            clip(parameters, self.max_norm)
            self.optimizers[name].step()
            self.optimizers[name].zero_grad()
        for regulariser in self.regularisers:
            regulariser.constrain(self.model.discriminator)
        self.ema.update(self.model.vae)
        self.steps += 1
        return parts
