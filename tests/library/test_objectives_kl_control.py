"""Free bits, capacity and schedules against sums written out, with gradients; the batch comes before the floor."""

import pytest
import torch

from course_lib.objectives import (
    ELBO,
    LinearSchedule,
    capacity_elbo,
    free_bits_elbo,
    value_at,
)

FLOOR = 0.5


@pytest.fixture
def parts():
    reconstruction = torch.tensor([-7.0, -9.5, -4.0, -6.25], dtype=torch.float64)
    # the means over the batch are 0.25, 0.9 and 2.5, though images in the first two lie on the floor's other side
    kl = torch.tensor([[0.1, 0.2, 2.0], [0.7, 1.9, 4.0], [0.0, 0.4, 1.0], [0.2, 1.1, 3.0]], dtype=torch.float64)
    return reconstruction, kl.requires_grad_()


@pytest.mark.parametrize("beta", [1.0, 0.6])
def test_free_bits_floors_the_mean_over_the_batch(parts, beta):
    reconstruction, kl = parts
    bound = free_bits_elbo(reconstruction, kl, FLOOR, beta)
    expected = 0.0
    for j in range(3):
        expected += beta * max(FLOOR, sum(kl[b, j].item() for b in range(4)) / 4)
    assert bound.loss.item() == pytest.approx(expected + 26.75 / 4)
    (gradient,) = torch.autograd.grad(bound.loss, kl)
    assert gradient.tolist() == [[0.0, pytest.approx(beta / 4), pytest.approx(beta / 4)]] * 4


def test_free_bits_report_the_kl_without_the_floor(parts):
    reconstruction, kl = parts
    bound = free_bits_elbo(reconstruction, kl, FLOOR)
    assert bound.beta == 1
    torch.testing.assert_close(bound.kl, torch.tensor([2.3, 6.6, 1.4, 4.3], dtype=torch.float64))
    torch.testing.assert_close(bound.elbo, reconstruction - bound.kl)
    assert torch.equal(bound.parts["KL"], bound.kl)
    assert torch.equal(bound.parts["loss"], bound.loss)
    assert bound.loss > -bound.elbo.mean()


def test_no_free_bits_are_the_plain_elbo(parts):
    reconstruction, kl = parts
    plain = ELBO(reconstruction, kl.sum(1), 0.7)
    torch.testing.assert_close(free_bits_elbo(reconstruction, kl, 0, 0.7).loss, plain.loss)


def test_groups_share_their_free_bits(parts):
    """The first two dimensions together reach what the first alone doesn't."""
    reconstruction, kl = parts
    groups = torch.stack([kl[:, 0] + kl[:, 1], kl[:, 2]], 1)
    torch.testing.assert_close(
        free_bits_elbo(reconstruction, groups, FLOOR).loss, ELBO(reconstruction, kl.sum(1)).loss
    )


@pytest.mark.parametrize("shapes", [((4, 1), (4, 3)), ((4,), (4,)), ((4,), (5, 3))])
def test_free_bits_refuse_other_shapes(shapes):
    with pytest.raises(ValueError, match=r"\(batch,\) and \(batch, groups\), got \(4,"):
        free_bits_elbo(torch.zeros(shapes[0]), torch.zeros(shapes[1]), FLOOR)


def test_bits_and_capacities_below_zero_are_refused(parts):
    reconstruction, kl = parts
    with pytest.raises(ValueError, match=r"free_bits must be at least 0, got -0\.1"):
        free_bits_elbo(reconstruction, kl, -0.1)
    with pytest.raises(ValueError, match=r"capacity must be at least 0.*-0\.1"):
        capacity_elbo(reconstruction, kl.sum(1), -0.1, 1.0)


@pytest.mark.parametrize(("capacity", "sign"), [(1.5, 1), (5.0, -1)])
def test_capacity_is_of_the_mean_over_the_batch(parts, capacity, sign):
    reconstruction, kl = parts
    bound = capacity_elbo(reconstruction, kl.sum(1), capacity, gamma=3.0)
    mean = (2.3 + 6.6 + 1.4 + 4.3) / 4
    assert bound.loss.item() == pytest.approx(3 * abs(mean - capacity) + 26.75 / 4)
    (gradient,) = torch.autograd.grad(bound.loss, kl)
    torch.testing.assert_close(gradient, torch.full_like(gradient, sign * 3 / 4))
    torch.testing.assert_close(bound.elbo, reconstruction - kl.sum(1))


def test_no_capacity_at_weight_one_is_the_plain_elbo(parts):
    reconstruction, kl = parts
    plain = ELBO(reconstruction, kl.sum(1))
    torch.testing.assert_close(capacity_elbo(reconstruction, kl.sum(1), 0, 1.0).loss, plain.loss)


def test_a_linear_schedule_at_its_start_middle_end_and_beyond():
    warm_up = LinearSchedule(0.25, 1.25, 8)
    assert [warm_up(step) for step in (0, 2, 4, 8, 9, 1000)] == [0.25, 0.5, 0.75, 1.25, 1.25, 1.25]
    assert LinearSchedule(3.0, 1.0, 1)(0) == 3.0
    assert LinearSchedule(3.0, 1.0, 4)(1) == 2.5
    for num_steps in (0, -3, 2.5):
        with pytest.raises(ValueError, match="num_steps must be an integer of at least 1"):
            LinearSchedule(0.0, 1.0, num_steps)


def test_a_schedule_that_begins_late_stands_still_before_and_ends_in_time():
    decay = LinearSchedule(4.0, 0.0, 8, begin=4)
    assert [decay(step) for step in (0, 3, 4, 5, 7, 8, 9)] == [4.0, 4.0, 4.0, 3.0, 1.0, 0.0, 0.0]
    for begin in (-1, 8):
        with pytest.raises(ValueError, match="begin must be at least 0 and below num_steps = 8"):
            LinearSchedule(4.0, 0.0, 8, begin)


def test_a_weight_is_a_constant_or_a_schedule():
    assert value_at(7, 0.3) == 0.3
    assert value_at(7, lambda step: step + 0.5) == 7.5
