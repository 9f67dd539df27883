"""The payloads that only forge marks, laid out for ``nbgrader autograde``, and the comparison of what they earned.

``write_submitted(folder)`` fills nbgrader's ``submitted/``; after ``nbgrader autograde 07_gan`` (and the VAE exercise)
``nbgrader_scores`` reads its gradebook and ``our_scores`` the tasks.csv of ``course grade`` on the same folder, which
has nbgrader's layout. ``comparison`` is the table in Markdown. Run nbgrader on this where nothing can be lost: some
payloads end or patch the kernel, none reads, writes or reaches beyond it.
"""

import csv
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from hostile.corpus import CORPUS, SHORT, write
from hostile.submission import Place, Submission

FORGING = ("returns", "gradient", "step", "model", "meddles", "forges", "raw", "patches", "notebook", "rewrites")
FORGING += ("leaves", "second", "hooks", "imports")
# these touch more than marks: a file, the kernel's other sockets, much memory
NOT_HERE = {
    "notebook-other-kernel",
    "rewrites-magic-exit",
    "raw-own-frontend",
    "meddles-huge",
    "returns-huge-string",
}
NOT_HERE |= {"returns-pickle", "returns-pickle-in-npz", "returns-pickle-in-state", "model-huge-net"}

Scores = Mapping[str, Mapping[str, float]]


def forgeries(everything: bool = False) -> list[Submission]:
    """Those of the short corpus, or of all of it, that attack nothing but marks."""
    return [
        one
        for one in CORPUS
        if one.name.startswith(FORGING)
        and not (one.jail or one.slow or one.name in NOT_HERE)
        and (everything or one.name in SHORT)
    ]


def write_submitted(folder: Path, everything: bool = False) -> list[Submission]:
    """LEARNER/EXERCISE/EXERCISE.ipynb under ``folder`` for each forgery; the learner is the forgery's name."""
    chosen = forgeries(everything)
    nowhere = {"CANARY": tempfile.mkdtemp()}
    write(folder, chosen, Place("forgery", nowhere))
    return chosen


def our_scores(tasks: Path) -> Scores:
    """Points by learner and task, from the tasks.csv of ``course grade``."""
    scores: dict[str, dict[str, float]] = {}
    with tasks.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            scores.setdefault(row["learner"], {})[row["task"]] = float(row["points"])
    return scores


def nbgrader_scores(database: Path, chosen: Collection[Submission]) -> Scores:
    """The same from nbgrader's gradebook.db; what it could not grade has no points."""
    from nbgrader.api import Gradebook, MissingEntry

    scores: dict[str, dict[str, float]] = {}
    with Gradebook(f"sqlite:///{database}") as gradebook:
        for one in chosen:
            try:
                graded = gradebook.find_submission_notebook(one.exercise, one.exercise, one.name)
            except MissingEntry:
                continue
            points = {grade.name.removeprefix("check_"): float(grade.score) for grade in graded.grades}
            scores[one.name] = points
    return scores


def forged(scores: Scores, submission: Submission) -> float:
    """The points of a submission for tasks that it did not answer rightly."""
    return sum(points for task, points in scores.get(submission.name, {}).items() if task not in submission.earned)


def comparison(ours: Scores, nbgrader: Scores, chosen: Collection[Submission]) -> str:
    """How many forgeries earned points, and how many points, here and with nbgrader, by what they attack."""
    rows = [
        "| attacked | by | forgeries | succeed here | succeed with nbgrader | points here | points with nbgrader |"
    ]
    rows.append("|---|---|--:|--:|--:|--:|--:|")
    kinds = list(dict.fromkeys((one.attacks, one.channel) for one in chosen))
    for kind in [*kinds, None]:
        group = [one for one in chosen if kind in (None, (one.attacks, one.channel))]
        points = [[forged(scores, one) for one in group] for scores in (ours, nbgrader)]
        won = [sum(value > 0 for value in column) for column in points]
        head = f"{kind[0]} | {kind[1]}" if kind else "**all** |"
        totals = " | ".join(f"{sum(column):g}" for column in points)
        rows.append(f"| {head} | {len(group)} | {won[0]} | {won[1]} | {totals} |")
    return "\n".join(rows)


if __name__ == "__main__":
    for one in forgeries():
        print(f"{one.name:32} {one.attacks}, by {one.channel}")
