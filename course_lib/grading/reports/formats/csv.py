"""gradebook.csv and tasks.csv, as ``course grade`` writes them."""

from course_lib.grading.reports.formats import Format, Request, Written
from course_lib.grading.reports.tables import write_tables


def _write(request: Request) -> Written:
    write_tables(request.folder, request.records)
    return Written(request.folder, "gradebook.csv, tasks.csv")


FORMAT = Format(_write)
