"""Becomes another program under limits: ``python limited.py '{"DATA": 1000000}' program argument ...``.

The limits are this process's own, so whoever starts it keeps theirs. POSIX, standard library only.
"""

import json
import os
import resource
import sys
from contextlib import suppress


def bound(limits: dict[str, int]) -> None:
    """Set these soft limits (names such as ``DATA``), as far as the system has them."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


if __name__ == "__main__":
    bound(json.loads(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
