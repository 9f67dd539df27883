"""One notebook that was handed in: where it lies, whose it is, and its bytes. No link is followed."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_lib.grading.intake.listing import LINK
from course_lib.grading.intake.read import MAX_BYTES, SubmissionError
from course_lib.grading.intake.zips import read_member


@dataclass(frozen=True)
class Submission:
    """One notebook to grade. ``exercise``: as its place says, or empty. ``problem``: why it can't be graded.

    ``path`` is the notebook, or the zip that holds it under the name ``member``. ``late``: Canvas says so.
    ``submitted``: ISO 8601, UTC: when the file was last changed; empty where that isn't known, as in the downloads
    of Canvas and Moodle, whose files bear the time of the download. ``note``: what the learner should know.
    """

    learner: str
    exercise: str
    path: Path
    problem: str = ""
    member: str = ""
    late: bool = False
    submitted: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The notebook's own name."""
        return PurePosixPath(self.member).name or self.path.name

    def read(self) -> bytes:
        """The notebook's bytes, cut off where it is plainly too large. Raises ``SubmissionError`` with the
        reason if it can't be graded, ``OSError`` if the file can't be read."""
        if self.problem:
            raise SubmissionError(self.problem)
        if self.member:
            return read_member(self.path, self.member)
        flags = (
            os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with os.fdopen(os.open(self.path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SubmissionError(LINK)
            return file.read(MAX_BYTES + 1)
