"""Plain detectors against scikit-learn's and NumPy's own words for them, and a day of the stream."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

from course_lib.data import load, signal_day
from course_lib.models import plain_detectors


def test_each_score_is_what_it_says() -> None:
    generator = torch.Generator().manual_seed(1)
    mix = torch.randn(6, 6, generator=generator)
    x, w = torch.randn(300, 6, generator=generator) @ mix + 2, torch.randn(4, 5, 6, generator=generator) @ mix + 3
    found = plain_detectors(x, 2, seed=7)
    assert list(found) == ["PCA", "isolation forest", "robust z-score"]
    flat = w.reshape(-1, 6).numpy()
    pca = PCA(2).fit(x.numpy())
    lost = ((flat - pca.inverse_transform(pca.transform(flat))) ** 2).sum(1)
    assert found["PCA"](w).flatten().tolist() == pytest.approx(lost.tolist(), rel=1e-3)
    forest = IsolationForest(random_state=7).fit(x.numpy())
    assert found["isolation forest"](w).flatten().tolist() == pytest.approx((-forest.score_samples(flat)).tolist())
    center = np.sort(x.numpy(), axis=0)[149]  # torch's median of an even number is the lower one
    deviation = 1.4826 * np.sort(np.abs(x.numpy() - center), axis=0)[149]
    z = (((flat - center) / deviation) ** 2).mean(1)
    assert found["robust z-score"](w).flatten().tolist() == pytest.approx(z.tolist(), rel=1e-4)
    assert found["PCA"](w).shape == found["isolation forest"](w).shape == (4, 5)


def test_the_forest_looks_at_some_of_many_rows() -> None:
    x = torch.randn(12_000, 3, generator=torch.Generator().manual_seed(2))
    forest = IsolationForest(random_state=1).fit(x[::3].numpy())
    found = plain_detectors(x, 1, seed=1)["isolation forest"](x[:9])
    assert found.tolist() == pytest.approx((-forest.score_samples(x[:9].numpy())).tolist())


@pytest.mark.parametrize(
    ("x", "code", "message"),
    [
        (torch.randn(5), 1, r"shape \(N, D\), got \(5,\)"),
        (torch.randn(5, 3), 4, "at most the size of a vector, 3, got 4"),
        (torch.randn(5, 3), 0, "code must be"),
        (torch.cat([torch.randn(9, 2), torch.ones(9, 1)], 1), 1, "columns must vary, but 1 of x"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(x: torch.Tensor, code: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plain_detectors(x, code)


def test_a_day_has_so_many_faults_in_an_order_of_its_own() -> None:
    x, faults, real = signal_day(3)
    assert x.shape == (1000, 1, 128)
    assert faults.shape == (1000, 128)
    assert real.sum() == 20
    assert torch.equal(faults.any(1), real)
    test = load("signals", "test", 2_400, seed=3)
    known = {tuple(row.tolist()): y for row, y in zip(test.x[:, 0, :9], test.y.tolist(), strict=True)}
    labels = [known[tuple(row.tolist())] for row in x[:, 0, :9]]
    assert [label > 0 for label in labels] == real.tolist()
    places = real.nonzero()[:, 0]
    assert places.min() < 200
    assert places.max() > 800
    assert not torch.equal(signal_day(4)[2], real)
    assert torch.equal(signal_day(3)[0], x)
