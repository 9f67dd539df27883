"""Weights that change during training: KL warm-up (Bowman et al. 2016, arXiv:1511.06349; Sonderby et al. 2016,
arXiv:1602.02282), a capacity that grows (Burgess et al. 2018, arXiv:1804.03599)."""

from collections.abc import Callable
from dataclasses import dataclass

from course_lib.checks import check_size

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class LinearSchedule:
    """``start`` until step ``begin``, from there straight to ``end`` at step ``num_steps``, and ``end`` from there on.

    Raises ``ValueError`` for ``num_steps`` below 1 and for a ``begin`` outside 0 ... ``num_steps`` - 1.
    """

    start: float
    end: float
    num_steps: int
    begin: int = 0

    def __post_init__(self) -> None:
        check_size(self.num_steps, "num_steps")
        if not 0 <= self.begin < self.num_steps:
            raise ValueError(
                f"begin must be at least 0 and below num_steps = {self.num_steps}, got {self.begin}; "
                "let the change begin within the training"
            )

    def __call__(self, step: int) -> float:
        """The value at the training step with this number, counted from 0."""
        part = (step - self.begin) / (self.num_steps - self.begin)
        return self.start + (self.end - self.start) * min(max(part, 0.0), 1.0)


def value_at(step: int, weight: float | Schedule) -> float:
    """A weight that may be a constant or a schedule, at this step."""
    return weight(step) if callable(weight) else weight
