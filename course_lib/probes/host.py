"""What a notebook meets in the grader where its own host was: no network, no shell, no drive, nobody who types.

What only made itself at home there is passed over, and the cell goes on: ``%pip install``, ``!nvidia-smi``,
``%matplotlib widget``, Colab's ``drive.mount``, ``input()``. Runs in the learner's process; no wall is made of this.
"""

import ast
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from course_lib.probes.settings import reset

_HOSTS = ("google.colab", "kaggle_secrets", "kaggle_datasets")
_LINES = ("pip", "conda", "mamba", "micromamba", "uv", "matplotlib", "system", "sx")
_CELLS = ("bash", "sh", "script", "system", "sx")


def settle() -> None:
    """Make this kernel the grader's: see the head of this module. Settings for all that follows end with their cell."""
    from IPython.core.getipython import get_ipython
    from IPython.utils.text import SList

    shell: Any = get_ipython()
    os.environ |= {"PIP_RETRIES": "0", "PIP_NO_INPUT": "1"}  # a pip that is called otherwise gives up at once
    shell.events.register("pre_run_cell", lambda _info: reset())
    for name in _LINES:
        shell.register_magic_function(lambda line: None, "line", name)
    for name in _CELLS:
        shell.register_magic_function(lambda line, cell: None, "cell", name)
    shell.system = lambda command: None
    shell.getoutput = lambda command, **_: SList()
    run_line, run_cell = shell.run_line_magic, shell.run_cell_magic

    def line_magic(name: str, line: str, *args: Any, **kwargs: Any) -> Any:
        return run_line(name, line, *args, **kwargs) if shell.find_line_magic(name) else None

    def cell_magic(name: str, line: str, cell: str) -> Any:
        if shell.find_cell_magic(name):
            return run_cell(name, line, cell)
        return exec(shell.transform_cell(cell), shell.user_ns)  # one of an extension that isn't here

    shell.run_line_magic, shell.run_cell_magic = line_magic, cell_magic
    shell.kernel.raw_input = shell.kernel.getpass = lambda prompt="", *_, **__: ""
    shell.user_ns["exit"] = shell.user_ns["quit"] = sys.exit  # IPython's own would end the kernel
    sys.meta_path.append(_Hosts())


class _Nothing(ModuleType):
    """A module or an object of a host's: whatever it is asked for, nothing happens."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing(name)

    def __call__(self, *_: Any, **__: Any) -> Any:
        return None


class _Hosts(MetaPathFinder, Loader):
    """Finds the modules of hosts, where nothing else does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = any(f"{host}.".startswith(f"{name}.") or name.startswith(f"{host}.") for host in _HOSTS)
        return ModuleSpec(name, self, is_package=True) if ours else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Nothing(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


def define(name: str, source: str, namespace: dict[str, Any]) -> None:
    """Take the definitions of a cell that stopped above them, so that ``name`` can be called.

    Functions, classes, imports, and names that have no value yet; no other line runs.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        body = ast.parse(TransformerManager().transform_cell(source)).body
    except (SyntaxError, ValueError):
        return
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            wanted = any(isinstance(t, ast.Name) and t.id not in namespace for t in targets)
        else:
            wanted = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
        if wanted:
            with suppress(Exception, SystemExit):
                exec(compile(ast.Module([node], []), f"<{name}>", "exec"), namespace)
