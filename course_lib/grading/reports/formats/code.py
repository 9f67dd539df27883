"""the answers for a search for copies by JPlag or Dolos: a folder for each learner, a Python file for each exercise.

JPlag takes the unpacked folder (each folder in it is a submission), Dolos the zip as it is, for which ``info.csv``
names each file with ``filename``, ``full_name``, ``label`` and ``created_at``.
Sources: https://dolos.ugent.be/docs/adding-metadata.html and the JPlag wiki, "How to use JPlag".
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from course_lib.grading.names import visible
from course_lib.grading.reports.formats import Format, Request, Written
from course_lib.grading.reports.text import clean, safe_name, safe_names, write_rows
from course_lib.grading.results import Record


def write_code(path: Path, records: Sequence[Record]) -> int:
    """Write the zip; returns how many files it holds. A record without code of the learner's own is left out."""
    folders = safe_names(record.learner for record in records)
    table = [("filename", "full_name", "label", "created_at")]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records:
            code = source(record)
            if not code:
                continue
            name = f"{folders[record.learner]}/{safe_name(record.exercise or 'unknown')}.py"
            archive.writestr(zipfile.ZipInfo(name), code)
            table.append((name, clean(visible(record.learner), 200), record.exercise, record.submitted))
        info = io.StringIO(newline="")
        write_rows(info, table)
        archive.writestr(zipfile.ZipInfo("info.csv"), info.getvalue())
    unfinished.replace(path)
    return len(table) - 1


def source(record: Record) -> str:
    """A record's answers as one file, a comment with the task's name above each, without those left as handed out."""
    given = {verdict.task for verdict in record.result.verdicts if verdict.verdict == "untouched"}
    answers = {task: clean(code).strip() for task, code in record.answers.items() if task not in given}
    return "\n".join(f"# {task}\n{code}\n" for task, code in answers.items() if code)


def _write(request: Request) -> Written:
    number = write_code(request.folder / "code.zip", request.records)
    return Written(request.folder, f"code.zip, {number} files")


FORMAT = Format(_write)
