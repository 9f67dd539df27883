r"""The three objectives of the VAE-GAN (Larsen et al. 2016, arXiv:1512.09300, algorithm 1), apart.

With :math:`f(x)` a hidden layer of the discriminator, :math:`\tilde x` the reconstruction and :math:`x_p` a
decoded sample of the prior:

    encoder         KL + feature reconstruction
    decoder         gamma * feature reconstruction + fool the discriminator
    discriminator   tell x from x_p and from the reconstruction

So the adversarial loss never reaches the encoder, and the reconstruction never reaches the discriminator. Where
algorithm 1 has the decoder climb the discriminator's loss, it descends the non-saturating loss here, as GANs do: the
same direction, and of use while the discriminator wins.
Which *network* each loss may change is the step's business (``course_lib.training.VAEGANStep``).
"""

from dataclasses import dataclass

from torch import Tensor

from course_lib.objectives.adversarial import discriminator_loss, generator_loss
from course_lib.objectives.kl import kl_standard_normal
from course_lib.objectives.reconstruction import squared_error


@dataclass(frozen=True)
class VAEGANLosses:
    """The named parts, one value per image (B,), in nats; the three properties are scalars to be minimised."""

    kl: Tensor
    feature_error: Tensor
    fool: Tensor
    tell: Tensor
    beta: float = 1.0
    gamma: float = 1.0

    @property
    def encoder(self) -> Tensor:
        """KL (times beta) plus feature error: a VAE's loss with the discriminator's features as the data."""
        return (self.beta * self.kl + self.feature_error).mean()

    @property
    def decoder(self) -> Tensor:
        """Feature error, weighted against fooling the discriminator."""
        return (self.gamma * self.feature_error + self.fool).mean()

    @property
    def discriminator(self) -> Tensor:
        """Telling real images from decoded ones."""
        return self.tell.mean()


def feature_error(features_hat: Tensor, features: Tensor) -> Tensor:
    r"""Minus the log-density of a unit-variance Gaussian at the features of x, up to its constant:
    :math:`\frac12\|f(\tilde x) - f(x)\|^2`.

    Both arguments: (B, d). Returns (B,), in nats per image. Raises ``ValueError`` if the shapes differ.
    """
    return 0.5 * squared_error(features_hat, features)


def vae_gan_losses(
    *,
    mu: Tensor,
    logvar: Tensor,
    features: Tensor,
    features_hat: Tensor,
    logits: Tensor,
    logits_hat: Tensor,
    logits_prior: Tensor,
    beta: float = 1.0,
    gamma: float = 1.0,
) -> VAEGANLosses:
    """All parts at once, from one pass.

    ``mu``, ``logvar``: (B, D). ``features`` of real images and ``features_hat`` of reconstructions: (B, d).
    ``logits``, ``logits_hat``, ``logits_prior``: (B,), of real images, reconstructions and decoded prior samples.
    Decoded images count half each, so that they weigh as much as the real ones.
    Raises ``ValueError`` if shapes don't fit.
    """
    return losses_of_parts(
        kl_standard_normal(mu, logvar),
        feature_error(features_hat, features),
        logits,
        logits_hat,
        logits_prior,
        beta=beta,
        gamma=gamma,
    )


def losses_of_parts(
    kl: Tensor,
    error: Tensor,
    logits: Tensor,
    logits_hat: Tensor,
    logits_prior: Tensor,
    *,
    beta: float,
    gamma: float,
) -> VAEGANLosses:
    """The same where KL and feature error are known already; all of shape (B,), the errors as there."""
    on_hat = discriminator_loss(logits, logits_hat)
    on_prior = discriminator_loss(logits, logits_prior)
    return VAEGANLosses(
        kl=kl,
        feature_error=error,
        fool=0.5 * (generator_loss(logits_hat) + generator_loss(logits_prior)),
        tell=on_hat.real + 0.5 * (on_hat.fake + on_prior.fake),
        beta=beta,
        gamma=gamma,
    )
