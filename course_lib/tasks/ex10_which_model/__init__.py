"""Exercise 10, which model: rulers written by hand, a floor, a comparison to be mended, and an open challenge.

Heusel et al. 2017, arXiv:1706.08500; Kynkäänniemi et al. 2019, arXiv:1904.06991; Naeem et al. 2020, arXiv:2002.09797.
"""

from course_lib.tasks.ex10_which_model.balls import PRECISION_RECALL
from course_lib.tasks.ex10_which_model.challenge import TRAIN_GENERATOR
from course_lib.tasks.ex10_which_model.fair import FAIR_COMPARISON
from course_lib.tasks.ex10_which_model.floor import NULL_FLOOR
from course_lib.tasks.ex10_which_model.frechet import FRECHET_FROM_BATCHES

TASKS = (FRECHET_FROM_BATCHES, PRECISION_RECALL, NULL_FLOOR, FAIR_COMPARISON, TRAIN_GENERATOR)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py): the
# distance, the balls, what measures neighbours, and the ready-made floors. Cells use data, viz and the features.
WITHHELD = {
    "metrics.frechet": "",
    "metrics.manifold": "",
    "metrics.kernel": "",
    "metrics.distances:distance_blocks": "",
    "metrics.distances:kth_nearest": "",
    "metrics.distances:nearest_distance": "",
    "training": "",
}
