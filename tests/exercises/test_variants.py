"""An instructor's own exercise, in a folder outside the repository: handed out, graded, and kept from learners."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import Course

from course_lib.grading import Result, SubmissionError, build_exercises, grade_folder, self_check
from course_lib.grading.build import BuildError
from course_lib.grading.cluster import _rules
from course_lib.grading.masters import load_masters, use_variants
from course_lib.grading.sandbox import Limits
from course_lib.grading.sandbox.library import stage
from course_lib.grading.versions import describe
from course_lib.grading.worker import Job, Settings, grade_one
from course_lib.tasks.registry import exercises, preload_of, tasks_of, variants_of, withheld_of

NAME = "05b_renyi"
VAE = "05_variational_autoencoder"

TASKS = """
import torch
from course_lib.tasks.core import Mistake, Task, away_from_zero, generator
from course_lib.tasks.probes_renyi import first_value

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
    (folder / "probes_renyi.py").write_text(PROBES)
    nbformat.write(notebook(), folder / f"{name}.ipynb")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of variants that isn't in use yet; afterwards this process has the course's exercises alone."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("course_lib.tasks.")}
    yield put(tmp_path / "exam")
    use_variants(None)
    sys.modules.update(before)


def hand_in(place: Path, learner: str, answer: str, exercise: str = NAME) -> None:
    place.mkdir(exist_ok=True)
    nbformat.write(notebook(answer), place / f"{learner}__{exercise}.ipynb")


def graded(place: Path, out: Path, folder: Path | None, sandbox: str = "none") -> tuple[dict[str, Result], int]:
    summary = grade_folder(place, out, workers=1, variants=folder, sandbox=sandbox)
    return {result.learner: result for result in summary.results}, summary.graded


def test_the_folders_exercises_come_to_the_courses_and_go(folder: Path) -> None:
    ours, theirs = exercises(), tasks_of(VAE)
    use_variants(folder)
    assert set(exercises()) == {*ours, NAME} == set(load_masters())
    assert variants_of(NAME) == folder
    assert variants_of(VAE) is None
    assert [task.name for task in tasks_of(NAME)] == ["renyi"]
    assert [task.name for task in tasks_of(VAE)] == [task.name for task in theirs]
    assert "course_lib.tasks.probes_renyi" in preload_of(NAME)
    use_variants(None)
    assert exercises() == ours
    assert NAME not in load_masters()
    with pytest.raises(ValueError, match="there is no exercise '05b_renyi'"):
        tasks_of(NAME)


def test_an_error_in_its_code_is_told_with_its_line(folder: Path) -> None:
    (folder / f"ex{NAME}.py").write_text("TASKS = (\n\nWITHHELD = {}")
    use_variants(folder)
    with pytest.raises(ValueError, match=rf"tasks of {NAME} can't be read: SyntaxError: .*ex{NAME}\.py, line 1"):
        load_masters()


def test_one_with_the_name_of_the_courses_replaces_it(folder: Path) -> None:
    before = tasks_of(VAE)
    put(folder, VAE)
    use_variants(folder)
    assert [task.name for task in tasks_of(VAE)] == ["renyi"]
    assert "def renyi" in load_masters()[VAE].cells[1].source
    use_variants(None)
    assert [task.name for task in tasks_of(VAE)] == [task.name for task in before]
    assert "kl_divergence" in str(load_masters()[VAE])


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
    use_variants(None)  # the learner's course knows nothing of it
    with pytest.raises(SubmissionError, match="If your instructor wrote it, the checks are with them"):
        self_check(folder / "exercises" / f"{NAME}.ipynb")
    assert (folder / "released" / f"{NAME}.json").is_file()


def test_the_staged_library_has_its_probes_and_no_more(folder: Path, tmp_path: Path) -> None:
    use_variants(folder)
    stage(tmp_path / "library", withheld_of(NAME), variants_of(NAME))
    staged = tmp_path / "library" / "course_lib"
    assert (staged / "tasks" / "probes_renyi.py").read_text() == PROBES
    texts = {path.relative_to(staged).as_posix(): path.read_text() for path in staged.rglob("*.py")}
    assert not [name for name, text in texts.items() if "Harremoes" in text or name.startswith("tasks/ex")]
    assert "Use your own" in texts["objectives/kl.py"]


@pytest.mark.skipif(
    shutil.which("bwrap") is None and not os.environ.get("CI"), reason="no bubblewrap: sudo apt install bubblewrap"
)
def test_it_is_graded_in_the_sandbox_and_out_of_reach_there(folder: Path, tmp_path: Path) -> None:
    look = f"""def renyi(mu, alpha):
    from pathlib import Path
    seen = any(Path(p).exists() for p in ({str(folder)!r}, {str(folder / f"ex{NAME}.py")!r}))
    try:
        from course_lib.tasks.ex{NAME} import RENYI
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
    build_exercises(folder, folder / "exercises")
    assert graded(tmp_path / "in", tmp_path / "out", folder)[1] == 0
    module = folder / f"ex{NAME}.py"
    module.write_text(module.read_text().replace("points=3", "points=30"))
    nbformat.write(notebook(), folder / f"{NAME}.ipynb")
    results, number = graded(tmp_path / "in", tmp_path / "out", folder)
    assert (results["ada"].score, number) == (30, 1)


def test_marks_of_the_courses_own_exercises_do_not_depend_on_the_folder(folder: Path) -> None:
    def settings(exercise: str) -> dict[str, str]:
        return describe(exercise, b"secret", "none", Limits())

    before = settings(VAE)
    use_variants(folder)
    assert settings(VAE) == before
    first = settings(NAME)
    assert first["variants"] == settings("")["variants"] != ""
    (folder / "probes_renyi.py").write_text(PROBES + "# another\n")
    use_variants(folder)
    assert {key for key, value in settings(NAME).items() if value != first[key]} == {"variants"}


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
    with pytest.raises(ValueError, match=r"the course has a module probes_07\.py of its own"):
        use_variants(folder)
    (folder / "probes_07.py").unlink()
    (folder / f"{NAME}.ipynb").unlink()
    code, said = course("build", "--variants", str(folder))
    assert (code, f"not its solution {NAME}.ipynb" in said) == (2, True)
    put(folder)
    module = folder / f"ex{NAME}.py"
    module.write_text(module.read_text().replace("from course_lib.tasks.probes_renyi import first_value", PROBES))
    code, said = course("grade", str(tmp_path), "--out", str(tmp_path / "out"), "--variants", str(folder))
    assert (code, "the probe of renyi is in course_lib.tasks.ex05b_renyi" in said) == (2, True)
    put(folder)
    nbformat.write(nbformat.v4.new_notebook(), folder / f"{NAME}.ipynb")
    use_variants(folder)
    with pytest.raises(BuildError, match="tasks, answers and checks must be the same"):
        load_masters()
