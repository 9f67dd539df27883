"""Ending early, answering differently the second time, and code that runs where nobody called it."""

import textwrap

from hostile.payloads import table
from hostile.submission import FIRST, LAST, RIGHT, SECOND, THIRD, Submission, right

NAMES = """
import sys


def names():
    # the functions that this one was called from
    frame, found = sys._getframe(1), []
    while frame:
        found.append(frame.f_code.co_name)
        frame = frame.f_back
    return found


"""
HEAD = "def optimal_discriminator(log_p, log_q):\n"
WRONG = f"\n\n\n{HEAD}    return torch.zeros_like(log_p)\n"


def submissions() -> list[Submission]:
    found = []
    before = (FIRST, SECOND, LAST)
    for one in table("exits"):
        cells = {**right(*before), THIRD: one.source}
        found.append(
            Submission(f"leaves-{one.name}", "the checks that follow", "an early end", cells, earned=before)
        )
    for one in table("second_calls"):
        cells = {FIRST: NAMES + one.source}
        found.append(Submission(f"second-{one.name}", "hidden inputs", "an answer that changes", cells))
    for one in table("errors"):
        cells = {FIRST: HEAD + textwrap.indent(one.source, "    "), LAST: RIGHT[LAST]}
        slow = "slow" in one.flags
        report = "the report of an error"
        found.append(Submission(f"raises-{one.name}", report, "an exception", cells, earned=(LAST,), slow=slow))
    for one in table("hooks"):
        found.append(Submission(f"hooks-{one.name}", "the collector", "hooks", {FIRST: one.source + WRONG}))
    return found
