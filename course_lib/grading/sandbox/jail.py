"""The jail: a program shut in by bubblewrap, from which kernels come. What is in it, and how it is asked.

Nothing of the file system is there but the interpreter, its packages and the copy of the library, all read-only; there
is no network. As root, bubblewrap makes the mounts and the program gives up root for ``UID`` before anything else,
since limits on processes don't bind for root. Each kernel then shuts itself in once more (``inside/confine.py``).
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from course_lib.grading.sandbox.bubblewrap import BASE, LIBRARY, SCRIPTS, SandboxError, bubblewrap

UID = 65530  # of nobody; only used when the grader is root
_INSIDE = Path(__file__).with_name("inside")
_START = 120.0  # seconds that a jail has to import everything
_HELP = """Where bubblewrap is refused:
- Ubuntu 23.10 and later: the AppArmor profile for bwrap in docs/security.md ("Where bubblewrap is refused"),
  loaded by: sudo apparmor_parser -r /etc/apparmor.d/bwrap
  or, on a machine that only grades: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
- in a container, and elsewhere than on Linux: the repository's Containerfile says how it has to be started"""


class Jail:
    """A running jail. ``library``: the folder that holds the copy of ``course_lib``. ``preload``: what kernels need.

    A context manager. Raises ``SandboxError`` if bubblewrap is missing or refused, or the program in it doesn't start.
    """

    def __init__(self, library: Path, preload: Sequence[str] = ()) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="course-", dir=_short())
        self.base = Path(self._folder.name)
        self.base.chmod(0o755)
        self._count = 0
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        root = os.geteuid() == 0
        settings = {
            "base": BASE,
            "path": LIBRARY,
            "preload": list(preload),
            "uid": UID if root else None,
            "control": theirs.fileno(),
        }
        command = [
            *bubblewrap(self.base, library, _INSIDE, root),
            "-E",
            "-s",
            f"{SCRIPTS}/zygote.py",
        ]
        try:
            self._process = subprocess.Popen(
                [*command, json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
                env={},
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"bubblewrap could not be started: {error}") from None
        finally:
            theirs.close()
        self._control.settimeout(_START)
        try:
            answer = json.loads(self._control.recv(1 << 16) or b"{}")
        except (OSError, ValueError):
            answer = {}
        if "ready" not in answer:
            said = answer.get("error") or self._said()
            if "error" not in answer and "Traceback" not in said:  # it was bubblewrap that stopped
                said = f"{said}\n{_HELP}"
            self.close()
            raise SandboxError(f"the sandbox did not start: {said}")

    def kernel(self, order: dict[str, Any]) -> "JailedKernel":
        """A new kernel; ``order``: see ``inside/watch.py``, without its name and the place of its sockets.

        Raises ``SandboxError`` if the jail has ended.
        """
        self._count += 1
        name = f"k{self._count}"
        folder = self.base / name
        folder.mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(folder, UID, UID)
        ours, theirs = socket.socketpair()
        order = order | {"name": name}
        order["connection"] = order["connection"] | {"ip": f"{BASE}/{name}/s"}
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise SandboxError(f"the sandbox has ended ({error}): {self._said()}") from None
        finally:
            theirs.close()
        return JailedKernel(ours, folder)

    def alive(self) -> bool:
        """Whether kernels can still be had."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the jail with all that is in it."""
        self._control.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait()
        self._errors.close()
        self._folder.cleanup()

    def _said(self) -> str:
        """The end of what bubblewrap and the program wrote to stderr."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace").strip()[-1000:] or "nothing was said"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class JailedKernel:
    """A kernel in the jail, seen from outside. ``folder``: where its sockets lie."""

    def __init__(self, line: socket.socket, folder: Path) -> None:
        self.folder = folder
        self.ended: int | None = None
        self.reason = ""
        self._line, self._rest = line, b""

    def send(self, order: str) -> None:
        """``interrupt`` or ``kill``; nothing happens if it has ended."""
        with suppress(OSError):
            self._line.send(order.encode() + b"\n")

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message of its watcher, or None if none came; its end is kept in ``ended`` and ``reason``."""
        if b"\n" not in self._rest and self.ended is None:
            self._line.settimeout(max(seconds, 1e-6))
            try:
                data = self._line.recv(1 << 16)
            except (TimeoutError, BlockingIOError):
                return None
            except OSError:
                data = b""
            self._rest += data or b'{"ended": -9}\n'
        if b"\n" not in self._rest:
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            message |= {"ended": 70, "reason": message["error"]}
        if "ended" in message and self.ended is None:
            self.ended, self.reason = message["ended"], message.get("reason", "")
        return message

    def expect(self, word: str, seconds: float) -> dict[str, Any]:
        """Wait for a message that holds ``word``. Raises ``SandboxError`` if it ends or is silent instead."""
        while self.ended is None:
            message = self.receive(seconds)
            if message is None:
                break
            if word in message:
                return message
        how = "no answer" if self.ended is None else f"it ended with status {self.ended}"
        raise SandboxError(f"a kernel in the sandbox was not {word}: {self.reason or how}")

    def close(self) -> None:
        """Kill it if it still runs, and remove its folder."""
        self.send("kill")
        while self.ended is None and self.receive(5.0) is not None:
            pass
        self._line.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _short() -> str | None:
    """A folder whose name leaves room for a socket's: 107 characters are all that Linux takes."""
    return None if len(tempfile.gettempdir()) < 40 else "/tmp"
