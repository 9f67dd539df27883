"""What a mark depends on besides the notebook: the grader, its libraries, the secret.

A submission whose settings are the same as last time isn't run again.
"""

import hashlib
import platform
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import course_lib
from course_lib.grading.masters import exercise_version, load_masters, versions_of
from course_lib.grading.sandbox import Limits
from course_lib.tasks.registry import variants_id

_LIBRARIES = (
    "torch", "numpy", "scipy", "scikit-learn", "safetensors", "matplotlib", "ipykernel", "ipython", "jupyter-client",
    "nbclient", "nbformat", "papermill", "pyzmq",
)  # fmt: skip
_NO_MARKS = ("cli", "lessons", "viz", "grading/reports")  # floors that no mark depends on


@cache
def grader_version() -> str:
    """The course's version, and a hash of the code that runs and judges: tasks, the grader, what references call."""
    root = Path(course_lib.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not name.startswith(tuple(f"{part}/" for part in _NO_MARKS)):
            digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{course_lib.__version__}+{digest.hexdigest()[:12]}"


@cache
def environment() -> dict[str, str]:
    """Python, the kind of machine, and the installed versions of what runs and judges."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def secret_id(secret: bytes) -> str:
    """Tells one secret from another without giving it away."""
    return hashlib.sha256(b"course secret id\0" + secret).hexdigest()[:12]


def describe(
    exercise: str, secret: bytes, sandbox: str, limits: Limits, solutions: Path | None = None
) -> dict[str, str]:
    """All that a mark depends on; with every exercise's version if it isn't known which (``exercise`` is empty)."""
    return {
        **_exercise(exercise, solutions),
        "variants": variants_id(exercise),
        "grader": grader_version(),
        "secret": secret_id(secret),
        "sandbox": sandbox,
        **{name: str(value) for name, value in asdict(limits).items()},
        **environment(),
    }


def _exercise(exercise: str, solutions: Path | None) -> dict[str, str]:
    """The version that is handed out now, and a hash of all masters that a hand-in may belong to."""
    masters = load_masters(solutions)
    digest = hashlib.sha256()
    for name in [exercise] if exercise in masters else sorted(masters):
        for handed_out, master in versions_of(name, solutions).items():
            digest.update(f"{name}\0{handed_out}\0".encode())
            for cell in master.cells:
                digest.update(f"{cell.id}\0{cell.source}\0".encode())
    now = exercise_version(exercise, solutions) if exercise in masters else ""
    return {"exercise": now, "masters": digest.hexdigest()[:12]}
