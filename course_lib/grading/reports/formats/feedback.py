"""a page for each learner and exercise, as ``course grade`` writes them."""

from course_lib.grading.reports.formats import Format, Request, Written
from course_lib.grading.reports.pages import feedback_html, feedback_path
from course_lib.grading.reports.text import safe_names, write_text


def _write(request: Request) -> Written:
    folders = safe_names(record.learner for record in request.records)
    for record in request.records:
        write_text(feedback_path(request.folder, record.learner, record.exercise, folders), feedback_html(record))
    return Written(request.folder, f"feedback/, {len(request.records)} pages")


FORMAT = Format(_write)
