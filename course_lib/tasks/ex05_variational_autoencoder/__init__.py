"""Exercise 05, the variational autoencoder: what is asked, and what its mistakes look like.

All in nats per image: sums over pixels and latent dimensions, the mean over the batch only at the very end.
"""

from course_lib.tasks.ex05_variational_autoencoder.latents import KL_DIVERGENCE, REPARAMETERIZE
from course_lib.tasks.ex05_variational_autoencoder.likelihoods import BERNOULLI_LOG_LIKELIHOOD, NEGATIVE_ELBO
from course_lib.tasks.ex05_variational_autoencoder.training import TRAIN_VAE

TASKS = (KL_DIVERGENCE, REPARAMETERIZE, BERNOULLI_LOG_LIKELIHOOD, NEGATIVE_ELBO, TRAIN_VAE)
