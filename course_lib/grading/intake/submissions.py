"""Finds the notebooks that were handed in. Names come from strangers: nothing is made of them here but text.

A folder, or a zip of one (``zips.py`` says what is refused), in any of these layouts, which may be mixed:

- nbgrader's: ``LEARNER/EXERCISE/EXERCISE.ipynb``, where a single notebook of another name is taken too; also
  ``LEARNER/EXERCISE.ipynb``, or the whole course folder with ``submitted`` in it, or its exchange with ``inbound``;
- flat: ``LEARNER__EXERCISE.ipynb`` or ``LEARNER.ipynb``;
- the downloads of Canvas and Moodle: ``lms_names.py`` says which names are understood;
- in place of a notebook a learner's zip, with the notebook anywhere in it. A zip within a zip is refused.

A folder around all of it is looked through. Where no name tells the exercise (``LEARNER/week3/answers.ipynb``), the
answer cells do.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from course_lib.grading.intake.choosing import choose
from course_lib.grading.intake.layouts import bags_of, from_exchange, from_nbgrader, unwrapped
from course_lib.grading.intake.listing import in_folder, in_zip
from course_lib.grading.intake.lms_names import FileNames
from course_lib.grading.intake.submission import Submission


@dataclass(frozen=True)
class Found:
    """What lies in a folder or zip: ``submissions``, and what was ``skipped``, each with the reason."""

    submissions: tuple[Submission, ...]
    skipped: tuple[str, ...] = ()


def find_submissions(place: Path, exercises: Collection[str], out: Path | None = None) -> Found:
    """The notebooks in a folder or zip, in the order of their places, without those in ``out``.

    ``exercises``: the names that files and folders may tell.

    Where Canvas has numbered a learner's uploads of one exercise, the last counts. Elsewhere the one with the
    exercise's own name counts, and without one they become one submission with a problem. Raises
    ``FileNotFoundError`` if there is none, ``SubmissionError`` (a ``ValueError``) for a zip that is refused.
    """
    skipped: list[str] = []
    if place.is_dir():
        entries = list(in_folder(place, out))
    elif place.is_file() and place.suffix.lower() == ".zip":
        entries = list(in_zip(place, skipped))
    else:
        raise FileNotFoundError(f"{place} is not a folder or a .zip; name the one that holds the submissions")
    names = FileNames(exercises)
    entries = from_exchange(entries, skipped)
    entries = unwrapped(from_nbgrader(unwrapped(entries, names), skipped), names)
    found = choose(bags_of(sorted(entries, key=lambda entry: entry.parts), names, skipped), names)
    if not found:
        raise FileNotFoundError(
            f"no notebook in {place}; it should hold LEARNER/EXERCISE/EXERCISE.ipynb, LEARNER__EXERCISE.ipynb, or "
            "the download of Canvas or Moodle"
        )
    return Found(tuple(found), tuple(skipped))
