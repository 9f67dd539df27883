"""What a stranger's cell defines, found line by line: linear in its length, whatever it holds, and never parsed.

(Parsing 1 MB of code takes up to half a minute and 1 GB.) A text within quotes that looks like a definition is taken
for one; whoever asks looks at the last one that is found.
"""

import re

_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w{1,100})", re.M)
_BOUND = re.compile(
    r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w{1,100})|^[ \t]*(\w{1,100})[ \t]*(?::[^=\n]{0,200})?=(?!=)",
    re.M,
)
_IN_PYTHON = re.compile(r"%%(?:capture|time|prun)\b")  # cell magics whose cell runs as Python and leaves its names
_IMPORTED = re.compile(r"^[ \t]*(?:from[ \t].*)?import[ \t](.*)", re.M)
_CALLED = re.compile(r"(?<![\w.])(?<!def )(\w{1,100})[ \t]*\(")
_CHECK = re.compile(r"^check\([ \t]*([\"'])(\w+)\1[ \t]*,[ \t]*\2[ \t]*\)[ \t;]*$", re.M)


def defined(source: str) -> set[str]:
    """The functions and classes that a cell defines at its top level."""
    return set() if _is_foreign(source) else set(_DEFINED.findall(source))


def bound(source: str) -> set[str]:
    """Every name that a cell may give a value to: defined at any depth, assigned or imported."""
    if _is_foreign(source):
        return set()
    names = {name for pair in _BOUND.findall(source) for name in pair}
    return names | {word for line in _IMPORTED.findall(source) for word in re.findall(r"\w+", line)}


def called(source: str) -> set[str]:
    """Every name that stands before an opening bracket, but what is defined there and what is another's attribute
    (``torch.distributions.kl_divergence``); comments and texts count, too."""
    return set(_CALLED.findall(source))


def without_checks(source: str) -> str:
    """A cell without the lines ``check("name", name)``, which the grader's own calls replace."""
    return _CHECK.sub("pass", source)


def is_blank(source: str) -> bool:
    """Whether nothing would run but ``pass``."""
    return all(line.strip() in ("", "pass") or line.lstrip().startswith("#") for line in source.split("\n"))


def _is_foreign(source: str) -> bool:
    """Whether a cell is bash, HTML or the like: a cell magic stands in its first line that isn't empty."""
    start = source.lstrip()
    return start.startswith("%%") and not _IN_PYTHON.match(start)
