"""Whose a file is, as its name tells in the downloads of learning management systems.

Canvas, "Download Submissions" (``lib/content_zipper.rb`` of instructure/canvas-lms), one flat zip:
``lastfirst[_LATE]_USER_FILE_original-name[-N].ipynb``; with anonymous grading ``[LATE_]anon_CODE_FILE_original-name``.
FILE numbers the uploads, so the highest one is the last; ``-N`` is what Canvas adds when a name is uploaded again.

Moodle, "Download all submissions" (``mod/assign/classes/downloader.php`` of moodle/moodle): a folder
``Full Name_ID_assignsubmission_file/`` per learner (with a ``_`` at the end in older versions), with the learner's own
subfolders in it, or flat files ``Full Name_ID_assignsubmission_file_original-name``. Of a team: ``Team_ID_…``, or
``Default group_…``. Its ID is the number after "Participant" in Moodle's grading worksheet.

The learner is ``lastfirst_USER`` or ``Full Name_ID`` then: what follows the last ``_`` is the system's number.
"""

import re
from dataclasses import dataclass

from course_lib.tasks.registry import exercises

_ID = "[1-9][0-9]*"  # no leading zero: the "05" that an exercise's name starts with is none
_CANVAS = re.compile(
    rf"(?P<name>\w*?)(?P<late>(?:^|_)LATE)?(?:^|_)(?:(?P<anonymous>anon_[^\W_]+)|(?P<user>{_ID}))"
    rf"_(?P<file>{_ID})_(?P<original>.+)"
)
_MOODLE = re.compile(rf"(?P<who>[^_]+(?:_{_ID})?)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<original>.*))?")
_COPY = re.compile(r"(?:-[0-9]+|-Copy[0-9]+| \([0-9]+\)| - Copy| copy(?: [0-9]+)?|-[0-9a-f-]{36})+")


@dataclass(frozen=True)
class Named:
    """What a name tells. ``original``: the learner's own name of the file, without its ending; None of a folder.

    ``upload`` grows with each of a learner's uploads; 0 where nothing numbers them.
    """

    learner: str
    original: str | None
    late: bool = False
    upload: int = 0
    problem: str = ""


def exercise_of(stem: str) -> str:
    """The exercise that a file's name (without ending) tells, or empty. Copies count: ``name-1``, ``name (2)``."""
    name = without_copy(stem)
    return name if name in exercises() else ""


def without_copy(stem: str) -> str:
    """A name without what a second upload or a copy of a file adds to it."""
    return re.sub(f"{_COPY.pattern}$", "", stem[-200:])


def named(stem: str) -> Named | None:
    """What the name of a file or folder in Canvas's or Moodle's download tells; None for any other name."""
    return _moodle(stem) or _canvas(stem)


def _moodle(stem: str) -> Named | None:
    found = _MOODLE.fullmatch(stem)
    return None if found is None else Named(found["who"], found["original"] or None)


def _canvas(stem: str) -> Named | None:
    """Some schools let learners choose their names: where digits in one let it be read in two ways, it is nobody's."""
    found = _CANVAS.fullmatch(stem)
    if found is None:
        return None
    original = found["original"]
    if re.match(f"{_ID}_", original) and not exercise_of(original):
        problem = "Its name can be read in two ways. Rename it to LEARNER__EXERCISE.ipynb."
        return Named(stem, original, problem=problem)
    learner = found["anonymous"] or f"{found['name']}_{found['user']}"
    return Named(learner, original, found["late"] is not None, int(found["file"]))
