"""The library as a learner's kernel finds it: without judges, without answers, without what the exercise asks for.

Each exercise says in ``WITHHELD`` which functions of the library are its own answers. Their bodies are taken out of the
copy; who calls one is told so. Nothing of the repository but this copy is in the sandbox.
"""

import ast
import shutil
from collections.abc import Mapping
from pathlib import Path

from course_lib.exercises.variants import Variants

_PACKAGE = Path(__file__).parents[2]
# the floors that a learner's process gets; what isn't named here stays outside
FLOORS = ("checks.py", "data", "models", "objectives", "training", "metrics", "viz", "weights", "probes")
_CHECK = '''"""The tasks' side that runs beside the learner's code. The grader judges elsewhere."""


def check(name, answer=None):
    """The public checks aren't run again here."""
'''


def stage(folder: Path, withheld: Mapping[str, str], variants: Variants | None = None) -> None:
    """Copy the floors that learners' code stands on into ``folder``/course_lib, without what is ``withheld``; of an
    instructor's ``variants`` the probes alone, as the package that the grader knows them by.

    ``withheld``: keys such as ``objectives.kl:kl_standard_normal`` or ``models.vae:VAE.forward``; values are the code
    that stands there instead, or nothing. Raises ``ValueError`` for a name that isn't there.
    """
    copy, ignore = folder / "course_lib", shutil.ignore_patterns("__pycache__")
    copy.mkdir()
    shutil.copy(_PACKAGE / "__init__.py", copy)
    for name in FLOORS:
        if (_PACKAGE / name).is_dir():
            shutil.copytree(_PACKAGE / name, copy / name, ignore=ignore)
        elif (_PACKAGE / name).is_file():
            shutil.copy(_PACKAGE / name, copy)
    (copy / "tasks").mkdir()
    (copy / "tasks" / "__init__.py").write_text(_CHECK)
    if variants and variants.probes.is_dir():
        shutil.copytree(variants.probes, folder / variants.package / "probes", ignore=ignore)
    for place, instead in withheld.items():
        module, _, name = place.partition(":")
        path = copy.joinpath(*module.split(".")).with_suffix(".py")
        if not path.is_file():
            raise ValueError(f"{place} is withheld, but there is no module course_lib.{module}")
        tree = ast.parse(path.read_text("utf-8"))
        _find(tree, name, place).body = ast.parse(instead or _refusal(name)).body
        path.write_text(ast.unparse(tree), "utf-8")
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


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
