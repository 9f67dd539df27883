"""The learner's own folder: copies of lessons and exercises which nothing here ever overwrites."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from ipykernel.ipkernel import IPythonKernel

from course_lib.lessons.find import notebooks_in
from course_lib.lessons.outputs import RECORD, read_notebook, source_hash

WORKSPACE = "workspace"
COPIED = ("notebooks", "exercises")
LEDGER = ".copied.json"  # which version of each notebook was copied


@dataclass
class Copied:
    """What `start` did: paths relative to the workspace."""

    new: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    newer: list[str] = field(default_factory=list)  # changed in the course since it was copied; kept too


def start(root: Path) -> Copied:
    """Copy every lesson and exercise that ``workspace/`` lacks; touch nothing that is there.

    The copies come without outputs: a prediction is made before its answer can be seen. A lesson is newer when its text
    or code changed, not when only its outputs did.
    """
    workspace = root / WORKSPACE
    workspace.mkdir(exist_ok=True)
    ledger_path = workspace / LEDGER
    ledger: dict[str, str] = json.loads(ledger_path.read_text()) if ledger_path.exists() else {}
    done = Copied()
    for source in (notebook for folder in COPIED for notebook in notebooks_in(root / folder)):
        name = f"{source.parent.name}/{source.name}"
        version = source_hash(read_notebook(source), "code", "markdown", "raw")
        copy = workspace / name
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            copy_unrun(source, copy)
            ledger[name] = version
            done.new.append(name)
        elif ledger.get(name) != version:
            done.newer.append(name)
        else:
            done.kept.append(name)
    ledger_path.write_text(json.dumps(ledger, indent=1, sort_keys=True) + "\n")
    return done


def copy_unrun(source: Path, copy: Path) -> None:
    """Write a notebook as JupyterLab would have saved it before it was run, so that opening it changes nothing."""
    notebook = read_notebook(source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if "code_sha256" in notebook.metadata.get(RECORD, {}):  # what made the outputs, which are gone
        del notebook.metadata[RECORD]
    notebook.metadata["language_info"] = IPythonKernel.language_info
    nbformat.write(notebook, copy)
