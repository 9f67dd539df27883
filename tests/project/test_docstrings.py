"""Every public name of the teaching floors says what it takes, what it refuses and where it comes from."""

import ast
import importlib
import inspect
import re
import sys
import textwrap

import pytest

FLOORS = ("data", "models", "objectives", "training", "metrics")
# A tuple of names, letters or numbers, such as (B,), (K, B, D), (..., 28, 28) or (data_dim, 2 * M).
SIZE = r"(?:\.\.\.|\*?\w+(?: ?[*/+-] ?\w+)*)"
SHAPE = re.compile(rf"\({SIZE},(?: {SIZE},?)*\)|\bshaped?\b|\bscalar\b", re.IGNORECASE)
SOURCE = re.compile(r"arXiv:\d{4}\.\d{4,5}|\([^()]*\b(?:19|20)\d\d\b[^()]*\)|et al\.")


def public(floor):
    """(name, what it is) for everything that the floor exports, constants left out, and their public methods."""
    module = importlib.import_module(f"course_lib.{floor}")
    for name in (name for name in vars(module) if not name.startswith("_")):
        thing = inspect.unwrap(getattr(module, name))
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        yield f"{floor}.{name}", thing
        if inspect.isclass(thing):
            for key, member in vars(thing).items():
                function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                # what dataclass writes stands in no file
                ours = inspect.isfunction(function) and "course_lib" in function.__code__.co_filename
                if ours and (not key.startswith("_") or key in ("__init__", "__post_init__")):
                    yield f"{floor}.{name}.{key}", function


EVERYTHING = [entry for floor in FLOORS for entry in public(floor)]
FUNCTIONS = [(name, thing) for name, thing in EVERYTHING if inspect.isfunction(thing)]


def said(name, thing):
    """The docstring and, for a method, those of the methods it replaces, and of its class and the classes before it."""
    floor, owner, *method = name.split(".")
    if not method:
        return thing.__doc__ or ""
    line = getattr(importlib.import_module(f"course_lib.{floor}"), owner).__mro__
    ours = [base for base in line if base.__module__.startswith("course_lib")]
    docs = [thing.__doc__, *(getattr(vars(base).get(*method), "__doc__", "") for base in ours)]
    return "\n".join(filter(None, [*docs, *(base.__doc__ for base in ours)]))


def own_nodes(function):
    """The syntax tree of a function without the functions inside it."""
    waiting = [ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]]
    while waiting:
        node = waiting.pop()
        yield node
        inner = (ast.FunctionDef, ast.Lambda, ast.ClassDef)
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, inner)]


def errors(function):
    """The names of the errors that a function raises itself; a helper called check_... stands for a ValueError."""
    found = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found.add(ast.unparse(node.exc.func))
        elif isinstance(node, ast.Call) and re.match(r"_?check(_|$)", ast.unparse(node.func).split(".")[-1]):
            found.add("ValueError")
    return found


def test_everything_public_has_a_docstring():
    missing = [name for name, thing in EVERYTHING if not inspect.getdoc(thing) and not name.endswith("__")]
    assert not missing, "\n".join(missing)


def test_errors_are_named_where_they_are_raised():
    missing = []
    for name, function in FUNCTIONS:
        missing += [f"{name}: {error}" for error in sorted(errors(function)) if error not in said(name, function)]
    assert not missing, "\n".join(missing)


def test_tensors_have_shapes():
    missing = [
        name
        for name, function in FUNCTIONS
        if re.search(r"\bTensor\b", str(inspect.signature(function))) and not SHAPE.search(said(name, function))
    ]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("floor", ["models", "objectives", "metrics"])
def test_networks_formulas_and_figures_have_a_source(floor):
    """A function has it in its own docstring or its file's first one, a class anywhere in its file."""
    missing = []
    for name, thing in public(floor):
        file = sys.modules[thing.__module__]
        words = inspect.getsource(file) if inspect.isclass(thing) else f"{thing.__doc__}{file.__doc__}"
        if name.count(".") == 1 and not SOURCE.search(words):
            missing.append(name)
    assert not missing, "\n".join(missing)


def test_the_rules_tell_shapes_and_sources_from_other_words():
    for text in ("(B,)", "(N, D)", "(..., K, B)", "(m, 2 * d)", "of any shape", "a scalar"):
        assert SHAPE.search(text), text
    for text in ("(B)", "f(x)", "(Lin et al. 2018, arXiv:1712.04086)", "a number"):
        assert not SHAPE.search(text), text
    for text in ("arXiv:1312.6114", "(Kingma & Welling 2014)", "Lin et al."):
        assert SOURCE.search(text), text
    for text in ("arXiv", "2014", "(section 3)", "20,000 (2,000 at a time)"):
        assert not SOURCE.search(text), text
