"""The course's two paths: the core, of which each lesson builds on those before it, and what goes deeper."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from IPython.display import Markdown

from course_lib.lessons.find import notebooks_in
from course_lib.lessons.minutes import stated_minutes
from course_lib.lessons.outputs import read_notebook
from course_lib.viz.diagrams.course import Stop

CORE = ("00", "01", "05", "07", "09", "10")
DEEP = {"02": "01", "03": "05", "04": "05", "06": "05", "08": "07"}
"""The lessons beside the core path, and the core lesson that each of them deepens."""

_TITLE = re.compile(r"# \d\d · (.+)")


def course_paths(root: Path) -> tuple[list[Stop], dict[str, list[Stop]]]:
    """The lessons that are there, as their own first cells name and time them: the core path in order, and by a core
    lesson's number what deepens it."""
    stops = {path.name[:2]: _stop(path) for path in notebooks_in(root / "notebooks")}
    core = [stops[number] for number in CORE if number in stops]
    deep: dict[str, list[Stop]] = {}
    for number, of in DEEP.items():
        if number in stops:
            deep.setdefault(of, []).append(stops[number])
    return core, deep


def course_list(root: Path, core: Sequence[Stop], deep: Mapping[str, Sequence[Stop]]) -> Markdown:
    """The lessons as a table with links, which lead from one notebook to another, and the hours of each path."""
    files = {path.name[:2]: path.name for path in notebooks_in(root / "notebooks")}
    rows = ["| path | lesson | minutes to read |", "|:--|:--|--:|"]
    rows += [f"| core | {_link(stop, files)} | {stop.minutes} |" for stop in core]
    rows += [
        f"| deep, beside {of} | {_link(stop, files)} | {stop.minutes} |"
        for of, stops in deep.items()
        for stop in stops
    ]
    hours = _hours(core), _hours([stop for stops in deep.values() for stop in stops])
    total = f"Reading takes about {hours[0]} on the core path"
    total += f" and {hours[1]} on the deep one." if deep else "."
    return Markdown("\n".join(rows) + f"\n\n{total}")


def _stop(path: Path) -> Stop:
    first = read_notebook(path).cells[0].source.splitlines()[0]
    found = _TITLE.match(first)
    return Stop(path.name[:2], found[1] if found else path.stem[3:].replace("_", " "), stated_minutes(path) or 0)


def _link(stop: Stop, files: Mapping[str, str]) -> str:
    return f"[{stop.number} {stop.title}]({files[stop.number]})"


def _hours(stops: Sequence[Stop]) -> str:
    """To the next half hour."""
    halves = max(1, round(sum(stop.minutes for stop in stops) / 30))
    return f"{halves / 2:g} hour{'' if halves == 2 else 's'}"
