"""Kernels for submissions: one jail per exercise, kept for the next submission, or no jail at all."""

import atexit
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Self

from jupyter_client import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import CaselessStrEnum, Instance

from course_lib.exercises.exercise import Exercise
from course_lib.grading.sandbox.bubblewrap import environment
from course_lib.grading.sandbox.jail import Jail, SandboxError
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.probe import probe
from course_lib.grading.sandbox.processes import kill_descendants
from course_lib.grading.sandbox.provisioner import SandboxKernelManager, SandboxProvisioner
from course_lib.grading.sandbox.staging import stage

_JAILS = 2  # kept at once; each holds its imports, a quarter of a GB
_NEEDED = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "tornado.platform.asyncio",
)


class Kernel:
    """A kernel to run one submission: its manager for papermill, and the ways to end it and to learn why it ended."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager = manager

    def kill(self) -> None:
        """End it with all that it started. Can be called from any thread, at any time."""
        provisioner = self.manager.provisioner
        if isinstance(provisioner, SandboxProvisioner):
            if provisioner.jailed is not None:
                provisioner.jailed.send("kill")
        elif isinstance(provisioner, LocalProvisioner) and provisioner.pid:
            kill_descendants(provisioner.pid, itself=True)

    def reason(self) -> str:
        """``memory``, ``processes`` or ``cpu`` if it was ended for that, else nothing."""
        return self.manager.reason if isinstance(self.manager, SandboxKernelManager) else ""


class FreeKernelManager(AsyncKernelManager):
    """Kernels in no sandbox, on sockets that are files in ``folder``, where they also work.

    ``library``: the copy that is imported in place of the installed one.
    """

    transport = CaselessStrEnum(["tcp", "ipc"], default_value="ipc" if os.name == "posix" else "tcp", config=True)
    folder = Instance(Path)
    limits = Instance(Limits)
    library = Instance(Path)

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kwargs: object) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "COURSE_DATA") if name in os.environ}
        folder = str(self.folder)
        own = {"TMPDIR": folder, "JUPYTER_RUNTIME_DIR": folder, "PYTHONPATH": str(self.library)}
        kwargs |= {"env": environment(folder) | own | kept, "cwd": folder}
        await super()._async_launch_kernel(
            [*self._bounds(), *kernel_cmd, "--HistoryManager.enabled=False"], **kwargs
        )

    def _bounds(self) -> list[str]:
        """What a command has to begin with to run under the limits; this process's own are not touched."""
        if os.name != "posix":
            return []
        limits: dict[str, int] = self.limits.order()["limits"]
        del limits["NPROC"]  # it counts all processes of whoever grades
        return [
            sys.executable,
            "-E",
            "-S",
            str(Path(__file__).with_name("inside") / "limited.py"),
            json.dumps(limits),
        ]


class Sandbox:
    """``kind``: ``forked`` (kernels forked off a process that has imported torch), ``plain`` (each starts afresh),
    ``auto`` (forked where that works, else plain), ``none`` (no sandbox: for one's own notebooks).

    A context manager. No jail is used before the known escapes have failed in it. ``ValueError`` for another kind.
    """

    def __init__(self, kind: str = "forked") -> None:
        if kind not in NAMES:
            raise ValueError(f"the sandbox can be {', '.join(NAMES)}, got {kind!r}")
        self.kind = kind
        self._jails: dict[str, Jail] = {}
        self._libraries: dict[str, tempfile.TemporaryDirectory[str]] = {}

    @property
    def name(self) -> str:
        """As it is recorded with each result."""
        return NAMES[self.kind]

    @contextmanager
    def kernel(self, exercise: Exercise, limits: Limits) -> Iterator[Kernel]:
        """A kernel for one submission of ``exercise``; ended, with all that it started, at the end."""
        if self.kind == "none":
            with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
                library = self._library(exercise)  # the grader's: what is refused there is refused here
                kernel = Kernel(FreeKernelManager(folder=Path(folder), limits=limits, library=library))
                if kernel.manager.transport == "ipc":
                    kernel.manager.ip = str(Path(folder, "s"))
                try:
                    yield kernel
                finally:
                    kernel.kill()
            return
        jail = self._jail(exercise)
        kernel = Kernel(SandboxKernelManager(jail=jail, limits=limits.order()))
        try:
            yield kernel
        finally:
            kernel.kill()
            if self.kind == "plain":
                self._jails.pop(_key(exercise)).close()

    def _jail(self, exercise: Exercise) -> Jail:
        jail = self._jails.pop(_key(exercise), None)
        if jail is not None and not jail.alive():
            jail.close()
            jail = None
        if jail is None:
            while len(self._jails) >= _JAILS:
                self._jails.pop(next(iter(self._jails))).close()
            jail = self._new_jail(exercise)
        self._jails[_key(exercise)] = jail  # the last used is the last to go
        return jail

    def _new_jail(self, exercise: Exercise) -> Jail:
        preload = () if self.kind == "plain" else (*_NEEDED, *exercise.preload)
        try:
            jail = Jail(self._library(exercise), preload)
            try:
                probe(jail)
            except BaseException:
                jail.close()
                raise
        except SandboxError:
            if self.kind != "auto":
                raise
            self.kind = "plain"
            return self._new_jail(exercise)
        return jail

    def _library(self, exercise: Exercise) -> Path:
        key = _key(exercise)
        if key not in self._libraries:
            folder = tempfile.TemporaryDirectory(prefix="course-library-")
            Path(folder.name).chmod(0o755)
            stage(Path(folder.name), exercise.withheld, exercise.variants)
            self._libraries[key] = folder
        return Path(self._libraries[key].name)

    def close(self) -> None:
        """End all jails."""
        for jail in self._jails.values():
            jail.close()
        for folder in self._libraries.values():
            folder.cleanup()
        self._jails, self._libraries = {}, {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _key(exercise: Exercise) -> str:
    """What a jail and a library are kept for: an exercise in any version, as the course or one folder has it."""
    return f"{exercise.variants.package if exercise.variants else ''}/{exercise.name}"


@cache
def shared_sandbox(kind: str) -> Sandbox:
    """This process's own sandbox of a kind, ended with it."""
    sandbox = Sandbox(kind)
    atexit.register(sandbox.close)
    return sandbox


NAMES = {"auto": "bubblewrap, forked", "forked": "bubblewrap, forked", "plain": "bubblewrap", "none": "none"}
