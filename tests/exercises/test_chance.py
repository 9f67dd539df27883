"""Exercise 04 judges by what it measures: gradients known in closed form, bias and variance over thousands of rows, and
what a judge was asked. Oracles are sums over all codes, finite differences and Monte Carlo."""

import contextlib
import io
import itertools

import pytest
import torch
from answers import SOLUTIONS, judged, read_answers
from test_last_cells import solved
from torch import Tensor

from course_lib.exercises.build import read_notebook
from course_lib.probes.calls import observe
from course_lib.probes.collect import received, report
from course_lib.probes.ex04 import painted, value_and_backward
from course_lib.tasks.ex04_reparameterization.leave_one_out import (
    _exact,
    _problems,
    bias_and_noise,
    exact_gradient,
    leave_one_out_gradient,
)
from course_lib.tasks.ex04_reparameterization.painting import expected_share, new_judge, pictures
from course_lib.tasks.find import find_task

LAPLACE, BASELINE, ONE_HOT, SURROGATE, PAINT = map(
    find_task,
    ("laplace_draw", "leave_one_out_gradient", "straight_through_one_hot", "repaired_surrogate", "paint"),
)
BANK = [a for a in read_answers() if a.exercise == "04"]
SEEDS = (2014, 3, 77)


def mean_reward(logits: Tensor, constant: Tensor, each: Tensor, both: Tensor) -> Tensor:
    """The expected reward of each kind of row, a sum over all codes."""
    p, total = logits.sigmoid(), torch.zeros(len(logits)).double()
    for code in itertools.product((0.0, 1.0), repeat=logits.shape[1]):
        z = torch.tensor(code).double()
        probability = torch.where(z > 0.5, p, 1 - p).prod(1)
        total = total + probability * (constant + each @ z + both * z[0] * z[1])
    return total


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_is_that_of_the_sum_over_all_codes(seed: int) -> None:
    for i, case in enumerate(BASELINE.cases(seed)):
        logits, constant, each, both = _problems(seed, i, case["logits"].shape[1])  # type: ignore[union-attr]
        logits.requires_grad_()
        right = torch.autograd.grad(mean_reward(logits, constant, each, both).sum(), logits)[0]
        logits = logits.detach()
        torch.testing.assert_close(exact_gradient(logits, each, both), right)
        torch.testing.assert_close(_exact(case)[:4], right, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_bias_and_variance_are_measured_right(seed: int) -> None:
    for case in BASELINE.cases(seed):
        logits, z, reward = case.values()
        assert isinstance(reward, Tensor)
        assert isinstance(z, Tensor)
        assert isinstance(logits, Tensor)
        num_draws = len(reward)
        right = leave_one_out_gradient(logits, z, reward)
        own = ((reward - reward.mean(0))[..., None] * (z - logits.sigmoid())).mean(0)
        factor, off, noise = bias_and_noise(logits, z, reward, right, _exact(case))
        assert factor == pytest.approx(1, abs=0.08)
        assert off < 4.5
        assert noise == pytest.approx(1, abs=1e-4)
        factor, off, noise = bias_and_noise(logits, z, reward, own, _exact(case))
        assert factor == pytest.approx(1 - 1 / num_draws, abs=0.08)
        assert off > 5.5
        assert noise == pytest.approx((1 - 1 / num_draws) ** 2, rel=1e-3)


def test_any_unbiased_quiet_estimator_passes_and_not_only_the_formula() -> None:
    def with_the_true_mean(logits: Tensor, z: Tensor, reward: Tensor) -> Tensor:
        """The baseline is the mean reward of the rows of this kind, which one can't know: unbiased, and quieter."""
        if len(logits) == 1:
            return leave_one_out_gradient(logits, z, reward)
        level = torch.stack([reward[:, kind::4].mean() for kind in range(4)]).repeat(len(logits) // 4)
        return ((reward - level)[..., None] * (z - logits.sigmoid())).mean(0)

    for case in BASELINE.public_cases():
        logits, z, reward = (x for x in case.values() if isinstance(x, Tensor))
        estimate = with_the_true_mean(logits, z, reward)
        assert bias_and_noise(logits, z, reward, estimate, _exact(case))[2] < 1
        assert BASELINE.measure is not None
        assert BASELINE.measure(case, {"the value": estimate, "rows alone": estimate[:4]}).passed
        mixed = BASELINE.measure(case, {"the value": estimate, "rows alone": estimate[:4] + 0.1})
        assert "what else is in the batch" in mixed.hint


@pytest.mark.parametrize("seed", SEEDS)
def test_laplace_draws_solve_the_distribution_function(seed: int) -> None:
    for case in LAPLACE.cases(seed):
        u, loc, log_scale = (x.detach().double() for x in case.values())  # type: ignore[union-attr]
        z = LAPLACE.reference(u, loc, log_scale)
        steps = (z - loc) / log_scale.exp()
        probability = torch.where(steps < 0, 0.5 * steps.exp(), 1 - 0.5 * (-steps).exp())
        torch.testing.assert_close(probability, u, rtol=1e-10, atol=0)
        assert u.min() < 1e-20
        assert u.max() > 1 - 1e-5


def test_what_comes_back_through_a_choice_is_the_softmaxs_jacobian() -> None:
    case = ONE_HOT.public_cases()[2]
    outputs = value_and_backward(ONE_HOT.reference, case)
    logits, noise, t = case.values()
    soft = ((logits.detach() + noise) / t).softmax(-1)  # type: ignore[union-attr]
    weights = torch.cos(torch.arange(1, soft.numel() + 1).double()).reshape(soft.shape)
    jacobian = (torch.diag_embed(soft) - soft[..., :, None] * soft[..., None, :]) / t
    right = torch.einsum("bi,bij->bj", weights, jacobian)
    torch.testing.assert_close(outputs["the gradient with respect to logits"], right)
    assert outputs["whether all entries are exactly 0 or 1"] == 1


def test_the_surrogates_gradient_is_that_of_the_mean_cost() -> None:
    source = torch.Generator().manual_seed(0)
    given = [
        torch.tensor(x).double().requires_grad_() for x in ([0.3, -0.4, 0.8], [1.0, -0.5, 0.2], [-0.6, 0.4, 0.9])
    ]
    logits, mu, logvar = given
    target, num_draws = 0.7, 400_000
    right = torch.autograd.grad(logits.softmax(0) @ ((mu - target) ** 2 + logvar.exp()), given)
    component = torch.multinomial(logits.detach().softmax(0), num_draws, True, generator=source)
    eps = torch.randn(num_draws, generator=source).double()
    found = torch.autograd.grad(SURROGATE.reference(*given, component, eps, target), given)
    for a, b in zip(found, right, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0.03)  # the largest standard error is 0.005


def test_the_judge_of_the_notebook_is_the_tasks() -> None:
    namespace, _ = solved("04", "def paint(")
    assert torch.equal(namespace["PICTURES"], pictures())
    z = torch.bernoulli(torch.full((5, 196), 0.4), generator=torch.Generator().manual_seed(0))
    for seed in (0, 3999, 4000):
        right = (z - pictures()[seed % len(pictures())]).abs().lt(0.5).sum(1)
        assert torch.equal(namespace["new_judge"](seed)(z), right.float())
        assert torch.equal(new_judge(seed)(z), right.float())


def test_the_expected_share_is_the_mean_of_draws() -> None:
    logits = torch.randn(196, generator=torch.Generator().manual_seed(1))
    draws = torch.bernoulli(logits.sigmoid().expand(4000, 196), generator=torch.Generator().manual_seed(2))
    picture = pictures()[7]
    assert expected_share(logits, picture) == pytest.approx((draws == picture).float().mean().item(), abs=0.002)


def test_what_a_judge_was_asked_is_seen_and_comes_through_the_sandboxs_way() -> None:
    case = PAINT.public_cases()[0]

    def answer(seed: int, num_asks: int) -> Tensor:
        judge, z = new_judge(seed), torch.zeros(3, 1, 196)
        z[1] = 1
        with torch.no_grad():
            judge(z)
        judge(torch.full((196,), 0.5))
        return torch.ones(196)

    observation = observe(painted, answer, case)
    assert not observation.error
    (observation,) = received(report(PAINT.name, [observation]), PAINT.name, 1)
    white = new_judge(int(case["seed"])).picture.sum()  # type: ignore[operator]
    expected = torch.tensor([[3, 2, 1, (2 * (196 - white) + white) / 3], [1, 1, 0, 0]]).double()
    torch.testing.assert_close(observation.outputs["process: asked"], expected)
    torch.testing.assert_close(
        observation.outputs["process: first"], torch.tensor([1.5 / 4, 0.0, 3 / 4, 0.0]).double()
    )
    asked_nothing = observe(painted, lambda seed, num_asks: torch.zeros(196), case)
    (asked_nothing,) = received(report(PAINT.name, [asked_nothing]), PAINT.name, 1)
    assert "gave no mark" in PAINT.measure(case, asked_nothing.outputs).hint  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [a for a in BANK if a.right and a.task in ("paint", "leave_one_out_gradient")],
    ids=lambda a: f"{a.task}: {a.what}",
)
def test_right_answers_paint_ten_pictures(answer) -> None:
    namespace, last = solved("04", "torch.manual_seed(0)\nrows")
    exec(answer.code, namespace)
    if answer.task == "leave_one_out_gradient":  # the loop calls the estimator by its name in the notebook
        source = next(
            c.source for c in read_notebook(next(SOLUTIONS.glob("04_*"))).cells if "def paint" in c.source
        )
        exec(source, namespace)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(last[: last.index("rows = {label")], namespace)
    shares = [int(line.split(":")[1].split("%")[0]) for line in printed.getvalue().splitlines()]
    assert shares[-1] >= 95
    assert shares == sorted(shares)


def test_what_paints_noise_is_refused() -> None:
    (answer,) = (a for a in BANK if (a.task, a.what) == ("paint", "no baseline"))
    result = judged(answer)
    assert result.outcome == "named"
    assert "of the pixels on average (computed, not drawn)" in result.feedback


@pytest.mark.parametrize("task", [LAPLACE, BASELINE, ONE_HOT, SURROGATE, PAINT], ids=lambda task: task.name)
def test_inputs_come_of_any_seed_that_a_grader_takes(task) -> None:
    assert len(task.cases(2**63 - 1)) >= 1
