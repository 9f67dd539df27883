"""a results.json for each submission, as Gradescope takes them.

Its fields follow https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

import json
from typing import Any

from course_lib.grading.reports.formats import Format, Request, Written
from course_lib.grading.reports.lms import NO_MARK, name_of
from course_lib.grading.reports.pages import what_changed
from course_lib.grading.reports.text import clean, safe_name, safe_names, write_text
from course_lib.grading.results import Record

_LONGEST = 20_000  # characters of a test's output


def results_json(record: Record) -> str:
    """A record as ``results.json``: a test for each task, and a score that holds late penalties and manual marks."""
    result = record.result
    lines = record.notes
    for a in record.adjustments:
        lines.append(" ".join(filter(None, (a.task and f"{a.task}:", what_changed(a), a.comment))))
    tests: list[dict[str, Any]] = [
        {
            "name": verdict.task,
            "number": str(number),
            "score": record.points[verdict.task],
            "max_score": verdict.max_points,
            "status": "passed" if verdict.verdict == "right" else "failed",
            "output": clean(verdict.message, _LONGEST),
            "visibility": "visible",
        }
        for number, verdict in enumerate(result.verdicts, 1)
    ]
    results = {
        "score": record.score,
        "execution_time": round(result.seconds, 1),
        "output": clean("\n".join(lines), _LONGEST),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return json.dumps(results, indent=1, allow_nan=False)


def _write(request: Request) -> Written:
    marked = [record for record in request.records if record.result.status != "failed"]
    folders = safe_names(record.learner for record in marked)
    for record in marked:
        name = f"{safe_name(record.exercise or 'unknown')}.json"
        write_text(request.folder / "gradescope" / folders[record.learner] / name, results_json(record))
    failed = [f"{name_of(record)}: {NO_MARK}" for record in request.records if record.result.status == "failed"]
    return Written(request.folder, f"gradescope/, {len(marked)} files", failed)


FORMAT = Format(_write)
