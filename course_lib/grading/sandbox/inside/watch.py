"""Starts one kernel shut in, and watches it from a process that it can't see: memory, time, orders from outside.

Orders and answers are lines on a socket: ``interrupt`` and ``kill`` come in; ``{"sealed": true}``, once the kernel has
opened its sockets and nothing more can be written beside them, and at the end ``{"ended": status, "reason": why}`` go
out. If the socket's other side is closed, the kernel is killed. Its death ends all its processes, since it is the first
of its PID namespace.
"""

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import confine
import escapes

_POLL, _SOON = 0.1, 0.002  # seconds between two looks: at its use of the machine, at its start and its end
NUM_SOCKETS = 5  # shell, iopub, stdin, heartbeat, control
_TICKS = os.sysconf("SC_CLK_TCK")


def main(order: dict[str, Any], base: str, line: socket.socket) -> NoReturn:
    """Never returns: this is a process of its own. ``order``: the kernel's connection, and its limits."""
    code = 1
    try:
        os.setsid()
        _keep(line.fileno())
        sockets = str(Path(base, order["name"]))
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)  # which this process keeps, and the kernel won't see
        # the first to go where memory runs out
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        confine.new_namespaces()
        confine.private_files(base, sockets, order["tmp_mb"])
        pid = os.fork()
        if pid == 0:
            os.close(proc)
            _kernel(order, line)
        _send(line, _watch(pid, order, line, sockets, proc))
        code = 0
    except BaseException as error:
        _send(line, {"error": f"{type(error).__name__}: {error}"})
    os._exit(code)


def _keep(descriptor: int) -> None:
    """Close every descriptor but this one; the standard ones lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, 1 << 16)


def _send(line: socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):
        line.sendall(json.dumps(message).encode() + b"\n")


def _kernel(order: dict[str, Any], line: socket.socket) -> NoReturn:
    """The process that will run the learner's code."""
    try:
        confine.call("prctl", 1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: it doesn't outlive its watcher
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.nice(5)  # who watches and who judges goes first
        os.environ.clear()
        os.environ.update(order["environment"])
        home = order["environment"]["HOME"]
        Path(home).mkdir()
        os.chdir(home)
        connection = Path(home, ".connection.json")
        connection.write_text(json.dumps(order["connection"]), encoding="utf-8")
        confine.shut_in(order["limits"])
        if "witness" in order:
            if "torch" in sys.modules:
                warm_up()
            _send(line, {"escapes": escapes.found(order)})
        else:
            run_kernel(str(connection), line)
    except BaseException as error:
        _send(line, {"error": f"{type(error).__name__}: {error}"})
        os._exit(70)
    os._exit(0)


def warm_up() -> None:
    """Do once what costs a second when it is first done: an optimiser's imports, a backward pass. A forked process in
    which it hangs could not train."""
    import torch

    weight = torch.zeros(4, 4, requires_grad=True)
    optimizer = torch.optim.Adam([weight])
    torch.nn.functional.linear(torch.ones(2, 4), weight).sum().backward()
    optimizer.step()


def run_kernel(connection: str, line: socket.socket) -> None:
    """IPython's kernel, on sockets that are files; ``line`` is closed before the first message is taken."""
    import random

    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()
    sys.argv[:] = ["kernel"]
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize(["-f", connection, "--HistoryManager.enabled=False", "--IPKernelApp.capture_fd_output=False"])
    line.close()
    app.start()


def _watch(pid: int, order: dict[str, Any], line: socket.socket, sockets: str, proc: int) -> dict[str, Any]:
    """Until the kernel has ended: how, and why if it was ended from here."""
    reason, pause, sealed = "", _SOON, False
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return {"ended": os.waitstatus_to_exitcode(status), "reason": reason}
        if not sealed and sum(1 for _ in Path(sockets).iterdir()) >= NUM_SOCKETS:
            confine.seal(sockets)
            _send(line, {"sealed": True})
            pause, sealed = _POLL, True
        if select.select([line], [], [], pause)[0]:
            for word in (line.recv(256) or b"kill").split():
                os.kill(pid, signal.SIGINT if word == b"interrupt" else signal.SIGKILL)
                pause = _POLL if word == b"interrupt" else _SOON
        reason = reason or _too_much(pid, order, proc)
        if reason:
            os.kill(pid, signal.SIGKILL)


def _too_much(pid: int, order: dict[str, Any], proc: int) -> str:
    """What the kernel and all below it use too much of, or nothing."""
    family = _family(pid, proc)
    if len(family) > order["processes"]:
        return "processes"
    memory = seconds = 0.0
    for member in family:
        with suppress(OSError, ValueError, IndexError):  # it may have ended meanwhile
            for text in _read(proc, f"{member}/status").splitlines():
                if text.startswith(("RssAnon:", "RssShmem:", "VmPTE:")):
                    memory += int(text.split()[1]) / 1024
            seconds += sum(map(int, _stat(proc, member)[11:15])) / _TICKS
    if memory > order["memory_mb"]:
        return "memory"
    return "cpu" if seconds > order["cpu_seconds"] else ""


def _family(pid: int, proc: int) -> list[int]:
    """A process and all below it; whoever loses its parent falls to the first of the namespace, which is ``pid``."""
    children: dict[int, list[int]] = {}
    for name in os.listdir(proc):
        if name.isdigit():
            with suppress(OSError, IndexError):
                children.setdefault(int(_stat(proc, int(name))[1]), []).append(int(name))
    found = [pid]
    for member in found:
        found.extend(children.get(member, ()))
    return found


def _stat(proc: int, pid: int) -> list[str]:
    """The fields after the name, which may hold anything."""
    return _read(proc, f"{pid}/stat").rpartition(")")[2].split()


def _read(folder: int, name: str) -> str:
    def inside(path: str, flags: int) -> int:
        return os.open(path, flags, dir_fd=folder)

    with open(name, encoding="utf-8", errors="replace", opener=inside) as file:
        return file.read()
