"""Exercise 01, autoencoders: what is asked, and what its mistakes look like.

All errors are squared grey levels per image: sums over pixels, the mean over the batch only at the very end.
"""

from course_lib.tasks.ex01_autoencoders.completion import FILL_IN
from course_lib.tasks.ex01_autoencoders.linear import GRADIENT_STEP
from course_lib.tasks.ex01_autoencoders.pca import PCA_RECONSTRUCT
from course_lib.tasks.ex01_autoencoders.reconstruction import RECONSTRUCTION_LOSS
from course_lib.tasks.ex01_autoencoders.training import TRAIN_AUTOENCODER

TASKS = (RECONSTRUCTION_LOSS, PCA_RECONSTRUCT, FILL_IN, GRADIENT_STEP, TRAIN_AUTOENCODER)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py). The
# squared error is in objectives, also as a Gaussian's log-density; fit(AutoencoderStep(...)) trains; metrics measure
# distances. The exercise's own cells use none of these floors.
WITHHELD = {"objectives": "", "training": "", "metrics": ""}
