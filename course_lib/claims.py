"""What a lesson says of its numbers, said beside them: a sentence, the measured number, and whether it holds here."""

import math
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from itertools import pairwise
from typing import Any

from course_lib import smoke

Number = float | int


class Settings:
    """The parameters of a lesson, in one place.

    ``Settings(globals())`` is the last line of the cell that sets them: names in capitals are recorded with their
    values. Claims are made at these values only, and not while a cell that was interrupted waits to be run again.
    """

    current: "Settings | None" = None

    def __init__(self, namespace: MutableMapping[str, Any]) -> None:
        self._namespace = namespace
        self.defaults = {name: value for name, value in namespace.items() if name.isupper() and name[0] != "_"}
        self.unfinished: set[str] = set()  # cells that were interrupted
        Settings.current = self
        shell = _shell()
        if shell is not None:
            shell.events.register("post_run_cell", _note_interruption)  # once, however often it is asked

    def small(self, **values: Any) -> None:
        """Take ``values`` where ``COURSE_SMOKE=1`` asks for a run of seconds. All parameters have their final values by
        now, papermill's among them: ``ValueError`` for one of another kind or sign than its default, and for a name in
        ``values`` without one."""
        for name, default in self.defaults.items():
            value = self._namespace.get(name)
            if not _fits(value, default):
                raise ValueError(
                    f"{name} must be {_asked(default)}, got {value!r}; give another one, or its default, {default!r}"
                )
        for name in values:
            if name not in self.defaults:
                raise ValueError(f"{name} must be a parameter of this lesson, one of {', '.join(self.defaults)}")
        if smoke():
            self._namespace.update(values)

    def are_defaults(self) -> bool:
        """Whether every parameter still has its value."""
        return all(self._namespace.get(name) == value for name, value in self.defaults.items())


def claim(
    sentence: str,
    value: Number | Sequence[Number] | Mapping[str, Number],
    *,
    below: Number | None = None,
    above: Number | None = None,
    falling: bool = False,
    rising: bool = False,
    unit: str = "",
    example: bool = False,
) -> None:
    """Print ``sentence`` with its measured ``value``, and say if it doesn't hold here.

    ``value``: a number; several, of as many seeds or settings, each of which must lie between ``above`` and ``below``
    (exclusive); or named ones. ``falling``, ``rising``: in this order each is less (more) than the one before.

    Where the lessons are tested (``COURSE_STRICT=1``) a claim that doesn't hold is an ``AssertionError``; a reader is
    told by how much it was missed, and the lesson goes on: on another machine, or with another release of torch, a run
    may come out otherwise. Away from the lesson's default settings nothing is claimed. ``example``: a claim made to
    show what one looks like, right or wrong; it stops no test. Raises ``ValueError`` for a claim that says nothing.
    """
    if below is None and above is None and not (falling or rising):
        raise ValueError("a claim must have a bound or an order: below, above, falling or rising")
    values = _numbers(value)
    measured = _said(value, falling or rising) + (f" {unit}" if unit else "")
    settings = Settings.current
    if settings is not None and settings.unfinished:
        print(f"· {sentence}: {measured} (not claimed: a cell was stopped before its end; run it again)")
        return
    if smoke() or (settings is not None and not settings.are_defaults()):
        print(f"· {sentence}: {measured} (not claimed at these settings)")
        return
    missed = _missed(values, below, above, falling, rising)
    if not missed:
        print(f"✓ {sentence}: {measured}")
        return
    text = f"{sentence}: {measured}. {missed}"
    if os.environ.get("COURSE_STRICT", "0") not in ("", "0") and not example:
        raise AssertionError(f"a claim doesn't hold. {text}")
    elsewhere = (
        "" if example else " It did not come out on this machine; the lesson's text says what came out on ours."
    )
    print(f"✗ {text}{elsewhere}")


def print_seeds(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[Sequence[Number]]]) -> None:
    """Print a table of numbers by seed: for each row one cell for each of ``columns``, in it a number a seed.

    Raises ``ValueError`` for a row with another number of cells.
    """
    print(f"{title:22}", *(f"{column:>21}" for column in columns))
    for name, cells in rows.items():
        if len(cells) != len(columns):
            raise ValueError(f"rows must have {len(columns)} cells each, as there are columns, got {len(cells)}")
        texts = (" ".join(f"{v:6.0f}" if abs(v) >= 100 else f"{v:6.2f}" for v in cell) for cell in cells)
        print(f"{name:22}", *(f"{text:>21}" for text in texts))


def _asked(default: Any) -> str:
    """What a parameter with this default must be, in words."""
    if default is None:
        return "None or an integer of at least 1"
    if isinstance(default, bool):
        return "True or False"
    if isinstance(default, int):
        return f"an integer of at least {min(default, 1)}"
    if isinstance(default, float):
        return "a number above 0" if default > 0 else "a number of at least 0"
    if isinstance(default, str):
        return "a word in quotes"
    return f"a list, each of it {_asked(default[0])}"


def _fits(value: Any, default: Any) -> bool:
    """Whether a parameter may have this value, going by its default."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if default is None:
        return value is None or _fits(value, 1)
    if isinstance(default, int):
        return isinstance(value, int) and not isinstance(value, bool) and value >= min(default, 1)
    if isinstance(default, float):
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return is_number and (value > 0 if default > 0 else value >= 0)
    if isinstance(default, str):
        return isinstance(value, str) and value != ""
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple) and len(value) > 0 and all(_fits(v, default[0]) for v in value)
    return True  # no parameter: a module with a name in capitals, say, where the cell was run again


def _shell() -> Any:
    """The notebook's IPython; None where there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _note_interruption(result: Any) -> None:
    """Called by IPython after each cell: say what an interrupted one leaves behind, until it has been run again."""
    settings = Settings.current
    if settings is None or result.info is None:
        return
    cell = getattr(result.info, "cell_id", None) or result.info.raw_cell
    if isinstance(result.error_in_exec, KeyboardInterrupt):
        settings.unfinished.add(cell)
        print(
            "This cell was stopped before its end: a network may be half trained, and what comes last is missing.\n"
            "Run the cell again before you go on. Until then nothing is claimed."
        )
    elif result.success:
        settings.unfinished.discard(cell)


def _numbers(value: Number | Sequence[Number] | Mapping[str, Number]) -> list[float]:
    if isinstance(value, Mapping):
        return [float(v) for v in value.values()]
    if isinstance(value, Sequence):
        return [float(v) for v in value]
    return [float(value)]


def _said(value: Number | Sequence[Number] | Mapping[str, Number], in_order: bool) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_digits(v)}" for name, v in value.items())
    if isinstance(value, Sequence):
        listed = ", ".join(map(_digits, value))
        return listed if in_order else f"{_digits(sum(value) / len(value))} ({listed})"
    return _digits(value)


def _digits(value: Number) -> str:
    """Three significant digits, and no exponent for what a person reads without one."""
    value = float(value)
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _missed(values: list[float], below: Number | None, above: Number | None, falling: bool, rising: bool) -> str:
    """By how much; nothing if all holds. NaN misses every bound."""
    if below is not None and not all(v < below for v in values):
        worst = max(values, key=lambda v: v if v == v else float("inf"))
        return f"Claimed was less than {_digits(below)}; it is {_digits(worst - below)} more."
    if above is not None and not all(v > above for v in values):
        worst = min(values, key=lambda v: v if v == v else float("-inf"))
        return f"Claimed was more than {_digits(above)}; it is {_digits(above - worst)} less."
    if falling and not all(a > b for a, b in pairwise(values)):
        return "Claimed was that each is less than the one before."
    if rising and not all(a < b for a, b in pairwise(values)):
        return "Claimed was that each is more than the one before."
    return ""
