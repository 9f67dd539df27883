"""The bank's promise: no wrong answer passes, no right one is refused, nine of ten are named and none wrongly.

An answer that trains a network takes seconds, so a third of those is judged here, and all with BANK=all, as in
`make soak`.
"""

import os
from pathlib import Path

import pytest
from answers import Answer, Result, faults, judged, read_answers, table

from course_lib.tasks.find import find_task

BANK = read_answers()
WHOLE = os.environ.get("BANK") == "all"

RIGHT = "def reconstruction_loss(x_hat, x):\n    return (x_hat - x).square().flatten(1).sum(1).mean()\n"
MEAN = "def reconstruction_loss(x_hat, x):\n    return (x_hat - x).square().mean()\n"


def answer(code: str, *told: str) -> Answer:
    return Answer("01", "reconstruction_loss", "", not told, told, code, "here")


@pytest.mark.slow
@pytest.mark.parametrize("exercise", sorted({a.exercise for a in BANK}))
def test_the_promise_holds(exercise: str) -> None:
    answers = [a for a in BANK if a.exercise == exercise]
    training = [a for a in answers if find_task(a.task).measure]
    left_out = [] if WHOLE else [a for i, a in enumerate(training) if i % 3]
    found = faults([judged(a) for a in answers if a not in left_out])
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize(
    ("given", "outcome", "fault"),
    [
        (answer(RIGHT), "passed", ""),
        (answer(MEAN), "refused", "right, and refused"),
        (answer(RIGHT, "in place"), "passed", "wrong, and passes"),
        (answer(MEAN, "root", "averaged over the pixels"), "named", ""),
        (answer(MEAN, "root"), "named wrongly", "named wrongly"),
        (answer(RIGHT.replace(".mean", ".men"), "root"), "unnamed", "0 of 1 wrong answers are named"),
        (answer("def reconstruction_loss(x_hat, x)", "expected ':'"), "named", ""),
    ],
)
def test_each_outcome_is_told_from_the_others(given: Answer, outcome: str, fault: str) -> None:
    result = judged(given)
    assert result.outcome == outcome, result.feedback
    found = faults([result])
    assert (fault in "\n".join(found)) if fault else not found


def test_counts_are_of_tasks_exercises_and_all() -> None:
    results = [Result(answer(RIGHT), "passed", ""), *[Result(answer(MEAN, "x"), "named", "")] * 3]
    results.append(Result(answer(MEAN, "x"), "unnamed", ""))
    lines = [line.split() for line in table(results).splitlines()]
    assert ["01", "reconstruction_loss", "1", "0", "0", "3", "1", "0", "75%"] in lines
    assert ["all", "1", "0", "0", "3", "1", "0", "75%"] in lines


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("right = true\ntold = ['x']", "for wrong answers only"),
        ("right = false", "for wrong answers only"),
        ("right = false\ntold = ['In place']", "in lower case"),
        ("right = 1", "right should be a bool"),
        ("right = true\nwhy = 'x'", "nobody reads why"),
    ],
)
def test_a_garbled_entry_is_told(tmp_path: Path, line: str, said: str) -> None:
    entry = f"[[answer]]\ntask = 'f'\nwhat = 'w'\ncode = 'c'\n{line}\n"
    (tmp_path / "ex01_walked.toml").write_text(entry)
    with pytest.raises(ValueError, match=said):
        read_answers(tmp_path)
