"""Exercise 05, the variational autoencoder: what is asked, and what its mistakes look like.

All in nats per image: sums over pixels and latent dimensions, the mean over the batch only at the very end.
"""

from course_lib.tasks.ex05_variational_autoencoder.latents import KL_DIVERGENCE, REPARAMETERIZE
from course_lib.tasks.ex05_variational_autoencoder.likelihoods import BERNOULLI_LOG_LIKELIHOOD, NEGATIVE_ELBO
from course_lib.tasks.ex05_variational_autoencoder.training import TRAIN_VAE

TASKS = (KL_DIVERGENCE, REPARAMETERIZE, BERNOULLI_LOG_LIKELIHOOD, NEGATIVE_ELBO, TRAIN_VAE)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# objectives hold the formulas, fit(VAEStep(...)) trains, importance_nll weighs samples. Cells use models and data.
WITHHELD = {
    "objectives": "",
    "training": "",
    "metrics": "",
    "models.vae:reparameterize": "",
    # a model may be called as a whole
    "models.vae:VAE.forward": """
mu, logvar = self.encode(x)
return self.decode(self.posterior(x).rsample()), mu, logvar
""",
}
