"""Broken files: some that must keep the marks they earned, some that hold nothing to grade, some that aren't files."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from hostile.submission import (
    FIRST,
    GAN_TASKS,
    LAST,
    RIGHT,
    SECOND,
    STEP,
    THIRD,
    Change,
    Notebook,
    Place,
    Submission,
    code_cell,
    grade_id,
    learner_cells,
)


def raw(change: Callable[[bytes], bytes]) -> Change:
    """Bytes made from the notebook's JSON text."""
    return lambda notebook: change(json.dumps(notebook).encode())


def carriage_returns(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")


def nbformat_3(notebook: Notebook) -> bytes:
    def old(cell: Notebook) -> Notebook:
        if cell["cell_type"] == "markdown":
            return {"cell_type": "markdown", "metadata": cell["metadata"], "source": cell["source"]}
        rest = {"language": "python", "outputs": [], "metadata": cell["metadata"]}
        return {"cell_type": "code", "input": cell["source"], **rest}

    sheet = {"cells": [old(cell) for cell in notebook["cells"]], "metadata": {}}
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}
    ).encode()


def empty_cells(notebook: Notebook) -> None:
    notebook["cells"] = [x for cell in notebook["cells"] for x in (code_cell(""), code_cell("# my notes"), cell)]


def moved(notebook: Notebook) -> None:
    solutions = [cell for cell in notebook["cells"] if grade_id(cell) in GAN_TASKS]
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in solutions]
    notebook["cells"][2:2] = list(reversed(solutions))


def old_minor(notebook: Notebook) -> None:
    notebook.update(nbformat_minor=0)
    for cell in notebook["cells"]:
        cell.pop("id", None)


NOISE = """\
import sys, warnings, logging
warnings.warn("w")
logging.error("e")
print("x" * 50_000, file=sys.stderr)
%time 1
!echo shell
"""
PICTURES = """\
import ipywidgets, matplotlib.pyplot as plt
from IPython.display import HTML, display
display(ipywidgets.IntSlider(), HTML("<script>1</script>"))
plt.plot([1, 2]);
"""
INNOCENT: dict[str, Change] = {
    "crlf": carriage_returns,
    "bom": raw(lambda data: b"\xef\xbb\xbf" + data),
    "crlf-file": lambda notebook: json.dumps(notebook, indent=1).replace("\n", "\r\n").encode(),
    "old-minor": old_minor,
    "old-major": nbformat_3,
    "empty-cells": empty_cells,
    "moved-cells": moved,
    "unknown-keys": lambda notebook: notebook.update(extra={"a": [1]}, metadata={"widgets": {"x": 1}}),
    "tabs-and-unicode": learner_cells("if True:\n\tnähe = 'Größe 🙂'\nprint(nähe, '\\x1b[31m', chr(0x202E))"),
    "noisy": learner_cells(NOISE),
    "widgets-and-plots": learner_cells(PICTURES),
    "own-cells-fail": learner_cells("1 / 0", "undefined_name", "%no_such_magic"),
}
HEAD = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '
UNREADABLE = {
    "no-bytes": b"",
    "zeros": b"\0" * 100_000,
    "not-utf8": b'{"cells": ["\xff\xfe"]}',
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "deep-dicts": b'{"cells":' * 100_000,
    "huge-integer": b'{"nbformat": 4, "nbformat_minor": ' + b"9" * 20_000 + b', "metadata": {}, "cells": []}',
    "nan-format": b'{"nbformat": NaN, "nbformat_minor": Infinity, "metadata": {}, "cells": []}',
    "list": b'[{"cells": []}]',
    "wrong-types": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": {"a": [null, 3, "x"]}}',
    "odd-cells": HEAD + b'[null, 3, {}, {"cell_type": 7, "metadata": 1, "source": {"a": 1}}]}',
    "many-cells": HEAD + b"[" + b"{}," * 400_000 + b"{}]}",
    "large": HEAD + b"[]}" + b" " * 60_000_000,
    "pickle": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
}


def private_link(path: Path, place: Place) -> None:
    path.symlink_to(place.values["NEIGHBOUR"])


ODD_FILES: dict[str, Callable[[Path, Place], None]] = {
    "pipe": lambda path, place: os.mkfifo(path),
    "folder": lambda path, place: path.mkdir(),
    "link-to-classmate": private_link,
    "link-to-itself": lambda path, place: path.symlink_to(path.name),
    "link-to-zero": lambda path, place: path.symlink_to("/dev/zero"),
    "link-to-passwords": lambda path, place: path.symlink_to("/etc/passwd"),
}


def submissions() -> list[Submission]:
    found = [
        Submission(f"unreadable-{name}", "the reader", "the file", change=lambda notebook, data=data: data)
        for name, data in UNREADABLE.items()
    ]
    found += [
        Submission(f"odd-file-{name}", "the reader", "what isn't a file", file=file)
        for name, file in ODD_FILES.items()
    ]
    found.append(Submission("surrogate-source", "the reader", "the file", {FIRST: "x = '\ud800'\n"}))
    found += [
        Submission(
            f"innocent-{name}", "nothing", "an odd file", RIGHT, earned=GAN_TASKS, kept=GAN_TASKS, change=change
        )
        for name, change in INNOCENT.items()
    ]
    cells = {**RIGHT, THIRD: "def generator_loss(fake_logits:\n    retrun"}
    rest = (FIRST, SECOND, STEP, LAST)
    found.append(Submission("innocent-syntax-error", "nothing", "a slip", cells, earned=rest, kept=rest))
    return found
