"""Where the course's notebooks are, and which one is meant by '05', 'vae' or a path."""

import os
from pathlib import Path

import course_lib

FOLDERS = ("notebooks", "exercises", "solutions")


class LessonError(Exception):
    """Something the reader asked for isn't there or can't be done; the message says what to do."""


def course_root(start: Path | None = None) -> Path:
    """The clone's top folder: the first one at or above `start` (default: here) which holds ``notebooks/`` and
    ``pyproject.toml``, else the one that `course_lib` was installed from."""
    here = (start or Path.cwd()).resolve()
    installed_from = Path(course_lib.__file__).resolve().parent.parent
    for folder in (here, *here.parents, installed_from):
        if (folder / "notebooks").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise LessonError(
        f"found no folder 'notebooks' beside a pyproject.toml at or above {here}; "
        "go into your clone of the course and try again"
    )


def notebooks_in(folder: Path) -> list[Path]:
    """The notebooks directly in `folder`, in the course's order; empty if there is no such folder."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def find_lesson(name: str, root: Path) -> Path:
    """The one notebook of ``notebooks/`` meant by `name`: its number ('05' or '5'), its name with or without ending,
    a part of its name that only one has ('vae_gan'), or a path to any notebook.

    Raises `LessonError` if none or more than one fits.
    """
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    lessons = notebooks_in(root / "notebooks")
    wanted = path.name.removesuffix(".ipynb")
    number = wanted.zfill(2) if wanted.isdigit() else None
    exact = [lesson for lesson in lessons if lesson.stem == wanted or lesson.name[:2] == number]
    fits = exact or [lesson for lesson in lessons if number is None and wanted and wanted in lesson.stem]
    if len(fits) == 1:
        return fits[0]
    names = ", ".join(lesson.stem for lesson in (fits or lessons)) or f"none in {root / 'notebooks'}"
    problem = "fits more than one lesson" if fits else "is no lesson"
    raise LessonError(f"{name!r} {problem}; give a number or a name of: {names}")


def absolute_course_data() -> None:
    """Read a relative ``COURSE_DATA`` against the folder of the shell, once and for all.

    Notebooks run in their own folders, where the same relative path would mean another place.
    """
    folder = os.environ.get("COURSE_DATA")
    if folder:
        os.environ["COURSE_DATA"] = str(Path(folder).expanduser().resolve())
