"""The library as a learner's kernel finds it: without judges, without answers, without what the exercise asks for.

Each exercise says in ``WITHHELD`` what of the library its answers are made of: whole floors or modules that its cells
don't use, and single functions of those that they do. These are taken out of the copy, and whoever calls one is told
so. Nothing of the repository but this copy is in the sandbox.
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


check.last_case = None
'''
_WITHHELD = '''"""What stands where something of the library is withheld: it can be named, but not used."""


def refuse(name):
    raise RuntimeError(
        f"{name} is what this exercise asks you to write, or gives it away, so the grader's copy of course_lib comes "
        "without it. Use your own."
    )


def stand_in(name):
    """A class, so that it also stands in annotations and bases."""
    return type(name, (), {"__new__": lambda cls, *args, **kwargs: refuse(name)})
'''
_REFUSING = """from course_lib.withheld import stand_in


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return stand_in(name)
"""


def stage(folder: Path, withheld: Mapping[str, str], variants: Variants | None = None) -> None:
    """Copy the floors that learners' code stands on into ``folder``/course_lib, without what is ``withheld``; of an
    instructor's ``variants`` the probes alone, as the package that the grader knows them by.

    ``withheld``: keys such as ``objectives``, ``objectives.kl``, ``objectives.kl:kl_standard_normal`` or
    ``models.vae:VAE.forward``; values are the code that stands there instead of a function's own, or nothing. A floor
    or module that is withheld can be imported, with any name in it: what bears the name can't be called. Raises
    ``ValueError`` for a key that isn't there.
    """
    copy, ignore = folder / "course_lib", shutil.ignore_patterns("__pycache__")
    copy.mkdir()
    shutil.copy(_PACKAGE / "__init__.py", copy)
    for name in FLOORS:
        if (_PACKAGE / name).is_dir():
            shutil.copytree(_PACKAGE / name, copy / name, ignore=ignore)
        elif (_PACKAGE / name).is_file():
            shutil.copy(_PACKAGE / name, copy)
    (copy / "withheld.py").write_text(_WITHHELD, "utf-8")
    (copy / "tasks").mkdir()
    (copy / "tasks" / "__init__.py").write_text(_CHECK)
    if variants and variants.probes.is_dir():
        shutil.copytree(variants.probes, folder / variants.package / "probes", ignore=ignore)
    for place, instead in withheld.items():
        _withhold(copy, place, instead)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _withhold(copy: Path, place: str, instead: str) -> None:
    module, _, name = place.partition(":")
    path = copy.joinpath(*module.split("."))
    if not name and path.is_dir():
        for file in path.rglob("*.py"):
            file.write_text(_REFUSING, "utf-8")
        return
    path = path.with_suffix(".py")
    if not path.is_file():
        raise ValueError(f"{place} is withheld, but there is no module course_lib.{module}")
    if not name:
        path.write_text(_REFUSING, "utf-8")
        return
    tree = ast.parse(path.read_text("utf-8"))
    refusal = f"from course_lib.withheld import refuse\nrefuse({name!r})"
    _find(tree, name, place).body = ast.parse(instead or refusal).body
    path.write_text(ast.unparse(tree), "utf-8")


def _find(tree: ast.Module, name: str, place: str) -> ast.FunctionDef:
    body: list[ast.stmt] = tree.body
    *classes, function = name.split(".")
    for wanted in classes:
        body = next((n.body for n in body if isinstance(n, ast.ClassDef) and n.name == wanted), [])
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return node
    raise ValueError(f"{place} is withheld, but course_lib has no such function")
