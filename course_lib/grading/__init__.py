"""Exercises out, submissions in, marks back: builds what learners get and grades what they hand in.

The rule: the learner's process turns inputs into outputs; another process, which it cannot reach, judges them.

    read.py ─▶ rebuild.py ─▶ run.py (its kernel in sandbox/) ─▶ judge.py ─▶ reports/

``grade.py`` puts these together for one notebook, ``batch.py`` for a folder of them.
"""

from course_lib.grading import lean  # noqa: F401  # before all that imports nbformat
from course_lib.grading.batch import Summary, grade_folder
from course_lib.grading.build import BuildError, build_exercises
from course_lib.grading.grade import self_check
from course_lib.grading.read import SubmissionError
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
