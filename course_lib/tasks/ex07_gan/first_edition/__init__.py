"""What the first edition of exercise 07 asked for, beside the penalty; who was handed that one is graded on it.

All losses in nats, means over the batch, written on logits.
"""

from course_lib.tasks.ex07_gan.first_edition.discriminator import DISCRIMINATOR_LOSS, OPTIMAL_DISCRIMINATOR
from course_lib.tasks.ex07_gan.first_edition.generator import GENERATOR_LOSS
from course_lib.tasks.ex07_gan.first_edition.step import GAN_STEP

TASKS = (OPTIMAL_DISCRIMINATOR, DISCRIMINATOR_LOSS, GENERATOR_LOSS, GAN_STEP)
