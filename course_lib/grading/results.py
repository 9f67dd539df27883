"""What grading gives: a verdict per task, a result per submission, a summary of the batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from course_lib.tasks.core import Outcome

Status = Literal["graded", "stopped", "rejected", "failed"]


@dataclass(frozen=True)
class TaskVerdict:
    """One task of one submission. ``message`` holds learners' text: escape it wherever it is shown."""

    task: str
    points: float
    max_points: float
    verdict: Outcome
    message: str = ""


@dataclass(frozen=True)
class Result:
    """One submission.

    ``status``: ``graded`` (it ran to its end), ``stopped`` (it was ended early; what came before counts),
    ``rejected`` (it could not be run; ``reason`` says why), ``failed`` (the grader's fault, not the learner's).
    ``notes``: what was found while reading it, for the learner. ``seconds``: wall-clock time of its run.
    """

    learner: str
    exercise: str
    status: Status
    verdicts: tuple[TaskVerdict, ...]
    seconds: float = 0.0
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def max_score(self) -> float:
        return sum(verdict.max_points for verdict in self.verdicts)


@dataclass(frozen=True)
class Summary:
    """A batch: its results in the order of learner and exercise, where they were written, and how long it took."""

    results: tuple[Result, ...]
    out: Path
    seconds: float

    def count(self, status: Status) -> int:
        """How many submissions ended that way."""
        return sum(result.status == status for result in self.results)
