"""Using up: memory, disk, files, processes, time, output. Bounded by themselves, should the limits not hold."""

from hostile.payloads import table
from hostile.submission import FIRST, SECOND, Submission, reveal, right

HELD = "\nimport ctypes, mmap, os, signal, time\nheld = []\n"
BLOCK = """
import signal


def deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    for number in (1, 2, 3, 15):
        signal.signal(number, signal.SIG_IGN)


"""


def submissions() -> list[Submission]:
    found = [
        Submission(
            f"uses-{one.name}", "the host", "more than is allowed", reveal(one.source, HELD), jail=True, slow=True
        )
        for one in table("memory")
    ]
    for name, attacked, channel in (
        ("loops", "the grader's time", "code that doesn't end"),
        ("floods", "the grader's memory", "output"),
    ):
        for one in table(name):
            cells = {FIRST: BLOCK + one.source + "\n", **right(SECOND)}
            jail = name == "floods" or "jail" in one.flags
            found.append(
                Submission(f"{name}-{one.name}", attacked, channel, cells, earned=(SECOND,), jail=jail, slow=True)
            )
    return found
