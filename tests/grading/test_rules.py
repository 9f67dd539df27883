"""What a mark depends on: a change of one exercise runs its submissions again, and no other's."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.exercises.catalogue import Catalogue
from course_lib.exercises.closure import code_hash, files_behind
from course_lib.grading.batch.rules import rules, still_hold
from course_lib.grading.sandbox import Limits

ROOT = Path(__file__).parents[2]
VAE, GAN = "05_variational_autoencoder", "07_gan"
# who hands in what; `unnamed` names no exercise, the notebook does
HANDED_IN = {"ada/05_variational_autoencoder": VAE, "bob/07_gan": GAN, "unnamed": GAN}

GRADE = """
import sys
from pathlib import Path
from course_lib.exercises.catalogue import catalogue_of
from course_lib.grading.batch import folder
from course_lib.grading.intake.read import read_submission
from course_lib.grading.intake.recognise import recognise
from course_lib.grading.results import Result

def graded(jobs, workers, seconds):
    for job in jobs:
        exercise, _ = recognise(read_submission(job.data), catalogue_of(), job.exercise)
        print(job.learner)
        yield job, (Result(job.learner, exercise.name, "graded", ()), {})

folder.grade_all, folder.require = graded, lambda kind: None
folder.grade_folder(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the course, and three notebooks that were handed in."""
    copy = tmp_path / "course"
    shutil.copytree(ROOT / "course_lib", copy / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "solutions", copy / "solutions")
    for place, exercise in HANDED_IN.items():
        name = f"{place}.ipynb" if place == "unnamed" else f"{place}/{exercise}.ipynb"
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "solutions" / f"{exercise}.ipynb", tmp_path / "in" / name)
    return copy


def run_in(course: Path) -> list[str]:
    """Whose notebooks `course grade` runs there now."""
    command = [sys.executable, "-c", GRADE, str(course.parent / "in"), str(course.parent / "out")]
    environment = os.environ | {"PYTHONPATH": str(course), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return sorted(done.stdout.split())


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_change_runs_again_what_rests_on_it_and_nothing_else(course: Path) -> None:
    library = course / "course_lib"
    assert run_in(course) == ["ada", "bob", "unnamed"]
    assert run_in(course) == [], "nothing has changed"
    change(library / "tasks/ex05_variational_autoencoder/divergence.py", "the factor one half", "a factor")
    assert run_in(course) == ["ada"], "a hint of exercise 05"
    (library / "metrics/new.py").write_text("def new_metric(x):\n    return x\n")
    change(
        library / "metrics/__init__.py",
        "from",
        "from course_lib.metrics.new import new_metric as new_metric\nfrom",
    )
    change(library / "metrics/frechet.py", "return", "unused = 1\n    return")
    assert run_in(course) == [], "a metric is new, another changed"
    change(library / "grading/reports/tables.py", "def ", "def unused() -> None: ...\n\n\ndef ")
    change(library / "lessons/lab.py", "import", "x = 1\nimport")
    assert run_in(course) == [], "a report and a command"
    change(library / "objectives/penalties.py", "return 0.5 * gamma", "return gamma / 2")
    assert run_in(course) == ["bob", "unnamed"], "a formula of exercise 07"
    change(library / "grading/marking.py", "points = task.points", "points = 1.0 * task.points")
    assert run_in(course) == ["ada", "bob", "unnamed"], "the grader's core"


def test_comments_docstrings_and_layout_play_no_part(tmp_path: Path) -> None:
    def hash_of(text: str) -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return code_hash(path)

    plain = hash_of('"""Says."""\ndef f(x):\n    """Doubles."""\n    return 2 * x\n')
    assert hash_of("def f(x):\n    # doubles\n    return (2\n        * x)\n") == plain
    assert hash_of("def f(x):\n    return 3 * x\n") != plain
    assert hash_of('def f(x):\n    return "Doubles."\n') != hash_of('def f(x):\n    return "Triples."\n')


PACKAGE = {
    "__init__.py": "from pack.a import f as f\nfrom pack.b import g as h",
    "a.py": "from . import c",
    "b.py": "import pack.d",
    "c.py": "def later():\n    from .sub.e import x",
    "d.py": "",
    "sub/__init__.py": "VALUE = 1",
    "sub/e.py": "from pack.sub import VALUE",
}


@pytest.mark.parametrize(
    ("wanted", "files"),
    [
        (("pack", "f"), "a c sub sub.e"),
        (("pack", "h"), "b d"),
        (("pack", "d"), "d"),
        (("pack", ""), "pack a b c d sub sub.e"),
        (("pack.sub.e", "x"), "sub sub.e"),
        (("torch", "nn"), ""),
        (("pack.nothing", ""), ""),
    ],
)
def test_a_name_leads_to_the_file_that_it_comes_from(tmp_path: Path, wanted: tuple[str, str], files: str) -> None:
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = files_behind([wanted], {"pack": tmp_path})
    assert {name.removeprefix("pack.") for name in found} == set(files.split())


@pytest.mark.parametrize(
    ("spoil", "holds"),
    [
        (lambda old: None, True),
        (lambda old: old.update(grader="0.0.1+abc"), False),
        (lambda old: old.update(exercise="another version"), False),
        (lambda old: old.update(exercise=""), True),
        (lambda old: old.update(variants="abc"), False),
        (lambda old: old.update(secret="abc"), False),
        (lambda old: old.update(memory_mb="1"), False),
        (lambda old: old.update(torch="1.0"), False),
        (lambda old: old.pop("masters"), False),
    ],
)
def test_rules_of_before_fingerprints_still_hold(spoil: Callable[[dict[str, str]], object], holds: bool) -> None:
    catalogue = Catalogue()
    now = rules(VAE, catalogue, b"secret", "auto", Limits())
    version = catalogue.exercise(VAE).version
    grader = now["grader"].partition("+")[0] + "+0123456789ab"
    old = now | {"exercise": version, "masters": "abc", "variants": "", "grader": grader}
    spoil(old)
    assert still_hold(old, now, [version]) is holds
    if not old["exercise"]:
        assert not still_hold(old, now, [version, "an older one"]), "it may have been graded as the older one"
