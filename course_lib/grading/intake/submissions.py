"""Finds the notebooks that were handed in. Names come from strangers: nothing is made of them here but text.

A folder, or a zip of one (``zips.py`` says what is refused), in any of these layouts, which may be mixed:

- nbgrader's: ``LEARNER/EXERCISE/EXERCISE.ipynb``, where a single notebook of another name is taken too; also
  ``LEARNER/EXERCISE.ipynb``;
- flat: ``LEARNER__EXERCISE.ipynb`` or ``LEARNER.ipynb``;
- the downloads of Canvas and Moodle: ``lms_names.py`` says which names are understood;
- in place of a notebook a learner's zip, with the notebook anywhere in it. A zip within a zip is refused.

A folder around all of it is looked through. Where no name tells the exercise (``LEARNER/week3/answers.ipynb``), the
answer cells do.
"""

import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from course_lib.grading.intake.listing import LINK, Entry, in_folder, in_zip, notebooks_in
from course_lib.grading.intake.lms_names import FileNames, FromName, without_copy
from course_lib.grading.intake.read import MAX_BYTES, SubmissionError
from course_lib.grading.intake.zips import read_member


@dataclass(frozen=True)
class Submission:
    """One notebook to grade. ``exercise``: as its place says, or empty. ``problem``: why it can't be graded.

    ``path`` is the notebook, or the zip that holds it under the name ``member``. ``late``: Canvas says so.
    ``submitted``: ISO 8601, UTC: when the file was last changed; empty where that isn't known, as in the downloads
    of Canvas and Moodle, whose files bear the time of the download. ``note``: what the learner should know.
    """

    learner: str
    exercise: str
    path: Path
    problem: str = ""
    member: str = ""
    late: bool = False
    submitted: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The notebook's own name."""
        return PurePosixPath(self.member).name or self.path.name

    def read(self) -> bytes:
        """The notebook's bytes, cut off where it is plainly too large. Raises ``SubmissionError`` with the
        reason if it can't be graded, ``OSError`` if the file can't be read."""
        if self.problem:
            raise SubmissionError(self.problem)
        if self.member:
            return read_member(self.path, self.member)
        flags = (
            os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with os.fdopen(os.open(self.path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SubmissionError(LINK)
            return file.read(MAX_BYTES + 1)


@dataclass(frozen=True)
class Found:
    """What lies in a folder or zip: ``submissions``, and what was ``skipped``, each with the reason."""

    submissions: tuple[Submission, ...]
    skipped: tuple[str, ...] = ()


def find_submissions(place: Path, exercises: Collection[str], out: Path | None = None) -> Found:
    """The notebooks in a folder or zip, in the order of their places, without those in ``out``.

    ``exercises``: the names that files and folders may tell.

    Where Canvas has numbered a learner's uploads of one exercise, the last counts, with a note. Any other two become
    one submission with a problem. Raises ``FileNotFoundError`` if there is none, ``SubmissionError`` (a
    ``ValueError``) for a zip that is refused.
    """
    skipped: list[str] = []
    if place.is_dir():
        entries = list(in_folder(place, out))
    elif place.is_file() and place.suffix.lower() == ".zip":
        entries = list(in_zip(place, skipped))
    else:
        raise FileNotFoundError(f"{place} is not a folder or a .zip; name the one that holds the submissions")
    names = FileNames(exercises)
    found: dict[tuple[str, str], Submission] = {}
    for bag in _bags(sorted(_unwrapped(entries, names), key=lambda entry: entry.parts), names, skipped):
        for one in _settled(bag, names):
            key = (one.learner, one.exercise)
            found[key] = _two(found[key], one) if key in found else one
    if not found:
        raise FileNotFoundError(
            f"no notebook in {place}; it should hold LEARNER/EXERCISE/EXERCISE.ipynb, LEARNER__EXERCISE.ipynb, or "
            "the download of Canvas or Moodle"
        )
    return Found(tuple(found.values()), tuple(skipped))


@dataclass
class _Bag:
    """A learner's files that lie together. ``wanted``: the name of their folder, which should name the exercise."""

    learner: str
    path: Path
    wanted: str = ""
    downloaded: bool = False
    files: list[tuple[Entry, FromName]] = field(default_factory=list)


def _unwrapped(entries: list[Entry], names: FileNames) -> list[Entry]:
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
    in_a_tree = len(parts) > 2 and names.exercise_of(parts[1])
    return bool(names.downloaded(stem) or names.exercise_of(stem.partition("__")[2]) or in_a_tree)


def _bags(entries: Iterable[Entry], names: FileNames, skipped: list[str]) -> list[_Bag]:
    """The files of each learner, by the layout that their places are in; ``skipped`` takes what is in none."""
    bags: dict[tuple[str, ...], _Bag] = {}
    for entry in entries:
        depth, top = len(entry.parts), entry.parts[0]
        learner, _, exercise = entry.stem.partition("__")
        source = names.downloaded(entry.stem if depth == 1 and not entry.folder else top)
        if source is not None and not (depth == 1 and names.exercise_of(exercise)):
            bag = bags.setdefault(("", source.learner), _Bag(source.learner, entry.path, downloaded=True))
            source = source if source.original else replace(source, original=entry.stem)
            entry = replace(entry, submitted="")
        elif depth == 1 and not entry.folder:
            bag, source = bags.setdefault(entry.parts, _Bag(learner, entry.path)), FromName(learner, exercise)
        elif depth == 2 and not entry.folder:
            bag, source = bags.setdefault(entry.parts, _Bag(top, entry.path)), FromName(top, entry.stem)
        elif depth == 3 or (depth == 2 and names.exercise_of(entry.parts[1])):
            bag, source = (
                bags.setdefault(entry.parts[:2], _Bag(top, entry.path, entry.parts[1])),
                FromName(top, entry.stem),
            )
        else:
            if not entry.folder and entry.suffix in (".ipynb", ".zip"):
                skipped.append(f"{'/'.join(entry.parts)[:200]!r}: it lies too deep for LEARNER/EXERCISE/…")
            continue
        if not entry.folder:
            bag.files.append((entry, source))
    return list(bags.values())


def _settled(bag: _Bag, names: FileNames) -> list[Submission]:
    """Which of a learner's files count, and for what."""
    books = [book for entry, source in bag.files for book in _notebooks(entry, source, names)]
    exercise = names.exercise_of(bag.wanted)
    fits = [book for book in books if book[1].original == bag.wanted]
    fits = fits or [
        book for book in books if book[0].exercise and book[0].exercise == (exercise or book[0].exercise)
    ]
    if bag.wanted and not fits and len(books) > 1:
        problem = f"There are {len(books)} notebooks; one of them should be called {bag.wanted}.ipynb."
        return [replace(books[0][0], exercise=exercise, problem=problem)]
    if not books and (bag.wanted or bag.downloaded) and (bag.files or exercise):
        name = f"{bag.wanted}.ipynb" if bag.wanted else "among the files that were handed in"
        return [Submission(bag.learner, exercise, bag.path, f"There is no notebook {name}.")]
    chosen = [(replace(one, exercise=exercise or one.exercise), source) for one, source in fits or books]
    return _last_uploads(chosen)


def _last_uploads(books: list[tuple[Submission, FromName]]) -> list[Submission]:
    """The last upload for each exercise, where uploads are numbered; everything else as it is."""
    last: dict[tuple[str, str], list[tuple[Submission, FromName]]] = {}
    for one, source in books:
        what = one.exercise or without_copy(source.original or "")
        last.setdefault((what, "" if source.upload else f"{one.path}/{one.member}"), []).append((one, source))
    kept = []
    for uploads in last.values():
        one, source = max(uploads, key=lambda book: book[1].upload)
        note = f"{len(uploads)} files were handed in for this. The last one counts: {source.original}.ipynb."
        kept.append(replace(one, note=note) if len(uploads) > 1 else one)
    return kept


def _notebooks(entry: Entry, source: FromName, names: FileNames) -> list[tuple[Submission, FromName]]:
    """What a file holds: itself if it is a notebook, those in it if it is a zip, nothing otherwise."""
    exercise = names.exercise_of(source.original or "")
    one = Submission(
        source.learner,
        exercise,
        entry.path,
        entry.problem or source.problem,
        entry.member,
        source.late,
        entry.submitted,
    )
    if entry.suffix == ".ipynb" or (entry.suffix == ".zip" and one.problem):
        return [(one, source)]
    if entry.suffix != ".zip":
        return []
    if entry.member:
        return [(replace(one, problem="This is a zip within a zip. Hand in the notebook itself."), source)]
    try:
        inside = notebooks_in(entry.path)
    except SubmissionError as error:
        return [(replace(one, problem=str(error)), source)]
    if not inside:
        return [(replace(one, problem=f"There is no notebook in {one.name}."), source)]
    return [
        (
            replace(one, member=inner.member, exercise=names.exercise_of(inner.stem) or exercise),
            replace(source, original=inner.stem),
        )
        for inner in inside
    ]


def _two(first: Submission, second: Submission) -> Submission:
    both = f"{first.name} and {second.name}"
    if second.exercise:
        problem = f"There are two notebooks for one exercise: {both}. Keep one."
    else:
        problem = (
            f"There are two notebooks whose names tell no exercise: {both}. Name each of them EXERCISE.ipynb."
        )
    return replace(second, problem=problem)
