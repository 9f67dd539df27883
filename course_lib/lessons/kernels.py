"""Which Python the lessons run on: this environment's own, whatever else bears the name ``python3``."""

import sys
from pathlib import Path

from ipykernel.kernelspec import KERNEL_NAME, RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager


class OwnPython(KernelSpecManager):
    """All kernels of the machine, but ``python3`` is the interpreter of this process."""

    def find_kernel_specs(self) -> dict[str, str]:
        return super().find_kernel_specs() | {KERNEL_NAME: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name == KERNEL_NAME:
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())
        return super().get_kernel_spec(kernel_name)


def foreign_python() -> tuple[str, Path] | None:
    """The program, and the folder that says so, if ``python3`` means another interpreter to other Jupyter commands."""
    spec = KernelSpecManager().get_kernel_spec(KERNEL_NAME)
    program = spec.argv[0] if spec.argv else ""
    # `python`, without a folder, is replaced by this interpreter; a link to it is one too
    if Path(program).parent == Path() or _same(program, sys.executable):
        return None
    return program, Path(spec.resource_dir)


def _same(one: str, other: str) -> bool:
    """An environment's Python is a link to the machine's: the same file may be another environment."""
    this, that = Path(one), Path(other)
    return this.exists() and this.samefile(that) and this.parent.samefile(that.parent)
