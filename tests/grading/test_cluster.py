"""A batch on a real Dask cluster, one of whose workers is killed midway, gives the gradebook of this machine's own.

``COURSE_SOAK=1`` takes 300 submissions in place of 12.
"""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from course_lib.grading import Result, grade_folder
from course_lib.grading.batch import cluster as clusters
from course_lib.grading.batch.cluster import ClusterError
from course_lib.grading.journal import JOURNAL, Journal
from course_lib.grading.sandbox.processes import kill_descendants

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import classroom

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")]
NUMBER = 300 if os.environ.get("COURSE_SOAK") else 12


def dask(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command of Dask's on loopback, what it says in a file."""
    said = (folder / f"{arguments[0]}-{time.monotonic_ns()}.log").open("wb")
    command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", str(folder / "scheduler.json")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--no-dashboard"], cwd=folder, stdout=said, stderr=said, env=environment)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The workers of a cluster at ``address``: two under nannies and one without."""
    running = [dask(tmp_path, "scheduler", "--host", "127.0.0.1", "--port", "0")]
    for nanny in ("--nanny", "--nanny", "--no-nanny"):
        running.append(dask(tmp_path, "worker", "--host", "127.0.0.1", "--nthreads", "1", nanny))
    yield running[1:]
    for process in running:  # at once: on a loaded machine Dask takes minutes to end by itself
        kill_descendants(process.pid, itself=True)
        process.wait()


def address(folder: Path) -> str:
    from distributed import Client

    with Client(scheduler_file=str(folder / "scheduler.json"), timeout=120, set_as_default=False) as client:
        client.wait_for_workers(3, timeout=120)
        return str(client.scheduler.address)


def gradebook(out: Path) -> list[dict[str, str]]:
    with (out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def test_a_worker_that_dies_changes_no_mark(tmp_path: Path, workers: list[subprocess.Popen[bytes]]) -> None:
    classroom.hand_in(tmp_path / "in", range(NUMBER), trained=False)
    (tmp_path / "in" / "broken.ipynb").write_text("no notebook")
    (tmp_path / "secret").write_text("the same for both" * 2)
    grade_folder(tmp_path / "in", tmp_path / "here", secret=tmp_path / "secret")
    scheduler = address(tmp_path)
    told: list[Result] = []
    orphans: list[psutil.Process] = []

    def progress(result: Result) -> None:
        told.append(result)
        if len(told) == NUMBER // 3:
            orphans.extend(psutil.Process(workers[2].pid).children(recursive=True))
            workers[2].send_signal(signal.SIGKILL)

    summary = grade_folder(
        tmp_path / "in", tmp_path / "there", secret=tmp_path / "secret", dask=scheduler, progress=progress
    )
    assert gradebook(tmp_path / "there") == gradebook(tmp_path / "here")
    assert (
        classroom.deserved(
            {row["learner"]: float(row["score"]) for row in gradebook(tmp_path / "there")}, range(NUMBER)
        )
        == NUMBER
    )
    assert len(told) == summary.graded == NUMBER + 1
    assert workers[2].wait() == -signal.SIGKILL
    with Journal(tmp_path / "there" / JOURNAL) as journal:
        states = dict(journal.db.execute("SELECT state, count(*) FROM runs GROUP BY state"))
    assert states == {"done": NUMBER + 1}
    assert orphans, "the killed worker graded nothing"
    _, left = psutil.wait_procs(orphans, 300)
    assert not left
    assert not [child for worker in workers[:2] for child in graders(worker)], "processes were left behind"


def graders(worker: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The grading processes below a Dask worker that has a nanny."""
    return [child for process in psutil.Process(worker.pid).children() for child in process.children()]


def test_a_worker_with_other_rules_is_refused(
    tmp_path: Path, workers: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom.hand_in(tmp_path / "in", range(2), trained=False)
    scheduler = address(tmp_path)
    monkeypatch.setattr(clusters, "_rules", lambda job: {"grader": "another version"})
    with pytest.raises(ClusterError, match="instead of 'another version'"):
        grade_folder(tmp_path / "in", tmp_path / "out", dask=scheduler)
    monkeypatch.undo()
    assert grade_folder(tmp_path / "in", tmp_path / "out", dask=scheduler).graded == 2


def test_no_scheduler_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_START", 1.0)
    classroom.hand_in(tmp_path / "in", range(1), trained=False)
    with pytest.raises(ClusterError, match="dask scheduler"):
        grade_folder(tmp_path / "in", tmp_path / "out", dask="tcp://127.0.0.1:9")


def test_without_a_sandbox_no_notebook_comes_near_a_cluster(tmp_path: Path) -> None:
    classroom.hand_in(tmp_path / "in", range(1), trained=False)
    with pytest.raises(ValueError, match="sandbox"):
        grade_folder(tmp_path / "in", tmp_path / "out", dask="tcp://127.0.0.1:9", sandbox="none")
    assert not (tmp_path / "out").exists()
