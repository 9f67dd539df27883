"""A class graded by a grader that is killed again and again: are the marks those of the undisturbed run?

    python tests/grading/soak/durability.py [--submissions 300] [--kills 20] [--real]

Kills come at random moments: while it starts, in the middle of a submission, while tables are written. Once the disk
is full. Without ``--real`` a quick stand-in takes the place of running a notebook; all else is the grader's own.
"""

import argparse
import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
GRADER = Path(__file__).with_name("grader.py")
EXERCISE = "05_variational_autoencoder"
DISK_FULL, KILLED = 3, -signal.SIGKILL
ROOM = 150_000  # bytes: the journal's log has as much after a few submissions


def hand_in(folder: Path, number: int, *, real: bool) -> None:
    """A class: with ``real``, exercises with one answer written, right or wrong, or none, or cut off."""
    exercise = (ROOT / "exercises" / f"{EXERCISE}.ipynb").read_text(encoding="utf-8")
    for i in range(number):
        path = folder / f"learner-{i:04}" / EXERCISE / f"{EXERCISE}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(_notebook(exercise, i % 4, i) if real else f"notebook {i}", encoding="utf-8")


def _notebook(exercise: str, kind: int, number: int) -> str:
    if kind == 3:
        return exercise[: -100 - number]
    notebook = json.loads(exercise)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "gaussian_kl" and kind < 2:
            half = ("0.5", "1.0")[kind]
            squares = "(logvar_q.exp() + (mu_q - mu_p) ** 2) / logvar_p.exp()"
            cell["source"] = (
                "def gaussian_kl(mu_q, logvar_q, mu_p, logvar_p):\n"
                f"    return {half} * (logvar_p - logvar_q + {squares} - 1)"
            )
    return json.dumps(notebook)


def start(source: Path, out: Path, *, real: bool, room: int = 0) -> subprocess.Popen[bytes]:
    """The grader, in a process of its own."""
    command = [sys.executable, str(GRADER), str(source), str(out)]
    command += [] if real else ["--fake"]
    command += ["--room", str(room)] if room else []
    log = out.with_suffix(".log").open("ab")
    with log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})


def states(out: Path) -> Counter[str]:
    """How many runs are queued, running, done."""
    journal = out / "journal.sqlite"
    if not journal.is_file():
        return Counter()
    with closing(sqlite3.connect(journal, timeout=30)) as db:
        try:
            return Counter(state for (state,) in db.execute("SELECT state FROM runs"))
        except sqlite3.OperationalError:  # it has just been made
            return Counter()


def kill_after(grader: subprocess.Popen[bytes], out: Path, done: int, delay: float) -> bool:
    """SIGKILL once ``done`` are done and ``delay`` seconds are over, its workers with it; false if it ended before."""
    while grader.poll() is None and states(out)["done"] < done:
        time.sleep(0.02)
    time.sleep(delay)
    family = psutil.Process(grader.pid).children(recursive=True) if grader.poll() is None else []
    grader.kill()
    killed = grader.wait() == KILLED
    _, left = psutil.wait_procs(family, timeout=300)
    assert not left, f"processes of a killed grader go on: {left}"
    return killed


def outcome(out: Path) -> dict[str, object]:
    """All that a batch leaves for people, but the seconds."""
    with (out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        marks = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    with closing(sqlite3.connect(out / "journal.sqlite")) as db:
        done = "SELECT learner FROM runs WHERE state = 'done' GROUP BY learner HAVING count(*) > 1"
        twice = db.execute(done).fetchall()
        damage = db.execute("PRAGMA integrity_check").fetchall()
    pages = {str(path.relative_to(out)): path.read_bytes() for path in (out / "feedback").rglob("*.html")}
    left = [path.name for path in out.rglob("*.unfinished")]
    tasks = (out / "tasks.csv").read_bytes()
    return {"marks": marks, "tasks": tasks, "pages": pages, "graded twice": twice, "damage": damage, "left": left}


def disturbed(folder: Path, number: int, kills: int, *, real: bool, seed: int) -> dict[str, int]:
    """Grade a class twice, undisturbed and with kills; raises ``AssertionError`` where the outcomes differ."""
    chance = random.Random(seed)
    source, calm, wild = folder / "in", folder / "calm", folder / "wild"
    hand_in(source, number, real=real)
    secret = "a secret that both have\n"
    for out in (calm, wild):
        out.with_name(f"{out.name}.secret").write_text(secret)
    assert start(source, calm, real=real).wait() == 0, calm.with_suffix(".log").read_text()[-2000:]
    expected = outcome(calm)
    assert len(expected["marks"]) == number  # type: ignore[arg-type]

    counts: Counter[str] = Counter()
    for i in range(kills):
        done = states(wild)["done"]
        if i == kills // 4:
            code = start(source, wild, real=real, room=ROOM).wait()
            assert code == DISK_FULL, (
                f"a full disk ended with {code}: {wild.with_suffix('.log').read_text()[-2000:]}"
            )
            counts["disk full"] += 1
            assert states(wild)["done"] >= done
        more = chance.randint(0, 2 * (number - done) // (kills - i + 1))
        counts["killed"] += kill_after(start(source, wild, real=real), wild, done + more, chance.random() / 3)
        assert states(wild)["done"] >= done, "a kill has lost what was done"
    assert start(source, wild, real=real).wait() == 0, wild.with_suffix(".log").read_text()[-2000:]
    found = outcome(wild)
    for name, value in expected.items():
        assert found[name] == value, f"{name} of the disturbed run differ"
    assert "there is no room to write" in wild.with_suffix(".log").read_text()
    return dict(counts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", action="store_true")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        counts = disturbed(Path(place), asked.submissions, asked.kills, real=asked.real, seed=asked.seed)
    kind = "notebooks run for real" if asked.real else "stand-ins"
    print(f"{asked.submissions} submissions ({kind}), {counts}: same marks, {time.monotonic() - began:.0f} s")
