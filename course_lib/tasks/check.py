"""``check("name", name)``: the public checks of one task, run where the learner works.

An answer that fails raises ``CheckFailed``, an ``AssertionError``: so JupyterLab shows the message, nbgrader counts
no points and nbval a failure. Nothing is written to stderr.
"""

from typing import Any

from course_lib.probes.calls import Case, copied, observe
from course_lib.tasks.core import Task, Verdict
from course_lib.tasks.find import find_task
from course_lib.tasks.judging import judge


class CheckFailed(AssertionError):
    """What is wrong with an answer, in words. In a notebook the message stands alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def public_verdict(task: Task, answer: Any) -> Verdict:
    """The verdict on ``answer`` for the public cases of ``task``."""
    cases = task.public_cases()
    return judge(task, cases, [observe(task.probe, answer, case) for case in cases], reveal=True)


class Check:
    """``check("f", f)``: run the public checks of the task ``f`` on an answer, the function itself.

    Prints that they passed. Raises ``CheckFailed`` with what was expected, what came and the mistake it looks like;
    ``ValueError`` for a name that is no task's. ``last_case`` is then the input that it failed on, by the names of the
    parameters: ``f(**check.last_case)`` calls the answer again.
    """

    last_case: Case | None = None

    def __call__(self, name: str, answer: Any = None) -> None:
        task = find_task(name)
        verdict = public_verdict(task, answer)
        self.last_case = None if verdict.case is None else copied(task.public_cases()[verdict.case])
        if not verdict.passed:
            had = "\nThe input it failed on is check.last_case." if self.last_case else ""
            raise CheckFailed(f"{verdict}{had}")
        print(f"{name}: public checks passed.")


check = Check()
