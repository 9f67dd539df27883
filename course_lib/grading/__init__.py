"""Submissions in, marks back: grades what learners hand in.

The rule: the learner's process turns inputs into outputs; another process, which it cannot reach, judges them.

    intake/ ─▶ running/ (its kernel in sandbox/) ─▶ marking.py ─▶ journal/ ─▶ reports/

``grade.py`` puts the first three together for one notebook, ``batch/`` all of them for a folder of notebooks.
"""

from course_lib.exercises.build import BuildError, build_exercises
from course_lib.grading.batch.folder import Summary, grade_folder
from course_lib.grading.grade import self_check
from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.results import Result, TaskVerdict

__all__ = [
    "BuildError",
    "Result",
    "SubmissionError",
    "Summary",
    "TaskVerdict",
    "build_exercises",
    "grade_folder",
    "self_check",
]
