"""How a process shuts itself in before it sees a line of a learner's code. Linux, standard library only.

In this order: new namespaces, a view of the files in which only /tmp and one folder can be written, no capability,
limits, the filter of system calls. Nothing of it can be undone from inside.
"""

import ctypes
import fcntl
import os
import resource
import socket
import struct
from pathlib import Path

import seccomp

_libc = ctypes.CDLL(None, use_errno=True)
_NAMESPACES = (
    0x10000000 | 0x00020000 | 0x20000000 | 0x08000000 | 0x40000000 | 0x04000000
)  # user, mount, pid, ipc, net, uts
_SET_FLAGS, _UP = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18


def call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


def new_namespaces() -> None:
    """User, mount, PID (for children), IPC, network and UTS namespaces of this process's own, one user in them."""
    uid, gid = os.getuid(), os.getgid()
    call("unshare", _NAMESPACES)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    call("sethostname", b"sandbox", 7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:  # the kernel talks to itself on 127.0.0.1
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))


def private_files(base: str, sockets: str, tmp_mb: int) -> None:
    """A /tmp of ``tmp_mb`` MB, an empty /proc, and of ``base``, the folder of all kernels, only ``sockets``."""
    _mount("none", "/", "", _REC | _PRIVATE)
    cpu = [(name, Path("/proc", name).read_bytes()) for name in ("cpuinfo", "meminfo")]
    folder = os.open(sockets, os.O_PATH)
    _mount("tmpfs", base, "tmpfs", _NOSUID | _NODEV, "size=64k,nr_inodes=16,mode=755")
    Path(sockets).mkdir()
    _mount(f"/proc/self/fd/{folder}", sockets, "", _BIND)
    os.close(folder)
    _mount("tmpfs", base, "", _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    _mount("tmpfs", "/dev/shm", "tmpfs", _NOSUID | _NODEV, f"size={tmp_mb}m,nr_inodes=1000,mode=1777")
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, f"size={tmp_mb}m,nr_inodes=20000,mode=1777")
    _mount("tmpfs", "/proc", "tmpfs", _NOSUID | _NODEV, "size=256k,nr_inodes=16,mode=755")
    for name, text in cpu:
        Path("/proc", name).write_bytes(text)
    _mount("tmpfs", "/proc", "", _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def seal(sockets: str) -> None:
    """Let nothing more be written to ``sockets``, in which the kernel's sockets lie."""
    _mount(sockets, sockets, "", _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def drop_capabilities() -> None:
    """None is left, and none can come back: not by the bounding set, not by a program's file."""
    for capability in range(64):
        _libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    _libc.prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
    call("prctl", 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    call("capset", (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())


def set_limits(limits: dict[str, int]) -> None:
    """Soft and hard limits, from names such as ``NOFILE``."""
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def shut_in(limits: dict[str, int]) -> None:
    """The last steps: no capability, the limits, the filter. Raises ``OSError`` if one can't be taken."""
    drop_capabilities()
    set_limits(limits)
    seccomp.install()
