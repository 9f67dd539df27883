"""Which of a learner's files count, for which exercise, and what the learner should know of that."""

from dataclasses import replace

from course_lib.grading.intake.layouts import Bag
from course_lib.grading.intake.listing import Entry, notebooks_in
from course_lib.grading.intake.lms_names import FileNames, FromName, without_copy
from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.intake.submission import Submission


def settled(bag: Bag, names: FileNames) -> list[Submission]:
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
    if bag.submitted is not None:
        chosen = [(replace(one, submitted=bag.submitted), source) for one, source in chosen]
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


def two(first: Submission, second: Submission) -> Submission:
    both = f"{first.name} and {second.name}"
    if second.exercise:
        problem = f"There are two notebooks for one exercise: {both}. Keep one."
    else:
        problem = (
            f"There are two notebooks whose names tell no exercise: {both}. Name each of them EXERCISE.ipynb."
        )
    return replace(second, problem=problem)
