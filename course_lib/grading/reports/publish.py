"""Pages and tables as the journal has them; what is written is written whole or not at all."""

import shutil
import time
from pathlib import Path

from course_lib.grading.journal import Journal
from course_lib.grading.names import meant
from course_lib.grading.reports.pages import feedback_html, feedback_path
from course_lib.grading.reports.tables import write_tables
from course_lib.grading.reports.text import hashed_name, safe_name, safe_names, write_text
from course_lib.grading.results import Record

_EVERY = 60.0  # seconds between two writings of the tables, and at least 20 times what one takes


class Pages:
    """Writes the pages of a journal's learners, each in a folder of their own also where capitals don't count."""

    def __init__(self, journal: Journal, out: Path) -> None:
        self._journal, self._out = journal, out
        self._folders = safe_names(journal.learners())

    def write(self) -> None:
        """Write the pages of what has changed."""
        while changed := self._journal.stale():
            for _, record in changed:
                self._write(record)
            self._journal.written(page for page, _ in changed)

    def complete(self) -> None:
        """Write those, and any that isn't there; folders that learners had under another name go."""
        for learner, folder in self._folders.items():
            for former in {safe_name(learner), hashed_name(learner)} - {folder}:
                _remove(self._out / "feedback" / former)
        self.write()
        for record in self._journal:
            if not self._path(record).is_file():
                self._write(record)

    def _path(self, record: Record) -> Path:
        return feedback_path(self._out, record.learner, record.exercise, self._folders)

    def _write(self, record: Record) -> None:
        write_text(self._path(record), feedback_html(record))


def publish(journal: Journal, out: Path) -> None:
    """Bring pages and tables up to date with the journal."""
    Pages(journal, out).complete()
    write_tables(out, journal)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


class Tables:
    """Writes the tables from time to time: what a grader that is killed leaves behind should not be old."""

    def __init__(self, journal: Journal, out: Path) -> None:
        self._journal, self._out = journal, out
        self._next = time.monotonic() + _EVERY

    def now_and_then(self) -> None:
        started = time.monotonic()
        if started > self._next:
            write_tables(self._out, self._journal)
            ended = time.monotonic()
            self._next = ended + max(_EVERY, 20 * (ended - started))


def forget_learner(journal: Journal, out: Path, learner: str) -> int:
    """Delete all there is of a learner in ``out``; how many rows of the journal that were.

    Raises ``JournalError`` if somebody reads the journal, whose log then can't be emptied: call it again.
    """
    learner = meant(learner, journal.learners())
    _remove(feedback_path(out, learner, "", safe_names(journal.learners())).parent)
    rows = journal.forget(learner)
    publish(journal, out)
    return rows
