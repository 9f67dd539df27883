"""What strangers call things, as text that can be written down and compared, in whatever script."""

import unicodedata


def writable(text: str) -> str:
    """``text`` with ``\\xff`` in place of what no file in UTF-8 can hold: bytes of a file's name, halves of a pair."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def composed(name: str) -> str:
    """A name with its letters and marks put together as most systems write them; macOS takes them apart."""
    return unicodedata.normalize("NFC", name)


def plain(name: str) -> str:
    """The letters, marks and digits of a name, however they are written; marks, as they are vowels in many scripts."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in folded if c.isalnum() or unicodedata.category(c).startswith("M"))
