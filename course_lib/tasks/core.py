r"""What a task is: inputs from a seed, a probe, right answers, and wrong ones with what each gives away.

The learner's process turns inputs into outputs, another process judges them. So a task keeps apart

- ``cases(seed)``: the inputs. Seed ``PUBLIC_SEED`` gives those of ``check``; a grader takes seeds of its own;
- ``probe(answer, case)``: runs where the learner's code runs, calls the answer, and returns named tensors.
  It lives in ``course_lib.probes``, a floor below this one, and knows no right answer;
- ``reference``, ``alternatives``, ``mistakes`` and ``measure``: run where the learner's code never does.

To add an exercise ``NN_name``, write the package ``course_lib/tasks/exNN_name`` beside this file; it is found by its
name. Follow ``ex05_variational_autoencoder``. Its ``__init__.py`` holds

- ``TASKS``, in the order of the notebook, each written ``NAME = Task(name="the_function", ...)``;
- ``EARLIER``, if versions that were handed out ask for tasks that this one doesn't: these, which are still graded;
- ``WITHHELD``: what of the library the answers are made of, which the grader's sandbox then lacks. Its keys are
  floors, modules or functions (``"objectives"``, ``"objectives.kl"``, ``"objectives.kl:kl_standard_normal"``); its
  values are empty, or the code that stands in a function instead. Take whole floors where the notebook's cells use
  none of them: what is an answer but for a factor, or for a constant argument, gives it away too.

For each task:

1. ``cases``: some three, among them a batch of one and one in float64. Take the inputs from :func:`away_from_zero`
   and its kind: no neutral points (mean 0, variance 1, a factor of 1), no two samples or dimensions alike, batch and
   feature sizes above 1. Plain numbers may be inputs, other ones in each case. A tensor made with ``requires_grad_()``
   is one whose gradient is asked for. An answer is called with the case's values in their order, so the keys are the
   names of its parameters.
2. ``reference``: the function of ``course_lib`` where there is one. ``alternatives``: the same by other means, at least
   one where outputs are compared.
3. ``mistakes``: every plausible wrong answer, at least three, with a sentence or two that name the misconception and
   point the way without giving the line away. The first on the list whose outputs equal the learner's is told.
   ``tests/exercises/test_mutation.py`` finds the new tasks by itself: each mistake must be rejected with its own hint
   on 21 seeds, the reference and each alternative accepted. No two tasks of the course bear one name.
4. Where the outputs aren't fixed by the inputs (a trained network), give ``measure(case, outputs)``, which measures
   the quality itself and never believes a number that the learner's code reports. How it was trained is watched by
   ``course_lib/probes/training.py``: that names mistakes and refuses what was trained otherwise than asked.
5. Where one wrong factor in a chain or product can stand in many places, ``explain(case, expected, got)`` tells the gap
   in the task's own terms ("the decoder moved twice as far as it should"), or gives an empty text. It is asked where no
   listed mistake fits, on public inputs, with finite outputs of the right names
   and shapes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from course_lib.probes.calls import Case, Observation, call

Outputs = Mapping[str, Tensor]
Outcome = Literal["right", "wrong", "error", "untouched", "missing"]

PUBLIC_SEED = 2014


@dataclass(frozen=True)
class Mistake:
    """A wrong answer, and what to tell who gives it."""

    answer: Callable[..., Any]
    hint: str


@dataclass(frozen=True)
class Verdict:
    """What became of an answer. ``message`` is for the learner; ``hint`` names the mistake it looks like; ``case``: on
    which of the inputs it failed, if on a certain one; ``figures``: what :attr:`Task.measure` measured, named numbers
    for the class's table, the first one to sort by, smallest first."""

    outcome: Outcome
    message: str = ""
    hint: str = ""
    case: int | None = None
    figures: tuple[tuple[str, float], ...] = ()

    @property
    def passed(self) -> bool:
        return self.outcome == "right"

    def __str__(self) -> str:
        """The sentence first, the numbers after."""
        return f"It looks like this mistake: {self.hint}\n\n{self.message}" if self.hint else self.message


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing an exercise asks for; see the head of this module. ``name`` is the function's name.

    ``rtol`` and ``atol`` bound the error of a float32 entry as in :func:`torch.allclose`; float64 gets a
    hundredth of them. ``public_in_grading``: whether the grader runs the public cases too, to show in the feedback
    by how much an answer is off there (a hidden input is never shown); off where a run takes seconds.
    """

    name: str
    points: float
    cases: Callable[[int], list[Case]]
    reference: Callable[..., Any]
    alternatives: tuple[Callable[..., Any], ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    probe: Callable[[Callable[..., Any], Case], Outputs] = call
    measure: Callable[[Case, Outputs], Verdict] | None = None
    explain: Callable[[Case, Outputs, Outputs], str] | None = None
    rtol: float = 1e-4
    atol: float = 1e-5
    public_in_grading: bool = True
    _cache: dict[int, list[Case]] = field(default_factory=dict, repr=False, compare=False)

    def public_cases(self) -> list[Case]:
        """The inputs of ``check``: the same for everybody, made once."""
        if PUBLIC_SEED not in self._cache:
            self._cache[PUBLIC_SEED] = self.cases(PUBLIC_SEED)
        return self._cache[PUBLIC_SEED]


def missing(reason: str) -> Observation:
    """An observation that holds no output, and why."""
    return Observation({}, error=reason)


def generator(seed: int) -> torch.Generator:
    """A source of random numbers that depends on ``seed`` only."""
    return torch.Generator().manual_seed(seed)


def away_from_zero(
    shape: tuple[int, ...],
    source: torch.Generator,
    low: float = 0.3,
    high: float = 1.5,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Numbers of random sign whose size lies in [low, high]: no entry where wrong formulas agree with right ones."""
    size = low + (high - low) * torch.rand(shape, generator=source, dtype=torch.float64)
    sign = torch.where(torch.rand(shape, generator=source) < 0.5, -1.0, 1.0)
    return (size * sign).to(dtype)


def normal(shape: tuple[int, ...], source: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normal noise."""
    return torch.randn(shape, generator=source, dtype=torch.float64).to(dtype)


def binary(shape: tuple[int, ...], source: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """Zeros and ones, the first two pixels of each image unlike each other, so that neither value is missing."""
    x = (torch.rand(shape, generator=source) < 0.5).to(dtype)
    flat = x.flatten(1)
    if flat.shape[1] > 1:
        flat[:, 1] = 1 - flat[:, 0]
    return flat.reshape(shape)
