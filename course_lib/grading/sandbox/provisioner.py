"""Jupyter's way to a kernel in the jail: a kernel provisioner, so that papermill and nbclient need no other."""

import asyncio
import signal
import time
from contextlib import suppress
from queue import Empty
from typing import Any, cast

from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import CaselessStrEnum, Dict, Instance, Type, Unicode

from course_lib.grading.sandbox.bubblewrap import environment
from course_lib.grading.sandbox.jail import Jail, JailedKernel, SandboxError

NAME = "course-sandbox"
_START = 30.0  # seconds that a kernel has to shut itself in and to open its sockets
_PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")


class PromptClient(AsyncKernelClient):
    """A client that takes a kernel for ready when it has answered on both channels.

    Jupyter's own client waits another 0.2 s in case more comes; this one tells messages apart by their parents.
    """

    def start_channels(self, *args: bool, **kwargs: bool) -> None:
        """All but the one for input, which nobody would read, and the heartbeat: the provisioner knows who lives."""
        super().start_channels(*args, **kwargs | {"stdin": False, "hb": False})

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        seconds = _START if timeout is None else timeout
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.kernel_info()
            with suppress(Empty):
                answer = await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)
                self._handle_kernel_info_reply(answer)
                return
            if not await self.is_alive():
                raise SandboxError("a kernel in the sandbox ended before it was ready")
        raise SandboxError(f"a kernel in the sandbox was not ready after {seconds:g} s")


class SandboxKernelManager(AsyncKernelManager):
    """A manager whose kernels come from ``jail``, under ``limits`` (the order of ``inside/watch.py``)."""

    client_class = f"{__name__}.PromptClient"
    client_factory = Type(klass=PromptClient)
    transport = CaselessStrEnum(["tcp", "ipc"], default_value="ipc", config=True)
    jail = Instance(Jail)
    limits = Dict()
    reason = Unicode()  # why the last kernel was ended by its watcher, if it was

    def client(self, **kwargs: Any) -> Any:
        """On sockets of this manager's context, whose limits they have; by itself a client makes one of its own."""
        return super().client(context=self.context, **kwargs)

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=["kernel"],
            display_name="Python 3 in a sandbox",
            language="python",
            interrupt_mode="signal",
            metadata={"kernel_provisioner": {"provisioner_name": NAME}},
        )

    def write_connection_file(self, **_: Any) -> None:
        """There is none out here: the kernel gets its own, in its own /tmp."""


class SandboxProvisioner(KernelProvisionerBase):
    """One kernel in the jail of its manager. Raises ``SandboxError`` if it doesn't start or can't be sealed."""

    jailed: JailedKernel | None = None

    @property
    def has_process(self) -> bool:
        return self.jailed is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **_: Any) -> KernelConnectionInfo:
        manager = self.parent
        if not isinstance(manager, SandboxKernelManager):
            raise SandboxError("a kernel of the sandbox needs a SandboxKernelManager, which knows the jail")
        ports = {name: number for number, name in enumerate(_PORTS, 1)}
        connection = {"transport": "ipc", "key": manager.session.key.decode(), "signature_scheme": "hmac-sha256"}
        self.jailed = manager.jail.kernel(
            {
                "connection": connection | ports,
                "environment": environment("/tmp/home"),
                **manager.limits,
            }
        )
        self.jailed.expect("sealed", _START)
        manager.ip = str(self.jailed.folder / "s")
        known = connection | ports | {"ip": manager.ip, "key": manager.session.key}
        self.connection_info = cast(KernelConnectionInfo, known)
        return self.connection_info

    async def poll(self) -> int | None:
        if self.jailed is None:
            return 0
        self.jailed.receive(0)
        return self.jailed.ended

    async def wait(self) -> int | None:
        deadline = time.monotonic() + 10
        while (status := await self.poll()) is None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        return status

    async def send_signal(self, signum: int) -> None:
        if self.jailed is not None:
            self.jailed.send("interrupt" if signum == signal.SIGINT else "kill")

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def cleanup(self, restart: bool = False) -> None:
        if self.jailed is not None:
            self.jailed.close()
            if isinstance(self.parent, SandboxKernelManager):
                self.parent.reason = self.jailed.reason
            self.jailed = None
