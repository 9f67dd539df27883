"""Known ways out of a sandbox, tried by a process that is shut in as a learner's kernel is. None may work.

Each function tries one; it returns whether that worked, or raises, which is as good as no.
"""

import ctypes
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)


def found(order: dict[str, Any]) -> list[str]:
    """The names of the ways that worked. ``order["witness"]``: a file outside, known to exist."""
    worked = []
    for attempt in ATTEMPTS:
        try:
            if attempt(order):
                worked.append(attempt.__name__)
        except Exception:
            continue
    return worked


def being_root(_: dict[str, Any]) -> bool:
    return 0 in (os.getuid(), os.geteuid(), os.getgid())


def becoming_root(_: dict[str, Any]) -> bool:
    os.setuid(0)
    return True


def having_capabilities(_: dict[str, Any]) -> bool:
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    return _libc.capget(header, sets) != 0 or any(sets)


def gaining_privileges(_: dict[str, Any]) -> bool:
    return _libc.prctl(39, 0, 0, 0, 0) != 1  # PR_GET_NO_NEW_PRIVS


def reading_a_file_outside(order: dict[str, Any]) -> bool:
    return Path(order["witness"]).exists()


def reading_passwords(_: dict[str, Any]) -> bool:
    return any(Path("/etc", name).exists() for name in ("shadow", "passwd", "hosts"))


def seeing_processes(_: dict[str, Any]) -> bool:
    return os.getpid() != 1 or any(Path("/proc").glob("[0-9]*"))


def signalling_processes(_: dict[str, Any]) -> bool:
    os.kill(-1, 0)
    return True


def writing_outside_tmp(_: dict[str, Any]) -> bool:
    places = ["/", "/usr", "/dev", "/run", "/opt/course", "/opt/course/library", "/proc", sys.prefix]
    return any(_writes(place) for place in places)


def writing_beside_other_kernels(order: dict[str, Any]) -> bool:
    return _writes("/run/course") or len(list(Path("/run/course").iterdir())) > 1


def filling_the_disk(order: dict[str, Any]) -> bool:
    half = (order["tmp_mb"] << 19) + 4096
    with tempfile.TemporaryFile(dir="/tmp") as one, tempfile.TemporaryFile(dir="/tmp") as two:
        for file in (one, two):
            os.posix_fallocate(file.fileno(), 0, half)
        return True


def allocating_memory(order: dict[str, Any]) -> bool:
    return len(bytearray(order["limits"]["DATA"] + 4096)) > 0


def starting_processes(order: dict[str, Any]) -> bool:
    wanted, children = order["limits"]["NPROC"] + 1, []
    try:
        for _ in range(wanted):
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
        return True
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def new_user_namespace(_: dict[str, Any]) -> bool:
    return _libc.unshare(0x10000000) == 0


def cloning_into_a_namespace(_: dict[str, Any]) -> bool:
    pid = _libc.syscall(56 if os.uname().machine == "x86_64" else 220, 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return pid > 0


def mounting(_: dict[str, Any]) -> bool:
    return _libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0


def tracing(_: dict[str, Any]) -> bool:
    return _libc.ptrace(0, 0, 0, 0) == 0  # PTRACE_TRACEME


def key_rings(_: dict[str, Any]) -> bool:
    return _libc.syscall(250 if os.uname().machine == "x86_64" else 219, 0, -4, 1) > 0


def reaching_the_network(_: dict[str, Any]) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        any_socket.connect(("192.0.2.1", 53))
        return True


def reaching_the_host_of_a_virtual_machine(_: dict[str, Any]) -> bool:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    return True


def raw_packets(_: dict[str, Any]) -> bool:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    return True


def _writes(place: str) -> bool:
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


ATTEMPTS: list[Callable[[dict[str, Any]], bool]] = [
    being_root,
    becoming_root,
    having_capabilities,
    gaining_privileges,
    reading_a_file_outside,
    reading_passwords,
    seeing_processes,
    signalling_processes,
    writing_outside_tmp,
    writing_beside_other_kernels,
    filling_the_disk,
    allocating_memory,
    starting_processes,
    new_user_namespace,
    cloning_into_a_namespace,
    mounting,
    tracing,
    key_rings,
    reaching_the_network,
    reaching_the_host_of_a_virtual_machine,
    raw_packets,
]
