"""Exercise 05, a VAE of grey levels: what is asked, and what its mistakes look like.

All in nats per image: sums over pixels and latent dimensions, the mean over the batch only where it is said.
"""

from course_lib.tasks.ex05_variational_autoencoder import first_edition
from course_lib.tasks.ex05_variational_autoencoder.divergence import GAUSSIAN_KL
from course_lib.tasks.ex05_variational_autoencoder.drawing import DRAW_DIGITS
from course_lib.tasks.ex05_variational_autoencoder.likelihood import GREY_LOG_LIKELIHOOD
from course_lib.tasks.ex05_variational_autoencoder.loss import GREY_LOSS
from course_lib.tasks.ex05_variational_autoencoder.training import TRAIN_GREY_VAE

TASKS = (GAUSSIAN_KL, GREY_LOG_LIKELIHOOD, GREY_LOSS, DRAW_DIGITS, TRAIN_GREY_VAE)
EARLIER = first_edition.TASKS

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
