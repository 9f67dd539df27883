"""Exercise 06, what a code says and to whom: what is asked, and what its mistakes look like.

B is the number of images, D that of the numbers in a code, P that of pixels.
"""

from course_lib.tasks.ex06_latent_space.arc import ARC
from course_lib.tasks.ex06_latent_space.forgotten import TRAIN_WITH_LABELS
from course_lib.tasks.ex06_latent_space.gaps import INFORMATION_GAPS
from course_lib.tasks.ex06_latent_space.groups import GROUP_PRICE
from course_lib.tasks.ex06_latent_space.share import LABEL_SHARE
from course_lib.tasks.ex06_latent_space.units import UNIT_REPORT

TASKS = (GROUP_PRICE, UNIT_REPORT, INFORMATION_GAPS, ARC, LABEL_SHARE, TRAIN_WITH_LABELS)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py).
# objectives and training hold prices and steps, metrics active units and the gap, viz the walk along an arc.
WITHHELD = {
    "objectives": "",
    "training": "",
    "metrics": "",
    "viz.walks:interpolate": "",
}
