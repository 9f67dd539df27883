"""Numbers of NumPy, paths as words, half precision, nothing at all: taken as meant, or refused in a sentence."""

import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.data import binarize, load, ring
from course_lib.metrics import (
    active_units,
    alarm_threshold,
    class_shares,
    evaluate_elbo,
    frechet_distance,
    importance_nll,
    kernel_with_floor,
    memorization,
    mode_coverage,
    mutual_information_gap,
    precision_at_alarms,
    precision_recall,
    roc_auc,
)
from course_lib.metrics.disentanglement import dci
from course_lib.models import (
    MLPVAE,
    ConvConditionalVAE,
    ConvVAE,
    Discriminator,
    Generator,
    LinearAutoencoder,
    nearest_code,
    pack,
    spectral_norm,
)
from course_lib.models.weights import load_weights, save_weights
from course_lib.objectives import (
    bernoulli_log_prob,
    discriminator_loss,
    kl_per_dimension,
    optimal_logvar,
    squared_error,
)
from course_lib.training import EMA, AutoencoderStep, VAEStep, fit, load_checkpoint, save_checkpoint

SOURCE = torch.Generator().manual_seed(3)


@pytest.mark.situation("Odd tensors", "NumPy's integers as sizes and labels", "Taken; True and 2.0 are no sizes.")
def test_integers_of_numpy_are_integers():
    model = ConvConditionalVAE(np.int64(3), np.int32(4), (2, 3))
    z = torch.randn(2, 3)
    assert torch.equal(model.sample(2, np.int64(2), z), model.sample(2, 2, z))
    assert fit(lambda b: {"m": b.mean()}, z, num_steps=np.int64(2), batch_size=np.int8(1), progress=False).steps
    for bad in (True, 2.0, np.float64(3), np.int64(0), torch.tensor(3)):
        with pytest.raises(ValueError, match=r"latent_dim must be an integer of at least 1, got "):
            ConvVAE(bad)
    with pytest.raises(TypeError, match=r"labels must be an int64 tensor, got a list; use torch.as_tensor"):
        model.sample(2, [1, 2])


@pytest.mark.situation("Odd tensors", "a path as a word", "Taken wherever a path is.")
def test_paths_may_be_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model, other = MLPVAE(6, 4, 2), MLPVAE(6, 4, 2)
    fit(VAEStep(model), torch.rand(8, 6), num_steps=1, batch_size=4, checkpoint="run", progress=False)
    save_checkpoint("runs/copy", load_checkpoint("run"))
    digest = save_weights("weights/w.safetensors", model, seed="0")
    assert digest.startswith(load_weights("weights/w.safetensors", other))
    assert all(map(torch.equal, model.parameters(), other.parameters()))
    for name in ("weights/w.pt", "w.pt"):
        with pytest.raises(ValueError, match=r"must end in \.safetensors, got .*w\.pt"):
            load_weights(name, other)
        with pytest.raises(ValueError, match=r"path must end in \.safetensors, got w\.pt"):
            save_weights(name, other)


def test_weights_that_layers_share_are_written_for_each(tmp_path):
    tied, other = (nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)) for _ in range(2))
    tied[1].weight = tied[0].weight
    save_weights(tmp_path / "tied.safetensors", tied)
    load_weights(tmp_path / "tied.safetensors", other)
    assert torch.equal(other[1].weight, tied[0].weight)


@pytest.mark.situation(
    "Long runs", "51 steps to be read 50 times", "50 readings, after stretches that differ by one step."
)
@pytest.mark.parametrize(
    ("num_steps", "num_records", "count"), [(51, 50, 50), (100, 60, 60), (7, 9, 7), (20, 6, 6)]
)
def test_a_run_is_read_as_often_as_asked_for(num_steps, num_records, count):
    run = {"num_steps": num_steps, "num_records": num_records, "batch_size": 2, "progress": False}
    steps = fit(lambda b: {"mean": b.mean()}, torch.rand(4, 1), **run).steps
    stretches = np.diff([0, *steps])
    assert (len(steps), steps[-1]) == (count, num_steps)
    assert stretches.max() - stretches.min() <= 1


def test_what_a_step_returns_may_be_a_number_and_must_be_one():
    run = {"num_steps": 2, "batch_size": 2, "progress": False}
    assert fit(lambda b: {"a": 1.5, "b": np.float32(2)}, torch.rand(4, 1), **run).values["a"] == [1.5, 1.5]
    with pytest.raises(
        TypeError, match=r"the step's 'loss' must be one number, got a tensor of shape \(2,\); take a mean"
    ):
        fit(lambda b: {"loss": b[:, 0]}, torch.rand(4, 1), **run)
    for data, came in ((load("digits"), "ImageSet"), ([torch.rand(4, 1)], "list")):
        with pytest.raises(TypeError, match=rf"x must be a tensor or a tuple of tensors, got a {came}; .*data\.x"):
            fit(lambda b: {}, data, **run)


@pytest.mark.situation(
    "Odd tensors", "copies among the samples of a memorization test", "Ties of distance 0 are ties."
)
def test_ties_are_counted_half():
    """Half of the held-out stand in the training set, and so do all generated."""
    train = torch.randn(300, 40, generator=SOURCE)
    held_out = torch.cat([train[:30], torch.randn(30, 40, generator=SOURCE)])
    assert memorization(train[100:140], train, held_out, chunk=77).closer == 0.75
    far = torch.randn(60, 40, generator=SOURCE) + 50
    assert memorization(far, train, held_out).closer == 0


@pytest.mark.situation(
    "Odd tensors", "vectors of a VQ-VAE far from the origin", "Their nearest code is still found."
)
def test_the_nearest_code_far_from_the_origin():
    codebook, z = (torch.randn(n, 6, generator=SOURCE, dtype=torch.float64) for n in (50, 400))
    expected = ((z[:, None] - codebook) ** 2).sum(2).argmin(1)
    assert torch.equal(nearest_code((z + 1000).float(), (codebook + 1000).float()), expected)


@pytest.mark.situation("Odd tensors", "a posterior that is nearly the prior", "Its KL is never below 0.")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_divergence_is_never_below_0(dtype):
    logvar = torch.linspace(-0.05, 0.05, 4001).to(dtype).unsqueeze(1).requires_grad_()
    kl = kl_per_dimension(torch.zeros_like(logvar), logvar)
    assert kl.min() == 0
    kl.sum().backward()
    torch.testing.assert_close(logvar.grad, (0.5 * (logvar.exp() - 1)).detach())


@pytest.mark.situation(
    "Odd tensors",
    "tensors in half precision",
    "Draws, averages and metrics are made of them in float32 or float64.",
)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    grey = torch.full((400_000,), 0.001).to(dtype)
    draws = binarize(grey, torch.Generator().manual_seed(0))
    assert draws.dtype == dtype
    assert draws.float().mean() == pytest.approx(float(grey[0]), abs=5 * math.sqrt(0.001 / 400_000))
    network = nn.Linear(1, 1, bias=False).to(dtype)
    network.weight.data.zero_()
    average = EMA(network, 0.999)
    average.updates = 10_000  # past the warm-up
    network.weight.data.fill_(1.0)
    for _ in range(3000):
        average.update(network)
    assert average.module.weight.item() == pytest.approx(1 - 0.999**3000, rel=1e-3)

    codes = torch.randn(60, 3, generator=SOURCE).to(dtype)
    factors = {"a": torch.arange(60) % 3, "b": torch.arange(60) % 4}
    for measure in (
        lambda c: roc_auc(c[:, 0], factors["a"] == 1),
        lambda c: dci(c, factors, num_trees=2).informativeness,
        lambda c: mutual_information_gap(c, factors).mig,
        lambda c: mode_coverage(c[:, :2], ring()).high_quality,
    ):
        assert measure(codes) == measure(codes.float())
    shares, sure = class_shares(torch.softmax(4 * codes.float(), 1).to(dtype))
    assert shares.sum() == 1
    assert 0 < sure < 1


@pytest.mark.situation("Odd tensors", "no images at all", "No values, or a sentence; never NaN.")
def test_nothing_at_all():
    model, none = MLPVAE(6, 4, 2), torch.zeros(0, 6)
    assert importance_nll(model, none, 3).shape == evaluate_elbo(model, none).elbo.shape == (0,)
    for empty, words in (
        (lambda: pack(none, 2), "at least one sample to be packed"),
        (lambda: optimal_logvar(none, none), "at least one image"),
        (lambda: discriminator_loss(torch.zeros(0), torch.zeros(0)), r"real_logits must hold .* got \(0,\)"),
        (lambda: mode_coverage(torch.full((3, 2), math.nan), ring()), "aren't finite"),
        (lambda: squared_error(torch.zeros(3), torch.zeros(3)), r"must have shape \(B, \.\.\.\), got \(3,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            empty()


def test_a_batch_of_nothing_is_no_step():
    """Its mean would be NaN, and so the weights from there on."""
    for step in (
        VAEStep(MLPVAE(6, 4, 2)),
        VAEStep(MLPVAE(6, 4, 2, "gaussian")),
        AutoencoderStep(LinearAutoencoder(6, 2)),
        VAEStep(MLPVAE(6, 4, 2, "gaussian"), optimal_sigma=True),
    ):
        with pytest.raises(ValueError, match="at least one image"):
            step(torch.zeros(0, 6))
        assert step.steps == 0
        assert all(p.isfinite().all() for p in step.model.parameters())


@pytest.mark.situation(
    "Odd tensors",
    "arrays of NumPy where a tensor belongs",
    "One sentence, which says how to make a tensor of one.",
)
@pytest.mark.parametrize(
    "measure",
    [
        lambda a: frechet_distance(a, a),
        lambda a: kernel_with_floor(a, a),
        lambda a: precision_recall(a, a),
        lambda a: memorization(a, a, a),
        active_units,
        lambda a: dci(a, {"a": torch.arange(12) % 2, "b": torch.arange(12) % 3}),
        lambda a: mutual_information_gap(torch.rand(12, 3), {"a": np.arange(12) % 2}),
        lambda a: mode_coverage(a[:, :2], ring()),
        lambda a: class_shares(a),
        lambda a: roc_auc(a[:, 0], torch.arange(12) % 2),
        lambda a: roc_auc(torch.rand(12), np.arange(12) % 2),
        lambda a: importance_nll(MLPVAE(3, 4, 2), a, 2),
        lambda a: MLPVAE(3, 4, 2).reconstruct(a),
        lambda a: ConvVAE(3, (2, 3)).encode(a),
        lambda a: Discriminator((2, 2, 2))(a),
    ],
)
def test_an_array_of_numpy_is_told_what_to_become(measure):
    with pytest.raises(TypeError, match=r"must be a torch.Tensor.*, got a n.*array; use torch.as_tensor"):
        measure(np.random.default_rng(0).random((12, 3), np.float32))


@pytest.mark.situation(
    "Odd tensors",
    "images of bytes in a squared error or a variance",
    "Refused: their differences would wrap around.",
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_differences_of_integers_are_refused(dtype):
    x, y = (torch.randint(0, 2, (4, 6), generator=SOURCE) for _ in range(2))
    for measure in (squared_error, optimal_logvar):
        for a, b in ((x.to(dtype), y.to(dtype)), (x.float(), y.to(dtype)), (x.to(dtype), y.float())):
            with pytest.raises(TypeError, match=rf"must hold floats, got {dtype}; use \w+\.float\(\) / 255"):
                measure(a, b)


def test_whole_numbers_may_be_probabilities_and_records():
    shares, sure = class_shares(torch.eye(4, dtype=torch.int64)[[0, 0, 3]])
    torch.testing.assert_close(shares, torch.tensor([2 / 3, 0, 0, 1 / 3], dtype=torch.float64))
    assert sure == 1
    run = {"num_steps": np.int32(4), "num_records": np.int64(2), "batch_size": 2, "progress": False}
    counts = iter([1, 2, 3, 5])
    history = fit(lambda b: {"count": torch.tensor(next(counts))}, torch.rand(4, 1), seed=np.int64(3), **run)
    assert history.values["count"] == [1.5, 4.0]


def test_a_step_that_returns_no_numbers_is_told_so():
    run = {"num_steps": 4, "num_records": 2, "batch_size": 2, "progress": False}
    with pytest.raises(TypeError, match=r"must return a dictionary of numbers to record, .* got a NoneType"):
        fit(lambda b: None, torch.rand(4, 1), **run)
    names = iter("aaab")
    with pytest.raises(ValueError, match=r"the same names each time, got \['a'\] and then \['b'\]"):
        fit(lambda b: {next(names): 1.0}, torch.rand(4, 1), **run | {"num_records": 1})
    with pytest.raises(TypeError, match=r"seed must be an integer, got 1\.5"):
        fit(lambda b: {"a": 1.0}, torch.rand(4, 1), seed=1.5, **run)


@pytest.mark.situation(
    "Odd tensors", "binary images as Booleans or integers", "Zeros and ones for a Bernoulli likelihood."
)
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8, torch.float64])
def test_binary_images_of_any_type(dtype):
    logits, x = torch.randn(4, 7, generator=SOURCE), torch.rand(4, 7, generator=SOURCE) < 0.4
    expected = torch.where(x, torch.sigmoid(logits), 1 - torch.sigmoid(logits)).log().sum(1)
    torch.testing.assert_close(bernoulli_log_prob(logits, x.to(dtype)), expected)
    with pytest.raises(ValueError, match="x holds 3"):
        bernoulli_log_prob(logits, torch.full((4, 7), 3))


@pytest.mark.situation(
    "Odd tensors",
    "spectral normalisation of a network for signals, or twice",
    "Every linear map is normalised, once.",
)
@pytest.mark.parametrize(
    "layer",
    [nn.Conv1d(2, 3, 3), nn.Conv3d(2, 3, 2), nn.ConvTranspose1d(2, 3, 3), nn.Bilinear(2, 3, 4), nn.Linear(4, 3)],
)
def test_every_linear_map_is_normalised_once(layer):
    spectral_norm(spectral_norm(layer))
    assert len(layer.parametrizations.weight) == 1
    for _ in range(200):
        weight = layer.weight
    matrix = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose1d) else weight
    assert torch.linalg.matrix_norm(matrix.detach().flatten(1), 2) == pytest.approx(1, abs=1e-3)


def test_as_many_samples_as_codes():
    for model in (ConvVAE(3, (2, 3)), Generator(3, (3, 2)), ConvConditionalVAE(3, 4, (2, 3))):
        labels = (1,) if isinstance(model, ConvConditionalVAE) else ()
        with pytest.raises(ValueError, match="z must hold num_samples = 5 codes, got 3; ask for as many samples"):
            model.sample(5, *labels, z=torch.randn(3, 3))


CODES, ONES = torch.randn(6, 2, generator=SOURCE), torch.ones(2)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: mode_coverage([[0.0, 1.0]], ring()), "samples"),
        (lambda: class_shares([[1.0, 0.0]]), "probabilities"),
        (lambda: frechet_distance(CODES.tolist(), CODES), "features_a"),
        (lambda: frechet_distance(CODES, CODES.tolist()), "features_b"),
        (lambda: alarm_threshold([1.0], 1), "scores"),
        (lambda: roc_auc([1.0, 2.0], ONES), "scores"),
        (lambda: roc_auc(ONES, [0, 1]), "labels"),
        (lambda: dci(CODES.tolist(), {"a": torch.arange(6)}), "codes"),
        (lambda: dci(CODES, {"a": [0, 1, 2, 3, 4, 5]}), "factors['a']"),
        (lambda: mutual_information_gap(CODES.tolist(), {"a": torch.arange(6)}), "codes"),
    ],
)
def test_a_list_in_place_of_a_tensor_is_named(call, name):
    with pytest.raises(TypeError, match=rf"^{re.escape(name)} must be a torch.Tensor, got a list"):
        call()


@pytest.mark.parametrize("of_pixels", [squared_error, optimal_logvar])
@pytest.mark.parametrize(("x_hat", "x", "name"), [(torch.uint8, None, "x_hat"), (None, torch.int64, "x")])
def test_bytes_in_place_of_grey_levels_are_named(of_pixels, x_hat, x, name):
    with pytest.raises(TypeError, match=rf"^{name} must hold floats, got torch\.u?int"):
        of_pixels(torch.ones(2, 3, dtype=x_hat), torch.ones(2, 3, dtype=x))


def test_a_number_of_alarms_is_a_size():
    with pytest.raises(ValueError, match=r"^num_alarms must be an integer of at least 1, got 0"):
        precision_at_alarms(ONES, torch.tensor([0, 1]), 0)


def test_a_threshold_may_let_everything_through():
    assert alarm_threshold(torch.tensor([3.0, 1.0, 2.0]), 1000) == 1.0
