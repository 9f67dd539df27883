"""Which code a module rests on: its imports, followed through our own packages, each name to the file it comes from.

``from course_lib.metrics import frechet_distance`` leads to ``metrics/frechet.py`` and to what that imports, not to
all that ``metrics/__init__.py`` lists: so a hash of that code changes when it does, and for nothing else. Comments,
docstrings and layout play no part.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

Roots = Mapping[str, Path]  # where our packages lie, by their name
Import = tuple[str, str]  # a module, and the name that is taken from it; empty for the module itself


def files_behind(modules: Iterable[Import], roots: Roots) -> dict[str, Path]:
    """The files that these modules, or names in modules, rest on, themselves included, by their module's name."""
    found: dict[str, Path] = {}
    known: set[Import] = set()
    waiting = list(modules)
    while waiting:
        module, name = waiting.pop()
        path = _file(module, roots)
        if path is None or (module, name) in known:
            continue
        known.add((module, name))
        if name and path.name == "__init__.py":
            if _file(f"{module}.{name}", roots) is not None:
                waiting.append((f"{module}.{name}", ""))
                continue
            sources = [source for bound, source in _bindings(path, module) if bound == name]
            if sources:
                waiting.extend(sources)
                continue
        if module not in found:
            found[module] = path
            waiting.extend(source for _, source in _bindings(path, module))
    return found


def imports_of(source: str) -> list[Import]:
    """What a cell imports; nothing of a cell that isn't Python."""
    try:
        return [wanted for _, wanted in _imports(ast.parse(source), "")]
    except SyntaxError:
        return []


def digest_of(files: Mapping[str, Path]) -> str:
    """A hash of these modules' names and code: the same on every machine with the same Python."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{code_hash(path)}\0".encode())
    return digest.hexdigest()[:12]


def code_hash(path: Path) -> str:
    """A hash of what a file does, whatever its comments, docstrings and layout."""
    status = path.stat()
    return _code_hash(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _code_hash(path: Path, *_version: int) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _file(module: str, roots: Roots) -> Path | None:
    """The file of a module of ours; None for anybody else's, and for what is no module."""
    first, *rest = module.split(".")
    if first not in roots:
        return None
    place = roots[first].joinpath(*rest)
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.is_file() and (rest or path.name == "__init__.py"):
            return path
    return None


def _bindings(path: Path, module: str) -> list[tuple[str, Import]]:
    """Each name that a file imports, and where it comes from."""
    status = path.stat()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _bindings_of(path, package, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _bindings_of(path: Path, package: str, *_version: int) -> list[tuple[str, Import]]:
    return list(_imports(ast.parse(path.read_text(encoding="utf-8")), package))


def _imports(tree: ast.AST, package: str) -> Iterator[tuple[str, Import]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, (alias.name, "")
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield alias.asname or alias.name, (base, alias.name)
