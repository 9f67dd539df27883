"""Whose a file is, as its name tells in the downloads of learning management systems.

Canvas, "Download Submissions" (``lib/content_zipper.rb`` of instructure/canvas-lms), one flat zip:
``lastfirst[_LATE]_USER_FILE_original-name[-N].ipynb``; with anonymous grading ``[LATE_]anon_CODE_FILE_original-name``.
FILE numbers the uploads, so the highest one is the last; ``-N`` is what Canvas adds when a name is uploaded again.

Moodle, "Download all submissions" (``mod/assign/classes/downloader.php`` of moodle/moodle): a folder
``Full Name_ID_assignsubmission_file/`` per learner (with a ``_`` at the end in older versions), with the learner's own
subfolders in it, or flat files ``Full Name_ID_assignsubmission_file_original-name``. A team has ``Team_ID_…``, or
``Default group_…``. Its ID is the number after "Participant" in Moodle's grading worksheet.

The learner is ``lastfirst_USER`` or ``Full Name_ID`` then: what follows the last ``_`` is the system's number.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from course_lib.grading.intake.copies import without_copy

_ID = "[1-9][0-9]*"  # no leading zero: the "05" that an exercise's name starts with is none
_WORD = r"[^\s!-/:-@\[-^`{-~]"  # Ruby's [[:word:]]: combining marks too, which \w leaves out
_CANVAS = re.compile(
    rf"(?P<name>{_WORD}*?)(?P<late>(?:^|_)LATE)?(?:^|_)(?:(?P<anonymous>anon_[^\W_]+)|(?P<user>{_ID}))"
    rf"_(?P<file>{_ID})_(?P<original>.+)"
)
_MOODLE = re.compile(rf"(?P<who>[^_]+(?:_{_ID})?)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<original>.*))?")


@dataclass(frozen=True)
class FromName:
    """What a name tells. ``original``: the learner's own name of the file, without its ending; None of a folder.

    ``upload`` grows with each of a learner's uploads; 0 where nothing numbers them.
    """

    learner: str
    original: str | None
    late: bool = False
    upload: int = 0
    problem: str = ""


@dataclass(frozen=True)
class FileNames:
    """Reads names of files and folders, knowing what ``exercises`` there are."""

    exercises: Collection[str]

    def exercise_of(self, stem: str) -> str:
        """The exercise that a file's name (without ending) tells, or empty. A copy's does: ``name (2)``."""
        name = without_copy(stem)
        return name if name in self.exercises else ""

    def downloaded(self, stem: str) -> FromName | None:
        """What the name of a file or folder in Canvas's or Moodle's download tells; None for any other name."""
        return _moodle(stem) or self._canvas(stem)

    def _canvas(self, stem: str) -> FromName | None:
        """Some schools let learners choose their names: a name with digits that can be read in two ways is nobody's."""
        found = _CANVAS.fullmatch(stem)
        if found is None:
            return None
        original = found["original"]
        if re.match(f"{_ID}_", original) and not self.exercise_of(original):
            problem = "Its name can be read in two ways. Rename it to LEARNER__EXERCISE.ipynb."
            return FromName(stem, original, problem=problem)
        learner = found["anonymous"] or f"{found['name']}_{found['user']}"
        return FromName(learner, original, found["late"] is not None, int(found["file"]))


def _moodle(stem: str) -> FromName | None:
    found = _MOODLE.fullmatch(stem)
    return None if found is None else FromName(found["who"], found["original"] or None)
