"""Does the sandbox hold, here and today? Known escapes are tried in it before a learner's code comes near it."""

import sys
import tempfile
from pathlib import Path

from course_lib.grading.sandbox.jail import Jail, SandboxError, environment
from course_lib.grading.sandbox.limits import Limits

_SECONDS = 60.0
_HELP = """Where bubblewrap is refused:
- Ubuntu 23.10 and later: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile
  for bwrap (docs/security.md has one);
- in a container, and elsewhere than on Linux: the repository's Containerfile says how it has to be started;
For notebooks of your own, --sandbox none runs them without one; that is written into every row."""


def choose(wanted: str = "auto") -> tuple[str, str]:
    """The kind of sandbox to use, and a note for the instructor if it isn't the best.

    ``auto`` is ``forked`` where a kernel can be forked, else ``plain``. Raises ``SandboxError``, with what to do, where
    there is no sandbox or one of the escapes works: never less than was asked for.
    """
    if wanted == "none":
        return wanted, "No sandbox: what runs here can do all that you can."
    if sys.platform != "linux":
        raise SandboxError(f"the sandbox needs Linux, this is {sys.platform}.\n{_HELP}")
    if wanted in ("auto", "forked"):
        try:
            probe(("torch",))
            return "forked", ""
        except SandboxError as error:
            if wanted == "forked":
                raise
            why = str(error).splitlines()[0]
        probe(())
        return "plain", f"Each kernel starts afresh, which is slower: {why}"
    probe(())
    return "plain", ""


def probe(preload: tuple[str, ...]) -> None:
    """Try the escapes in a jail with these modules. Raises ``SandboxError`` if one works, or it can't be told."""
    limits = Limits(memory_mb=1024, processes=16, tmp_mb=16)
    with (
        tempfile.TemporaryDirectory(prefix="course-library-") as library,
        tempfile.NamedTemporaryFile(prefix="course-witness-") as witness,
    ):
        Path(library).chmod(0o755)
        Path(witness.name).chmod(0o644)
        try:
            with Jail(Path(library), preload) as jail:
                order = {"connection": {}, "environment": environment("/tmp/home"), "witness": witness.name}
                shut = jail.kernel(order | limits.order())
                try:
                    message = shut.expect("escapes", _SECONDS)
                finally:
                    shut.close()
        except SandboxError as error:
            raise SandboxError(f"{error}\n{_HELP}") from None
    if message["escapes"]:
        ways = ", ".join(name.replace("_", " ") for name in message["escapes"])
        raise SandboxError(f"the sandbox doesn't hold on this machine; what worked in it: {ways}.\n{_HELP}")
