"""Pages and tables as the journal has them; what is written is written whole or not at all."""

import shutil
import time
from pathlib import Path

from course_lib.grading.journal import Journal
from course_lib.grading.reports.pages import feedback_html, feedback_path
from course_lib.grading.reports.tables import write_tables
from course_lib.grading.reports.text import write_text
from course_lib.grading.results import Record

_EVERY = 60.0  # seconds between two writings of the tables, and at least 20 times what one takes


def publish(journal: Journal, out: Path) -> None:
    """Bring pages and tables up to date with the journal."""
    write_pages(journal, out)
    for record in journal:
        if not feedback_path(out, record.learner, record.exercise).is_file():
            _write_page(out, record)
    write_tables(out, journal)


def write_pages(journal: Journal, out: Path) -> None:
    """Write the pages of what has changed."""
    while changed := journal.stale():
        for _, record in changed:
            _write_page(out, record)
        journal.written(page for page, _ in changed)


def _write_page(out: Path, record: Record) -> None:
    write_text(feedback_path(out, record.learner, record.exercise), feedback_html(record))


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
    folder = feedback_path(out, learner, "").parent
    if folder.is_dir():
        shutil.rmtree(folder)
    rows = journal.forget(learner)
    publish(journal, out)
    return rows
