"""What the exercises ask, how an answer is judged, and what its mistakes look like: one package per exercise.

A learner's notebook needs one name of it: ``from course_lib.tasks import check``.
"""

from course_lib.tasks.check import CheckFailed, check

__all__ = ["CheckFailed", "check"]
