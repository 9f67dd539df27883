"""Zip archives of strangers: looked through and read in memory. Nothing is ever unpacked to disk.

An entry is refused, with the reason, if its name would lead out of its folder, is absolute, occurs twice or isn't plain
text, or if it is a link or a device or is encrypted; the others are taken all the same. When it is read, one is refused
that is too large, packed too tightly, packed by a method other than deflate, or damaged. An archive is refused as a
whole if it can't be read, if it has too many entries, or if each of them is refused.
"""

import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import FileIO
from pathlib import Path, PurePosixPath, PureWindowsPath

from course_lib.grading.intake.read import MAX_BYTES, SubmissionError

MAX_ENTRIES = 200_000  # of an LMS's download
MAX_LEARNERS_ENTRIES = 1_000  # of one that a learner made
_DIRECTORY_BYTES = 512  # of the table of contents, for each entry allowed
_MAX_RATIO = 500  # deflate reaches 1,030; a notebook full of equal lines some 200
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # as Unicode sorts them: controls, surrogates, ends of lines and paragraphs
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, OverflowError, ValueError, RuntimeError
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One entry of an archive. ``modified``: ISO 8601, UTC; empty where the archive keeps local time only.

    ``problem``: why it is refused. ``nowhere``: its name is no place below the archive's top.
    """

    name: str
    folder: bool
    modified: str
    problem: str = ""
    nowhere: bool = False


@dataclass(frozen=True)
class _Archive:
    file: zipfile.ZipFile
    members: tuple[Member, ...]
    infos: dict[str, zipfile.ZipInfo]  # of those that aren't refused, by their name


class _Bounded(FileIO):
    """A file of which no piece above ``most`` bytes is read at once: so a table of contents can't fill the memory."""

    most = 0

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(self.most + 1 if size is None or size < 0 else min(size, self.most + 1))
        if len(piece) > self.most:
            raise zipfile.BadZipFile("its table of contents is too long")
        return piece


def members(path: Path, most: int = MAX_ENTRIES) -> list[Member]:
    """The entries of a zip, in its order. Raises ``SubmissionError`` if none can be taken, ``OSError`` if there is no
    such file."""
    return list(_open(path, most).members)


def read_member(path: Path, name: str, most: int = MAX_ENTRIES) -> bytes:
    """The bytes of one entry, up to ``MAX_BYTES``. Raises ``SubmissionError`` for one that is refused."""
    archive = _open(path, most)
    info = archive.infos.get(name)
    if info is None:
        raise SubmissionError(f"{path.name} holds no entry {name[:200]!r} that can be taken.")
    if info.file_size > MAX_BYTES:
        raise SubmissionError(
            f"Unpacked, it has more than {MAX_BYTES >> 20} MB. Clear all outputs and hand it in again."
        )
    if info.file_size > _MAX_RATIO * max(info.compress_size, 1):
        raise SubmissionError(f"It is packed more than {_MAX_RATIO} to 1, as no notebook is.")
    if info.compress_type not in _METHODS:
        raise SubmissionError(
            "It is packed by a method other than deflate. Make the zip with the system's own program."
        )
    try:
        with archive.file.open(info) as file:
            return file.read(MAX_BYTES + 1)
    except _BROKEN as error:
        raise SubmissionError(f"It is damaged inside the zip ({error}). Make the zip again.") from None


def iso(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC; empty for a time that is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def _open(path: Path, most: int) -> _Archive:
    """The archive, looked through once per process."""
    status = path.stat()
    return _looked_through(path, most, status.st_mtime_ns, status.st_size, os.getpid())


@lru_cache(maxsize=4)
def _looked_through(path: Path, most: int, *version: int) -> _Archive:
    file = _Bounded(path)
    file.most = most * _DIRECTORY_BYTES + (1 << 17)  # the end record and its comment
    try:
        archive = zipfile.ZipFile(file)
        listed = [(_name(info), info) for info in archive.infolist()]
    except _BROKEN as error:
        file.close()
        raise SubmissionError(f"{path.name} is not a zip that can be read: {error}.") from None
    if len(listed) > most:
        raise SubmissionError(f"{path.name} holds {len(listed)} entries; at most {most} are taken.")
    times = Counter(name for name, _ in listed)
    infos = dict(listed)
    found = [_member(name, info, times[name]) for name, info in infos.items()]
    refused = {member.name for member in found if member.problem}
    if refused and len(refused) == len(found):
        raise SubmissionError(refusal(path, found[0]))
    return _Archive(archive, tuple(found), {name: infos[name] for name in infos.keys() - refused})


def refusal(path: Path, member: Member) -> str:
    """That an archive is refused for one of its entries, and why."""
    return f"{path.name} is refused for its entry {member.name[:200]!r}: {member.problem}."


def _name(info: zipfile.ZipInfo) -> str:
    """An entry's name. macOS writes UTF-8 and doesn't say so, where the format means code page 437."""
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            return info.orig_filename.encode("cp437").decode("utf-8")
    return info.orig_filename


def _member(name: str, info: zipfile.ZipInfo, times: int) -> Member:
    no_place, mode = _no_place(name), info.external_attr >> 16
    problem = no_place
    if not problem and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        problem = "it is a link or a device"
    elif not problem and info.flag_bits & 0x2041:
        problem = "it is encrypted"
    elif not problem and times > 1:
        problem = "its name is there twice"
    return Member(name, info.is_dir(), _modified(info), problem, bool(no_place))


def _no_place(name: str) -> str:
    """Why a name is no place below a folder. Spaces and marks of any script are plain text, controls aren't."""
    windows = PureWindowsPath(name)
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root:
        return "its name is absolute"
    if ".." in windows.parts:
        return "its name leads out of the folder"
    if "\\" in name or len(name) > 1024 or any(unicodedata.category(c) in _CONTROLS for c in name):
        return "its name isn't plain text of at most 1,024 characters"
    return ""


def _modified(info: zipfile.ZipInfo) -> str:
    """The extended time stamp, which is in UTC; the one that every entry has is local time of nobody knows where."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return iso(struct.unpack_from("<i", extra, 5)[0])
        extra = extra[4 + size :]
    return ""
