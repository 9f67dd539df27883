"""What ``check`` tells a learner: that it passed, or what was expected, what came, and the mistake it looks like."""

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor

from course_lib.exercises.catalogue import catalogue_of
from course_lib.tasks import CheckFailed, check
from course_lib.tasks.check import public_verdict
from course_lib.tasks.core import away_from_zero, binary, generator
from course_lib.tasks.find import asked_by, find_task


def right(mu: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)


def complaint(answer, name: str = "kl_divergence") -> str:
    with pytest.raises(CheckFailed) as caught:
        check(name, answer)
    return str(caught.value)


def test_a_right_answer_is_told_that_the_public_checks_passed(capsys: pytest.CaptureFixture[str]) -> None:
    check("kl_divergence", right)
    assert capsys.readouterr().out == "kl_divergence: public checks passed.\n"


def test_the_failing_input_can_be_had() -> None:
    def only_for_batches(mu, logvar):
        return right(mu, logvar) if len(mu) > 1 else right(mu, logvar) + 1

    said = complaint(only_for_batches)
    assert said.endswith("The input it failed on is check.last_case.")
    case = check.last_case
    assert case is not None
    assert list(case) == ["mu", "logvar"]
    assert len(case["mu"]) == 1
    torch.testing.assert_close(only_for_batches(**case), right(**case) + 1)
    case["mu"].data.zero_()  # a copy: the check itself asks the same again
    assert complaint(only_for_batches) == said
    check("kl_divergence", right)
    assert check.last_case is None


def test_a_stub_has_no_failing_input() -> None:
    def kl_divergence(mu, logvar):
        raise NotImplementedError("Add up the divergences.")

    assert "last_case" not in complaint(kl_divergence)


def test_a_stub_gets_a_kind_word_that_says_what_to_do() -> None:
    def kl_divergence(mu, logvar):
        raise NotImplementedError("Add up the divergences.")

    assert complaint(kl_divergence) == "kl_divergence is not written yet. Add up the divergences."


def test_a_stub_that_an_answer_calls_is_named() -> None:
    def kl_of_one(mu, logvar):
        raise NotImplementedError("Of one dimension.")

    def kl_divergence(mu, logvar):
        return kl_of_one(mu, logvar).sum(1)

    said = complaint(kl_divergence)
    assert "it calls kl_of_one, which is not written yet" in said
    assert "kl_divergence is not written yet" not in said


def test_not_implemented_by_pytorch_is_not_a_stub() -> None:
    def kl_divergence(mu, logvar):
        return torch.ops.aten.linalg_eigh(mu.to_sparse()).eigenvalues

    assert "not written yet" not in complaint(kl_divergence)


def test_an_error_shows_the_learners_own_line() -> None:
    def kl_divergence(mu, logvar):
        return torch.cat([mu, logvar.sum(1)])

    message = complaint(kl_divergence)
    assert "return torch.cat([mu, logvar.sum(1)])" in message
    assert "RuntimeError" in message
    assert "site-packages" not in message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda mu, logvar: None, "got None. Is the return statement missing?"),
        (lambda mu, logvar: 1.5, "A tensor was expected, got 1.5 (a float)"),
        (lambda mu, logvar: right(mu, logvar).tolist(), "a tensor was expected, got 1.8"),
        (lambda mu, logvar: right(mu, logvar)[:, None], "expected shape (4,), got (4, 1)"),
        (lambda mu, logvar: right(mu, logvar).double(), "expected float32, got float64"),
        (lambda mu, logvar: right(mu, logvar).to("meta"), "is on device meta, but the inputs are on cpu"),
        (lambda mu, logvar: right(mu, logvar) / 0, "Look for log(0), 0/0, or an exp that overflows"),
        (lambda mu, logvar: right(mu, logvar) * 3, "What came is 3 times what was expected, everywhere"),
        (lambda mu, logvar: right(mu, logvar).detach(), "Nothing flows back to mu"),
        (lambda mu, logvar: (right(mu, logvar), mu), "- One tensor was expected; a tuple or list of 2 came"),
        (lambda mu, logvar: (right(mu, logvar),), "Is there a comma at the end of the return line?"),
        (
            lambda mu, logvar: {"kl": right(mu, logvar)},
            "a dictionary or record of kl came: return the tensor alone",
        ),
        (lambda mu, logvar: right(mu, logvar).sum(dim=(1, 2, 3)), "there is no dimension 2: a tensor here has 2"),
        (lambda mu, logvar: mu @ logvar, "the inner sizes must be equal"),
        (lambda mu, logvar: right(mu, logvar).mean() + 1, "One number for everything came"),
        (
            lambda mu, logvar: (
                right(mu, logvar).detach() + right(mu.detach(), logvar) - right(mu, logvar).detach()
            ),
            "the value is right, but not its gradient with respect to mu. Something",
        ),
        (lambda mu: mu, "takes 1 positional argument but 2 were given"),
        (right(torch.ones(2, 2), torch.ones(2, 2)), "A function was expected, got a Tensor"),
        (lambda mu, logvar: exit(0), "SystemExit"),
    ],
)
def test_the_message_says_what_was_expected_and_what_came(answer, says: str) -> None:
    assert says in complaint(answer)


def test_the_first_wrong_entry_and_the_largest_error_are_named() -> None:
    def kl_divergence(mu, logvar):
        return right(mu, logvar) + torch.eye(len(mu))[min(2, len(mu) - 1)].to(mu)

    message = complaint(kl_divergence)
    assert "at [2]; 1 of 4 entries are wrong, the largest error is 1" in message


def test_a_mistake_is_named_before_the_numbers() -> None:
    said = complaint(lambda m, s: 2 * right(m, s))
    assert said.startswith("It looks like this mistake: the factor one half")
    assert "\n\nkl_divergence is not right yet (public case 1 of 3" in said


def test_a_gap_without_a_name_is_told_in_the_tasks_terms() -> None:
    task = replace(
        find_task("kl_divergence"), mistakes=(), explain=lambda case, expected, got: "words of the task."
    )
    said = str(public_verdict(task, lambda m, s: 3 * right(m, s)))
    assert said.startswith("kl_divergence is not right yet: words of the task.\nNumbers (public case 1 of 3")
    assert "words" not in str(public_verdict(task, lambda m, s: m)), "other shapes are told as shapes"


def test_an_answer_that_writes_into_its_inputs_harms_no_other() -> None:
    def kl_divergence(mu, logvar):
        result = right(mu.clone(), logvar.clone())
        mu.data.zero_()
        return result

    assert "It changed mu in place" in complaint(kl_divergence)
    check("kl_divergence", right)


def test_checking_leaves_the_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check("kl_divergence", right)
    assert torch.equal(torch.rand(3), expected)


def test_a_name_that_is_no_task() -> None:
    with pytest.raises(ValueError, match="there is no task 'kl'"):
        check("kl", right)


def test_in_a_notebook_the_message_stands_alone() -> None:
    shell = InteractiveShell()
    shell.user_ns["check"] = check
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        shell.run_cell("check('kl_divergence', lambda mu, logvar: mu)")
    assert "expected shape (4,), got (4, 3)" in out.getvalue()
    assert "Traceback" not in out.getvalue()
    assert "raise CheckFailed" not in out.getvalue()
    assert err.getvalue() == ""


@pytest.mark.parametrize(
    "task",
    [task for name in catalogue_of().names for task in catalogue_of().exercise(name).tasks],
    ids=lambda t: t.name,
)
def test_inputs_depend_on_the_seed_only_and_are_no_two_alike(task) -> None:
    def tensors(seed: int) -> list[Tensor]:
        values = [x for case in task.cases(seed) for x in case.values()]
        return [x for x in values if isinstance(x, Tensor)] or [torch.tensor(x) for x in values]

    once, again, other = tensors(3), tensors(3), tensors(4)
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(once, other, strict=True))
    assert find_task(task.name) is task


def test_inputs_stay_away_from_zero() -> None:
    x = away_from_zero((50, 20), generator(0), 0.3, 1.5)
    assert 0.3 <= x.abs().min() < x.abs().max() <= 1.5
    assert 0.4 < (x > 0).float().mean() < 0.6
    assert x.unique().numel() == x.numel()
    bits = binary((40, 5), generator(0))
    assert set(bits.unique().tolist()) == {0.0, 1.0}
    assert bool((bits[:, 0] != bits[:, 1]).all())


@pytest.mark.parametrize("exercise", catalogue_of().names)
def test_a_check_imports_its_own_exercise_and_no_other(exercise: str) -> None:
    name = catalogue_of().exercise(exercise).tasks[0].name
    code = f"""
import sys
from course_lib.tasks import CheckFailed, check
from course_lib.tasks.check import public_verdict
try:
    check({name!r}, None)
except CheckFailed:
    print(*(m for m in sys.modules if m.startswith("course_lib.tasks.ex") and m.count(".") == 2))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"course_lib.tasks.ex{exercise}"]


def test_every_task_is_found_without_an_import() -> None:
    """Those that only older versions ask for, too."""
    catalogue = catalogue_of()
    versions = [
        catalogue.exercise(name, version) for name in catalogue.names for version in catalogue.versions(name)
    ]
    asked = {task.name: f"ex{version.name}" for version in versions for task in version.tasks}
    assert asked_by() == asked
    assert {"kl_divergence", "gaussian_kl"} <= asked.keys()
    assert all(find_task(name).name == name for name in asked)
