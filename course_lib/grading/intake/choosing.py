"""Which of a learner's files count, for which exercise, and what the learner should know of that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from course_lib.grading.intake.copies import without_copy
from course_lib.grading.intake.layouts import Bag
from course_lib.grading.intake.listing import Entry, in_learners_zip
from course_lib.grading.intake.lms_names import FileNames, FromName
from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.intake.submission import Submission

_SHOWN = 5  # of a list of names
_DOCUMENTS = (".html", ".htm", ".pdf", ".docx", ".doc", ".odt", ".rtf", ".pages")  # nothing that a notebook needs
_NOT_THEIRS = ("timestamp.txt", "user_info.txt")  # nbgrader's


@dataclass(frozen=True)
class _Book:
    """A notebook that was handed in, with what its name tells."""

    one: Submission
    source: FromName

    @property
    def name(self) -> str:
        return f"{self.source.original}.ipynb" if self.source.original else self.one.name


@dataclass(frozen=True)
class _Bundle:
    """What a bag comes to: what counts, the notebooks that don't, and the names of all other files."""

    bag: Bag
    books: Sequence[_Book]
    left: Sequence[_Book]
    beside: Sequence[str]


def choose(bags: Iterable[Bag], names: FileNames) -> list[Submission]:
    """One submission for each learner and exercise, with a note on what else was handed in."""
    bundles = [_settled(bag, names) for bag in bags]
    with_books = {bundle.bag.learner for bundle in bundles if bundle.books}
    loose: dict[
        str, list[str]
    ] = {}  # what lies in a learner's folder beside the notebooks, or in a folder of data
    found: dict[tuple[str, str], list[tuple[_Book, _Bundle]]] = {}
    for bundle in bundles:
        bag = bundle.bag
        data = not bundle.books and not bag.downloaded and not names.exercise_of(bag.wanted)
        if not bag.downloaded and (not bag.wanted or data):
            loose.setdefault(bag.learner, []).extend(bundle.beside)
        books = bundle.books
        if not books and not (data and bag.learner in with_books):
            books = _nothing(bundle, names)
        for book in books:
            found.setdefault((book.one.learner, book.one.exercise), []).append((book, bundle))
    chosen = []
    for rivals in found.values():
        book, bundle = _one_of(rivals)
        others = [one for one, _ in rivals if one is not book]
        own = bundle.beside if bundle.bag.wanted or bundle.bag.downloaded else loose.get(book.one.learner, [])
        chosen.append(replace(book.one, note=_note(book, [*others, *bundle.left], own)))
    return chosen


def _settled(bag: Bag, names: FileNames) -> _Bundle:
    """Which of the files that lie together count, and for what."""
    books: list[_Book] = []
    beside: list[str] = []
    for entry, source in bag.files:
        inside, others = _inside(entry, source, names)
        books += inside
        beside += others
    beside += bag.deeper
    exercise = names.exercise_of(bag.wanted)
    fits = [book for book in books if book.source.original == bag.wanted]
    fits = fits or [
        book for book in books if book.one.exercise and book.one.exercise == (exercise or book.one.exercise)
    ]
    if bag.wanted and not fits and len(books) > 1:
        problem = f"There are {len(books)} notebooks; one of them should be called {bag.wanted}.ipynb."
        first = replace(books[0].one, exercise=exercise, problem=problem)
        return _Bundle(bag, [replace(books[0], one=first)], books[1:], beside)
    left = [book for book in books if fits and book not in fits]
    counted = [replace(book, one=_placed(book.one, bag, exercise)) for book in fits or books]
    return _Bundle(bag, _last_uploads(counted), left, beside)


def _placed(one: Submission, bag: Bag, exercise: str) -> Submission:
    submitted = one.submitted if bag.submitted is None else bag.submitted
    return replace(one, exercise=exercise or one.exercise, submitted=submitted)


def _nothing(bundle: _Bundle, names: FileNames) -> list[_Book]:
    """That there is no notebook where there should be one."""
    bag, exercise = bundle.bag, names.exercise_of(bundle.bag.wanted)
    if not (bag.wanted or bag.downloaded) or not (bag.files or exercise):
        return []
    problem = (
        f"There is no notebook {f'{bag.wanted}.ipynb' if bag.wanted else 'among the files that were handed in'}."
    )
    if bundle.beside:
        problem += f" What was handed in: {_listed(bundle.beside)}."
    return [_Book(Submission(bag.learner, exercise, bag.path, problem), FromName(bag.learner, None))]


def _last_uploads(books: Sequence[_Book]) -> list[_Book]:
    """The last upload for each exercise, where uploads are numbered; everything else as it is."""
    last: dict[tuple[str, str], list[_Book]] = {}
    for book in books:
        what = book.one.exercise or without_copy(book.source.original or "")
        place = "" if book.source.upload else f"{book.one.path}/{book.one.member}"
        last.setdefault((what, place), []).append(book)
    kept = []
    for uploads in last.values():
        book = max(uploads, key=lambda book: book.source.upload)
        note = f"{len(uploads)} files were handed in for this. The last one counts: {book.name}."
        kept.append(replace(book, one=replace(book.one, note=note)) if len(uploads) > 1 else book)
    return kept


def _inside(entry: Entry, source: FromName, names: FileNames) -> tuple[list[_Book], list[str]]:
    """The notebooks that a file is or, if it is a zip, holds; and the names of everything else."""
    exercise = names.exercise_of(source.original or "")
    problem = entry.problem or source.problem
    one = Submission(source.learner, exercise, entry.path, problem, entry.member, source.late, entry.submitted)
    if entry.suffix == ".ipynb" or (entry.suffix == ".zip" and one.problem):
        return [_Book(one, source)], []
    if entry.suffix != ".zip":
        return [], [] if entry.parts[-1] in _NOT_THEIRS else [f"{source.original or entry.stem}{entry.suffix}"]
    if entry.member:
        return [
            _Book(replace(one, problem="This is a zip within a zip. Hand in the notebook itself."), source)
        ], []
    try:
        inside = in_learners_zip(entry.path)
    except SubmissionError as error:
        return [_Book(replace(one, problem=str(error)), source)], []
    books = [
        _Book(
            replace(one, member=inner.member, exercise=names.exercise_of(inner.stem) or exercise),
            replace(source, original=inner.stem),
        )
        for inner in inside
        if inner.suffix == ".ipynb"
    ]
    if not books:
        return [_Book(replace(one, problem=f"There is no notebook in {one.name}."), source)], []
    return books, [inner.parts[-1] for inner in inside if inner.suffix != ".ipynb" and not inner.folder]


def _one_of(rivals: Sequence[tuple[_Book, _Bundle]]) -> tuple[_Book, _Bundle]:
    """The one that counts of a learner's notebooks for one exercise: that with the exercise's own name, if one is so
    called."""
    exact = [(book, bundle) for book, bundle in rivals if book.source.original == book.one.exercise != ""]
    if len(rivals) == 1 or len(exact) == 1:
        return (exact or rivals)[0]
    book, bundle = rivals[-1]
    number, all_of_them = {2: "two"}.get(len(rivals), str(len(rivals))), _listed([b.one.name for b, _ in rivals])
    if book.one.exercise:
        problem = f"There are {number} notebooks for one exercise: {all_of_them}. Keep one."
    else:
        problem = (
            f"There are {number} notebooks whose names tell no exercise: {all_of_them}. Name each of them "
            "EXERCISE.ipynb."
        )
    return replace(book, one=replace(book.one, problem=problem)), bundle


def _note(book: _Book, left: Sequence[_Book], beside: Sequence[str]) -> str:
    """What the learner should know of how the notebook was found."""
    notes = [book.one.note]
    if left and not book.one.problem:
        notes.append(f"Graded: {book.name}. Not graded: {_listed([other.name for other in left])}.")
    needed = [name for name in beside if not name.lower().endswith(_DOCUMENTS)]
    if needed and not book.one.problem:
        notes.append(
            f"Handed in beside it: {_listed(needed)}. Only the notebook is graded, and no other file is there when it "
            "runs: what it needs has to stand in its cells."
        )
    return " ".join(filter(None, notes))


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``; the first of many."""
    *some, last = [*names[:_SHOWN], *([f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else [])]
    return f"{', '.join(some)} and {last}" if some else last
