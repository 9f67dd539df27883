"""The loop and the files of weights."""

import pytest
import torch

from course_lib.models import MLPVAE, LinearAutoencoder
from course_lib.training import AutoencoderStep, VAEStep, fit


def losses(seed, x, steps=20):
    torch.manual_seed(0)
    model = MLPVAE(x.shape[1], 8, 2)
    return fit(
        VAEStep(model), x, num_steps=steps, batch_size=4, seed=seed, num_records=steps, progress=False
    ).values


def test_same_seed_same_losses_another_seed_others():
    x = torch.rand(10, 6)
    assert losses(1, x) == losses(1, x)
    assert losses(1, x) != losses(2, x)


def test_random_state_outside_is_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    fit(
        lambda b: {"mean": b.mean()},
        torch.rand(8, 2, generator=torch.Generator()),
        num_steps=3,
        batch_size=4,
        progress=False,
    )
    assert torch.equal(torch.rand(4), expected)


def test_an_epoch_sees_every_image_once_in_a_fresh_order():
    seen = []

    def step(batch):
        seen.append(batch.flatten().tolist())
        return {"zero": torch.tensor(0.0)}

    fit(step, torch.arange(6.0).view(6, 1), num_steps=6, batch_size=2, progress=False)
    epochs = [[v for batch in seen[i : i + 3] for v in batch] for i in (0, 3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(6))
    assert epochs[0] != epochs[1]


def test_partial_batches_are_left_out():
    sizes = []

    def step(batch):
        sizes.append(len(batch))
        return {"zero": torch.tensor(0.0)}

    fit(step, torch.zeros(7, 1), num_steps=5, batch_size=3, progress=False)
    assert sizes == [3] * 5


def test_records_are_means_over_their_stretch():
    numbers = iter(range(1, 11))
    heard = []
    history = fit(
        lambda _: {"number": torch.tensor(float(next(numbers)))},
        torch.zeros(4, 1),
        num_steps=10,
        batch_size=2,
        num_records=3,
        progress=False,
        on_record=heard.append,
    )
    assert history.steps == heard == [4, 7, 10]
    assert history.values["number"] == [2.5, 6.0, 9.0]
    assert history.last("number") == 9.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_stops_the_run_and_names_its_step(value):
    values = iter([1.0, 1.0, 1.0, value])
    with pytest.raises(FloatingPointError, match=f"loss became {value} at step 4; try a smaller learning rate"):
        fit(
            lambda _: {"loss": torch.tensor(next(values))},
            torch.zeros(4, 1),
            num_steps=4,
            batch_size=2,
            num_records=2,
            progress=False,
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 9}, "x holds 8 images.*smaller batch_size"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"num_steps": 0}, "num_steps must be an integer of at least 1, got 0"),
        ({"num_records": 0}, "num_records must be an integer of at least 1, got 0"),
        ({"patience": 0}, "patience must be an integer of at least 1, got 0"),
        ({"x": (torch.zeros(8, 1), torch.zeros(7))}, r"one length, got \[8, 7\]"),
    ],
)
def test_bad_sizes_are_refused(arguments, words):
    settings = {"x": torch.zeros(8, 1), "num_steps": 2, "batch_size": 4, "progress": False}
    with pytest.raises(ValueError, match=words):
        fit(lambda _: {}, **settings | arguments)


def test_several_tensors_are_batched_together():
    x, y = torch.arange(6.0).view(6, 1), torch.arange(6)

    def step(batch):
        images, labels = batch
        assert torch.equal(images.flatten().long(), labels)
        return {"count": torch.tensor(float(len(labels)))}

    assert fit(step, (x, y), num_steps=4, batch_size=3, progress=False).last("count") == 3


def test_progress_prints_time_left(capsys):
    fit(lambda b: {"loss": b.mean()}, torch.ones(8, 1), num_steps=4, batch_size=4, num_records=2)
    assert "step 4/4" in capsys.readouterr().out


def test_linear_autoencoder_learns_the_plane_its_data_lies_in():
    torch.manual_seed(0)
    x = torch.randn(512, 2) @ torch.randn(2, 6)
    model = LinearAutoencoder(6, 2)
    history = fit(AutoencoderStep(model, lr=1e-2), x, num_steps=800, batch_size=64, progress=False)
    assert history.last("squared error") < 1e-3 * x.var(0).sum()
