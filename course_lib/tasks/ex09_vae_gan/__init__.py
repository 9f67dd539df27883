"""Exercise 09, the VAE-GAN: the ruler made of features, three objectives, and who learns from which.

Larsen et al. 2016, arXiv:1512.09300. Sums over features and latent dimensions, the mean over the batch at the end.
"""

from course_lib.tasks.ex09_vae_gan.objectives import VAE_GAN_OBJECTIVES
from course_lib.tasks.ex09_vae_gan.routing import ROUTE_GRADIENTS
from course_lib.tasks.ex09_vae_gan.ruler import FEATURE_ERROR
from course_lib.tasks.ex09_vae_gan.step import REPAIRED_STEP

TASKS = (FEATURE_ERROR, VAE_GAN_OBJECTIVES, ROUTE_GRADIENTS, REPAIRED_STEP)

# what the library has of these answers, and a learner's process in the grader doesn't: see grading/sandbox/library.py
WITHHELD = {
    "objectives.adversarial:discriminator_loss": "",
    "objectives.adversarial:generator_loss": "",
    "objectives.vae_gan:feature_error": "",
    "objectives.vae_gan:losses_of_parts": "",
    "objectives.vae_gan:vae_gan_losses": "",
}
