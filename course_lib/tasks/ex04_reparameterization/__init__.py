"""Exercise 04, gradients through random draws: what is asked, and what its mistakes look like.

B is the number of images or rows, K that of draws for each, D that of entries in a code, C that of choices.
"""

from course_lib.tasks.ex04_reparameterization.laplace import LAPLACE_DRAW
from course_lib.tasks.ex04_reparameterization.leave_one_out import LEAVE_ONE_OUT_GRADIENT
from course_lib.tasks.ex04_reparameterization.mixture import REPAIRED_SURROGATE
from course_lib.tasks.ex04_reparameterization.one_hot import STRAIGHT_THROUGH_ONE_HOT
from course_lib.tasks.ex04_reparameterization.painting import PAINT

TASKS = (LAPLACE_DRAW, LEAVE_ONE_OUT_GRADIENT, STRAIGHT_THROUGH_ONE_HOT, REPAIRED_SURROGATE, PAINT)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# VQ-VAE's straight_through needs only the two choices; objectives and training hold losses and loops.
WITHHELD = {
    "models.vae:reparameterize": "",
    "models.vq_vae:straight_through": "",
    "objectives": "",
    "training": "",
    "metrics": "",
}
