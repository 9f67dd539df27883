"""Image sets, the check of an image tensor, and dynamic binarisation."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from course_lib.data import NAMES, binarize, check_images, load


def test_binarize_draws_zeros_and_ones_with_the_grey_level_as_mean():
    grey = torch.tensor([0.0, 0.1, 0.35, 0.8, 1.0])
    draws = binarize(grey.expand(40_000, 5), torch.Generator().manual_seed(3))
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    assert draws.dtype == grey.dtype
    error = (draws.mean(dim=0) - grey).abs()
    assert (error <= 4.5 * (grey * (1 - grey) / 40_000).sqrt()).all(), "thresholding at 1/2 fails here"


def test_binarize_is_a_fresh_draw_unless_the_generator_is_the_same():
    grey = torch.full((4, 1, 28, 28), 0.5)
    one, two = (binarize(grey, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(binarize(grey), binarize(grey))


@pytest.mark.parametrize("bad", [torch.tensor([1.2]), torch.tensor([-0.1]), torch.tensor([float("nan")])])
def test_binarize_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match=r"grey levels in \[0, 1\]"):
        binarize(bad)


def test_binarize_refuses_bytes():
    with pytest.raises(TypeError, match="uint8"):
        binarize(torch.zeros(3, dtype=torch.uint8))


GOOD = torch.rand(3, 1, 28, 28)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (GOOD.numpy(), TypeError, "torch.as_tensor"),
        ((GOOD * 255).byte(), TypeError, "/ 255"),
        (GOOD.reshape(3, 784), ValueError, r"\(N, 1, H, W\), got \(3, 784\)"),
        (GOOD.squeeze(1), ValueError, "shape"),
        (GOOD.expand(3, 3, 28, 28), ValueError, "shape"),
        (GOOD * 255, ValueError, "divide bytes by 255"),
        (GOOD - 1.5, ValueError, "sigmoid"),
        (GOOD.where(GOOD < 0.9, torch.nan), ValueError, "NaN"),
        (GOOD.where(GOOD < 0.9, torch.inf), ValueError, "inf"),
    ],
)
def test_check_images_says_what_is_wrong(bad, error, message):
    with pytest.raises(error, match=message):
        check_images(bad, "batch")
    with pytest.raises(error, match="batch"):
        check_images(bad, "batch")


def test_check_images_accepts_images_and_an_empty_batch():
    check_images(GOOD)
    check_images(GOOD.double())
    check_images(torch.zeros(0, 1, 28, 28))
    check_images(torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)]))


def test_unknown_name_gets_the_list_of_names():
    assert NAMES == ("glyphs", "digits", "shapes", "mnist", "fashion_mnist", "signals", "breast_cancer")
    with pytest.raises(ValueError, match="glyphs, digits, shapes, mnist, fashion_mnist, signals, breast_cancer"):
        load("cifar10")


def test_digits_are_scikit_learns_in_a_fixed_split_without_overlap():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    known = {image.tobytes(): target for image, target in zip(bunch.images, bunch.target, strict=True)}
    train, test = load("digits"), load("digits", "test", seed=5)
    assert train.x.shape == (1437, 1, 8, 8)
    assert test.x.shape == (360, 1, 8, 8)
    keys = [(16 * image).double().numpy().tobytes() for image in torch.cat([train.x, test.x])[:, 0]]
    assert sorted(keys) == sorted(image.tobytes() for image in bunch.images), "every image exactly once"
    assert [known[key] for key in keys] == torch.cat([train.y, test.y]).tolist()
    assert torch.equal(load("digits", "test", 20).x, test.x[:20])
    places = {image.tobytes(): place for place, image in enumerate(bunch.images)}
    tests = torch.tensor([places[key] for key in keys[1437:]], dtype=torch.float32)
    assert tests.mean().item() == pytest.approx(1797 / 2, abs=5 * 1797 / (12 * 360) ** 0.5), "from all writers"


@pytest.mark.parametrize(
    ("arguments", "message"), [({"split": "faces"}, "train, test"), ({"num_images": 1438}, "1437")]
)
def test_digits_refuse_what_they_do_not_have(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("digits", **arguments)


def test_importing_the_data_floor_stays_cheap():
    heavy = ("sklearn", "matplotlib", "pooch", "PIL")
    code = f"import sys, course_lib.data; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["glyphs", "digits", "shapes", "signals"])
@pytest.mark.parametrize("size", [0, -5, 2.5, "7", True])
def test_a_number_of_images_is_a_size(name, size):
    sentence = rf"num_images must be an integer (of at least 1|from 1 to the .*), got {size!r}"
    with pytest.raises(ValueError, match=sentence):
        load(name, "test", size)


@pytest.mark.parametrize("name", ["glyphs", "digits"])
def test_numpys_integers_are_numbers_of_images(name):
    assert len(load(name, "test", np.int64(7))) == 7
