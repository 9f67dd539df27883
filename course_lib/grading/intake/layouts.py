"""The layouts that submissions lie in, told from the places of files: nbgrader's, flat ones, Canvas's, Moodle's.

nbgrader's whole course folder holds what learners handed in below ``submitted``, as ``LEARNER/EXERCISE/…`` with a
``timestamp.txt`` beside the notebook; ``source``, ``release``, ``autograded`` and ``feedback`` are its own. In its
exchange they lie below ``inbound``, as ``LEARNER+EXERCISE+TIME[+RANDOM]/…``. Source: ``nbgrader/coursedir.py``,
``nbgrader/exchange/default/submit.py`` of ``jupyter/nbgrader``.
"""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from course_lib.grading.intake.listing import Entry
from course_lib.grading.intake.lms_names import FileNames, FromName
from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.intake.submission import Submission

_SUBMITTED = "submitted"
_NBGRADERS_OWN = {"source", "release", "autograded", "feedback", "gradebook.db", "nbgrader_config.py"}
_TIMESTAMP = "timestamp.txt"
_INBOUND, _OUTBOUND = "inbound", "outbound"
_IN_EXCHANGE = re.compile(r"([^+]+)\+([^+]+)\+([0-9]{4}-[0-9]{2}-[0-9]{2}[^+]*)(?:\+[^+]*)?")


@dataclass
class Bag:
    """A learner's files that lie together. ``wanted``: the name of their folder, which should name the exercise.

    ``submitted``: when nbgrader says that they were handed in; None if it says nothing. ``deeper``: the names of files
    in folders of theirs.
    """

    learner: str
    path: Path
    wanted: str = ""
    downloaded: bool = False
    submitted: str | None = None
    files: list[tuple[Entry, FromName]] = field(default_factory=list)
    deeper: list[str] = field(default_factory=list)


def unwrapped(entries: list[Entry], names: FileNames) -> list[Entry]:
    """Without a folder around it all, if what lies in that folder is one of the layouts."""
    while len({entry.parts[0] for entry in entries}) == 1 and any(
        _is_layout(entry.parts[1:], names) for entry in entries
    ):
        entries = [replace(entry, parts=entry.parts[1:]) for entry in entries if len(entry.parts) > 1]
    return entries


def _is_layout(parts: tuple[str, ...], names: FileNames) -> bool:
    if not parts:
        return False
    stem = PurePosixPath(parts[0]).stem
    in_a_tree = (len(parts) > 2 and names.exercise_of(parts[1])) or (len(parts) > 3 and parts[0] == _SUBMITTED)
    return bool(names.downloaded(stem) or names.exercise_of(stem.partition("__")[2]) or in_a_tree)


def bags_of(entries: Iterable[Entry], names: FileNames, skipped: list[str]) -> list[Bag]:
    """The files of each learner, by the layout that their places are in; ``skipped`` takes what is in none."""
    bags: dict[tuple[str, ...], Bag] = {}
    deeper: list[Entry] = []
    for entry in entries:
        depth, top = len(entry.parts), entry.parts[0]
        learner, _, exercise = entry.stem.partition("__")
        source = names.downloaded(entry.stem if depth == 1 and not entry.folder else top)
        if source is not None and not (depth == 1 and names.exercise_of(exercise)):
            bag = bags.setdefault(("", source.learner), Bag(source.learner, entry.path, downloaded=True))
            source = source if source.original else replace(source, original=entry.stem)
            entry = replace(entry, submitted="")
        elif depth == 1 and not entry.folder:
            bag, source = bags.setdefault(entry.parts, Bag(learner, entry.path)), FromName(learner, exercise)
        elif depth == 2 and not entry.folder:
            bag, source = bags.setdefault(entry.parts, Bag(top, entry.path)), FromName(top, entry.stem)
        elif depth == 3 or (depth == 2 and names.exercise_of(entry.parts[1])):
            bag, source = (
                bags.setdefault(entry.parts[:2], Bag(top, entry.path, entry.parts[1])),
                FromName(top, entry.stem),
            )
        else:
            if entry.suffix not in (".ipynb", ".zip"):
                deeper.append(entry)
            elif not entry.folder:
                skipped.append(f"{'/'.join(entry.parts)[:200]!r}: it lies too deep for LEARNER/EXERCISE/…")
            continue
        if not entry.folder:
            bag.files.append((entry, source))
        if depth == 3 and bag.wanted and entry.parts[2] == _TIMESTAMP:
            bag.submitted = _handed_in(entry)
    for entry in deeper:
        if not entry.folder and entry.parts[:2] in bags:
            bags[entry.parts[:2]].deeper.append(entry.parts[-1])
    return list(bags.values())


def from_nbgrader(entries: list[Entry], skipped: list[str]) -> list[Entry]:
    """What lies in ``submitted``, where the entries are nbgrader's whole course folder; else all of them.

    ``skipped`` takes what nbgrader keeps beside it. Raises ``FileNotFoundError`` for a course without ``submitted``.
    """
    tops = {entry.parts[0] for entry in entries}
    own = sorted(tops & _NBGRADERS_OWN)
    alone = tops == {_SUBMITTED} and any(len(entry.parts) > 3 for entry in entries)
    if not alone and len(own) < (1 if _SUBMITTED in tops else 2):
        return entries
    if _SUBMITTED not in tops:
        raise FileNotFoundError(
            f"this is nbgrader's course folder ({', '.join(own)}), but it lacks the folder {_SUBMITTED} that "
            "'nbgrader collect' makes: name the folder that holds LEARNER/EXERCISE/EXERCISE.ipynb"
        )
    beside = Counter(e.parts[0] for e in entries if e.parts[0] != _SUBMITTED and e.suffix in (".ipynb", ".zip"))
    for top, number in sorted(beside.items()):
        skipped.append(
            f"{top + '/'!r}: {number} notebooks beside nbgrader's {_SUBMITTED}/, which nobody handed in"
        )
    inside = [entry for entry in entries if entry.parts[0] == _SUBMITTED and len(entry.parts) > 1]
    return [replace(entry, parts=entry.parts[1:]) for entry in inside]


def from_exchange(entries: list[Entry], skipped: list[str]) -> list[Entry]:
    """What was handed in last, as ``LEARNER/EXERCISE/…``, where all that was handed in lies as in nbgrader's exchange;
    else all entries. ``skipped`` takes what was handed in earlier, and what the exchange hands out."""
    found: dict[tuple[str, str], dict[str, list[Entry]]] = {}
    others: list[Entry] = []
    folders = {entry.parts[0] for entry in entries}
    around = len(folders) == 1 and not any(map(_IN_EXCHANGE.fullmatch, folders))
    for entry in entries:
        at = entry.parts.index(_INBOUND) + 1 if _INBOUND in entry.parts[:3] else int(around)
        told = _IN_EXCHANGE.fullmatch(entry.parts[at]) if len(entry.parts) > at + 1 else None
        if told is not None:
            who, what, when = told.groups()
            inside = replace(entry, parts=(who, what, *entry.parts[at + 1 :]))
            found.setdefault((who, what), {}).setdefault(when, []).append(inside)
        elif entry.suffix in (".ipynb", ".zip") and not entry.folder:
            others.append(entry)
    if not found or any(_OUTBOUND not in entry.parts[:3] for entry in others):
        return entries
    if others:
        skipped.append(f"'{_OUTBOUND}/': {len(others)} notebooks of nbgrader's exchange, which nobody handed in")
    for (who, what), times in found.items():
        for when in sorted(times)[:-1]:
            skipped.append(f"{f'{who}+{what}+{when}'[:200]!r}: handed in again later")
    return [entry for times in found.values() for entry in times[max(times)]]


def _handed_in(stamp: Entry) -> str:
    """When nbgrader says that something was handed in, as ISO 8601 in UTC; empty if that can't be understood."""
    with suppress(SubmissionError, OSError, ValueError):
        text = Submission("", "", stamp.path, stamp.problem, stamp.member).read()[:100].decode().strip()
        found = re.fullmatch(r"(\S+[ T]\S+?) ?(UTC|Z|[+-][0-9]{2}:?[0-9]{2})", text)
        if found:
            zone = "+00:00" if found[2] in ("UTC", "Z") else found[2]
            return datetime.fromisoformat(found[1] + zone).astimezone(UTC).isoformat(timespec="seconds")
    return ""
