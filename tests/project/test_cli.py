"""The `course` command, called as a reader calls it: what it does, what it says, how it exits."""

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import Course, write_notebook

from course_lib import __version__
from course_lib.grading import Result, Summary, TaskVerdict
from course_lib.grading.journal import JOURNAL, DiskFullError, Journal, JournalError
from course_lib.grading.sandbox import SandboxError
from course_lib.lessons.execute import LocalKernelManager, parse_value, sockets
from course_lib.lessons.find import LessonError, course_root, find_lesson
from course_lib.lessons.lab import lab_arguments
from course_lib.lessons.outputs import MAX_BYTES, faults, source_hash

VAE = "05_variational_autoencoder"


def sources(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def outputs(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(out.get("text", "") for cell in cells for out in cell.get("outputs", []))


# which lesson is meant


@pytest.mark.parametrize("name", ["05", "5", VAE, f"{VAE}.ipynb", "variational", f"notebooks/{VAE}.ipynb"])
def test_a_lesson_is_found_by_number_name_or_part(clone: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    assert find_lesson(name, clone) == clone / "notebooks" / f"{VAE}.ipynb"


@pytest.mark.parametrize(
    ("name", "says"), [("12", "is no lesson"), ("a", "fits more than one"), ("", "is no lesson")]
)
def test_what_is_no_lesson_gets_the_list_of_lessons(clone: Path, name: str, says: str) -> None:
    with pytest.raises(LessonError, match=says) as caught:
        find_lesson(name, clone)
    assert VAE in str(caught.value)
    assert "09_vae_gan" in str(caught.value)


def test_the_clone_is_found_from_a_folder_inside(clone: Path) -> None:
    assert course_root(clone / "notebooks") == clone.resolve()


# course run


def test_run_makes_notebook_page_and_table(course: Course, clone: Path) -> None:
    code, text = course("run", "05", "-p", "NUM_STEPS", "7", "-p", "DATASET", "mnist")
    assert code == 0, text
    assert re.search(rf"{VAE}\s+ran\s+\d+\s+[\d,]+ MB\s+build/{VAE}.html", text), text
    assert outputs(clone / "build" / f"{VAE}.ipynb").startswith("7 mnist ")
    assert "7 mnist" in (clone / "build" / f"{VAE}.html").read_text()
    assert outputs(clone / "notebooks" / f"{VAE}.ipynb") == ""  # the lesson itself stays as it is


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder of sockets with a path short enough for them, which pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        yield Path(folder)


def test_a_run_leaves_nothing_behind(
    course: Course, clone: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    assert sockets()["transport"] == "ipc"
    listing = (
        "import os\nassert [n for n in os.listdir() if not n.endswith('.ipynb')] == []"  # sockets aren't here
    )
    write_notebook(clone / "notebooks" / "07_gan.ipynb", listing)
    code, text = course("run", "07")
    assert code == 0, text
    assert [path.name for path in (clone / "notebooks").iterdir() if path.suffix != ".ipynb"] == []
    assert list(runtime.iterdir()) == []


def test_a_relative_data_folder_is_meant_from_the_shell(
    course: Course, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_DATA", "../shared/data")
    assert course("run", "05")[0] == 0
    printed = outputs(clone / "build" / f"{VAE}.ipynb")
    assert printed.split() == ["3", "glyphs", str(clone.parent / "shared" / "data"), str(clone / "notebooks")]


def test_a_lesson_that_fails_is_named_and_the_others_still_run(course: Course, clone: Path) -> None:
    write_notebook(clone / "notebooks" / "07_gan.ipynb", "print('so far')", "raise ValueError('[red]no[/] loss')")
    code, text = course("run", "07", "09")
    assert code == 1, text
    assert "07_gan cell 4 (In [3]): ValueError: [red]no[/] loss" in text
    assert re.search(r"09_vae_gan\s+ran", text), text
    assert "so far" in outputs(clone / "build" / "07_gan.ipynb")


def test_a_kernel_that_dies_is_said_to_have_died(course: Course, clone: Path) -> None:
    write_notebook(clone / "notebooks" / "07_gan.ipynb", "import os; os._exit(3)")
    code, text = course("run", "07")
    assert code == 1, text
    assert "the kernel died" in text


def test_peak_memory_is_that_of_the_kernel(course: Course, clone: Path) -> None:
    write_notebook(clone / "notebooks" / "07_gan.ipynb", "x = b'1' * 400_000_000; del x")
    assert course("run", "07")[0] == 0
    assert LocalKernelManager.peak_mb is not None
    assert 400 < LocalKernelManager.peak_mb < 700


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "12"], "'12' is no lesson"),
        (["run", "05", "-p", "DATASETT", "mnist"], "has no parameter 'DATASETT'; it has NUM_STEPS, DATASET"),
        (["run", "05", "-p", "NUM_STEPS"], "takes a name and a value"),
        (["run", "05", "--in-place", "-p", "NUM_STEPS", "7"], "--in-place is for runs with the defaults"),
        (["run"], "Missing argument"),
        (["walk"], "No such command"),
    ],
)
def test_what_can_not_run_exits_with_2_and_a_reason(course: Course, arguments: list[str], says: str) -> None:
    code, text = course(*arguments)
    assert code == 2
    assert says in text


def test_in_place_refuses_a_small_run(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_SMOKE", "1")
    code, text = course("run", "05", "--in-place")
    assert (code, "unset COURSE_SMOKE" in text) == (2, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-0.5", -0.5),
        ("1e-3", 1e-3),
        ("True", True),
        ("false", False),
        ("None", None),
        ("[1, 2]", [1, 2]),
        ("mnist", "mnist"),
        ("05", "05"),
        ("a b", "a b"),
    ],
)
def test_parameter_values(text: str, value: Any) -> None:
    parsed = parse_value(text)
    assert (parsed, type(parsed)) == (value, type(value))


# outputs that are committed


def test_in_place_writes_outputs_and_what_made_them_and_nothing_else(course: Course, clone: Path) -> None:
    lesson = clone / "notebooks" / f"{VAE}.ipynb"
    before = nbformat.read(lesson, as_version=4)
    assert faults(lesson) != []
    assert course("run", "05", "--in-place")[0] == 0
    after = nbformat.read(lesson, as_version=4)
    assert [cell.source for cell in after.cells] == [cell.source for cell in before.cells]
    assert [cell.metadata for cell in after.cells] == [cell.metadata for cell in before.cells]
    assert outputs(lesson).startswith("3 glyphs")
    assert after.metadata.course == {"code_sha256": source_hash(before), "library_version": __version__}
    assert set(after.metadata) == {"course", "kernelspec"}
    assert faults(lesson) == []


def test_in_place_removes_the_traces_of_other_runs(course: Course, clone: Path) -> None:
    lesson = clone / "notebooks" / "09_vae_gan.ipynb"
    notebook = nbformat.read(lesson, as_version=4)
    clean = [dict(cell.metadata) for cell in notebook.cells]
    notebook.metadata.papermill = {"output_path": "/home/someone/09.ipynb"}
    for cell in notebook.cells:
        cell.metadata.update(papermill={"duration": 3.0}, execution={"iopub.status.busy": "1999-12-31"})
    nbformat.write(notebook, lesson)
    assert course("run", "09", "--in-place")[0] == 0
    after = nbformat.read(lesson, as_version=4)
    assert set(after.metadata) == {"course", "kernelspec"}
    assert [dict(cell.metadata) for cell in after.cells if cell.cell_type == "code"] == clean[1:]


def test_a_widget_leaves_its_picture_and_a_progress_bar_nothing(course: Course, clone: Path) -> None:
    slider = "from matplotlib.figure import Figure\nfrom course_lib.viz import slider_figure\n"
    slider += "slider_figure(lambda a=1: Figure(), 'An empty figure.', a=(0, 2))"
    bar = "import ipywidgets\nipywidgets.IntProgress()"
    lesson = write_notebook(clone / "notebooks" / "07_gan.ipynb", slider, bar)
    assert course("run", "07", "--in-place")[0] == 0
    cells = nbformat.read(lesson, as_version=4).cells
    (picture,) = cells[-2].outputs
    assert set(picture.data) == {"image/png", "text/plain"}
    assert cells[-1].outputs == []
    page = (clone / "build" / "07_gan.html").read_text()
    assert picture.data["image/png"].strip()[:200] in page
    assert "widget-view" not in page
    assert "widgets" in nbformat.read(clone / "build" / "07_gan.ipynb", as_version=4).metadata  # there it lives on


def test_a_failed_run_leaves_the_lesson_alone(course: Course, clone: Path) -> None:
    lesson = write_notebook(clone / "notebooks" / "07_gan.ipynb", "print(1)", "1 / 0")
    before = lesson.read_bytes()
    assert course("run", "07", "--in-place")[0] == 1
    assert lesson.read_bytes() == before


def executed(path: Path) -> Any:
    """A lesson with one output, recorded as it should be."""
    notebook = nbformat.read(write_notebook(path, "print(1)"), as_version=4)
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.execution_count = number + 1
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    notebook.metadata.course = {"code_sha256": source_hash(notebook), "library_version": __version__}
    return notebook


def never_run(notebook: Any) -> None:
    notebook.cells[-1].execution_count = None


def no_output(notebook: Any) -> None:
    notebook.cells[-1].outputs = []


def failed(notebook: Any) -> None:
    notebook.cells[-1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])]


def nothing_recorded(notebook: Any) -> None:
    del notebook.metadata["course"]


def code_changed(notebook: Any) -> None:
    notebook.cells[-1].source = "print(2)"


def cell_added(notebook: Any) -> None:
    notebook.cells.append(nbformat.v4.new_code_cell("", execution_count=9))


def other_version(notebook: Any) -> None:
    notebook.metadata.course["library_version"] = "0.0.1"


def too_large(notebook: Any) -> None:
    notebook.cells[0].source += "x" * MAX_BYTES


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (never_run, "1 of 2 code cells were never run"),
        (no_output, "no cell has an output"),
        (failed, "an output is an error"),
        (nothing_recorded, "nothing says which code"),
        (code_changed, "a code cell changed"),
        (cell_added, "a code cell changed"),
        (other_version, "made with course_lib 0.0.1"),
        (too_large, "bytes, more than 1,000,000"),
    ],
)
def test_stale_outputs_are_found(tmp_path: Path, spoil: Any, says: str) -> None:
    path = tmp_path / "01_x.ipynb"
    notebook = executed(path)
    nbformat.write(notebook, path)
    assert faults(path) == []
    spoil(notebook)
    nbformat.write(notebook, path)
    (fault,) = faults(path)
    assert says in fault


def test_changed_text_does_not_make_outputs_stale(tmp_path: Path) -> None:
    path = tmp_path / "01_x.ipynb"
    notebook = executed(path)
    notebook.cells[0].source = "# Another title"
    notebook.cells[-1].source += "\n"
    nbformat.write(notebook, path)
    assert faults(path) == []


# course start, course lab


def test_start_copies_once_and_never_overwrites(course: Course, clone: Path) -> None:
    code, text = course("start")
    assert code == 0
    assert "3 copied" in text
    mine = clone / "workspace" / "notebooks" / f"{VAE}.ipynb"
    assert sources(mine) == sources(clone / "notebooks" / f"{VAE}.ipynb")
    assert (clone / "workspace" / "exercises" / f"{VAE}.ipynb").exists()

    mine.write_text("my work")
    write_notebook(clone / "notebooks" / f"{VAE}.ipynb", "a better lesson")
    write_notebook(clone / "notebooks" / "10_which_model.ipynb", "a new lesson")
    code, text = course("start")
    assert code == 0
    assert mine.read_text() == "my work"
    assert f"newer  notebooks/{VAE}.ipynb" in text
    assert "new    workspace/notebooks/10_which_model.ipynb" in text
    assert "newer  notebooks/09" not in text
    assert "1 copied, 3 already" in text


def test_a_copy_has_no_answers_on_it(course: Course, clone: Path) -> None:
    course("run", "05", "--in-place")
    lesson = clone / "notebooks" / f"{VAE}.ipynb"
    assert "glyphs" in outputs(lesson)
    text = course("start")[1]
    copy = clone / "workspace" / "notebooks" / f"{VAE}.ipynb"
    assert sources(copy) == sources(lesson)
    cells = nbformat.read(copy, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    assert "Copies come without outputs" in text
    assert "Copies" not in course("start")[1]


def test_a_lesson_whose_outputs_alone_changed_is_not_newer(course: Course, clone: Path) -> None:
    course("start")
    course("run", "09", "--in-place")
    assert "newer" not in course("start")[1]


def test_a_lesson_whose_text_changed_is_newer(course: Course, clone: Path) -> None:
    course("start")
    write_notebook(clone / "notebooks" / "09_vae_gan.ipynb", "1 + 1", title="Said better")  # the same code
    assert "newer  notebooks/09_vae_gan.ipynb" in course("start")[1]


def test_a_copy_taken_again_is_no_longer_newer(course: Course, clone: Path) -> None:
    course("start")
    write_notebook(clone / "notebooks" / "09_vae_gan.ipynb", "a better lesson")
    assert "newer" in course("start")[1]
    (clone / "workspace" / "notebooks" / "09_vae_gan.ipynb").rename(clone / "workspace" / "mine.ipynb")
    course("start")
    assert "newer" not in course("start")[1]


def test_lab_opens_the_copy(course: Course, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str] = []
    monkeypatch.setattr("course_lib.lessons.lab.serve", served.extend)
    assert course("lab", "9", "--no-browser", "--port", "9000", "--IdentityProvider.token=t")[0] == 0
    assert (clone / "workspace" / "notebooks" / "09_vae_gan.ipynb").exists()
    assert f"--ServerApp.root_dir={clone / 'workspace'}" in served
    assert "--LabApp.default_url=/lab/tree/notebooks/09_vae_gan.ipynb" in served
    assert {"--no-browser", "--ServerApp.port=9000", "--IdentityProvider.token=t"} <= set(served)
    assert "--LabApp.extension_manager=readonly" in served
    assert "--ServerApp.kernel_spec_manager_class=course_lib.lessons.kernels.OwnPython" in served
    served.clear()
    assert course("lab")[0] == 0
    assert f"--LabApp.default_url=/lab/tree/notebooks/{VAE}.ipynb" in served
    assert "--no-browser" not in served


def test_only_root_is_told_that_it_may_be_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not hasattr(os, "geteuid"):
        pytest.skip("no users by number here")
    for user, allowed in [(0, True), (1000, False)]:
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert ("--allow-root" in lab_arguments(tmp_path, None, browser=True, port=None)) is allowed


# course doctor, course build


def test_doctor_fits_one_screen_and_says_what_to_do(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setenv("PATH", "")
    code, text = course("doctor")
    lines = text.splitlines()
    assert len(lines) <= 24
    for topic in ("python", "packages", "device", "lessons", "glyphs", "weights", "mnist", "sandbox", "browser"):
        assert any(topic in line for line in lines), topic
    assert "sudo apt install bubblewrap" in text  # nothing is found on an empty PATH
    assert "sudo apt install chromium" in text
    assert (code == 0) == ("Nothing that is needed is missing." in text), text


def test_doctor_fails_where_something_needed_is_missing(course: Course, clone: Path) -> None:
    code, text = course("doctor")  # the small clone has no constraints.txt
    assert code == 1
    assert "Needed and missing: packages" in text


def test_build_check_exits_with_1_on_drift(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    for changed, code, says in [([], 0, "is what its solution makes"), (["05_x"], 1, "drifted 05_x")]:
        monkeypatch.setattr(
            "course_lib.exercises.build.build_exercises", lambda *_, variants, check, changed=changed: changed
        )
        assert course("build", "--check")[0] == code
        assert says in course("build", "--check")[1]


# course check, course grade


def verdict(task: str, outcome: Any, message: str = "") -> TaskVerdict:
    return TaskVerdict(task, 2.0 if outcome == "right" else 0.0, 2.0, outcome, message)


@pytest.mark.parametrize(("outcome", "code", "passed"), [("right", 0, 2), ("wrong", 1, 1), ("untouched", 1, 1)])
def test_check_passes_only_if_every_task_is_right(
    course: Course, monkeypatch: pytest.MonkeyPatch, outcome: str, code: int, passed: int
) -> None:
    verdicts = [verdict("kl_divergence", "right"), verdict("negative_elbo", outcome, "expected [2, 3]")]
    monkeypatch.setattr("course_lib.grading.self_check", lambda notebook, *, variants: verdicts)
    got, text = course("check", f"exercises/{VAE}.ipynb")
    assert got == code
    assert f"Public checks passed: {passed} of 2" in text
    assert ("expected [2, 3]" in text) == (outcome != "right")


def test_check_says_what_is_no_exercise(course: Course) -> None:
    code, text = course("check", "pyproject.toml")
    assert code == 2
    assert "The file is empty" in text
    code, text = course("check", "nowhere.ipynb")
    assert code == 2
    assert "there is no nowhere.ipynb; `course start` copies the exercises" in text


@pytest.mark.parametrize(("status", "code"), [("graded", 0), ("rejected", 0), ("stopped", 0), ("failed", 1)])
def test_grade_fails_only_if_the_grader_did(
    course: Course, clone: Path, monkeypatch: pytest.MonkeyPatch, status: Any, code: int
) -> None:
    asked: dict[str, Any] = {}
    good = Result("ada", VAE, "graded", (verdict("kl_divergence", "right"),))
    other = Result("bob", VAE, status, (verdict("kl_divergence", "wrong"),), reason="a [reason]")

    def grade_folder(submissions: Path, out: Path, *, progress: Any, total: Any, **settings: Any) -> Summary:
        asked.update(settings, submissions=submissions, out=out)
        total(2)
        with Journal(out / JOURNAL) as journal:
            for result in (good, other):
                run = journal.hand_in(result.learner, VAE, result.status, "", {"grader": "1"}, again=True)
                assert run is not None
                journal.start(run, result.status)
                journal.finish(run, result, {})
                progress(result)
        return Summary(out, 2, 7, 1.0)

    monkeypatch.setattr("course_lib.grading.grade_folder", grade_folder)
    got, text = course("grade", "in", "--out", "marks", "--workers", "3", "--seconds-per-cell", "7")
    assert got == code, text
    mean = "1.0" if status in ("graded", "stopped") else "2.0"  # of those that could be run
    assert re.search(rf"{VAE}\s+2\s+1\s+1\s+{mean} of 2", text), text
    assert f"2/2 bob {VAE}: {status}, 0 of 2" in text  # a line each: this is no terminal
    assert "2 graded, 7 unchanged" in text
    assert ("not graded" in text and "a [reason]" in text) == (status == "failed")
    assert {name: value for name, value in asked.items() if value} == {
        "submissions": Path("in"),
        "out": Path("marks"),
        "workers": 3,
        "seconds_per_cell": 7.0,
        "solutions": clone / "solutions",
        "sandbox": "auto",
    }
    assert (
        course("grade", "in", "--out", "marks", "--quiet")[1].count("\n") == code
    )  # quiet, but not about failures
    explained = course("grade", "in", "--out", "marks", "--only", "bob", "--explain")[1]
    for said in (
        "bob 05",
        f"score 0 of 2; {status}",
        "graded with: grader 1",
        "run ",
        "attempt 1",
        "sandbox: none",
    ):
        assert said in explained
    assert "score 2 of 2" not in explained  # not of ada


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (DiskFullError("there is no room"), 3, "there is no room"),
        (JournalError("process 7 writes to marks"), 2, "process 7"),
        (SandboxError("bwrap is not there"), 2, "bwrap is not there"),
        (KeyboardInterrupt(), 130, "goes on from there"),
        (FileNotFoundError("in is not a folder"), 2, "in is not a folder"),
    ],
)
def test_grade_says_how_it_ended(
    course: Course, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, says: str
) -> None:
    def grade_folder(*_: Any, **__: Any) -> Summary:
        raise raised

    monkeypatch.setattr("course_lib.grading.grade_folder", grade_folder)
    got, text = course("grade", "in", "--out", "marks")
    assert (got, says in text) == (code, True), text


def test_sigterm_ends_a_batch_as_an_interruption(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def grade_folder(*_: Any, **__: Any) -> Summary:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal had no effect")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("course_lib.grading.grade_folder", grade_folder)
    assert course("grade", "in", "--out", "marks")[0] == 130
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    "options",
    [("--explain",), ("--late", "10"), ("--due", "2026-10-31"), ("--late", "10", "--due", "soon")],
)
def test_grade_refuses_options_that_lack_their_other_half(course: Course, options: tuple[str, ...]) -> None:
    code, text = course("grade", "in", "--out", "marks", *options)
    assert code == 2, text


def test_marks_by_hand_and_forgetting(course: Course, clone: Path) -> None:
    out = clone / "marks"
    with Journal(out / JOURNAL) as journal:
        for learner in ("ada", "bob"):
            run = journal.hand_in(learner, VAE, "c", "", {})
            assert run is not None
            journal.start(run, "c")
            journal.finish(run, Result(learner, VAE, "graded", (verdict("kl_divergence", "wrong"),)), {})
    table = clone / "marks.csv"
    table.write_text(f"learner,exercise,task,points,comment\nada,{VAE},kl_divergence,1.5,well argued\n")
    code, text = course("marks", "marks", "marks.csv", "--by", "grace")
    assert (code, "1 new in marks.csv" in text) == (0, True), text
    assert f"ada,{VAE},1.5,2,graded" in (out / "gradebook.csv").read_text()
    assert "well argued" in (out / "feedback" / "ada" / f"{VAE}.html").read_text()
    table.write_text(f"learner,exercise,task,points,comment\nzoe,{VAE},,1,\n")
    code, text = course("marks", "marks", "marks.csv")
    assert (code, "line 2: nothing graded of 'zoe'" in text) == (2, True), text

    assert course("forget", "ada", "--out", "marks")[0] == 0
    left = [
        path for path in out.rglob("*") if "ada" in path.name or (path.is_file() and b"ada" in path.read_bytes())
    ]
    assert left == []
    assert f"bob,{VAE},0,2" in (out / "gradebook.csv").read_text()
    code, text = course("forget", "ada", "--out", "marks")
    assert (code, "nothing of a learner called 'ada'" in text) == (2, True), text
    assert course("forget", "ada", "--out", "elsewhere")[0] == 2


def test_grade_without_submissions_exits_with_2(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])  # where there are solutions
    code, text = course("grade", "no-such-folder", "--out", "no-such-results")
    assert code == 2
    assert "no-such-folder is not a folder" in text
