"""The command that makes the jail: what of this machine is in it, read-only, and what isn't."""

import shutil
import sys
from pathlib import Path

BASE, LIBRARY, SCRIPTS = "/run/course", "/opt/course/library", "/opt/course/inside"
_PACKAGE = Path(__file__).parents[2]
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")


class SandboxError(RuntimeError):
    """The sandbox isn't there or doesn't hold; the message says what to install or allow."""


def bubblewrap(base: Path, library: Path, inside: Path, root: bool) -> list[str]:
    """The words of the command; the program and its arguments follow. Raises ``SandboxError`` if it isn't installed."""
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bubblewrap is missing: on Debian and Ubuntu, sudo apt install bubblewrap")
    command = [program, "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-net"]
    command += [
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--cap-drop",
        "ALL",
        "--clearenv",
        "--hostname",
        "sandbox",
    ]
    command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user"]
    for name, value in environment("/tmp").items():
        command += ["--setenv", name, value]
    for folder in _SYSTEM:
        if Path(folder).is_symlink():
            command += ["--symlink", str(Path(folder).readlink()), folder]
        elif Path(folder).is_dir():
            command += ["--ro-bind", folder, folder]
    for place in (*interpreter(), LIBRARY, BASE):
        for parent in reversed(Path(place).parents[:-1]):  # bubblewrap's own would be open to root only
            command += ["--perms", "0755", "--dir", str(parent)]
    for place in interpreter():
        command += ["--ro-bind", place, place]
    for place in (*interpreter(), *_SYSTEM):
        if _PACKAGE.is_relative_to(place):
            raise SandboxError(
                f"course_lib lies in {_PACKAGE}, which the sandbox would show with all its answers; install it with "
                "pip install -e from a clone in another place"
            )
    command += ["--perms", "0755", "--dir", "/etc", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    command += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
    command += [
        "--ro-bind",
        str(library),
        LIBRARY,
        "--ro-bind",
        str(inside),
        SCRIPTS,
        "--bind",
        str(base),
        BASE,
    ]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--size", str(64 << 20), "--perms", "1777", "--tmpfs", "/tmp", "--chdir", "/tmp"]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/"]


def interpreter() -> list[str]:
    """The folders that Python and its packages lie in, as far as they aren't the system's; outermost first."""
    real = Path(sys.executable).resolve()
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve(), real.parent.parent}
    found: list[str] = []
    for folder in sorted(wanted, key=lambda path: len(path.parts)):
        if folder.parts[1:2] not in ((), ("usr",)) and not any(folder.is_relative_to(f) for f in found):
            found.append(str(folder))
    return found


def environment(home: str) -> dict[str, str]:
    """What a kernel sees: one thread, its own folders, nothing of whoever grades."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return dict.fromkeys(threads, "1") | {
        "HOME": home,
        "TMPDIR": "/tmp",
        "MPLCONFIGDIR": home,
        "IPYTHONDIR": home,
        "USER": "learner",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
