"""Rows of a benchmark in a CSV file that is written as it goes: a run that was killed goes on where it stopped."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KEY = ("name", "seed", "settings")


class Rows:
    """One row for each (name, seed, settings), with the same ``figures`` in each.

    ``settings``: a word for all that would change the figures (steps, sizes, weights), so that a row made under
    other settings is not taken for this one. Let one process write; a last line cut off by a kill is dropped.
    Raises ``ValueError`` where the file holds other columns.
    """

    def __init__(self, path: Path, figures: Sequence[str]) -> None:
        self.path = path
        self.columns = (*KEY, *figures)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_bytes().decode() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_bytes(whole.encode())
        header, *rows = csv.reader(whole.splitlines()) if whole else [self.columns]
        if tuple(header) != self.columns:
            raise ValueError(
                f"{path} holds the columns {header}, not {list(self.columns)}; move the file out of the way"
            )
        if not whole:
            self._append(self.columns)
        self.rows = [dict(zip(self.columns, row, strict=True)) for row in rows]

    def _append(self, cells: Sequence[object]) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(cells)

    def __contains__(self, key: tuple[str, int, str]) -> bool:
        """Whether ``(name, seed, settings)`` is there already."""
        return tuple(map(str, key)) in {tuple(row[k] for k in KEY) for row in self.rows}

    def add(self, name: str, seed: int, settings: str, **figures: float) -> None:
        """Write a row at once. Raises ``ValueError`` for other figures than those of the file."""
        row: dict[str, object] = {"name": name, "seed": seed, "settings": settings, **figures}
        if row.keys() != set(self.columns):
            raise ValueError(f"a row needs the figures {list(self.columns[len(KEY) :])}, got {list(figures)}")
        cells = [str(row[column]) for column in self.columns]
        self._append(cells)
        self.rows.append(dict(zip(self.columns, cells, strict=True)))

    def values(self, name: str, settings: str, figure: str) -> list[float]:
        """One figure of every seed, in the order of the file."""
        return [float(r[figure]) for r in self.rows if (r["name"], r["settings"]) == (name, settings)]

    def over_seeds(
        self, name: str, num_seeds: int, settings: str, run: Callable[[int], Mapping[str, float]]
    ) -> list[list[float]]:
        """The values of each figure, one for each seed from 0 on; ``run(seed)`` makes the rows that aren't there."""
        for seed in range(num_seeds):
            if (name, seed, settings) not in self:
                self.add(name, seed, settings, **run(seed))
        return [self.values(name, settings, figure)[:num_seeds] for figure in self.columns[len(KEY) :]]
