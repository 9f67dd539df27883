"""Marks come from hidden inputs and from what came back on them, never from what a notebook says of itself."""

from pathlib import Path

import nbformat
import pytest
import torch

from course_lib.exercises.catalogue import Catalogue
from course_lib.grading.intake.read import Cell
from course_lib.grading.marking import cases_of, hidden_seed, mark
from course_lib.grading.results import TaskVerdict
from course_lib.grading.running.client import CellOutcome
from course_lib.grading.running.rebuild import Rebuilt, rebuild
from course_lib.grading.running.run import NotebookRun
from course_lib.grading.sandbox import Limits
from course_lib.probes.calls import observe
from course_lib.probes.collect import report
from course_lib.tasks.core import Observation, Task
from course_lib.tasks.find import find_task

EXERCISE = Catalogue().exercise("05_variational_autoencoder")
KL = find_task("gaussian_kl")
SEED = 11


def marked(message: object, *, stopped: str = "", **cell: object) -> TaskVerdict:
    """The verdict on ``gaussian_kl`` if its collector's cell ended like that."""
    cases = {task.name: cases_of(task, SEED) for task in EXERCISE.tasks}
    cells = [Cell("code", cell.source, cell.grade_id) for cell in EXERCISE.cells]
    built = rebuild(EXERCISE, cells, {name: [] for name in cases})
    places = {c.metadata.get("course", {}).get("collects"): i for i, c in enumerate(built.notebook.cells)}
    outcome = CellOutcome(
        status=str(cell.get("status", "ok")), seconds=0.1, error=str(cell.get("error", "")), data=message
    )
    run = NotebookRun({places["gaussian_kl"]: outcome}, stopped)
    return mark([KL], cases, built, run, Limits(seconds_per_cell=7))[0]


def outputs(answer, task: Task = KL, seed: int = SEED) -> dict:
    public, hidden = cases_of(task, seed)
    return report(task.name, [observe(task.probe, answer, case) for case in (*public, *hidden)])


def test_runs_share_nothing_that_one_could_change() -> None:
    first, second = (rebuild(EXERCISE, [], {task.name: [] for task in EXERCISE.tasks}).notebook for _ in range(2))
    first.metadata["papermill"] = {}
    first.metadata.kernelspec["name"] = "another"
    assert "papermill" not in second.metadata
    assert second.metadata.kernelspec["name"] == "python3"


def test_a_right_answer_gets_its_points() -> None:
    verdict = marked(outputs(KL.reference))
    assert (verdict.points, verdict.max_points, verdict.verdict, verdict.message) == (2, 2, "right", "")


def test_an_answer_that_knows_only_the_public_inputs_gets_none() -> None:
    public = [case["mu_q"] for case in KL.public_cases()]

    def by_heart(mu, *others):
        known = any(x.shape == mu.shape and torch.equal(x, mu) for x in public)
        return KL.reference(mu, *others) if known else mu + others[0]

    verdict = marked(outputs(by_heart))
    assert (verdict.points, verdict.verdict) == (0, "wrong")
    assert verdict.message.startswith("The public checks pass. gaussian_kl is not right yet (on a hidden input)")


def test_an_error_on_a_hidden_input_does_not_tell_it() -> None:
    public = [case["mu_q"] for case in KL.public_cases()]

    def telling(mu, *others):
        if not any(x.shape == mu.shape and torch.equal(x, mu) for x in public):
            raise KeyError(f"the hidden input is {mu.flatten()[0].item():.6f}")
        return KL.reference(mu, *others)

    verdict = marked(outputs(telling))
    assert (verdict.points, verdict.verdict) == (0, "error")
    assert verdict.message == (
        "The public checks pass. gaussian_kl could not be used. On a hidden input it stopped with KeyError."
    )


def test_an_error_on_a_public_input_is_told_in_full() -> None:
    def failing(*given):
        raise KeyError("which key")

    assert "KeyError: 'which key'" in marked(outputs(failing)).message


def test_no_hidden_number_is_told() -> None:
    def off(mu, *others):
        return KL.reference(mu, *others) * (
            1 if any(torch.equal(mu, c["mu_q"]) for c in KL.public_cases()) else 1.1
        )

    message = marked(outputs(off)).message
    assert "12 of 12 entries are wrong" in message
    hidden = [x for case in cases_of(KL, SEED)[1] for x in (case["mu_q"], KL.reference(**case))]
    told = {word.strip(".,;()[]") for word in message.split()}
    for x in hidden:
        assert not told & {f"{value:.{n}g}" for value in x.flatten().tolist() for n in (3, 4, 5)}


def test_a_public_gap_is_told_with_numbers_and_its_mistake() -> None:
    verdict = marked(outputs(lambda *given: 2 * KL.reference(*given)))
    assert "public case 1 of 3" in verdict.message
    assert "It looks like this mistake: the factor one half is missing" in verdict.message


def test_outputs_for_another_learners_inputs_get_none() -> None:
    assert marked(outputs(KL.reference, seed=SEED + 1)).verdict == "wrong"


@pytest.mark.parametrize(
    ("message", "verdict", "says"),
    [
        ("garbage", "error", "could not be read: no outputs of gaussian_kl"),
        ({"task": "gaussian_kl", "observations": [{}] * 6, "arrays": 5}, "error", "text was expected"),
        (report("gaussian_kl", [Observation({})] * 6), "wrong", "nothing came"),
        (report("gaussian_kl", [Observation({"the value": torch.ones(4)})] * 6), "wrong", "was expected"),
        (
            report("gaussian_kl", [Observation({}, "Do it.", untouched=True)]),
            "untouched",
            "not written yet. Do it.",
        ),
        (report("gaussian_kl", [Observation({}, "It broke.")]), "error", "could not be used. It broke."),
        (outputs(lambda *given: KL.reference(*given) * float("nan")), "wrong", "nan came"),
        (outputs(lambda *given: KL.reference(*given) * float("inf")), "wrong", "inf came"),
    ],
)
def test_whatever_comes_back_is_a_verdict_with_a_reason(message: object, verdict: str, says: str) -> None:
    result = marked(message)
    assert (result.points, result.verdict) == (0, verdict)
    assert says in result.message


def test_nothing_came_back_is_a_zero_with_the_reason() -> None:
    assert "It took longer than 7 s." in marked(None, status="timeout").message
    assert "The kernel died." in marked(None, status="died", stopped="The kernel died.").message
    assert "It took longer than 7 s." in marked(None, status="timeout", error="KeyboardInterrupt: ").message
    message = marked(None, status="error", error="ValueError: 0.123").message
    assert message == "gaussian_kl gave no outputs. When it was called it stopped with ValueError."


def test_the_end_of_the_learners_own_cell_is_told_without_the_kernels_name_for_it() -> None:
    roles = ({"answer": "gaussian_kl"}, {"collects": "gaussian_kl"})
    cells = [nbformat.v4.new_code_cell(metadata={"course": role}) for role in roles]
    own = CellOutcome("error", 0.1, error="SyntaxError: expected ':' (1702199538.py, line 3)")
    sent = report("gaussian_kl", [Observation({}, "There is no function gaussian_kl after the cell has run.")])
    run = NotebookRun({0: own, 1: CellOutcome("ok", 0.1, data=sent)})
    (verdict,) = mark(
        [KL], {"gaussian_kl": cases_of(KL, SEED)}, Rebuilt(nbformat.v4.new_notebook(cells=cells)), run, Limits()
    )
    assert verdict.message.endswith(
        "The cell itself: It stopped with SyntaxError: expected ':' (line 3 of the cell)"
    )


def test_an_answer_that_calls_a_wrong_one_is_told_to_begin_there() -> None:
    tasks = (KL, find_task("draw_digits"), find_task("grey_loss"))
    cases = {task.name: cases_of(task, SEED) for task in tasks}
    cells = [nbformat.v4.new_code_cell(metadata={"course": {"collects": task.name}}) for task in tasks]
    code = {"grey_loss": "def grey_loss(l, x, *both):\n    return gaussian_kl(*both) - f(draw_digits)"}
    built = Rebuilt(nbformat.v4.new_notebook(cells=cells), answers=code)
    sent = (
        outputs(lambda mu, *others: mu),
        outputs(lambda d, m, v, e: m, tasks[1]),
        outputs(lambda *_: 0, tasks[2]),
    )
    run = NotebookRun({i: CellOutcome("ok", 0.1, data=data) for i, data in enumerate(sent)})
    verdicts = mark(tasks, cases, built, run, Limits())
    assert [verdict.points for verdict in verdicts] == [0, 0, 0]
    assert verdicts[2].message.endswith("\nIt calls gaussian_kl, which isn't right yet: begin there.")
    assert not any("begin there" in verdict.message for verdict in verdicts[:2])


def test_hidden_inputs_are_fresh_per_learner_and_task_and_repeat_with_the_secret() -> None:
    def seed(
        secret: bytes = b"s" * 16, learner: str = "ada", exercise: str = EXERCISE.name, task: str = "f"
    ) -> int:
        return hidden_seed(secret, learner, exercise, task)

    assert seed() == seed()
    others = {seed(), seed(b"t" * 16), seed(learner="bob"), seed(exercise="01"), seed(task="g")}
    assert len(others) == 5
    assert all(0 <= value < 2**63 for value in others)
    assert hidden_seed(b"s", "a", "bc", "d") != hidden_seed(b"s", "ab", "c", "d")


def test_without_a_seed_only_public_inputs_are_run() -> None:
    for task in EXERCISE.tasks:
        public, hidden = cases_of(task, None)
        assert public
        assert hidden == []


def test_masters_are_needed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no solutions such as"):
        Catalogue(tmp_path)
