"""An instructor's own exercise, in a folder outside the repository: handed out, graded, and kept from learners."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import Course, needs_bubblewrap

from course_lib.exercises.build import BuildError
from course_lib.exercises.catalogue import Catalogue, catalogue_of
from course_lib.exercises.variants import read_variants
from course_lib.grading import Result, SubmissionError, build_exercises, grade_folder, self_check
from course_lib.grading.batch.cluster import _rules
from course_lib.grading.batch.rules import rules
from course_lib.grading.batch.worker import Job, Settings, grade_one
from course_lib.grading.sandbox import Limits
from course_lib.grading.sandbox.staging import stage

NAME = "05b_renyi"
VAE = "05_variational_autoencoder"

TASKS = """
import torch
from course_lib.tasks.core import Mistake, Task, away_from_zero, generator
from .probes.renyi import first_value

def _renyi(mu, alpha):  # of N(mu, 1) from N(0, 1), van Erven & Harremoes 2014, eq. 10
    return (0.5 * alpha * mu.square().sum(1),)

def _cases(seed):
    source = generator(seed)
    return [{"mu": away_from_zero(shape, source), "alpha": a} for shape, a in (((4, 3), 0.5), ((1, 2), 3.0))]

RENYI = Task(
    name="renyi",
    points=3,
    cases=_cases,
    reference=_renyi,
    mistakes=(Mistake(lambda mu, alpha: _renyi(mu, 1.0), "alpha plays no part: this is the KL."),),
    probe=first_value,
)
TASKS = (RENYI,)
WITHHELD = {"objectives.kl:kl_per_dimension": ""}
"""
PROBES = """
def first_value(answer, case):
    return {"the value": answer(*case.values())[0]}
"""
ANSWER = """def renyi(mu, alpha):
    ### BEGIN SOLUTION Write it down.
    return (0.5 * alpha * mu.square().sum(1),)
    ### END SOLUTION"""


def notebook(answer: str = ANSWER) -> nbformat.NotebookNode:
    """The solution, as its author writes it."""
    cells = ["import torch\nfrom course_lib.tasks import check", answer, 'check("renyi", renyi)']
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])


def put(folder: Path, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"ex{name}.py").write_text(TASKS)
    (folder / "probes").mkdir(exist_ok=True)
    (folder / "probes" / "renyi.py").write_text(PROBES)
    nbformat.write(notebook(), folder / f"{name}.ipynb")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of variants that nobody has looked at yet."""
    return put(tmp_path / "exam")


def hand_in(place: Path, learner: str, answer: str, exercise: str = NAME) -> None:
    place.mkdir(exist_ok=True)
    nbformat.write(notebook(answer), place / f"{learner}__{exercise}.ipynb")


def graded(place: Path, out: Path, folder: Path | None, sandbox: str = "none") -> tuple[dict[str, Result], int]:
    summary = grade_folder(place, out, workers=1, variants=folder, sandbox=sandbox)
    return {result.learner: result for result in summary.results}, summary.graded


def test_the_folders_exercises_stand_beside_the_courses(folder: Path) -> None:
    ours, both = Catalogue(), Catalogue(variants=folder)
    assert set(both.names) == {*ours.names, NAME}
    exercise = both.exercise(NAME)
    assert exercise.variants is not None
    assert exercise.variants.folder == folder
    assert both.exercise(VAE).variants is None
    assert [task.name for task in exercise.tasks] == ["renyi"]
    assert both.exercise(VAE).tasks == ours.exercise(VAE).tasks
    assert f"{exercise.variants.package}.probes.renyi" in exercise.preload
    with pytest.raises(KeyError):
        ours.exercise(NAME)


def test_two_states_of_a_folder_do_not_meet_in_a_process(folder: Path) -> None:
    first = catalogue_of(variants=folder)
    assert catalogue_of(variants=folder) is first
    module = folder / f"ex{NAME}.py"
    module.write_text(module.read_text().replace("points=3", "points=30"))
    second = catalogue_of(variants=folder)
    assert [c.exercise(NAME).tasks[0].points for c in (first, second)] == [3, 30]


def test_two_states_of_one_second_and_one_size_do_not_meet_in_their_bytecode(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    module = folder / f"ex{NAME}.py"
    for points in (3, 5, 7):
        module.write_text(TASKS.replace("points=3", f"points={points}"))
        os.utime(module, (1_700_000_000, 1_700_000_000))
        (folder / "probes" / "renyi.py").write_text(PROBES.replace("the value", f"value no {points}"))
        os.utime(folder / "probes" / "renyi.py", (1_700_000_000, 1_700_000_000))
        task = Catalogue(variants=folder).exercise(NAME).tasks[0]
        assert (task.points, list(task.probe(lambda x: (x,), {"x": 1.0}))) == (points, [f"value no {points}"])
    assert not list(folder.rglob("*.pyc"))


def test_an_error_in_its_code_is_told_with_its_line(folder: Path) -> None:
    (folder / f"ex{NAME}.py").write_text("TASKS = (\n\nWITHHELD = {}")
    with pytest.raises(ValueError, match=rf"tasks of {NAME} can't be read: SyntaxError: .*ex{NAME}\.py, line 1"):
        Catalogue(variants=folder).exercise(NAME)


def test_what_a_package_of_tasks_lacks_is_named(folder: Path) -> None:
    module = folder / f"ex{NAME}.py"
    module.write_text(module.read_text().replace("WITHHELD", "LEFT_OUT"))
    with pytest.raises(ValueError, match=r"must hold TASKS, a tuple, and WITHHELD, .*not there: WITHHELD"):
        Catalogue(variants=folder).exercise(NAME)
    put(folder)
    nbformat.write(notebook(), folder / "05c_other.ipynb")
    with pytest.raises(ValueError, match=r"05c_other has no tasks: make .*/ex05c_other with TASKS and WITHHELD"):
        build_exercises(folder, folder / "exercises", variants=read_variants(folder))


def test_one_with_the_name_of_the_courses_replaces_it(folder: Path) -> None:
    put(folder, VAE)
    theirs = Catalogue(variants=folder).exercise(VAE)
    assert [task.name for task in theirs.tasks] == ["renyi"]
    assert "def renyi" in theirs.cells[1].source
    assert "gaussian_kl" in Catalogue().exercise(VAE).answers


def test_building_makes_what_is_handed_out_and_it_says_who_checks(
    folder: Path, course: Course, tmp_path: Path
) -> None:
    assert course("build", "--variants", str(folder), "--check")[0] == 1
    code, said = course("build", "--variants", str(folder))
    assert (code, said.strip()) == (0, f"built {NAME}")
    assert course("build", "--variants", str(folder), "--check")[0] == 0
    handed_out = nbformat.read(folder / "exercises" / f"{NAME}.ipynb", as_version=4)
    _, answer, check = (cell.source for cell in handed_out.cells)
    assert answer == 'def renyi(mu, alpha):\n    raise NotImplementedError("Write it down.")'
    said_there: list[str] = []
    exec(check, {"print": said_there.append})
    assert said_there == ["renyi: nothing is checked here; your instructor has the checks."]
    assert "check(" in nbformat.read(folder / f"{NAME}.ipynb", as_version=4).cells[2].source
    # the learner's course knows nothing of it
    with pytest.raises(SubmissionError, match="If your instructor wrote it, the checks are with them"):
        self_check(folder / "exercises" / f"{NAME}.ipynb")
    assert (folder / "released" / f"{NAME}.json").is_file()


def test_the_staged_library_has_its_probes_and_no_more(folder: Path, tmp_path: Path) -> None:
    exercise = Catalogue(variants=folder).exercise(NAME)
    assert exercise.variants is not None
    (tmp_path / "library").mkdir()
    stage(tmp_path / "library", exercise.withheld, exercise.variants)
    theirs = tmp_path / "library" / exercise.variants.package
    assert [p.relative_to(theirs).as_posix() for p in theirs.rglob("*.py")] == ["probes/renyi.py"]
    texts = {path.as_posix(): path.read_text() for path in (tmp_path / "library").rglob("*.py")}
    probes = "course_lib/probes/ex05.py"  # the course's own, staged for every exercise of that number
    assert not [n for n, text in texts.items() if "Harremoes" in text or ("/ex05" in n and not n.endswith(probes))]
    assert "refuse('kl_per_dimension')" in texts[(tmp_path / "library/course_lib/objectives/kl.py").as_posix()]


@needs_bubblewrap
def test_it_is_graded_in_the_sandbox_and_out_of_reach_there(folder: Path, tmp_path: Path) -> None:
    look = f"""def renyi(mu, alpha):
    from pathlib import Path
    seen = any(Path(p).exists() for p in ({str(folder)!r}, {str(folder / f"ex{NAME}.py")!r}))
    try:
        import glob, importlib
        package = glob.glob('/opt/course/library/course_variants_*')[0].rpartition('/')[2]
        importlib.import_module(f'{{package}}.probes.renyi')
        importlib.import_module(f'{{package}}.ex{NAME}')
        seen = True
    except ImportError:
        pass
    return ((1 + 9 * seen) * 0.5 * alpha * mu.square().sum(1),)"""
    hand_in(tmp_path / "in", "ada", ANSWER)
    hand_in(tmp_path / "in", "alan", look)
    hand_in(tmp_path / "in", "kl", ANSWER.replace("alpha * ", ""))
    results, _ = graded(tmp_path / "in", tmp_path / "out", folder, "auto")
    verdicts = {learner: result.verdicts[0] for learner, result in results.items()}
    assert (verdicts["ada"].verdict, verdicts["ada"].points) == ("right", 3)
    assert verdicts["alan"].verdict == "right", verdicts["alan"].message
    assert (verdicts["kl"].verdict, verdicts["kl"].points) == ("wrong", 0)
    assert "alpha plays no part" in verdicts["kl"].message
    assert results["ada"].sandbox.startswith("bubblewrap")


def test_other_code_in_the_folder_is_another_mark_and_nothing_else_is(folder: Path, tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "ada", ANSWER)
    results, number = graded(tmp_path / "in", tmp_path / "out", folder)
    assert (results["ada"].score, number) == (3, 1)
    build_exercises(folder, folder / "exercises", variants=read_variants(folder))
    assert graded(tmp_path / "in", tmp_path / "out", folder)[1] == 0
    module = folder / f"ex{NAME}.py"
    module.write_text(module.read_text().replace("points=3", "points=30"))
    nbformat.write(notebook(), folder / f"{NAME}.ipynb")
    results, number = graded(tmp_path / "in", tmp_path / "out", folder)
    assert (results["ada"].score, number) == (30, 1)


def test_marks_of_the_courses_own_exercises_do_not_depend_on_the_folder(folder: Path) -> None:
    def rules_of(exercise: str, catalogue: Catalogue) -> dict[str, str]:
        return rules(exercise, catalogue, b"secret", "none", Limits())

    both = Catalogue(variants=folder)
    assert rules_of(VAE, both) == rules_of(VAE, Catalogue())
    first = rules_of(NAME, both)
    (folder / "probes" / "unused.py").write_text("x = 1\n")
    assert rules_of(NAME, Catalogue(variants=folder)) == first, "what no task rests on plays no part"
    (folder / "probes" / "renyi.py").write_text(PROBES + "x = 1\n")
    changed = rules_of(NAME, Catalogue(variants=folder))
    assert {key for key, value in changed.items() if value != first[key]} == {"exercise"}


def test_checking_ones_own_solution(folder: Path, course: Course) -> None:
    code, said = course("check", str(folder / f"{NAME}.ipynb"), "--variants", str(folder))
    assert code == 0, said
    assert "Public checks passed: 1 of 1" in said


def test_a_machine_without_the_folder_says_so(folder: Path, tmp_path: Path) -> None:
    job = Job(1, "ada", NAME, b"{}", "", "", Settings(b"secret", variants=tmp_path / "elsewhere"))
    with pytest.raises(OSError, match=r"no variant in .*elsewhere"):
        _rules(job)
    result, _ = grade_one(job)
    assert (result.status, result.score) == ("failed", 0)
    assert "elsewhere" in result.reason


def test_folders_that_can_not_be_used(folder: Path, course: Course, tmp_path: Path) -> None:
    (folder / "probes_07.py").write_text("")
    with pytest.raises(ValueError, match=r"probes_07\.py must lie in a folder: move it to .*/probes/07\.py"):
        Catalogue(variants=folder)
    (folder / "probes_07.py").unlink()
    (folder / f"{NAME}.ipynb").unlink()
    code, said = course("build", "--variants", str(folder))
    assert (code, f"not its solution {NAME}.ipynb" in said) == (2, True)
    put(folder)
    module = folder / f"ex{NAME}.py"
    module.write_text(module.read_text().replace("from .probes.renyi import first_value", PROBES))
    hand_in(tmp_path / "in", "ada", ANSWER)
    code, said = course("grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--variants", str(folder))
    assert code == 2
    assert re.search(r"the probe of renyi is in course_variants_\w+\.ex05b_renyi, which a learner's process", said)
    put(folder)
    nbformat.write(nbformat.v4.new_notebook(), folder / f"{NAME}.ipynb")
    with pytest.raises(BuildError, match="tasks, answers and checks must be the same"):
        Catalogue(variants=folder).exercise(NAME)
