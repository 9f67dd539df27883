"""The formulas of the course, one idea per file.

One rule for reductions: sum over pixels and latent dimensions, mean over the batch; the unit is nats per image.
Every function here returns one value per image, shape (B,); a ``.loss`` property takes the mean over the batch.
"""

from course_lib.objectives.adversarial import DiscriminatorLoss, discriminator_loss, generator_loss
from course_lib.objectives.elbo import ELBO, elbo, importance_weighted_bound
from course_lib.objectives.kl import kl_gaussians, kl_per_dimension, kl_standard_normal
from course_lib.objectives.penalties import r1_penalty
from course_lib.objectives.reconstruction import bernoulli_log_prob, gaussian_log_prob, squared_error
from course_lib.objectives.vae_gan import VAEGANLosses, feature_error, vae_gan_losses

__all__ = [
    "ELBO",
    "DiscriminatorLoss",
    "VAEGANLosses",
    "bernoulli_log_prob",
    "discriminator_loss",
    "elbo",
    "feature_error",
    "gaussian_log_prob",
    "generator_loss",
    "importance_weighted_bound",
    "kl_gaussians",
    "kl_per_dimension",
    "kl_standard_normal",
    "r1_penalty",
    "squared_error",
    "vae_gan_losses",
]
