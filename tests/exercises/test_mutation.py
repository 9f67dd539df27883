"""The mutation gate: each listed mistake is rejected with its own hint, each right answer accepted, on any seed.

It finds the tasks of every exercise by itself, those of its older versions too. Where a network is trained, right
answers are tried on four seeds in place of 21, and mistakes on one; with less than BANK=all, on two seeds, and every
second mistake.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch

from course_lib.exercises.catalogue import catalogue_of
from course_lib.exercises.exercise import answers_in
from course_lib.probes.calls import observe
from course_lib.tasks.core import PUBLIC_SEED, Task, Verdict
from course_lib.tasks.judging import Judge

CATALOGUE = catalogue_of()
ASKED = {
    task.name: (name[:2], task)
    for name in CATALOGUE.names
    for version in CATALOGUE.versions(name)
    for task in CATALOGUE.exercise(name, version).tasks
}
WHOLE = os.environ.get("BANK") == "all"
SECRET_SEEDS = [7919 * (i + 1) ** 3 for i in range(20)]
TASKS = [pytest.param(task, id=f"{number}-{name}") for name, (number, task) in ASKED.items()]


def judges(task: Task, seeds: Sequence[int]) -> list[tuple[int, Judge]]:
    return [(seed, Judge(task, task.cases(seed))) for seed in seeds]


def verdict(judge: Judge, answer: Callable[..., object], reveal: bool = False) -> Verdict:
    return judge.verdict([observe(judge.task.probe, answer, case) for case in judge.cases], reveal=reveal)


@pytest.mark.parametrize("task", TASKS)
def test_right_answers_are_accepted(task: Task) -> None:
    for seed, judge in judges(task, [PUBLIC_SEED, *SECRET_SEEDS[:: (7 if WHOLE else 20) if task.measure else 1]]):
        for answer in (task.reference, *task.alternatives):
            result = verdict(judge, answer)
            assert result.passed, f"seed {seed}: {result}"


@pytest.mark.parametrize("task", TASKS)
def test_each_mistake_is_rejected_with_its_own_hint(task: Task) -> None:
    for seed, judge in judges(task, [PUBLIC_SEED, *([] if task.measure else SECRET_SEEDS)]):
        for mistake in task.mistakes[:: 2 if task.measure and not WHOLE else 1]:
            result = verdict(judge, mistake.answer, reveal=seed == PUBLIC_SEED)
            assert result.outcome == "wrong", f"seed {seed} accepts: {mistake.hint}"
            assert result.hint == mistake.hint, f"seed {seed}: told {result.hint!r} instead of {mistake.hint!r}"


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.int64, torch.complex64, torch.float16, torch.float64], ids=str
)
@pytest.mark.parametrize("task", [t for t in TASKS if not t.values[0].measure])
def test_numbers_of_another_type_get_a_verdict(task: Task, dtype: torch.dtype) -> None:
    """A half, a bool or a complex number in place of each output of a wrong answer: it is told, and nothing breaks."""
    judge = Judge(task, task.public_cases())
    for answer in (task.reference, task.mistakes[0].answer):
        seen = [observe(task.probe, answer, case) for case in judge.cases]
        if any(o.error or o.untouched for o in seen):
            continue
        other = [replace(o, outputs={name: (1.5 * x).to(dtype) for name, x in o.outputs.items()}) for o in seen]
        assert judge.verdict(other, reveal=True).outcome == "wrong"


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_mistakes_and_another_way_to_be_right(task: Task) -> None:
    assert task.points > 0
    assert len(task.mistakes) >= 3
    assert task.measure is not None or task.alternatives
    assert len({mistake.hint for mistake in task.mistakes}) == len(task.mistakes)
    assert task.probe.__module__.startswith("course_lib.probes."), "a probe stands apart from right answers"


def test_names_are_unique_over_all_exercises() -> None:
    exercises = [
        {a for cells in CATALOGUE.versions(n).values() for a in answers_in(cells)} for n in CATALOGUE.names
    ]
    assert len(set().union(*exercises)) == sum(map(len, exercises))
