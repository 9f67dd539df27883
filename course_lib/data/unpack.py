"""A downloaded file's content, whatever a browser, an unpacker or a network in between made of it."""

import gzip
import zlib
from pathlib import Path

from course_lib.data.integrity import HashMismatch

_GZIP = b"\x1f\x8b"
_TIMES = 2  # a server may pack once more what is packed
_TAKE_ANOTHER = "delete it, and take the original"
# what stands in a file's place: how it begins, what it is, what to do
_OTHER = (
    (b"<", "this is a web page, the download was intercepted (a login page of the network?)", _TAKE_ANOTHER),
    (b"PK\x03\x04", "this is a zip archive", "unpack it here"),
    (b"version https://git-lfs", "this is a Git LFS pointer, not the file", "run: git lfs pull"),
)


def unpacked(path: Path) -> tuple[bytes, bytes]:
    """The bytes of ``path`` as they are, and out of gzip: its first bytes tell what it is, not its name.

    Raises ``HashMismatch`` for a file that is empty, cut off, or of another kind (a web page, a zip archive).
    """
    raw = path.read_bytes()
    try:
        content = raw
        for _ in range(_TIMES):
            content = gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise HashMismatch(
            f"{path} must be whole, got a gzip file that can't be read to its end; {_TAKE_ANOTHER}"
        ) from error
    if not content:
        raise HashMismatch(f"{path} must hold data, got an empty file ({len(raw)} bytes); {_TAKE_ANOTHER}")
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    for begin, kind, remedy in _OTHER:
        if start.startswith(begin):
            raise HashMismatch(f"{path} must be a data file: {kind}; {remedy}")
    return raw, content
