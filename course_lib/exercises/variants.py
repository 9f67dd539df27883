"""An instructor's own exercises, in a folder outside the course: a second source of the same value.

    05b_renyi.ipynb      the solution, with marks as in ``build.py``
    ex05b_renyi.py       its tasks, or a package of that name: TASKS and WITHHELD
    probes/renyi.py      only if a task needs a probe of its own; ``from .probes.renyi import …``

The folder is imported as a package whose name is made of a hash of its code, so that two folders, or two states of
one, don't meet in a process, and every machine has the same name for the same code.
"""

import hashlib
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

_NAME = "course_variants_"


@dataclass(frozen=True)
class Variants:
    """A folder of exercises and the package that it is imported as; made by :func:`read_variants`."""

    folder: Path
    package: str

    @property
    def probes(self) -> Path:
        """What of the folder runs beside learners' code; the sandbox gets nothing else of it."""
        return self.folder / "probes"


def read_variants(folder: Path) -> Variants:
    """The exercises in a folder, importable in this process from now on.

    Raises ``FileNotFoundError`` if there is no exercise or a solution is missing, ``ValueError`` for a probe in
    another place.
    """
    folder = folder.resolve()
    names = exercise_names(folder)
    if not names:
        raise FileNotFoundError(f"no variant in {folder}: it should hold ex05b_NAME.py beside 05b_NAME.ipynb")
    for name in names:
        if not (folder / f"{name}.ipynb").is_file():
            raise FileNotFoundError(f"{folder} holds ex{name}, but not its solution {name}.ipynb")
    for path in folder.glob("probes_*.py"):
        name = path.stem.removeprefix("probes_")
        raise ValueError(f"{path} must lie in a folder: move it to {folder / 'probes' / name}.py")
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder).as_posix()
        digest.update(f"{place}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    package = _NAME + digest.hexdigest()[:12]
    module = ModuleType(package, f"The exercises in {folder}.")
    module.__path__ = [str(folder)]
    if package not in sys.modules or sys.modules[package].__path__ != module.__path__:
        importlib.invalidate_caches()
        sys.modules[package] = module
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
    return Variants(folder, package)


def exercise_names(folder: Path) -> list[str]:
    """The names of the exercises whose tasks are in a folder, such as ``05_variational_autoencoder``, in order."""
    modules = (path for path in folder.glob("ex[0-9][0-9]*_*") if path.suffix == ".py" or path.is_dir())
    return sorted({path.stem.removeprefix("ex") for path in modules})


class _Loader(SourceFileLoader):
    """Compiles each time: bytecode kept for a file is told from another's by its second and its size alone."""

    def path_stats(self, path: str | bytes) -> dict[str, float]:
        raise OSError  # the documented way to have no bytecode read or written


class _Finder:
    """Finds the modules of the packages made here."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if path is None or not name.startswith(_NAME):
            return None
        return FileFinder(path[0], (_Loader, [".py"])).find_spec(name)
