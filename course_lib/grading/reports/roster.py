"""Which row of a learning platform's table is a learner's: by identifier, by name and number as in downloads, by name.

A row that two learners would get is nobody's.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from course_lib.grading.names import plain, visible
from course_lib.grading.reports.text import clean


class Roster:
    """The rows of a table, found by who they are of.

    ``identifiers``: the columns that hold one, the platform's own number first. ``names``: the name in each row, as
    ``Given Family`` or ``Family, Given``. ``learners``: the rows that are a learner's. ``group``: the column that names
    each learner's team. ``number_alone``: whether nobody but the platform can have put a number after a name, so that
    it tells who it is where there is no name (anonymous marking) or a new one.
    """

    def __init__(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        learners: Iterable[int],
        identifiers: Sequence[str],
        names: Sequence[str],
        *,
        group: str = "",
        number_alone: bool = False,
    ) -> None:
        self._names, self._number_alone, self._groups = names, number_alone, group in head
        self._by_id: dict[str, set[int]] = defaultdict(set)
        self._by_number: dict[str, set[int]] = defaultdict(set)
        self._by_name: dict[str, set[int]] = defaultdict(set)
        self._by_group: dict[str, set[int]] = defaultdict(set)
        for i in learners:
            for column in identifiers:
                if column in head and (key := rows[i][head.index(column)].strip().casefold()):
                    self._by_id[key].add(i)
            if number := re.search(r"[0-9]+$", rows[i][head.index(identifiers[0])].strip()):
                self._by_number[number[0]].add(i)
            family, _, given = names[i].partition(",")
            for name in filter(None, (plain(names[i]), plain(given + family))):
                self._by_name[name].add(i)
            if self._groups and (name := plain(rows[i][head.index(group)])):
                self._by_group[name].add(i)

    def places(self, learners: Iterable[str]) -> tuple[Mapping[str, Sequence[int]], list[str]]:
        """Each learner's row, or rows if it is a team, and the learners without one, each with the reason.

        Raises ``ValueError`` if nobody has one.
        """
        rows: dict[str, set[int]] = {}
        left_out = []
        for learner in sorted(set(learners)):
            own = self._rows(learner)
            if len(own) == 1:
                rows[learner] = own
            elif own:
                left_out.append(f"{clean(visible(learner), 80)}: several rows of that name")
            elif team := self._team(learner):
                rows[learner] = team
            else:
                left_out.append(f"{clean(visible(learner), 80)}: {self._why_none(learner)}")
        taken = Counter(row for own in rows.values() for row in own)
        places = {}
        for learner, own in rows.items():
            if any(taken[row] > 1 for row in own):
                left_out.append(f"{clean(visible(learner), 80)}: means the same row as another learner")
            places[learner] = sorted(row for row in own if taken[row] == 1)
        if not any(places.values()):
            raise ValueError(
                "no learner of these results is in the table: is it the right course, and without pseudonyms?"
            )
        return places, left_out

    def _rows(self, learner: str) -> set[int]:
        name, number = _download_name(learner)
        numbered, named = self._by_number.get(number, set()), self._by_name.get(plain(name), set())
        return (
            self._by_id.get(learner.strip().casefold())
            or numbered & named
            or (numbered if self._number_alone and name and not named else set())
            or self._by_name.get(plain(learner))
            or set()
        )

    def _team(self, learner: str) -> set[int]:
        return self._by_group.get(plain(learner)) or self._by_group.get(plain(_download_name(learner)[0])) or set()

    def _why_none(self, learner: str) -> str:
        name, number = _download_name(learner)
        other = self._by_number.get(number, set())
        if name and len(other) == 1:
            return (
                f"the row with its number has another name, {clean(self._names[next(iter(other))], 80)}. If somebody "
                "was renamed, or it is a group's, enter the mark by hand, for each member"
            )
        if name and self._number_alone and not self._groups:
            return (
                "no row of that name or number. If it is a team's: the table has no column Group that names its "
                "members, so give one of them the mark by hand and apply it to the entire group"
            )
        return "no row of that name"


def _download_name(learner: str) -> tuple[str, str]:
    """Name and number of ``name_number``, as learners in a platform's download are called."""
    name, _, number = learner.rpartition("_")
    return name, number
