"""Does the sandbox hold, here and today? Known escapes are tried in it before a learner's code comes near it."""

import sys
import tempfile
from pathlib import Path

from course_lib.grading.sandbox.bubblewrap import check_packages, environment
from course_lib.grading.sandbox.jail import Jail, SandboxError
from course_lib.grading.sandbox.limits import Limits

_SECONDS = 60.0
_SMALL = Limits(memory_mb=1024, processes=16, tmp_mb=16)
_ELSE = "For notebooks of your own, --sandbox none runs them without one; that is written into every row."


def require(kind: str) -> None:
    """See that there is a sandbox of a kind, other than ``none``. Raises ``SandboxError``, with what to do, if not."""
    if kind == "none":
        return
    try:
        if sys.platform != "linux":
            raise SandboxError(
                f"the sandbox needs Linux, this is {sys.platform}; the repository's Containerfile says how to have one"
            )
        check_packages()
        with tempfile.TemporaryDirectory(prefix="course-library-") as library:
            Path(library).chmod(0o755)
            with Jail(Path(library)) as jail:
                probe(jail)
    except SandboxError as error:
        raise SandboxError(f"{error}\n{_ELSE}") from None


def probe(jail: Jail) -> None:
    """Try the escapes, and a training step, in a jail. Raises ``SandboxError`` if one works, or it can't be told."""
    with tempfile.NamedTemporaryFile(prefix="course-witness-") as witness:
        Path(witness.name).chmod(0o644)
        order = {"connection": {}, "environment": environment("/tmp/home"), "witness": witness.name}
        # the walls alone, without their watcher, who would end what tries them
        shut = jail.kernel(order | _SMALL.order() | {"processes": 10_000, "memory_mb": 1 << 30})
        try:
            worked = shut.expect("escapes", _SECONDS)["escapes"]
        finally:
            shut.close()
    if worked:
        ways = ", ".join(name.replace("_", " ") for name in worked)
        raise SandboxError(f"the sandbox doesn't hold on this machine; what worked in it: {ways}.")
