"""The formulas of the course, one idea per file.

One rule for reductions: sum over pixels and latent dimensions, mean over the batch; the unit is nats per image.
Functions return one value per image, shape (B,), unless they are about a batch as a whole and say so; a ``.loss``
property takes the mean over the batch.
"""

from course_lib.objectives.adversarial import (
    GAMES,
    DiscriminatorLoss,
    Game,
    discriminator_loss,
    game,
    generator_loss,
)
from course_lib.objectives.annealing import LinearSchedule, Schedule, value_at
from course_lib.objectives.code_penalties import (
    activation_rate_penalty,
    contractive_estimate,
    contractive_penalty,
    l1_penalty,
)
from course_lib.objectives.elbo import ELBO, elbo
from course_lib.objectives.importance import (
    ImportanceWeighted,
    double_reparameterization,
    importance_weighted_bound,
    log_weights,
)
from course_lib.objectives.kl import Density, kl_gaussians, kl_per_dimension, kl_standard_normal, sampled_kl
from course_lib.objectives.kl_control import CapacityELBO, FreeBitsELBO, capacity_elbo, free_bits_elbo
from course_lib.objectives.ladder_vae import LadderELBO, ladder_elbo
from course_lib.objectives.penalties import gradient_penalty, r1_penalty
from course_lib.objectives.reconstruction import (
    bernoulli_log_prob,
    gaussian_log_prob,
    log_likelihood,
    optimal_logvar,
    squared_error,
)
from course_lib.objectives.tc_vae import TCELBO, KLDecomposition, kl_decomposition, tc_elbo
from course_lib.objectives.vae_gan import VAEGANLosses, feature_error, vae_gan_losses
from course_lib.objectives.vq_vae import VQLoss, perplexity, vq_loss
