"""Exercise 07, the GAN: what is asked, and what its mistakes look like.

Goodfellow et al. 2014, arXiv:1406.2661. All losses in nats, means over the batch, written on logits.
"""

from course_lib.tasks.ex07_gan import first_edition
from course_lib.tasks.ex07_gan.averaging import AVERAGED_GAME
from course_lib.tasks.ex07_gan.best import BEST_DISCRIMINATOR
from course_lib.tasks.ex07_gan.modes import COUNT_MODES
from course_lib.tasks.ex07_gan.penalty import R1_PENALTY
from course_lib.tasks.ex07_gan.round import PLAY_ROUND
from course_lib.tasks.ex07_gan.training import TRAIN_RING

TASKS = (BEST_DISCRIMINATOR, R1_PENALTY, COUNT_MODES, PLAY_ROUND, AVERAGED_GAME, TRAIN_RING)
EARLIER = first_edition.TASKS

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# objectives hold losses and penalties (a contractive penalty is R1, too), GANStep and EMA play and average, metrics
# count modes. Cells use models, data and viz.
WITHHELD = {"objectives": "", "training": "", "metrics": ""}
