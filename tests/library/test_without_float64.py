"""Metrics and training on an accelerator without float64, imitated."""

import pytest
import torch
from elsewhere import DEVICE, Elsewhere, lies_there

from course_lib.data import ring
from course_lib.metrics import (
    active_units,
    class_shares,
    density_coverage,
    effective_sample_size,
    elbo_surgery,
    evaluate_elbo,
    extract_features,
    feature_classifier,
    fit_posterior,
    frechet_with_floor,
    importance_nll,
    kernel_with_floor,
    memorization,
    mode_coverage,
    mutual_information_gap,
    precision_recall,
    roc_auc,
    sharpness,
    sharpness_distance,
)
from course_lib.metrics.disentanglement import dci
from course_lib.models import VAEGAN, ConvVAE, Discriminator, Generator
from course_lib.objectives import kl_decomposition
from course_lib.training import GANStep, IWAEStep, TCVAEStep, VAEGANStep, VAEStep, fit

SOURCE = torch.Generator().manual_seed(0)
A, B, C = (torch.randn(n, 5, generator=SOURCE) for n in (40, 44, 12))
X = torch.rand(40, 1, 28, 28, generator=SOURCE)
FACTORS = {"a": torch.arange(40) % 3, "b": torch.arange(40) % 4}
POSITIONS = 2 * torch.randn(40, 2, generator=SOURCE)

METRICS = {
    "active units": lambda there: active_units(there(A)),
    "class shares": lambda there: class_shares(torch.softmax(9 * there(A), 1)),
    "mode coverage": lambda there: mode_coverage(there(POSITIONS), ring()),
    "frechet": lambda there: frechet_with_floor(there(A), there(B)),
    "kernel": lambda there: kernel_with_floor(
        there(A), there(B), subset_size=9, num_subsets=4, generator=torch.Generator().manual_seed(1)
    ),
    "precision, recall": lambda there: precision_recall(there(A), there(B)),
    "density, coverage": lambda there: density_coverage(there(A), there(B)),
    "memorization": lambda there: memorization(there(A), there(B), there(C)),
    "gap": lambda there: mutual_information_gap(there(A), {k: there(v) for k, v in FACTORS.items()}),
    "DCI": lambda there: dci(there(A), {k: there(v) for k, v in FACTORS.items()}, num_trees=2),
    "ROC": lambda there: roc_auc(there(A[:, 0]), there(FACTORS["a"] == 1)),
    "sharpness": lambda there: sharpness(there(X)),
    "sharpness distance": lambda there: sharpness_distance(there(X), there(X**2)),
    "features": lambda there: extract_features(there(X)),
    "ELBO": lambda there: evaluate_elbo(seeded(ConvVAE, 3, there), there(X.round())).elbo,
    "NLL": lambda there: importance_nll(seeded(ConvVAE, 3, there), there(X.round()), 2),
    "effective sample size": lambda there: effective_sample_size(there(A)),
    "surgery": lambda there: elbo_surgery(there(A), there(A - 1), generator=torch.Generator().manual_seed(1)),
    "free posterior": lambda there: fit_posterior(seeded(ConvVAE, 3, there), there(X[:4].round()), num_steps=2),
    "total correlation": lambda there: kl_decomposition(*there(torch.stack([A, A, A - 1])), 50).total_correlation,
}


def seeded(build, size, there):
    torch.manual_seed(4)
    network = build(size)
    return network if there(A) is A else network.to(DEVICE)


@pytest.mark.situation(
    "Laptops",
    "a metric of tensors on an accelerator without float64",
    "The same numbers as on the CPU, where it computes in float64.",
)
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.filterwarnings("ignore:.*too few for")
def test_metrics_need_no_float64_on_the_device(name):
    expected = METRICS[name](lambda t: t)
    with Elsewhere():
        found = METRICS[name](lambda t: t.to(DEVICE))
    assert str(found) == str(expected)


@pytest.mark.parametrize(
    "build",
    [
        lambda: VAEStep(ConvVAE(3).to(DEVICE)),
        lambda: VAEStep(ConvVAE(3, likelihood="gaussian").to(DEVICE), optimal_sigma=True),
        lambda: IWAEStep(ConvVAE(3).to(DEVICE), num_samples=2, estimator="dreg"),
        lambda: TCVAEStep(ConvVAE(3).to(DEVICE), 40),
        lambda: GANStep(Generator(4).to(DEVICE), Discriminator().to(DEVICE), 4),
        lambda: VAEGANStep(VAEGAN(3).to(DEVICE)),
    ],
)
def test_training_needs_no_float64(build, tmp_path):
    with Elsewhere():
        step, x = build(), X.to(DEVICE)
        fit(step, x, num_steps=2, batch_size=8, checkpoint=tmp_path / "run", progress=False)
        network = getattr(step, "model", None) or step.generator
        assert all(lies_there(parameter) for parameter in network.parameters())


def test_the_imitation_is_an_accelerator_without_float64():
    with Elsewhere():
        x = X.to(DEVICE)
        network = feature_classifier().to(DEVICE)
        features = network.features(x)
        assert lies_there(features)
        assert not lies_there(X)
        assert not lies_there(features.cpu())
        assert features.device == torch.zeros(2, device=features.device).device == DEVICE
        features.cpu().double()
        for slip in (
            lambda: features.double(),
            lambda: features.to(torch.float64),
            lambda: torch.zeros(2, dtype=torch.float64, device=DEVICE),
            lambda: X.double().to(DEVICE),
            lambda: features.sum(0, dtype=torch.float64),
            lambda: torch.cat([features, features]).detach().mean(0).double(),
        ):
            with pytest.raises(TypeError, match="MPS framework doesn't support it"):
                slip()
    feature_classifier.cache_clear()
