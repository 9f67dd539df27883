"""Exercise 07, the GAN: what is asked, and what its mistakes look like.

Goodfellow et al. 2014, arXiv:1406.2661. All losses in nats, means over the batch, written on logits.
"""

from course_lib.tasks.ex07_gan.discriminator import DISCRIMINATOR_LOSS, OPTIMAL_DISCRIMINATOR
from course_lib.tasks.ex07_gan.generator import GENERATOR_LOSS
from course_lib.tasks.ex07_gan.penalty import R1_PENALTY
from course_lib.tasks.ex07_gan.step import GAN_STEP

TASKS = (OPTIMAL_DISCRIMINATOR, DISCRIMINATOR_LOSS, GENERATOR_LOSS, GAN_STEP, R1_PENALTY)

# what the library has of these answers, and a learner's process in the grader doesn't: see grading/sandbox/staging.py
WITHHELD = {
    "objectives.adversarial:discriminator_loss": "",
    "objectives.adversarial:generator_loss": "",
    "objectives.penalties:_slope": "",
    "objectives.penalties:r1_penalty": "",
    "objectives.penalties:gradient_penalty": "",
}
