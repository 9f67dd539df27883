"""Exercises 07 and 08 judge what they measure: rings, stretches against a decomposition, who moved when, and which
class was got."""

import pytest
import torch
from answers import judged, read_answers
from test_last_cells import solved
from torch import Tensor

from course_lib.probes.calls import observe
from course_lib.probes.collect import received, report
from course_lib.probes.ex08 import GAME, ORDER, RATES, TURNS
from course_lib.tasks.ex08_stable_and_conditional_gans import training
from course_lib.tasks.find import find_task

PAIRS, STRETCH, CLOCKS, TRAIN = map(
    find_task, ("relativistic_losses", "spectral_norm", "repaired_game", "train_conditional_gan")
)
RING = find_task("train_ring")


def test_the_losses_are_the_cross_entropy_of_a_logistic_regression_on_gaps() -> None:
    case = PAIRS.public_cases()[3]
    real, fake = (torch.as_tensor(x).detach() for x in case.values())
    d_loss, g_loss = PAIRS.reference(real, fake)
    p = 1 / (1 + torch.exp(fake - real))
    torch.testing.assert_close(d_loss, -p.log().mean())
    torch.testing.assert_close(g_loss, -(1 - p).log().mean())


@pytest.mark.parametrize("index", [0, 1, 2])
def test_many_steps_end_at_the_decomposition_with_its_gradient(index: int) -> None:
    weight, u, _ = STRETCH.public_cases()[index].values()
    assert isinstance(weight, Tensor)
    weight = weight.detach().double().requires_grad_()
    sigma, new_u = STRETCH.reference(weight, torch.as_tensor(u).double(), 2000)
    exact = torch.linalg.svdvals(weight.flatten(1))[0]
    torch.testing.assert_close(sigma, exact)
    torch.testing.assert_close(*(torch.autograd.grad(x, weight)[0] for x in (sigma, exact)))
    assert new_u.norm().item() == pytest.approx(1)


def test_turns_and_rates_are_seen_as_they_were() -> None:
    case = CLOCKS.public_cases()[1]  # 11 rounds, 2 turns of the critic for each of the generator's
    seen = observe(CLOCKS.probe, CLOCKS.reference, case).outputs
    assert [seen[TURNS.format(name)].tolist() for name in ("generator", "critic")] == [[5, 0], [11, 0]]
    rates = seen[RATES.format("generator")][:5]
    torch.testing.assert_close(rates, 0.01 * torch.tensor([1.0, 0.8, 0.6, 0.4, 0.2]))
    assert seen[ORDER][:16].tolist() == [1, 1, 0] * 5 + [1]


def test_the_players_of_the_notebook_are_the_tasks() -> None:
    namespace, _ = solved("08", "def train_conditional_gan(")
    z, y, x = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.randn(5, 2)
    ours, theirs = training.new_players(3), namespace["new_players"](3)
    with torch.no_grad():
        torch.testing.assert_close(ours[0](z, y), theirs[0](z, y))
        for _ in range(2):  # the second call goes on from the u of the first
            torch.testing.assert_close(ours[1](x, y), theirs[1](x, y))


def test_how_a_game_was_played_comes_through_the_sandboxs_way() -> None:
    case = {**TRAIN.public_cases()[0], "num_steps": 6}

    def other_labels(y: Tensor) -> Tensor:
        return (y + 1) % 4

    for changes, real, fake in (
        ({}, 1, 1),
        ({"real_labels": other_labels}, 0, 1),
        ({"judged_labels": other_labels}, 1, 0),
    ):
        seen = observe(TRAIN.probe, lambda *given, c=changes: training.train_conditional_gan(*given, **c), case)
        assert not seen.error
        (seen,) = received(report(TRAIN.name, [seen]), TRAIN.name, 1)
        account = seen.outputs[GAME].tolist()
        g_turns, d_turns, g_rate, d_rate, *labels, size, g_stale, d_stale, _, holders, shared = account[:12]
        momentum, empty, generator_first, distinct, mean, std = account[12:]
        assert (g_turns, d_turns, g_rate, d_rate, size) == (6, 6, 5e-3, 5e-3, 128)
        assert labels == [real, fake]
        assert (g_stale, d_stale, holders, shared) == (0, 0, 1, 0)
        assert (momentum, empty, generator_first, distinct) == (0.5, 0, 0, 1)
        assert (mean, std) == (pytest.approx(0, abs=0.2), pytest.approx(1, abs=0.2))


@pytest.mark.parametrize(("task", "u_may_be_it"), [(TRAIN, True), (CLOCKS, False)], ids=["training", "clocks"])
def test_two_ways_to_walk_a_graph_twice_are_told_where_both_are_open(task, u_may_be_it: bool) -> None:
    """The critic that trains holds the learner's own spectral_norm, that of the two clocks doesn't."""

    def walks_twice(*given: object) -> None:
        u = torch.ones(2, requires_grad=True).square().sum()
        for _ in range(2):
            u.backward()

    error = str(observe(task.probe, walks_twice, task.public_cases()[0]).error)
    assert "critic(fake.detach(), ...)" in error
    assert ("task 2" in error) == u_may_be_it


@pytest.mark.parametrize(
    "forged", [torch.zeros(3), torch.full((18,), float("nan")), torch.zeros(18), None], ids=str
)
def test_a_forged_account_gives_a_verdict_and_no_mark(forged: Tensor | None) -> None:
    case = {**TRAIN.public_cases()[0], "num_steps": 3}
    outputs = dict(observe(TRAIN.probe, TRAIN.reference, case).outputs)
    del outputs[GAME]
    outputs |= {} if forged is None else {GAME: forged}
    assert TRAIN.measure is not None
    assert not TRAIN.measure(case, outputs).passed


def test_a_generator_that_draws_clusters_of_its_own_choice_is_refused() -> None:
    (answer,) = (
        a
        for a in read_answers()
        if (a.task, a.what) == ("train_conditional_gan", "random labels for the generator")
    )
    assert judged(answer).outcome == "named"


@pytest.mark.parametrize("task", [PAIRS, STRETCH, CLOCKS, TRAIN], ids=lambda task: task.name)
def test_inputs_come_of_any_seed_that_a_grader_takes(task) -> None:
    assert len(task.cases(2**63 - 1)) >= 1


@pytest.mark.parametrize("seed", [2337738763965812339, 4181783857211314244])
def test_a_ring_that_begins_badly_is_given_the_time_to_mend(seed: int) -> None:
    """With gamma = 0.1 and 500 rounds, right games of these seeds ended with three modes of eight."""
    case = RING.cases(seed)[0]
    assert RING.measure is not None
    verdict = RING.measure(case, observe(RING.probe, RING.reference, case).outputs)
    assert verdict.passed, verdict
