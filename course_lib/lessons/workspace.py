"""The learner's own folder: copies of lessons and exercises which nothing here ever overwrites."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.lessons.find import notebooks_in
from course_lib.lessons.outputs import read_notebook, source_hash

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

    A lesson is newer when its text or code changed, not when only its outputs did.
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
            shutil.copyfile(source, copy)
            ledger[name] = version
            done.new.append(name)
        elif ledger.get(name) != version:
            done.newer.append(name)
        else:
            done.kept.append(name)
    ledger_path.write_text(json.dumps(ledger, indent=1, sort_keys=True) + "\n")
    return done
