"""What lies in a folder or a zip: files by their place below the top. No link is followed, no file is opened but a zip.

Hidden files and what macOS adds to its zips (``__MACOSX``) are left out.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_lib.grading.intake.read import SubmissionError
from course_lib.grading.intake.zips import MAX_LEARNERS_ENTRIES, iso, members, refusal
from course_lib.grading.names import composed

LINK = "This is a link or a device, not a notebook."
_HUNG_ON = (".ipynb.txt", ".ipynb.json")
_DEPTH = 8  # of folders looked through


@dataclass(frozen=True)
class Entry:
    """A file or a folder. ``parts``: its place, in composed letters. ``path``: the file, or the zip that holds it as
    ``member``."""

    parts: tuple[str, ...]
    path: Path
    member: str = ""
    folder: bool = False
    submitted: str = ""
    problem: str = ""

    @property
    def stem(self) -> str:
        return PurePosixPath(self._name).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self._name).suffix.lower()

    @property
    def _name(self) -> str:
        """The file's name without what a browser hangs on a notebook's (``x.ipynb.txt``)."""
        name = self.parts[-1]
        return name[: name.rindex(".")] if name.lower().endswith(_HUNG_ON) else name


def in_folder(folder: Path, out: Path | None = None, above: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Everything below a folder but ``out``."""
    for path in folder.iterdir():
        parts = (*above, composed(path.name))
        if _is_hidden(path.name):
            continue
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            problem = "" if stat.S_ISREG(status.st_mode) else LINK
            yield Entry(parts, path, submitted=iso(status.st_mtime), problem=problem)
        elif len(parts) < _DEPTH and (out is None or path.resolve() != out.resolve()):
            yield Entry(parts, path, folder=True)
            yield from in_folder(path, out, parts)


def in_zip(path: Path, skipped: list[str]) -> Iterator[Entry]:
    """Everything in an LMS's zip; ``skipped`` takes the entries without a place. Raises ``SubmissionError`` if it is
    refused."""
    for member in members(path):
        parts = PurePosixPath(composed(member.name)).parts
        if member.nowhere:
            skipped.append(f"{member.name[:200]!r}: {member.problem}")
        elif parts and not any(_is_hidden(part) for part in parts):
            problem = member.problem and f"In the zip {member.problem}."
            yield Entry(parts, path, member.name, member.folder, member.modified, problem)


def in_learners_zip(path: Path) -> list[Entry]:
    """What a learner's own zip holds, without other entries than notebooks that are refused. Raises
    ``SubmissionError`` if it, or a notebook in it, is refused."""
    found = []
    for member in members(path, MAX_LEARNERS_ENTRIES):
        parts = PurePosixPath(composed(member.name)).parts
        entry = Entry(parts or ("",), path, member.name, member.folder, member.modified)
        if member.problem and entry.suffix == ".ipynb":
            raise SubmissionError(refusal(path, member))
        if not member.problem and not any(_is_hidden(part) for part in entry.parts):
            found.append(entry)
    return found


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
