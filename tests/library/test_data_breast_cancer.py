"""The breast cancer table: scikit-learn's rows, each once, standardised by what training may know."""

import pytest
import torch
from sklearn.datasets import load_breast_cancer

from course_lib.data import load


@pytest.fixture(scope="module")
def tables():
    return load("breast_cancer"), load("breast_cancer", "test")


def test_every_patient_is_in_one_of_the_two_and_keeps_the_label(tables):
    train, test = tables
    bunch = load_breast_cancer()
    raw = torch.as_tensor(bunch.data)
    x, y = torch.cat([train.x, test.x]).double(), torch.cat([train.y, test.y])
    # Undo the standardisation with a line through each column: the sorted values have to agree.
    for column in range(30):
        a, b = x[:, column].sort().values, raw[:, column].sort().values
        scale = (b[-1] - b[0]) / (a[-1] - a[0])
        torch.testing.assert_close(b[0] + scale * (a - a[0]), b, rtol=1e-4, atol=1e-4 * b.abs().max().item())
    worst = list(train.feature_names).index("worst perimeter")
    order = x[:, worst].argsort(stable=True)
    assert y[order[:100]].sum() == 0, "the smallest nuclei are benign"
    assert (y[order[-100:]] == 1).all()
    target = torch.as_tensor(bunch.target)
    assert y.bincount().tolist() == [int((target == 1).sum()), int((target == 0).sum())] == [357, 212]
    assert train.class_names == ("benign", "malignant")
    assert train.feature_names == tuple(bunch.feature_names)


def test_the_split_is_stratified_and_fixed(tables):
    train, test = tables
    assert (train.x.shape, test.x.shape) == ((399, 30), (170, 30))
    assert train.y.bincount().tolist() == [250, 149]
    assert test.y.bincount().tolist() == [107, 63]
    assert (train.x.dtype, train.y.dtype) == (torch.float32, torch.int64)
    assert torch.equal(load("breast_cancer", "test", 9).x, test.x[:9])
    assert 0 < load("breast_cancer", num_images=40).y.double().mean() < 1, "not sorted by class"
    assert repr(test) == "TableSet('breast_cancer', 'test', x=(170, 30), classes=2)"
    assert len(test) == 170


def test_columns_are_standardised_on_the_training_rows_only(tables):
    train, test = tables
    torch.testing.assert_close(train.x.mean(0), torch.zeros(30), rtol=0, atol=1e-5)
    torch.testing.assert_close(train.x.square().mean(0), torch.ones(30), rtol=0, atol=1e-5)
    assert test.x.mean(0).abs().max() > 0.02
    assert (test.x.std(0) - 1).abs().max() > 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "faces"}, "train, test for .*, got 'faces'"),
        ({"num_images": 400}, "399"),
        ({"num_images": 0}, "399"),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("breast_cancer", **arguments)
