"""What a mark depends on besides the notebook: the exercise, the grader's core, its libraries, the secret, the limits.

A submission whose rules are the same as last time isn't run again. A mended hint changes the rules of its exercise, a
new metric, lesson or report those of none.
"""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import course_lib
from course_lib.exercises.catalogue import Catalogue
from course_lib.exercises.closure import digest_of, files_behind
from course_lib.grading.sandbox import Limits

_LIBRARIES = (
    "torch", "numpy", "scipy", "scikit-learn", "safetensors", "matplotlib", "ipykernel", "ipython", "jupyter-client",
    "nbclient", "nbformat", "papermill", "pyzmq",
)  # fmt: skip
_PACKAGE = Path(course_lib.__file__).parent
_INSIDE = _PACKAGE / "grading" / "sandbox" / "inside"  # programs, which nothing imports


def rules(exercise: str, catalogue: Catalogue, secret: bytes, sandbox: str, limits: Limits) -> dict[str, str]:
    """All that a mark depends on; with every exercise if it isn't known which (``exercise`` is empty or unknown)."""
    return {
        "exercise": catalogue.fingerprint(exercise if exercise in catalogue.names else ""),
        "grader": core(),
        "secret": secret_id(secret),
        "sandbox": sandbox,
        **{name: str(value) for name, value in asdict(limits).items()},
        **environment(),
    }


@cache
def core() -> str:
    """The course's version, and a hash of the code that reads, runs and judges any submission."""
    files = files_behind([("course_lib.grading.grade", "")], {"course_lib": _PACKAGE})
    files |= {f"inside/{path.name}": path for path in _INSIDE.glob("*.py")}
    return f"{course_lib.__version__}+{digest_of(files)}"


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


def still_hold(old: Mapping[str, str], new: Mapping[str, str], versions: Sequence[str]) -> bool:
    """Whether rules as the course wrote them before its exercises had fingerprints are the same as ``new``.

    They name the grader by a hash of the whole library, so only the course's version can be compared, which is raised
    when a formula changes. ``versions``: those of the exercise, the current one first. A notebook that named no
    exercise was graded under none, which is clear only where there is no other.
    """
    ours = {"exercise", "masters", "variants", "grader"}
    return (
        old.keys() - new.keys() == {"masters", "variants"}
        and not old["variants"]
        and old["exercise"] in ([versions[0], ""] if len(versions) == 1 else [versions[0]])
        and old["grader"].partition("+")[0] == new["grader"].partition("+")[0]
        and all(old[name] == value for name, value in new.items() if name not in ours)
    )
