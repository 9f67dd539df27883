"""Hostile submissions (``hostile/corpus.py``) through the command: no point that wasn't earned, no trace on the host.

``HOSTILE=all`` takes the whole corpus, else one or two of each kind. What only a sandbox makes harmless is run after
others have shown that there is one.
"""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import needs_bubblewrap
from hostile.corpus import CORPUS, NEIGHBOURS, short, write
from hostile.host import HONEST, Host
from hostile.submission import FIRST, Submission

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("hostile"),
    needs_bubblewrap,
]
CHOSEN = list(CORPUS) if os.environ.get("HOSTILE") == "all" else short(CORPUS)
if only := os.environ.get("HOSTILE_ONLY"):
    CHOSEN = [one for one in CORPUS if one.name.startswith(tuple(only.split(",")))]
# harmless ones that a sandbox must stop, before any that only a sandbox makes harmless
PROOF = [
    one
    for one in CORPUS
    if one.name in ("reads-planted-file", "reads-secret", "reaches-tcp", "reaches-new-privileges")
]
# seconds per cell and per submission, for those that end by themselves and those that end by a limit
LIMITS = {False: (60, 120), True: (15, 30)}


@dataclass
class Batch:
    """What `course grade` made of one folder: rows of its two tables, and what was on the host afterwards."""

    code: int
    said: str
    host: Host
    gradebook: dict[str, dict[str, str]] = field(default_factory=dict)
    tasks: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    processes: dict[int, str] = field(default_factory=dict)


def graded(folder: Path, chosen: list[Submission], slow: bool) -> Batch:
    host = Host(folder)
    write(host.submissions, [*NEIGHBOURS, *chosen], host.place())
    for one in NEIGHBOURS:
        path = host.submissions / one.name / one.exercise / f"{one.exercise}.ipynb"
        path.write_text(path.read_text().replace("def optimal", f"# NEIGHBOUR-{HONEST}\\ndef optimal"))
    per_cell, per_submission = LIMITS[slow]
    command = [Path(sys.executable).with_name("course"), "grade", host.submissions, "--out", host.out]
    command += ["--secret", host.secret, "--workers", 2, "--quiet"]
    command += ["--seconds-per-cell", per_cell, "--seconds-per-submission", per_submission]
    environment = {**os.environ, "COURSE_ENVIRONMENT": f"{host.run}-environment", "OMP_NUM_THREADS": "1"}
    limit = 120 + per_submission * 2 * (len(chosen) + 2)
    ended = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        timeout=limit,
        start_new_session=True,
    )
    assert (host.out / "tasks.csv").exists(), f"the grader gave up: {ended.stdout[-3000:]}"
    batch = Batch(ended.returncode, ended.stdout[-3000:], host, files=host.files(), processes=host.processes())
    for name in ("gradebook", "tasks"):
        with (host.out / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if name == "gradebook":
                    batch.gradebook[row["learner"]] = row
                else:
                    batch.tasks.setdefault(row["learner"], []).append(row)
    return batch


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Batch]]:
    proof = graded(tmp_path_factory.mktemp("hostile"), PROOF, slow=False)
    assert proof.code == 0, proof.said
    assert all(proof.gradebook[one.name]["score"] == "12" for one in NEIGHBOURS), proof.gradebook
    assert all(proof.gradebook[one.name]["score"] == "0" for one in PROOF), proof.gradebook
    made = {}
    for slow in (False, True):
        chosen = [one for one in CHOSEN if one.slow == slow]
        made[slow] = graded(tmp_path_factory.mktemp("hostile"), chosen, slow)
    yield made
    for batch in made.values():
        for process in batch.host.processes():
            os.kill(process, signal.SIGKILL)
        for path in batch.host.files():
            if batch.host.run in Path(path).name:
                Path(path).unlink()


@pytest.mark.parametrize("submission", CHOSEN, ids=lambda one: one.name)
def test_earns_nothing_and_leaves_nothing(batches: dict[bool, Batch], submission: Submission) -> None:
    batch = batches[submission.slow]
    row, tasks = batch.gradebook[submission.name], batch.tasks.get(submission.name, [])
    told = f"{row}\n" + "\n".join(map(str, tasks))
    for task in tasks:
        points = float(task["points"])
        assert 0 <= points <= float(task["max_points"]), told
        assert points == 0 or task["task"] in submission.earned, f"{task['task']} was not earned. {told}"
    assert float(row["score"]) == sum(float(task["points"]) for task in tasks), told
    kept = {task["task"] for task in tasks if task["points"] == task["max_points"]}
    assert kept >= set(submission.kept), f"an earned task was lost. {told}"
    assert float(row["seconds"]) < 1.5 * LIMITS[submission.slow][1] + 15, told
    token = batch.host.place().token(submission)
    marks = [*batch.files, *batch.processes.values(), *batch.host.received]
    assert not [mark for mark in marks if token in mark], "it reached the host"
    for page in (batch.host.out / "feedback" / submission.name).glob("*.html"):
        assert f"<script>{token}" not in page.read_text(encoding="utf-8", errors="replace")
    for cell in (cell for table in (row, *tasks) for cell in table.values()):
        assert not cell.startswith(("=", "+", "@", "\t", "\r")), f"a spreadsheet would run {cell!r}"


@pytest.mark.parametrize("slow", [False, True], ids=["quick", "limited"])
def test_neighbours_and_the_grader_are_unharmed(batches: dict[bool, Batch], slow: bool) -> None:
    batch = batches[slow]
    assert batch.code == 0, batch.said
    for one in NEIGHBOURS:
        assert batch.gradebook[one.name]["score"] == batch.gradebook[one.name]["max_score"], batch.tasks[one.name]
    assert (batch.host.files(), batch.host.processes(), batch.host.received) == ([], {}, [])


# reads {name: source} and writes the names of those whose probe succeeded, each in a child of its own
OPEN = """
import json, os, sys, torch
import torch.nn.functional as F
found = []
for name, source in json.load(sys.stdin).items():
    child = os.fork()
    if child == 0:
        names = {"torch": torch, "F": F}
        exec(source, names)
        os._exit(0 if names["succeeded"] else 1)
    if os.waitpid(child, 0)[1] == 0:
        found.append(name)
print(json.dumps(found))
"""


def test_probes_succeed_where_nothing_stops_them(tmp_path: Path) -> None:
    """Else their failure in the sandbox would say nothing."""
    host = Host(tmp_path)
    host.out.mkdir()
    host.secret.write_text("a secret")
    write(host.submissions, NEIGHBOURS, host.place())
    sources = {one.name: host.place().fill(one, one.cells[FIRST]) for one in CORPUS if one.bites}
    environment = {**os.environ, "COURSE_ENVIRONMENT": f"{host.run}-environment"}
    command = [sys.executable, "-c", OPEN]
    ran = subprocess.run(command, input=json.dumps(sources), env=environment, text=True, capture_output=True)
    assert json.loads(ran.stdout) == list(sources), ran.stderr
