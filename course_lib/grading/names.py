"""What strangers call things, as text that can be written down and compared, in whatever script."""

import re
import unicodedata
from collections.abc import Collection

# letters that hide themselves, and marks that change nothing that can be seen: fillers, variation selectors, tags
_FILLERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_NOT_JOINING = "اأإآٱدذرزڑژوؤةىء"  # Arabic letters after which a joiner or non-joiner changes nothing
_JOINERS = "\u200c\u200d"


def writable(text: str) -> str:
    """``text`` with ``\\xff`` in place of what no file in UTF-8 can hold: bytes of a file's name, halves of a pair."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def composed(name: str) -> str:
    """A name with its letters and marks put together as most systems write them; macOS takes them apart."""
    return unicodedata.normalize("NFC", name)


def visible(name: str) -> str:
    """A name of which all can be seen: ``<U+200B>`` in place of what shows nothing, or passes for a space.

    Joiners stay where scripts need them, between letters of Arabic and after the virama of Indian scripts.
    """
    name = writable(name)
    return "".join(
        f"<U+{ord(c):04X}>" if _unseen(c, name[i - 1 : i], name[i + 1 : i + 2]) else c for i, c in enumerate(name)
    )


def meant(name: str, names: Collection[str]) -> str:
    """The one of ``names`` that is called so, or is shown so; the name itself if none is."""
    if name in names:
        return name
    shown = [other for other in names if name in (visible(other), composed(other))]
    return shown[0] if len(shown) == 1 else name


def _unseen(c: str, before: str, after: str) -> bool:
    if c in _JOINERS:
        follows = unicodedata.combining(before or " ") == 9 or (
            unicodedata.name(before or " ", "").startswith("ARABIC LETTER") and before not in _NOT_JOINING
        )
        return not (follows and after.isalpha())
    if c in " \t\r\n":  # which tables and pages show, but for a space at the end
        return c == " " and after in ("", " ")
    return unicodedata.category(c) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") or (
        (unicodedata.category(c) == "Zs" and c != "\u3000") or _FILLERS.match(c) is not None
    )


def plain(name: str) -> str:
    """The letters, marks and digits of a name, however they are written; marks, as they are vowels in many scripts."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in folded if c.isalnum() or unicodedata.category(c).startswith("M"))
