"""Exercise 08, stable and conditional GANs: what is asked, and what its mistakes look like.

B is the number of points, C that of classes, F that of features. All losses are in nats, written on logits.
"""

from course_lib.tasks.ex08_stable_and_conditional_gans.clocks import REPAIRED_GAME
from course_lib.tasks.ex08_stable_and_conditional_gans.pairs import RELATIVISTIC_LOSSES
from course_lib.tasks.ex08_stable_and_conditional_gans.projection import PROJECTION_LOGITS
from course_lib.tasks.ex08_stable_and_conditional_gans.stretch import SPECTRAL_NORM
from course_lib.tasks.ex08_stable_and_conditional_gans.training import TRAIN_CONDITIONAL_GAN

TASKS = (RELATIVISTIC_LOSSES, SPECTRAL_NORM, PROJECTION_LOGITS, REPAIRED_GAME, TRAIN_CONDITIONAL_GAN)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# objectives hold the games, training plays them, models the projection and the norms. Cells use data and viz.
WITHHELD = {
    "objectives": "",
    "training": "",
    "models.conditional_gan": "",
    "models.constraints": "",
}
