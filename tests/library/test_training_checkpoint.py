"""Runs that are saved, resumed, stopped early, and stopped by values that aren't finite."""

import contextlib
import copy
import math
import pickle
from collections import OrderedDict
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.models import MLPVAE, VAEGAN, Discriminator, Generator, ToyDiscriminator, ToyGenerator
from course_lib.objectives import LinearSchedule
from course_lib.training import (
    R1,
    AutoencoderStep,
    GANStep,
    VAEGANStep,
    VAEStep,
    fit,
    load_checkpoint,
    save_checkpoint,
)

SETTINGS = {"batch_size": 4, "num_records": 20, "seed": 5, "progress": False}


def vae_step(hidden_dim=8):
    torch.manual_seed(0)
    return VAEStep(MLPVAE(6, hidden_dim, 2))


def toy_gan_step():
    torch.manual_seed(0)
    return GANStep(ToyGenerator(hidden_dim=8), ToyDiscriminator(8), 2, regularisers=[R1(every=4)], squash=False)


def image_gan_step():
    torch.manual_seed(0)
    return GANStep(Generator(4, (4, 2)), Discriminator((2, 2, 2)), 4)


def vae_gan_step():
    torch.manual_seed(0)
    return VAEGANStep(VAEGAN(3, (2, 3)))


DATA = {
    vae_step: torch.rand(10, 6, generator=torch.Generator().manual_seed(1)),
    toy_gan_step: torch.randn(10, 2, generator=torch.Generator().manual_seed(1)),
    image_gan_step: torch.rand(10, 1, 28, 28, generator=torch.Generator().manual_seed(1)),
    vae_gan_step: torch.rand(10, 1, 28, 28, generator=torch.Generator().manual_seed(1)),
}


def tensors_of(state):
    if isinstance(state, torch.Tensor):
        yield state
    elif isinstance(state, dict):
        for value in state.values():
            yield from tensors_of(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from tensors_of(value)


@pytest.mark.parametrize("build", list(DATA), ids=lambda build: build.__name__)
def test_a_run_resumed_at_step_10_equals_the_straight_run(build, tmp_path):
    """Ten steps are five epochs of two batches; an eleventh is in mid-epoch, and R1 comes at steps 0, 4, 8, ..."""
    x, file = DATA[build], tmp_path / "run.pt"
    straight, first, second = build(), build(), build()
    expected = fit(straight, x, num_steps=21, checkpoint=tmp_path / "other.pt", **SETTINGS)
    # the same grid of readings: 20 for 21 steps are one of two steps, and one of each that follows
    fit(first, x, num_steps=11, checkpoint=file, **SETTINGS | {"num_records": 10})
    torch.manual_seed(99)
    resumed = fit(second, x, num_steps=21, checkpoint=file, **SETTINGS)
    assert resumed.steps == expected.steps == list(range(2, 22))
    assert second.steps == straight.steps == 21
    pairs = list(zip(tensors_of(straight.state_dict()), tensors_of(second.state_dict()), strict=True))
    assert len(pairs) > 10
    assert all(torch.equal(a, b) for a, b in pairs)
    assert all(resumed.values[name] == expected.values[name] for name in expected.values)


def test_a_finished_run_is_not_trained_again(tmp_path):
    step, again = vae_step(), vae_step()
    expected = fit(step, DATA[vae_step], num_steps=6, checkpoint=tmp_path / "a", **SETTINGS)
    assert fit(again, DATA[vae_step], num_steps=6, checkpoint=tmp_path / "a", **SETTINGS) == expected
    assert again.steps == 6


def test_a_checkpoint_of_another_run_or_another_model_is_refused(tmp_path):
    x = DATA[vae_step]
    file = tmp_path / "run"
    fit(vae_step(), x, num_steps=2, checkpoint=file, **SETTINGS)
    with pytest.raises(ValueError, match=r"they differ in seed: 5 in the file, 6 now\. .*name another file"):
        fit(vae_step(), x, num_steps=4, checkpoint=file, **SETTINGS | {"seed": 6})
    with pytest.raises(ValueError, match=r"in model\.encoder\.0\.is: .*out_features=8.* in the file, .*=9.* now"):
        fit(vae_step(hidden_dim=9), x, num_steps=4, checkpoint=file, **SETTINGS)
    with pytest.raises(
        ValueError, match=r"(?s)model of this VAEStep differs from the one that was saved: .*size mismatch"
    ):
        vae_step(hidden_dim=9).load_state_dict(vae_step().state_dict())
    with pytest.raises(
        ValueError, match=r"differ in step: 'VAEStep' in the file, 'GANStep' now; .*; and \d+ more"
    ):
        fit(toy_gan_step(), x, num_steps=4, checkpoint=file, **SETTINGS)
    with pytest.raises(ValueError, match=r"the state must be of .*discriminator.* for this GANStep, got .*model"):
        toy_gan_step().load_state_dict(vae_step().state_dict())


@pytest.mark.situation(
    "Long runs",
    "a validation that returns NumPy's numbers or a tensor, and a run that is interrupted",
    "Resumed: a validation loss is a plain number from the start.",
)
@pytest.mark.parametrize("kind", [np.float64, np.float32, torch.tensor, np.array, lambda v: torch.tensor([[v]])])
def test_a_run_validated_by_other_numbers_than_pythons_is_resumed(tmp_path, kind):
    losses = iter([3.25, 1.5, 2.0, 0.75])
    run = {"validate": lambda: kind(next(losses)), "checkpoint": tmp_path / "run"}
    fit(vae_step(), DATA[vae_step], num_steps=2, **run, **SETTINGS | {"num_records": 2})
    history = fit(vae_step(), DATA[vae_step], num_steps=4, **run, **SETTINGS)
    assert history.values["validation"] == [3.25, 1.5, 2.0, 0.75]
    assert {type(value) for value in history.values["validation"]} == {float}
    assert load_checkpoint(tmp_path / "run")["best_loss"] == 0.75


@pytest.mark.parametrize("value", [torch.ones(3), "low", None])
def test_a_validation_that_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match=r"what validate returns must be one number, got a .*take a mean"):
        fit(vae_step(), DATA[vae_step], num_steps=2, validate=lambda: value, **SETTINGS)


@pytest.mark.situation(
    "Long runs",
    "a validation that is NaN",
    "An error at once, naming the step: no patience would ever end.",
)
def test_a_validation_that_is_not_finite_stops_the_run():
    losses = iter([1.0, math.nan])
    with pytest.raises(FloatingPointError, match="validation became nan after step 2"):
        fit(vae_step(), DATA[vae_step], num_steps=9, validate=lambda: next(losses), **SETTINGS)


def schedule(slope):
    return lambda step: slope * step


GAN = {"regularisers": [R1(gamma=0.25, every=2)], "loss": "hinge", "ema_decay": 0.9, "lr": 3e-3}


def settled(**settings):
    torch.manual_seed(0)
    return GANStep(ToyGenerator(hidden_dim=8), ToyDiscriminator(8), 2, squash=False, **GAN | settings)


@pytest.mark.situation(
    "Long runs",
    "a run resumed under other settings or on other data of the same size",
    "Refused, naming each difference; the learning rate may be changed on purpose, with new_lr=True.",
)
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "wasserstein"}, r"differ in game\."),
        ({"loss": "saturating"}, r"differ in game\."),
        ({"ema_decay": 0.99}, r"differ in ema\.decay: 0\.9 in the file, 0\.99 now\."),
        (
            {"regularisers": [R1(gamma=0.5, every=2)]},
            r"differ in regularisers: .*0\.25.* in the file, .*0\.5.* now\.",
        ),
        ({"regularisers": [R1(gamma=LinearSchedule(0.25, 0.0, 9), every=2)]}, "differ in regularisers"),
        ({"regularisers": []}, "differ in regularisers"),
        ({"betas": (0.5, 0.9)}, r"differ in g_optimizer\.betas: .*0\.99\] in the file.*; d_optimizer\.betas"),
        ({"lr": 1e-3}, r"g_optimizer\.lr: 0\.003 in the file, 0\.001 now.*new learning rate with .*new_lr=True"),
    ],
)
def test_other_settings_than_the_checkpoints_are_refused(tmp_path, settings, words):
    file, x = tmp_path / "run", DATA[toy_gan_step]
    fit(settled(), x, num_steps=2, checkpoint=file, **SETTINGS)
    with pytest.raises(ValueError, match=words):
        fit(settled(**settings), x, num_steps=4, checkpoint=file, **SETTINGS)
    fit(settled(), x, num_steps=4, checkpoint=file, **SETTINGS)  # the same settings in a step of its own


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"beta": 2.0}, {"beta": 4.0}),
        ({"beta": LinearSchedule(0.0, 2.0, 5)}, {"beta": LinearSchedule(0.0, 2.0, 6)}),
        ({"beta": schedule(0.1)}, {"beta": schedule(0.2)}),
        ({"beta": lambda step: 0.1 * step}, {"beta": lambda step: 0.3 * step}),
        ({"beta": partial(pow, 0.5)}, {"beta": partial(pow, 0.25)}),
        ({}, {"optimal_sigma": True}),
    ],
)
def test_other_settings_of_a_vae_are_refused_and_equal_ones_are_not(tmp_path, first, second):
    def step(settings):
        torch.manual_seed(0)
        return VAEStep(MLPVAE(6, 8, 2, "gaussian"), **settings)

    run = {"checkpoint": tmp_path / "run", **SETTINGS}
    fit(step(first), DATA[vae_step], num_steps=2, **run)
    with pytest.raises(ValueError, match=rf"differ in {next(iter(second))}"):
        fit(step(second), DATA[vae_step], num_steps=4, **run)
    fit(step(first), DATA[vae_step], num_steps=4, **run)


def test_other_data_of_the_same_size_are_refused(tmp_path):
    x = DATA[vae_step].clone()
    run = {"num_steps": 2, "checkpoint": tmp_path / "run", **SETTINGS}
    fit(vae_step(), x, **run)
    fit(vae_step(), x.clone().T.contiguous().T, **run)  # the same numbers in another order of memory
    x[3, 4] += 1e-6
    with pytest.raises(ValueError, match=r"differ in data\.fingerprint"):
        fit(vae_step(), x, **run)
    with pytest.raises(ValueError, match=r"differ in data\.shapes: \[\[10, 6\]\] in the file, \[\[9, 6\]\] now"):
        fit(vae_step(), x[:9], **run)


def test_a_run_goes_on_at_a_new_learning_rate(tmp_path):
    """The weights and moments are those of the file, the rate is the new one: as if it had been set in the run."""
    x, file = DATA[vae_step], tmp_path / "run"

    def step(lr):
        torch.manual_seed(0)
        return VAEStep(MLPVAE(6, 8, 2), lr)

    def slow_down(done):
        if done == 2:
            straight.optimizer.param_groups[0]["lr"] = 1e-4

    straight, resumed, quick = step(1e-2), step(1e-4), step(1e-2)
    fit(straight, x, num_steps=6, on_record=slow_down, **SETTINGS)
    fit(step(1e-2), x, num_steps=2, checkpoint=file, **SETTINGS)
    fit(resumed, x, num_steps=6, checkpoint=file, new_lr=True, **SETTINGS)
    assert resumed.optimizer.param_groups[0]["lr"] == 1e-4
    for mine, theirs in zip(straight.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    fit(step(1e-4), x, num_steps=7, checkpoint=file, **SETTINGS)  # it is the file's own rate now
    with pytest.raises(ValueError, match=r"optimizer\.lr: 0\.0001 in the file, 0\.01 now"):
        fit(quick, x, num_steps=9, checkpoint=file, **SETTINGS)
    with pytest.raises(
        ValueError, match=r"differ in beta: 1\.0 in the file, 2\.0 now\."
    ):  # the rate alone may change
        fit(VAEStep(MLPVAE(6, 8, 2), 1e-4, 2.0), x, num_steps=9, checkpoint=file, new_lr=True, **SETTINGS)


def test_a_run_that_diverged_says_what_to_do_with_its_file(tmp_path):
    torch.manual_seed(0)
    run = {"checkpoint": tmp_path / "run", "batch_size": 4, "progress": False}
    with pytest.raises(
        FloatingPointError, match=r"at step 6; .*run\. Go on from it .* fit\(\.\.\., new_lr=True\), or delete"
    ):
        fit(GoesWrong(nn.Linear(3, 3)), torch.rand(8, 3), num_steps=8, num_records=2, **run)


@pytest.mark.situation(
    "Long runs",
    "a checkpoint that an earlier version of the library wrote",
    "Refused in a sentence: it doesn't hold the settings of its run.",
)
def test_a_checkpoint_of_an_earlier_version_is_refused(tmp_path):
    file = tmp_path / "run"
    fit(vae_step(), DATA[vae_step], num_steps=2, checkpoint=file, **SETTINGS)
    state = load_checkpoint(file)
    del state["format"]
    state["identity"] = {"num_images": 10, "batch_size": 4, "seed": 5}
    save_checkpoint(file, state)
    with pytest.raises(ValueError, match=r"written by another version of course_lib.*delete it to start afresh"):
        fit(vae_step(), DATA[vae_step], num_steps=4, checkpoint=file, **SETTINGS)


def test_a_truncated_checkpoint_or_one_of_something_else_is_refused(tmp_path):
    file = tmp_path / "run"
    fit(vae_step(), DATA[vae_step], num_steps=2, checkpoint=file, **SETTINGS)
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:3], b"", b"PK\x03\x04 a zip archive, or so it says"):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"is no whole checkpoint .*delete it to start afresh"):
            fit(vae_step(), DATA[vae_step], num_steps=4, checkpoint=file, **SETTINGS)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at"):
        load_checkpoint(tmp_path / "none")


class Dangerous:
    """What a file can make Python do when it is unpickled."""

    def __reduce__(self):
        return exec, ("import pathlib; pathlib.Path(MARK).touch()".replace("MARK", repr(str(self.mark))),)

    def __init__(self, mark):
        self.mark = mark


@pytest.mark.parametrize("write", [torch.save, lambda what, file: file.write_bytes(pickle.dumps(what, 2))])
def test_a_hostile_checkpoint_runs_nothing(tmp_path, write):
    mark, file = tmp_path / "mark", tmp_path / "run"
    write({"identity": {}, "step": Dangerous(mark)}, file)
    with pytest.raises(ValueError, match=r"is no whole checkpoint .*delete it to start afresh"):
        load_checkpoint(file)
    assert not mark.exists()
    with contextlib.suppress(Exception):
        torch.load(file, weights_only=False)
    assert mark.exists(), "the file is harmless, and the test says nothing"


@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(3),
        nn.Linear(2, 2),
        {"step": nn.Linear(2, 2)},
        {"step": torch.float64},
        {"step": torch.tensor(math.nan)},
    ],
    ids=["tensor", "network", "network inside", "type", "NaN"],
)
def test_what_is_no_state_of_a_run_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "run")
    with pytest.raises(ValueError, match=r"is no whole checkpoint .*delete it to start afresh"):
        load_checkpoint(tmp_path / "run")


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "run"
    save_checkpoint(file, {"number": 1})

    def full(state, partial):
        partial.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(file, {"number": 2})
    assert load_checkpoint(file) == {"number": 1}


def test_a_part_of_a_large_tensor_is_saved_alone(tmp_path):
    save_checkpoint(tmp_path / "run", {"row": torch.zeros(1000, 1000)[3]})
    assert (tmp_path / "run").stat().st_size < 10_000


def test_a_state_round_trips_with_its_types(tmp_path):
    state = {
        "tensor": torch.tensor([1.5, -2.0], dtype=torch.float64),
        "bytes": torch.tensor([3, 255], dtype=torch.uint8),
        "by number": {0: {"step": torch.tensor(3.0)}, 1: {}},
        "pair": (0.9, 0.999),
        "list": [1, None, True, "word"],
        "transposed": torch.arange(6.0).view(2, 3).T,
        "infinite": math.inf,
        "of numpy": np.float64(0.25),
        "ordered": OrderedDict(a=torch.ones(1)),
    }
    save_checkpoint(tmp_path / "folder" / "a", state)
    loaded = load_checkpoint(tmp_path / "folder" / "a")
    assert list(loaded) == list(state)
    assert loaded["by number"][0]["step"].item() == 3
    assert loaded["by number"][1] == {}
    assert (loaded["pair"], loaded["list"]) == (state["pair"], state["list"])
    assert (loaded["infinite"], loaded["of numpy"]) == (math.inf, 0.25)
    assert [type(loaded[name]) for name in ("of numpy", "ordered")] == [float, dict]
    for name in ("tensor", "bytes", "transposed"):
        assert loaded[name].dtype == state[name].dtype
        assert torch.equal(loaded[name], state[name])
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["a"]
    with pytest.raises(TypeError, match=r"state\.net must be a tensor or a plain value .* got a Linear"):
        save_checkpoint(tmp_path / "b", {"net": nn.Linear(1, 1)})


class GoesWrong(AutoencoderStep):
    """Its weights become NaN in its fifth step, so that its loss is NaN from the sixth on."""

    def __call__(self, x):
        parts = super().__call__(x)
        if self.steps == 5:
            with torch.no_grad():
                next(self.model.parameters()).fill_(math.nan)
        return parts


@pytest.mark.parametrize(
    ("num_steps", "good", "words"),
    [
        (8, 4, "squared error became nan at step 6"),
        (10, 0, r"state.step.model.weight isn't finite; the last checkpoint, if any, is kept"),
    ],
)
def test_nan_keeps_the_last_good_checkpoint(tmp_path, num_steps, good, words):
    """Read every four steps, or just when the weights have gone wrong and no loss shows it yet."""
    torch.manual_seed(0)
    file = tmp_path / "run"
    settings = {"num_steps": num_steps, "num_records": 2, "checkpoint": file, "batch_size": 4, "progress": False}
    with pytest.raises(FloatingPointError, match=words):
        fit(GoesWrong(nn.Linear(3, 3)), torch.rand(8, 3), **settings)
    assert file.exists() == (good > 0)
    if good:
        kept = load_checkpoint(file)
        assert kept["step"]["steps"] == good
        assert all(torch.isfinite(t).all() for t in tensors_of(kept["step"]))


def test_early_stopping_ends_with_the_best_networks():
    step = vae_step()
    losses = iter([3.0, 2.0, 2.5, 1.0, 1.5, 1.0, 1.2, 0.1])
    states = []

    def validate():
        states.append(copy.deepcopy(step.state_dict()))
        torch.rand(3)  # looking on must not change the training
        return next(losses)

    history = fit(step, DATA[vae_step], num_steps=40, validate=validate, patience=3, **SETTINGS)
    assert history.values["validation"] == [3.0, 2.0, 2.5, 1.0, 1.5, 1.0, 1.2]
    assert history.steps[-1] == 14
    assert step.steps == 8
    for mine, best in zip(tensors_of(step.state_dict()), tensors_of(states[3]), strict=True):
        assert torch.equal(mine, best)
    plain = vae_step()
    unwatched = fit(plain, DATA[vae_step], num_steps=40, **SETTINGS)
    assert unwatched.values["loss"][:7] == history.values["loss"]


def test_a_run_that_improves_to_the_end_is_not_stopped(tmp_path):
    step = vae_step()
    losses = iter(range(100, 0, -1))
    run = {"num_steps": 20, "validate": lambda: float(next(losses)), "patience": 1}
    assert fit(step, DATA[vae_step], **run, **SETTINGS).steps[-1] == 20
    assert step.steps == 20


def test_early_stopping_survives_an_interruption(tmp_path):
    """The best networks and how long ago they were are part of the checkpoint."""
    losses = [5.0, 1.0, 2.0, 3.0, 4.0, 0.0]
    file = tmp_path / "run"
    taken = iter(losses)
    run = {"validate": lambda: next(taken), "patience": 3, "checkpoint": file}
    fit(vae_step(), DATA[vae_step], num_steps=3, **run, **SETTINGS | {"num_records": 3})
    step = vae_step()
    history = fit(step, DATA[vae_step], num_steps=20, **run, **SETTINGS)
    assert history.values["validation"] == losses[:5]
    assert step.steps == 2


@pytest.fixture
def stop_after(monkeypatch):
    """Somebody presses stop while the step after so many is computed; None: nobody does."""
    objective, at = VAEStep.objective, {}

    def stopping(self, x):
        if self.steps == at["step"]:
            raise KeyboardInterrupt
        return objective(self, x)

    monkeypatch.setattr(VAEStep, "objective", stopping)
    return lambda step: at.update(step=step)


def test_an_interruption_says_where_it_came_and_keeps_the_networks(stop_after):
    step, straight = vae_step(), vae_step()
    run = {"num_steps": 20} | SETTINGS | {"num_records": 4}
    stop_after(13)
    with pytest.raises(KeyboardInterrupt, match=r"^stopped after step 13 of 20; the networks keep .* until now$"):
        fit(step, DATA[vae_step], **run)
    fit(straight, DATA[vae_step], **run | {"num_steps": 13, "num_records": 1})
    for mine, other in zip(step.model.parameters(), straight.model.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_an_interrupted_run_goes_on_from_its_checkpoint_as_its_sentence_says(tmp_path, stop_after):
    step, straight = vae_step(), vae_step()
    run = {"num_steps": 20, "checkpoint": tmp_path / "run"} | SETTINGS | {"num_records": 4}
    stop_after(3)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after step 3 of 20; .* until now$"):  # no file yet
        fit(step, DATA[vae_step], **run)
    stop_after(13)
    with pytest.raises(
        KeyboardInterrupt, match=r"after step 13 of 20; .*; the same call goes on from its last checkpoint, .*run$"
    ):
        fit(vae_step(), DATA[vae_step], **run)
    stop_after(None)
    history = fit(step, DATA[vae_step], **run)  # whatever it was before
    assert history.values == fit(straight, DATA[vae_step], **run | {"checkpoint": None}).values
    assert step.steps == 20


def test_what_needs_a_state_says_so(tmp_path):
    x = torch.zeros(8, 1)
    for extra in ({"checkpoint": tmp_path / "a"}, {"validate": lambda: 1.0}):
        with pytest.raises(
            TypeError,
            match=f"step must be a course_lib.training.TrainingStep for {next(iter(extra))}, .* got a function",
        ):
            fit(lambda _: {"zero": torch.tensor(0.0)}, x, num_steps=2, **extra, **SETTINGS)


def test_deterministic_algorithms_are_asked_for_inside_only():
    seen = []

    def step(_):
        seen.append((torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark))
        return {"zero": torch.tensor(0.0)}

    fit(step, torch.zeros(8, 1), num_steps=1, deterministic=True, **SETTINGS)
    fit(step, torch.zeros(8, 1), num_steps=1, **SETTINGS)
    assert seen == [(True, False), (False, torch.backends.cudnn.benchmark)]
    assert not torch.are_deterministic_algorithms_enabled()
