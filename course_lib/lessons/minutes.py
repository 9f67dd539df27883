"""How long a lesson takes to read, its code included: worked out from its words and lines, not guessed."""

import re
from pathlib import Path

from course_lib.lessons.outputs import read_notebook

WORDS_A_MINUTE = 150  # of a text with formulas, read to be understood
SECONDS_A_LINE = 5  # of code
HEADER = re.compile(r"\*\*Time:\*\* about ([0-9]+) minutes to read, code included")
WORDS_A_FORMULA = 20  # on a line of its own
_DISPLAYED = re.compile(r"\$\$.*?\$\$", re.DOTALL)
_UNSEEN = re.compile(r"<[^>]+>|\$[^$]*\$|https?://\S+|[*_`#|>-]+")


def reading_minutes(lesson: Path) -> int:
    """To the next five minutes. A formula within a sentence counts as a word."""
    words = lines = 0
    for cell in read_notebook(lesson).cells:
        if cell.cell_type == "markdown":
            text, formulas = _DISPLAYED.subn(" ", cell.source)
            words += len(_UNSEEN.sub(" x ", text).split()) + WORDS_A_FORMULA * formulas
        elif cell.cell_type == "code":
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    return 5 * round((words / WORDS_A_MINUTE + lines * SECONDS_A_LINE / 60) / 5)


def stated_minutes(lesson: Path) -> int | None:
    """What its first cell says; None if it says nothing."""
    found = HEADER.search(read_notebook(lesson).cells[0].source)
    return int(found[1]) if found else None
