"""How a network was trained is seen from outside and comes back from a kernel; a forged account gets no mark."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from course_lib.probes.calls import observe
from course_lib.probes.collect import received, report
from course_lib.probes.ex01 import trained_autoencoder
from course_lib.probes.training import PREFIX, split
from course_lib.tasks.ex01_autoencoders.training import measure, new_autoencoder
from course_lib.tasks.find import find_task

TRAIN = find_task("train_autoencoder")
CASE = TRAIN.public_cases()[0]


def trained(
    x: Tensor, seed: int, *, lrs=(1e-2, 1e-3), batch=slice(0, 5), clear=True, scale=1.0, look=False
) -> nn.Module:
    """A step for each learning rate; ``look``: after each, all of x goes through without a gradient."""
    network = new_autoencoder(seed)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    for lr in lrs:
        optimizer.param_groups[0]["lr"] = lr
        if clear:
            optimizer.zero_grad()
        loss = scale * (network(x[batch]) - x[batch]).square().sum(1).mean()
        loss.backward()
        optimizer.step()
        if look:
            with torch.no_grad():
                network(x)
    return network


def process_of(**changes):
    observation = observe(trained_autoencoder, lambda x, seed: trained(x, seed, **changes), CASE)
    assert not observation.error
    (observation,) = received(report(TRAIN.name, [observation]), TRAIN.name, 1)  # the way through the sandbox
    own, process, shown = split(observation.outputs, 64)
    assert set(own) == set(new_autoencoder(0).state_dict())
    assert shown is not None
    assert process is not None
    return process


def test_batches_steps_and_losses_are_seen() -> None:
    process = process_of(lrs=(1e-2, 1e-3, 1e-4))
    x = CASE["x"]
    assert process.lrs.tolist() == pytest.approx([1e-2, 1e-3, 1e-4])
    assert (process.batch_size, process.num_rows, process.num_distinct) == (5, 15, 5)
    torch.testing.assert_close(process.mean, x[:5].double().mean(0))
    assert all(bool((x.double() - row).abs().amax(1).eq(0).any()) for row in process.rows)
    with torch.no_grad():
        first = (new_autoencoder(int(CASE["seed"]))(x[:5]) - x[:5]).square().sum(1).mean().item()
    assert process.losses[0].item() == pytest.approx(first, rel=1e-5)
    assert (process.binary, process.uncleared, process.empty, process.num_optimizers) == (0, 0, 0, 1)
    assert process_of(scale=3.0).losses[0].item() == pytest.approx(3 * first, rel=1e-5)


def test_what_only_looks_is_no_batch() -> None:
    assert process_of(look=True).num_rows == process_of(look=False).num_rows


def test_gradients_that_stay_are_seen() -> None:
    assert process_of(clear=False, lrs=(1e-3,) * 4).uncleared == 1
    assert process_of(clear=True, lrs=(1e-3,) * 4).uncleared == 0


def test_several_backward_passes_for_one_step_are_no_fault() -> None:
    def answer(x: Tensor, seed: int) -> nn.Module:
        network = new_autoencoder(seed)
        optimizer = torch.optim.Adam(network.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            for part in x[:20].split(10):
                (network(part) - part).square().sum(1).mean().backward()
            optimizer.step()
        return network

    _, process, _ = split(observe(trained_autoencoder, answer, CASE).outputs, 64)
    assert process is not None
    assert process.uncleared == 0


def uncleared_by(a_step: Callable[[nn.Module, Tensor], None]) -> float:
    """What is seen of twenty steps of SGD; ``a_step`` puts gradients into the network's weights, from a batch."""

    def answer(x: Tensor, seed: int) -> nn.Module:
        network = new_autoencoder(seed)
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-2)
        for part in x[:200].split(10):
            a_step(network, part)
            optimizer.step()
        return network

    _, process, _ = split(observe(trained_autoencoder, answer, CASE).outputs, 64)
    assert process is not None
    return process.uncleared


def loss_of(network: nn.Module, part: Tensor) -> Tensor:
    return (network(part) - part).square().sum(1).mean()


def put_there(network: nn.Module, part: Tensor) -> None:
    weights = list(network.parameters())
    for weight, gradient in zip(weights, torch.autograd.grad(loss_of(network, part), weights), strict=True):
        weight.grad = gradient


def after_another_loss(network: nn.Module, part: Tensor) -> None:
    """Somebody else's turn leaves a gradient on top of the last step's; all is cleared before the own one."""
    network(part).square().mean().backward()
    network.zero_grad()
    loss_of(network, part).backward()


def added(network: nn.Module, part: Tensor) -> None:
    loss_of(network, part).backward()


@pytest.mark.parametrize("clip", [math.inf, 0.01])
@pytest.mark.parametrize("right", [put_there, after_another_loss])
def test_gradients_that_hold_nothing_old_are_no_fault(right, clip: float) -> None:
    def a_step(network: nn.Module, part: Tensor) -> None:
        right(network, part)
        nn.utils.clip_grad_norm_(network.parameters(), clip)

    assert uncleared_by(a_step) == 0


def test_gradients_that_are_added_to_and_clipped_are_a_fault() -> None:
    def a_step(network: nn.Module, part: Tensor) -> None:
        added(network, part)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)

    assert uncleared_by(a_step) > 0.8


def test_nothing_stays_watched() -> None:
    backward = Tensor.backward
    process_of()
    assert Tensor.backward is backward

    def stops(x: Tensor, seed: int) -> nn.Module:
        raise ValueError("no")

    assert "no" in observe(trained_autoencoder, stops, CASE).error
    assert Tensor.backward is backward
    assert not torch.nn.modules.module._global_forward_pre_hooks


@pytest.mark.parametrize(
    "forged",
    [
        {"numbers": torch.zeros(3)},
        {"numbers": torch.full((12,), math.nan)},
        {"numbers": torch.full((12,), math.inf)},
        {"numbers": torch.zeros(12)},
        {"rows": torch.zeros(0, 64)},
        {"rows": torch.zeros(4, 3)},
        {"losses": torch.zeros(())},
        {"lrs": torch.zeros(0)},
        {"lrs": torch.full((3,), math.nan)},
        {"losses": torch.full((3,), math.inf)},
        {"shown": torch.zeros(1)},
        {"noise": torch.zeros(0)},
    ],
    ids=str,
)
def test_a_forged_account_gives_a_verdict_and_no_mark(forged: dict[str, Tensor]) -> None:
    outputs = dict(observe(trained_autoencoder, trained, CASE).outputs)
    outputs |= {f"{PREFIX}{name}": x for name, x in forged.items()}
    assert not measure(CASE, outputs).passed


def test_of_a_vae_codes_and_noise_are_seen() -> None:
    task = find_task("train_grey_vae")
    case = task.public_cases()[0]
    _, process, _ = split(
        observe(task.probe, lambda x, y, num_steps, *others: task.reference(x, y, 30, *others), case).outputs, 64
    )
    assert process is not None
    assert (process.cut, process.binary, process.num_steps) == (0, 0, 30)
    assert process.noise.shape == (30, 8)
    assert process.noise.mean().abs() < 0.3
    assert 0.8 < process.noise.std() < 1.2
