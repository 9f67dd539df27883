"""Pseudonyms in place of names: the same for a learner in every export, and not to be undone without the key."""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from course_lib.grading.names import visible
from course_lib.grading.reports.text import write_rows
from course_lib.grading.results import Record


def pseudonym(learner: str, key: bytes) -> str:
    """``learner-`` and 12 letters and digits (60 bits) from HMAC-SHA256(key, learner)."""
    message = b"pseudonym\0" + learner.encode("utf-8", "surrogatepass")
    digest = hmac.digest(key, message, hashlib.sha256)
    return "learner-" + base64.b32encode(digest)[:12].decode().lower()


def pseudonymise(records: Sequence[Record], key: bytes) -> list[Record]:
    """The records without names and times: pseudonyms, no time of handing in, no name of an instructor.

    The learner's name is also taken out of messages, notes and code where it stands there as the course writes it;
    other traces that learners leave in their own code stay.
    """
    return [_pseudonymous(record, pseudonym(record.learner, key)) for record in records]


def write_mapping(path: Path, records: Sequence[Record], key: bytes) -> None:
    """A table of learners and pseudonyms, its owner's alone. Raises ``FileExistsError`` if ``path`` is there."""
    learners = sorted({record.learner for record in records})
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    encoding = "utf-8" if all(name.isascii() for name in learners) else "utf-8-sig"  # which spreadsheets know
    with os.fdopen(handle, "w", newline="", encoding=encoding) as file:
        write_rows(file, [("learner", "pseudonym"), *((visible(name), pseudonym(name, key)) for name in learners)])


def _pseudonymous(record: Record, name: str) -> Record:
    def hide(text: str) -> str:
        return text.replace(record.learner, name) if len(record.learner) > 2 else text

    result = record.result
    return replace(
        record,
        result=replace(
            result,
            learner=name,
            reason=hide(result.reason),
            notes=tuple(hide(note) for note in result.notes),
            verdicts=tuple(replace(verdict, message=hide(verdict.message)) for verdict in result.verdicts),
        ),
        answers={task: hide(code) for task, code in record.answers.items()},
        content="",
        submitted="",
        adjustments=tuple(replace(a, by="", at="", comment=hide(a.comment)) for a in record.adjustments),
    )
