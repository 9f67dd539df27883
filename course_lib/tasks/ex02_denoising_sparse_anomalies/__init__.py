"""Exercise 02, denoising, sparse codes and anomalies: what is asked, and what its mistakes look like.

B is the number of rows, D that of units in a code, K that of components of a mixture, N and M those of windows.
"""

from course_lib.tasks.ex02_denoising_sparse_anomalies.field import DENOISE
from course_lib.tasks.ex02_denoising_sparse_anomalies.largest import KEEP_LARGEST
from course_lib.tasks.ex02_denoising_sparse_anomalies.precision import PRECISION_AT
from course_lib.tasks.ex02_denoising_sparse_anomalies.threshold import THRESHOLD_AND_ALARMS
from course_lib.tasks.ex02_denoising_sparse_anomalies.training import TRAIN_DENOISER

TASKS = (KEEP_LARGEST, DENOISE, THRESHOLD_AND_ALARMS, PRECISION_AT, TRAIN_DENOISER)

# What the library has of these answers, and a learner's process in the grader doesn't (grading/sandbox/staging.py):
# losses, loops, and what counts alarms. The exercise's own cells use none of these.
WITHHELD = {"objectives": "", "training": "", "metrics": ""}
