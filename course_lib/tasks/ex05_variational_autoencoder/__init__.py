"""Exercise 05, the variational autoencoder: what is asked, and what its mistakes look like.

All in nats per image: sums over pixels and latent dimensions, the mean over the batch only at the very end.
"""

from course_lib.tasks.ex05_variational_autoencoder.latents import KL_DIVERGENCE, REPARAMETERIZE
from course_lib.tasks.ex05_variational_autoencoder.likelihoods import BERNOULLI_LOG_LIKELIHOOD, NEGATIVE_ELBO
from course_lib.tasks.ex05_variational_autoencoder.training import TRAIN_VAE

TASKS = (KL_DIVERGENCE, REPARAMETERIZE, BERNOULLI_LOG_LIKELIHOOD, NEGATIVE_ELBO, TRAIN_VAE)

# what the library has of these answers, and a learner's process in the grader doesn't: see grading/sandbox/staging.py
WITHHELD = {
    "objectives.kl:kl_per_dimension": "",
    "objectives.kl:kl_standard_normal": "",
    "objectives.kl:kl_gaussians": "",
    "objectives.reconstruction:bernoulli_log_prob": "",
    "objectives.elbo:elbo": "",
    "models.vae:reparameterize": "",
    # a model may be called as a whole
    "models.vae:VAE.forward": """
mu, logvar = self.encode(x)
return self.decode(self.posterior(x).rsample()), mu, logvar
""",
}
