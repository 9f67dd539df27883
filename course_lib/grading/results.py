"""What grading gives: a verdict per task, a result per submission, the journal's record of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from course_lib.tasks.core import Outcome, Verdict

Status = Literal["graded", "stopped", "rejected", "failed"]


@dataclass(frozen=True)
class TaskVerdict:
    """One task of one submission. ``message`` holds learners' text: escape it wherever it is shown.

    ``hint``: the known mistake that the answer is, or empty; ``message`` begins with it then (in older records, ends).
    ``figures``: what the judge measured, named numbers for the class's table; nothing in them is the learner's text.
    """

    task: str
    points: float
    max_points: float
    verdict: Outcome
    message: str = ""
    hint: str = ""
    figures: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """The message without the hint."""
        if not self.hint:
            return self.message
        named = str(Verdict(self.verdict, "", self.hint))
        return self.message.removeprefix(named).removesuffix(f"\n\n{named.strip()}")


@dataclass(frozen=True)
class Result:
    """One submission.

    ``status``: ``graded`` (it ran to its end), ``stopped`` (it was ended early; what came before counts),
    ``rejected`` (it could not be run; ``reason`` says why), ``failed`` (the grader's fault, not the learner's).
    ``notes``: what was found while reading it, for the learner. ``seconds``: wall-clock time of its run.
    ``sandbox``: what its code ran in, ``none`` if nothing held it. ``cells``: the name of each cell that ran, and its
    seconds.
    """

    learner: str
    exercise: str
    status: Status
    verdicts: tuple[TaskVerdict, ...]
    seconds: float = 0.0
    reason: str = ""
    notes: tuple[str, ...] = ()
    sandbox: str = "none"
    cells: tuple[tuple[str, float], ...] = ()

    @property
    def score(self) -> float:
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def max_score(self) -> float:
        return sum(verdict.max_points for verdict in self.verdicts)


@dataclass(frozen=True)
class Adjustment:
    """What is added to or taken off the grader's marks, and who did it.

    ``task``: empty for the whole exercise. ``points``: with ``manual`` the marks that replace the task's (without a
    task: are added to the exercise's), with ``late`` what is taken off. ``at``: ISO 8601, UTC.
    """

    kind: Literal["late", "manual", "comment"]
    task: str
    points: float
    comment: str
    by: str
    at: str


@dataclass(frozen=True)
class Record:
    """What the journal holds of a learner's current submission of an exercise.

    ``answers``: the learner's code by task. ``content``: SHA-256 of the notebook's bytes, hexadecimal. ``attempt``:
    how many different contents were handed in so far. ``submitted``: ISO 8601, UTC, or empty. ``elsewhere``: the scores
    of notebooks of the same exercise that lay at another place and were handed in before this one.
    """

    result: Result
    answers: Mapping[str, str]
    content: str
    attempt: int
    submitted: str
    adjustments: tuple[Adjustment, ...]
    elsewhere: tuple[float, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What the learner should know besides the verdicts."""
        notes = [note for note in (self.result.reason, *self.result.notes) if note]
        if self.elsewhere:
            scores = " and ".join(f"{score:g}" for score in self.elsewhere)
            notes.append(
                f"Another notebook of this exercise was handed in before this one, in another folder. This one counts; "
                f"the other would have {scores} of {self.max_score:g} points."
            )
        return notes

    @property
    def learner(self) -> str:
        return self.result.learner

    @property
    def exercise(self) -> str:
        return self.result.exercise

    @property
    def points(self) -> dict[str, float]:
        """Each task's marks: the grader's, or those that an instructor put in their place last."""
        points = {verdict.task: verdict.points for verdict in self.result.verdicts}
        manual = {a.task: a.points for a in self.adjustments if a.kind == "manual" and a.task in points}
        return points | manual

    @property
    def score(self) -> float:
        """The tasks' marks, with what was added to the exercise and without what was taken off; never below 0."""
        added = sum(a.points for a in self.adjustments if a.kind == "manual" and not a.task)
        late = sum(a.points for a in self.adjustments if a.kind == "late")
        return max(0.0, sum(self.points.values()) + added - late)

    @property
    def max_score(self) -> float:
        return self.result.max_score

    @property
    def marked_before(self) -> list[str]:
        """The tasks (empty: the exercise) whose marks by hand are older than what was handed in, and still count."""
        if not self.submitted:
            return []
        handed_in = datetime.fromisoformat(self.submitted)
        manual = [a for a in self.adjustments if a.kind == "manual"]
        return sorted({a.task for a in manual if datetime.fromisoformat(a.at) < handed_in})
