"""What systems add to the name of a file that is saved, downloaded or uploaded again, in the languages they speak.

``name-1`` (Canvas), ``name (1)`` (browsers), ``name-Copy1`` (JupyterLab), ``Copy of name`` and ``Copy_of_name``
(Colab), ``name - Kopie`` (Windows), ``name copy 2`` (macOS), ``name-UUID``, ``name.ipynb``.
"""

import re

_GAP = "[ _+]"
_BEFORE = (
    "copy of", r"copy \([0-9]+\) of", "kopie von", "kopie van", "kopie", "copie de", "copia de", "copia di", "cópia de",
    "kopia av", "kopi af", "kopi av", "kopia", "kópia", "копия", "копія", "kopya", "نسخة من", "עותק של", "bản sao của",
)  # fmt: skip
_AFTER = (
    "copy", "kopie", "kopia", "kópia", "kopi", "kopya", "copie", "copia", "cópia", "копия", "копія", "副本", "コピー",
    "복사본", "사본", "نسخة", "עותק", "bản sao",
)  # fmt: skip
_BEFORE_IT = re.compile(f"(?:(?:{'|'.join(word.replace(' ', _GAP) for word in _BEFORE)}){_GAP}+)+", re.I)
_AFTER_IT = re.compile(
    r"(?:-[0-9]+|-Copy[0-9]+|[ _]?\([0-9]+\)|-[0-9a-f-]{36}|\.ipynb"
    rf"|(?:{_GAP}[-–—]?{_GAP}?)(?:{'|'.join(word.replace(' ', _GAP) for word in _AFTER)})(?:{_GAP}[0-9]+)?"
    r"|的副本|[ _]?の(?:コピー|複製)|의[ _]?사본)+$",
    re.I,
)
_QUOTES = "“”„\"'«»「」"


def without_copy(stem: str) -> str:
    """A name (without ending) without what a copy of the file adds to it."""
    name = _AFTER_IT.sub("", stem[-200:].strip())
    return _AFTER_IT.sub("", _BEFORE_IT.sub("", name, count=1).strip(_QUOTES))
