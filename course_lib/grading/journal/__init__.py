"""The journal of a course: who handed in what, what was run for it and how it ended, and each mark given by hand.

Nothing in it is overwritten but a run's progress: a new hand-in, a new run, a changed mark is a new row. All tables and
pages are made from it. It holds no hidden input and no secret.

A run is queued, then running, then done, or failed through the grader's fault. Its key is learner, place, content and
settings; a run that is done isn't done again for the same key.

``schema.py`` makes the file, ``lock.py`` lets one grader at a time write it, ``journal.py`` reads and writes it with
the queries of ``reading.py``; ``adjust.py`` turns due dates and tables of marks into rows.
"""

from course_lib.grading.journal.errors import DiskFullError, JournalError, explained
from course_lib.grading.journal.journal import JOURNAL, Journal

__all__ = ["JOURNAL", "DiskFullError", "Journal", "JournalError", "explained"]
