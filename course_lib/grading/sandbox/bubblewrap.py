"""The command that makes the jail: what of this machine is in it, read-only, and what isn't."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

BASE, LIBRARY, SCRIPTS, PYTHON = "/run/course", "/opt/course/library", "/opt/course/inside", "/opt/course/python"
_PACKAGE = Path(__file__).parents[2]
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
_REPLACED = ("/tmp", "/proc", "/dev")  # the jail has its own: what lies there on this machine isn't seen
_KERNELS = (
    "torch",
    "numpy",
    "matplotlib",
    "IPython",
    "ipykernel",
    "tornado",
)  # packages without which none starts
_INSTALLED = [f"{lib}/python3*/{kind}-packages" for lib in ("lib*", "local/lib*") for kind in ("site", "dist")]


class SandboxError(RuntimeError):
    """The sandbox isn't there or doesn't hold; the message says what to install or allow."""


def bubblewrap(base: Path, library: Path, inside: Path, root: bool) -> list[str]:
    """The words of the command, up to the interpreter; its arguments follow.

    Raises ``SandboxError`` if bubblewrap isn't installed, or Python lies where the jail can't show it.
    """
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
    places = interpreter()
    for shown in (*places.values(), Path(LIBRARY), Path(BASE)):
        for parent in reversed(shown.parents[:-1]):  # bubblewrap's own would be open to root only
            command += ["--perms", "0755", "--dir", str(parent)]
    for place, shown in places.items():
        command += ["--ro-bind", str(place), str(shown)]
    for place, shown in (places | {Path(folder): Path(folder) for folder in _SYSTEM}).items():
        for answers in _answers(place):
            command += ["--perms", "0000", "--tmpfs", str(shown / answers.relative_to(place))]
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
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", str(_seen(Path(sys.executable), places))]


def interpreter() -> dict[Path, Path]:
    """The folders that Python and its packages lie in, as far as they aren't the system's; outermost first.

    Values are where the jail shows them: in the same place, but for an environment below /tmp. Raises
    ``SandboxError`` if the Python that an environment was made of lies there.
    """
    real = Path(sys.executable).resolve()
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve(), real.parent.parent}
    found: dict[Path, Path] = {}
    for folder in sorted(wanted, key=lambda path: len(path.parts)):
        if folder.parts[1:2] in ((), ("usr",)) or any(folder.is_relative_to(f) for f in found):
            continue
        hidden = any(folder.is_relative_to(replaced) for replaced in _REPLACED)
        if hidden and folder != Path(sys.prefix):
            raise SandboxError(
                f"Python itself must lie outside {_REPLACED[0]}, which the sandbox replaces by its own, got {folder}; "
                "make the environment with another Python"
            )
        found[folder] = Path(PYTHON) if hidden else folder
    return found


def check_packages(names: Sequence[str] = _KERNELS) -> None:
    """Raises ``SandboxError`` if a package that kernels need lies where the jail doesn't show it: in another
    environment, named by a ``.pth`` file or by PYTHONPATH, in a user's own folder, or behind links into a cache."""
    folders = [*interpreter(), *map(Path, _SYSTEM)]
    shown = [*folders, *(folder.resolve() for folder in folders)]  # the environment itself may lie behind a link
    for name in names:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise SandboxError(f"{name} isn't installed; install the course with all that it needs: make setup")
        for path in (Path(spec.origin), Path(spec.origin).resolve()):
            if not any(path.is_relative_to(folder) for folder in shown):
                raise SandboxError(
                    f"{name} must lie in this environment, {sys.prefix}, got {path.parent}, which the sandbox doesn't "
                    "show; install the course and all its packages, as files, into one environment: make setup"
                )


def _seen(path: Path, places: dict[Path, Path]) -> Path:
    """What the jail calls ``path``."""
    around = next((place for place in places if path.is_relative_to(place)), None)
    return path if around is None else places[around] / path.relative_to(around)


def _answers(place: Path) -> Iterator[Path]:
    """The course's own folders below ``place``, however it was installed: its clone, or the package alone."""
    clone = _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else _PACKAGE
    installed = {path for pattern in _INSTALLED for path in place.glob(f"{pattern}/course_lib")}
    yield from sorted({path for path in (clone, *installed) if path.is_relative_to(place)})


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
