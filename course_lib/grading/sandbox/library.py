"""The library as a learner's kernel finds it: without judges, without answers, without what the exercise asks for.

Each exercise says in ``WITHHELD`` which functions of the library are its own answers. Their bodies are taken out of the
copy; who calls one is told so. Nothing of the repository but this copy is in the sandbox.
"""

import ast
import shutil
from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]
_LEFT_OUT = ("grading", "cli", "lessons", "__pycache__")
_OF_TASKS = ("collect.py", "probes*.py", "transport.py")
_TASKS = '''"""The tasks' side that runs beside the learner's code. The grader judges elsewhere."""


def check(name, answer=None):
    """The public checks aren't run again here."""
'''


def stage(folder: Path, withheld: Mapping[str, str], variants: Path | None = None) -> None:
    """Copy the package into ``folder``/course_lib without what is ``withheld``; of ``variants`` the probes alone.

    ``withheld``: keys such as ``objectives.kl:kl_standard_normal`` or ``models.vae:VAE.forward``; values are the code
    that stands there instead, or nothing. Raises ``ValueError`` for a name that isn't there.
    """
    copy = folder / "course_lib"
    ignore = shutil.ignore_patterns(*_LEFT_OUT)
    shutil.copytree(_PACKAGE, copy, ignore=lambda here, names: ignore(here, names) | _answers(here, names))
    for file in (_PACKAGE / "tasks").iterdir():
        if any(file.match(pattern) for pattern in _OF_TASKS):
            shutil.copy(file, copy / "tasks" / file.name)
    for file in variants.glob("probes_*.py") if variants else ():
        shutil.copy(file, copy / "tasks" / file.name)
    (copy / "tasks" / "__init__.py").write_text(_TASKS)
    for place, instead in withheld.items():
        module, _, name = place.partition(":")
        path = copy.joinpath(*module.split(".")).with_suffix(".py")
        if not path.is_file():
            raise ValueError(f"{place} is withheld, but there is no module course_lib.{module}")
        tree = ast.parse(path.read_text("utf-8"))
        _find(tree, name, place).body = ast.parse(instead or _refusal(name)).body
        path.write_text(ast.unparse(tree), "utf-8")
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _answers(here: str, names: list[str]) -> set[str]:
    """What of the folder ``tasks`` is left out: everything, for now."""
    return set(names) if Path(here) == _PACKAGE / "tasks" else set()


def _find(tree: ast.Module, name: str, place: str) -> ast.FunctionDef:
    body: list[ast.stmt] = tree.body
    *classes, function = name.split(".")
    for wanted in classes:
        body = next((n.body for n in body if isinstance(n, ast.ClassDef) and n.name == wanted), [])
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return node
    raise ValueError(f"{place} is withheld, but course_lib has no such function")


def _refusal(name: str) -> str:
    message = (
        f"{name} is what this exercise asks you to write, or gives it away, so the grader's copy of course_lib comes "
        "without it. Use your own."
    )
    return f"raise RuntimeError({message!r})"
