"""``check("name", name)``: the public checks of one task, run where the learner works.

An answer that fails raises ``CheckFailed``, an ``AssertionError``: so JupyterLab shows the message, nbgrader counts
no points and nbval a failure. Nothing is written to stderr.
"""

from typing import Any

from course_lib.probes.calls import observe
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


def check(name: str, answer: Any = None) -> None:
    """Run the public checks of the task ``name`` on ``answer``, the function itself: ``check("f", f)``.

    Prints that they passed. Raises ``CheckFailed`` with what was expected, what came and the mistake it looks like;
    ``ValueError`` for a name that is no task's.
    """
    task = find_task(name)
    verdict = public_verdict(task, answer)
    if not verdict.passed:
        raise CheckFailed(str(verdict))
    print(f"{name}: public checks passed.")
