"""Exercise 03, latent variables and the ELBO: what is asked, and what its mistakes look like.

All in nats: log-densities sum over pixels and latent dimensions, and images stay apart until the very end.
"""

from course_lib.tasks.ex03_latent_variables_elbo.bounds import EFFECTIVE_SAMPLE_SIZE, IMPORTANCE_WEIGHTED_BOUND
from course_lib.tasks.ex03_latent_variables_elbo.estimate import NEGATIVE_LOG_LIKELIHOOD
from course_lib.tasks.ex03_latent_variables_elbo.fitting import FIT_POSTERIOR
from course_lib.tasks.ex03_latent_variables_elbo.posterior import EXACT_POSTERIOR
from course_lib.tasks.ex03_latent_variables_elbo.surgery import ELBO_SURGERY

TASKS = (
    EXACT_POSTERIOR,
    IMPORTANCE_WEIGHTED_BOUND,
    EFFECTIVE_SAMPLE_SIZE,
    NEGATIVE_LOG_LIKELIHOOD,
    ELBO_SURGERY,
    FIT_POSTERIOR,
)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# objectives hold the bound and the KL, metrics what weighs samples or fits a posterior, training fits by gradients;
# the linear-Gaussian model knows its posterior. The exercise's own cells use none of these.
WITHHELD = {"objectives": "", "training": "", "metrics": "", "data.linear_gaussian": ""}
