"""Exercise 07, the GAN: what is asked, and what its mistakes look like.

Goodfellow et al. 2014, arXiv:1406.2661. All losses in nats, means over the batch, written on logits.
"""

from course_lib.tasks.ex07_gan.discriminator import DISCRIMINATOR_LOSS, OPTIMAL_DISCRIMINATOR
from course_lib.tasks.ex07_gan.generator import GENERATOR_LOSS
from course_lib.tasks.ex07_gan.penalty import R1_PENALTY
from course_lib.tasks.ex07_gan.step import GAN_STEP

TASKS = (OPTIMAL_DISCRIMINATOR, DISCRIMINATOR_LOSS, GENERATOR_LOSS, GAN_STEP, R1_PENALTY)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# objectives hold losses and penalties (a contractive penalty is R1, too), GANStep does the step. Cells use models,
# data, metrics and viz.
WITHHELD = {"objectives": "", "training": ""}
