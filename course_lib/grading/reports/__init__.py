"""What comes out: tables and pages, marks for learning platforms, an item analysis, code for a search for copies.

All of it is made of the journal's records and nothing else. Names and messages hold strangers' text: ``text.py`` makes
it harmless for tables and file names, ``style.py`` for pages. ``pseudonyms.py`` takes the names out beforehand.
"""

from course_lib.grading.reports.canvas import fill_canvas
from course_lib.grading.reports.code import write_code
from course_lib.grading.reports.gradescope import results_json, write_autograder
from course_lib.grading.reports.lms import Filled
from course_lib.grading.reports.moodle import fill_moodle
from course_lib.grading.reports.pages import feedback_html, feedback_path
from course_lib.grading.reports.pseudonyms import pseudonymise, write_mapping
from course_lib.grading.reports.tables import write_tables

__all__ = [
    "Filled",
    "feedback_html",
    "feedback_path",
    "fill_canvas",
    "fill_moodle",
    "pseudonymise",
    "results_json",
    "write_autograder",
    "write_code",
    "write_mapping",
    "write_tables",
]
