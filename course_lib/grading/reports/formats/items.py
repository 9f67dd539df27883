"""how hard the tasks were, how well they tell learners apart, and what went wrong, with plots."""

from course_lib.grading.reports.formats import Format, Request, Written
from course_lib.grading.reports.items import items_html
from course_lib.grading.reports.text import write_text


def _write(request: Request) -> Written:
    write_text(request.folder / "items.html", items_html(request.records))
    return Written(request.folder, "items.html")


FORMAT = Format(_write)
