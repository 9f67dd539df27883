"""a page for each learner and exercise, as ``course grade`` writes them."""

from course_lib.grading.reports.formats import Format, Request, Written
from course_lib.grading.reports.pages import feedback_html, feedback_path
from course_lib.grading.reports.text import write_text


def _write(request: Request) -> Written:
    for record in request.records:
        write_text(feedback_path(request.folder, record.learner, record.exercise), feedback_html(record))
    return Written(request.folder, f"feedback/, {len(request.records)} pages")


FORMAT = Format(_write)
