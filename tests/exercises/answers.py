"""The bank of learners' answers: every one goes through ``check``'s judge, and is held against what it should be told.

``answers/exNN_origin.toml`` holds answers to exercise NN, each an entry

    [[answer]]
    task = "pca_reconstruct"                 # the name given to check("...")
    what = "subtracts the mean in place"     # what this learner did
    right = false
    told = ["in place"]                      # of a wrong one: the feedback must hold one of these, in lower case
    code = '''                               # what stands in the answer's cell; names of the cells above are there
    def pca_reconstruct(x_train, x, num_directions):
        ...
    '''

``python tests/exercises/answers.py`` prints the counts, ``... answers.py 05 --show`` also what went otherwise, and
``... answers.py 05 --task train_vae --feedback`` all that is told.
"""

import argparse
import contextlib
import io
import linecache
import os
import sys
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from course_lib.exercises.build import read_notebook
from course_lib.probes.calls import describe
from course_lib.tasks.check import public_verdict
from course_lib.tasks.core import Verdict
from course_lib.tasks.find import find_task

HERE = Path(__file__).parent
BANK = HERE / "answers"
SOLUTIONS = HERE.parents[1] / "solutions"
HANDED_IN = HERE / "handed_in"  # earlier editions, solved
SHARE_NAMED = 0.9

Outcome = Literal["passed", "refused", "named", "unnamed", "named wrongly"]
_COLUMNS: tuple[tuple[bool, Outcome], ...] = (
    (True, "passed"),
    (True, "refused"),
    (False, "passed"),
    (False, "named"),
    (False, "unnamed"),
    (False, "named wrongly"),
)
_KEYS = {"task": str, "what": str, "right": bool, "code": str}


@dataclass(frozen=True)
class Answer:
    """What a learner typed. ``exercise`` is its number, ``place`` the file and the entry's number in it."""

    exercise: str
    task: str
    what: str
    right: bool
    told: tuple[str, ...]
    code: str
    place: str


@dataclass(frozen=True)
class Result:
    """What became of an answer, and the whole feedback."""

    answer: Answer
    outcome: Outcome
    feedback: str


def read_answers(folder: Path = BANK) -> list[Answer]:
    """All answers of a folder. Raises ``ValueError`` for an entry that isn't as the head of this module says."""
    found = []
    for path in sorted(folder.glob("ex*.toml")):
        for i, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("answer", []), 1):
            found.append(_answer(path, f"{path.name}, answer {i}", entry))
    return found


def _answer(path: Path, place: str, entry: dict[str, Any]) -> Answer:
    for key, kind in _KEYS.items():
        if not isinstance(entry.get(key), kind):
            raise ValueError(f"{place}: {key} should be a {kind.__name__}, it is {entry.get(key)!r}")
    told = entry.get("told", [])
    if set(entry) - {*_KEYS, "told"}:
        raise ValueError(f"{place}: nobody reads {', '.join(set(entry) - {*_KEYS, 'told'})}")
    if entry["right"] == bool(told) or not all(isinstance(t, str) and t and t == t.lower() for t in told):
        raise ValueError(f"{place}: told is a list of texts in lower case, for wrong answers only; it is {told!r}")
    return Answer(path.name[2:4], entry["task"], entry["what"], entry["right"], tuple(told), entry["code"], place)


def judged(answer: Answer) -> Result:
    """The answer, run where the cells above it have run, and judged as ``check`` does it."""
    verdict = verdict_on(answer)
    feedback = str(verdict)
    if verdict.passed:
        return Result(answer, "passed", feedback)
    if answer.right:
        return Result(answer, "refused", feedback)
    if any(told in feedback.lower() for told in answer.told):
        return Result(answer, "named", feedback)
    return Result(answer, "named wrongly" if verdict.hint else "unnamed", feedback)


def verdict_on(answer: Answer) -> Verdict:
    """The verdict of the public checks. A cell that stops leaves what it has defined so far."""
    name = f"<{answer.place}>"
    linecache.cache[name] = (len(answer.code), None, answer.code.splitlines(keepends=True), name)
    namespace = dict(_above(answer.exercise, answer.task))
    namespace.pop(answer.task, None)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(answer.code, name, "exec"), namespace)
        except Exception as error:
            if answer.task not in namespace:
                return Verdict("error", describe(error))
        return public_verdict(find_task(answer.task), namespace.get(answer.task))


@cache
def _above(exercise: str, task: str) -> dict[str, Any]:
    """The names that the cells above a task's answer define, in the solution or an earlier edition; checks and pictures
    don't run."""
    for path in (*SOLUTIONS.glob(f"{exercise}_*.ipynb"), *HANDED_IN.glob(f"{exercise}_*.ipynb")):
        namespace: dict[str, Any] = {"__name__": "__main__"}
        cells = read_notebook(path).cells
        if task not in {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells}:
            continue
        for cell in cells:
            nbgrader = cell.metadata.get("nbgrader", {})
            if nbgrader.get("grade_id") == task:
                return namespace
            graded = cell.metadata.get("course", {}).get("graded", True)
            if cell.cell_type == "code" and graded and not nbgrader.get("grade"):
                exec(compile(cell.source, f"<{path.stem}>", "exec"), namespace)
    raise ValueError(f"no edition of exercise {exercise} has an answer cell of the task {task}")


def faults(results: Sequence[Result]) -> list[str]:
    """What of the bank's promise these results of one exercise break, in words; empty if it holds."""
    wrong = [r for r in results if not r.answer.right]
    named = sum(r.outcome == "named" for r in wrong)
    found = [
        f"{r.answer.place} ({r.answer.task}: {r.answer.what}) is {said}\n{r.feedback}"
        for r in results
        if (said := _fault(r))
    ]
    if named < SHARE_NAMED * len(wrong):
        found.append(f"{named} of {len(wrong)} wrong answers are named, less than {SHARE_NAMED:.0%}")
    return found


def _fault(result: Result) -> str:
    """Why this result alone breaks the promise; nothing if it doesn't."""
    if result.answer.right:
        return "right, and refused" if result.outcome == "refused" else ""
    return {"passed": "wrong, and passes", "named wrongly": "named wrongly"}.get(result.outcome, "")


def table(results: Iterable[Result]) -> str:
    """The counts of each task, each exercise and the whole bank, as text."""
    counts: dict[str, Counter[tuple[bool, Outcome]]] = {}
    for r in results:
        for row in (f"  {r.answer.exercise} {r.answer.task}", f"exercise {r.answer.exercise}", "all"):
            counts.setdefault(row, Counter())[r.answer.right, r.outcome] += 1
    width = max(map(len, counts), default=0)
    lines = [f"{'':{width}}  right        wrong", f"{'':{width}}  pass refused pass named unnamed wrongly  named"]
    order = sorted((row for row in counts if row[0] == " "), key=lambda row: row.split()[0])
    rows: list[str] = []
    for row in order:
        exercise = f"exercise {row.split()[0]}"
        rows += [exercise, row] if exercise not in rows else [row]
    for row in [*rows, "all"] if counts else []:
        n = [counts[row][column] for column in _COLUMNS]
        wrong = sum(n[2:])
        share = f"{n[3] / wrong:6.0%}" if wrong else ""
        lines.append(f"{row:{width}}  {n[0]:4d} {n[1]:7d} {n[2]:4d} {n[3]:5d} {n[4]:7d} {n[5]:7d} {share}")
    return "\n".join(lines)


def main() -> int:
    """Print the counts; 1 if the promise doesn't hold."""
    parser = argparse.ArgumentParser(description="Judge the bank of learners' answers, and count.")
    parser.add_argument("exercises", nargs="*", help="numbers such as 05; without any, all")
    parser.add_argument("--task", help="answers to this task only")
    parser.add_argument(
        "--show", action="store_true", help="print what passes, is refused, unnamed or named wrongly"
    )
    parser.add_argument("--feedback", action="store_true", help="print what each wrong answer is told")
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [a for a in read_answers() if a.exercise in (given.exercises or [a.exercise])]
    results = [judged(a) for a in chosen if given.task in (None, a.task)]
    for r in results:
        as_it_should = r.outcome == ("passed" if r.answer.right else "named")
        if (given.feedback and not r.answer.right) or (given.show and not as_it_should):
            right = "right" if r.answer.right else "wrong"
            print(
                f"--- {r.answer.place}, {r.answer.task}: {r.answer.what}\n    {right}, {r.outcome}\n{r.feedback}\n"
            )
    print(table(results))
    return int(any(faults([r for r in results if r.answer.exercise == e]) for e in {a.exercise for a in chosen}))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
