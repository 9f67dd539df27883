"""Exercise 09, the VAE-GAN: the ruler made of features, three objectives, and who learns from which.

Larsen et al. 2016, arXiv:1512.09300. Sums over features and latent dimensions, the mean over the batch at the end.
"""

from course_lib.tasks.ex09_vae_gan.objectives import VAE_GAN_OBJECTIVES
from course_lib.tasks.ex09_vae_gan.routing import ROUTE_GRADIENTS
from course_lib.tasks.ex09_vae_gan.ruler import FEATURE_ERROR
from course_lib.tasks.ex09_vae_gan.step import REPAIRED_STEP

TASKS = (FEATURE_ERROR, VAE_GAN_OBJECTIVES, ROUTE_GRADIENTS, REPAIRED_STEP)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# objectives hold the losses (the feature error also as a Gaussian's log-density), VAEGANStep routes the gradients,
# metrics measure distances between features. Cells use models and data.
WITHHELD = {"objectives": "", "training": "", "metrics": ""}
