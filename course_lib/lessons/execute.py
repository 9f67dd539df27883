"""Running a lesson from top to bottom with papermill, in its own folder, in a fresh kernel."""

import ast
import re
import secrets
import sys
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir

from course_lib.lessons.find import LessonError
from course_lib.lessons.kernels import OwnPython
from course_lib.lessons.outputs import RECORD, read_notebook, record_of

LONGEST_SOCKET = 90  # characters; the system allows about 100, with the number that is appended
WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class LessonRun:
    """What came of one lesson: where the executed notebook and its page are, how long, how much memory, and
    what went wrong (None if nothing did)."""

    lesson: Path
    notebook: Path
    page: Path | None
    seconds: float
    peak_mb: float | None
    error: str | None


def sockets() -> dict[str, str]:
    """Settings of a kernel manager for files in the user's runtime folder instead of TCP ports, where two kernels
    starting at once may take the same one; none on Windows, or where the folder's path is too long for a socket."""
    path = Path(jupyter_runtime_dir()) / f"course-{secrets.token_hex(6)}"
    if sys.platform == "win32" or len(str(path)) > LONGEST_SOCKET:
        return {}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {"transport": "ipc", "ip": str(path)}


class LocalKernelManager(AsyncKernelManager):
    """A kernel of this environment that shares no port with another; its peak memory is read before it ends."""

    peak_mb: float | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"kernel_spec_manager": OwnPython()} | sockets() | kwargs))

    async def shutdown_kernel(  # type: ignore[override]
        self, now: bool = False, restart: bool = False
    ) -> None:
        pid = getattr(self.provisioner, "pid", None)
        type(self).peak_mb = peak_memory_mb(pid) if pid else None
        await super().shutdown_kernel(now=now, restart=restart)


def peak_memory_mb(pid: int) -> float | None:
    """The largest resident size of a running process so far, in MB; None where the system doesn't tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
    return None if kilobytes is None else kilobytes * 1024 / 1e6


def parse_value(text: str) -> Any:
    """``'3'`` → 3, ``'1e-3'`` → 0.001, ``'True'`` or ``'true'`` → True, ``'[1, 2]'`` → a list, else the text itself."""
    constants = {"true": True, "false": False, "null": None, "none": None}
    if text.lower() in constants:
        return constants[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parameter_names(notebook: Any) -> list[str]:
    """The names assigned in the cell tagged ``parameters``."""
    names: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            for node in ast.parse(cell.source).body:
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def check_parameters(lesson: Path, parameters: dict[str, Any]) -> None:
    """`LessonError` if the lesson has no parameter of one of these names (papermill would only warn)."""
    names = parameter_names(read_notebook(lesson))
    for name in parameters:
        if name not in names:
            has = f"it has {', '.join(names)}" if names else "it has no cell tagged 'parameters'"
            raise LessonError(f"{lesson.name} has no parameter {name!r}; {has}")


def execute(
    lesson: Path, build: Path, parameters: dict[str, Any] | None = None, *, progress: bool = True
) -> LessonRun:
    """Run `lesson`; the executed notebook and an HTML page go to `build`. A cell that fails ends the run: what came
    before it is kept, and `LessonRun.error` says which cell and why."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    build.mkdir(parents=True, exist_ok=True)
    output = (build / lesson.name).resolve()
    output.unlink(missing_ok=True)
    error = None
    LocalKernelManager.peak_mb = None
    started = time.perf_counter()
    try:
        papermill.execute_notebook(
            lesson,
            output,
            parameters=parameters or {},
            kernel_name="python3",
            cwd=lesson.parent,
            progress_bar={"desc": lesson.stem, "leave": False, "disable": None if progress else True},
            kernel_manager_class=LocalKernelManager,
        )
    except PapermillExecutionError as failure:
        where = f"cell {failure.cell_index + 1} (In [{failure.exec_count}])"
        error = f"{where}: {failure.ename}: {failure.evalue}"
    except DeadKernelError:
        error = "the kernel died (out of memory, perhaps)"
    except RuntimeError as failure:  # it ended, or said nothing, before the first cell
        error = f"the kernel didn't start ({failure}); 'course doctor' says what this machine lacks"
    seconds = time.perf_counter() - started
    page = write_page(output) if output.exists() else None
    return LessonRun(lesson, output, page, seconds, LocalKernelManager.peak_mb, error)


def write_page(notebook: Path) -> Path:
    """The executed notebook as one HTML file beside it."""
    from nbconvert import HTMLExporter

    content = read_notebook(notebook)
    content.metadata.pop("widgets", None)
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs = as_read(cell.outputs)
    resources = {"metadata": {"name": notebook.stem, "path": str(notebook.parent)}}
    body, _ = HTMLExporter(embed_images=True).from_notebook_node(content, resources)
    page = notebook.with_suffix(".html")
    page.write_text(body, encoding="utf-8")
    return page


def as_read(outputs: list[Any]) -> list[Any]:
    """The outputs as someone sees them who has no kernel: a widget's picture, or nothing if it has none (a
    progress bar). Left in, a widget without its kernel is an error message, or a request to another's server.
    Text that came in pieces is joined, and of a line that was printed over again, a count of steps, the end is kept.
    """
    still: list[Any] = []
    for output in outputs:
        data = output.get("data", {})
        if WIDGET in data:
            output = deepcopy(output)
            del output.data[WIDGET]
            if set(output.data) <= {"text/plain"}:
                continue
        if output.output_type == "stream":
            before = still.pop().text if still and still[-1].get("name") == output.name else ""
            output = deepcopy(output)
            output.text = re.sub(r"[^\n]*\r(?=[^\n])", "", before + output.text)
        still.append(output)
    return still


def write_outputs_back(executed: Path, lesson: Path) -> None:
    """Put the outputs of a run with default parameters into the lesson itself, cell by cell, and record what made
    them. Sources stay as they are; times, paths, live widgets and other traces of the run are left out."""
    target, source = read_notebook(lesson), read_notebook(executed)
    if [cell.source for cell in target.cells] != [cell.source for cell in source.cells]:
        raise LessonError(f"{lesson.name} changed while it ran; run it again")
    for cell, ran in zip(target.cells, source.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = as_read(ran.outputs), ran.execution_count
            cell.metadata.pop("execution", None)
        cell.metadata.pop("papermill", None)
    target.metadata.pop("papermill", None)
    target.metadata.pop("widgets", None)
    target.metadata[RECORD] = record_of(target)
    partial = lesson.with_suffix(".partial")
    nbformat.write(target, partial)
    partial.replace(lesson)
