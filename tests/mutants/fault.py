"""A fault: a line of ``course_lib`` as a plausible, published or popular implementation has it, wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """``line`` stands exactly once in ``course_lib/<file>`` and is replaced by ``slip``; ``tests``: the file under
    ``tests/library/`` that must then fail (fast, and without a download). ``seen_in``: where it was found, if anywhere.
    """

    name: str
    file: str
    line: str
    slip: str
    tests: str
    seen_in: str = ""
