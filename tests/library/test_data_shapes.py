"""Shapes: the full product of factors that mean what they say, each of which can be seen in the image."""

import math

import pytest
import torch

from course_lib.data import check_images, load
from course_lib.data.shapes import RADIUS, VALUES

SIZES = {"shape": 3, "scale": 6, "orientation": 12, "shift_x": 10, "shift_y": 10}


@pytest.fixture(scope="module")
def full():
    return load("shapes", "full")


def at(shapes, **factors):
    """The one image with these indices."""
    here = torch.stack([shapes.factors[name] == index for name, index in factors.items()]).all(0)
    assert here.sum() == 1
    return shapes.x[here][0, 0].double()


def centre_of_mass(image):
    ticks = torch.arange(28, dtype=torch.float64) - 13.5
    return ((image.sum(0) * ticks).sum() / image.sum()).item(), ((image.sum(1) * ticks).sum() / image.sum()).item()


def test_every_combination_of_factors_occurs_once_and_looks_like_no_other(full):
    check_images(full.x)
    assert full.x.shape == (21_600, 1, 28, 28)
    assert full.x.dtype == torch.float32
    assert {name: len(values) for name, values in VALUES.items()} == SIZES
    assert list(full.factors) == list(SIZES)
    rows = torch.stack(list(full.factors.values()), 1)
    assert rows.dtype == torch.int64
    assert len(rows.unique(dim=0)) == math.prod(SIZES.values())
    assert (rows >= 0).all()
    assert (rows.amax(0) + 1).tolist() == list(SIZES.values())
    assert torch.equal(full.y, full.factors["shape"])
    assert full.class_names == VALUES["shape"] == ("heart", "arrow", "L")
    middle = full.x[(full.factors["shift_x"] == 4) & (full.factors["shift_y"] == 4)].flatten(1)
    assert torch.pdist(middle).min() > 2, "shape, scale and orientation can be told from the image"
    seen = full.x.flatten(1).double() @ torch.randn(
        784, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    assert seen.sort().values.diff().min() > 1e-9, "and so can the place: no two images are equal"


def test_train_and_test_share_no_image_and_are_fair_samples(full):
    train, test = load("shapes"), load("shapes", "test")
    assert (train.split, test.split, full.split) == ("train", "test", "full")
    assert (len(train), len(test)) == (19_440, 2_160)
    rows = [torch.stack(list(part.factors.values()), 1) for part in (train, test)]
    assert len(torch.cat(rows).unique(dim=0)) == 21_600
    for name, size in SIZES.items():
        for part in (test, load("shapes", num_images=2_160)):
            shares = part.factors[name].bincount() / 2_160
            assert (shares - 1 / size).abs().max() < 4.5 * math.sqrt((1 - 1 / size) / size / 2_160)
    assert torch.equal(load("shapes", "test", 7).x, test.x[:7])
    assert torch.equal(at(test, **{k: v[3] for k, v in test.factors.items()}), test.x[3, 0].double())


def test_shifts_move_the_same_image_by_whole_pixels(full):
    fixed = {"shape": 2, "scale": 3, "orientation": 7}
    corner = at(full, **fixed, shift_x=0, shift_y=0)
    for right, down in ((1, 0), (0, 1), (9, 4)):
        moved = at(full, **fixed, shift_x=right, shift_y=down)
        assert torch.equal(moved, corner.roll((down, right), (0, 1)))
        across = VALUES["shift_x"][right] - VALUES["shift_x"][0], VALUES["shift_y"][down] - VALUES["shift_y"][0]
        assert across == (right, down)


def test_orientation_turns_counter_clockwise_and_scale_scales(full):
    """Oracle: the centre of mass, which lies off the centre of each shape, turned and scaled as a complex number."""
    for shape in range(3):

        def offset(scale, orientation, shape=shape):
            image = at(full, shape=shape, scale=scale, orientation=orientation, shift_x=7, shift_y=2)
            right, down = centre_of_mass(image)
            return complex(right - VALUES["shift_x"][7], VALUES["shift_y"][2] - down)

        largest = offset(5, 0)
        assert abs(largest) > 0.15
        for index, degrees in enumerate(VALUES["orientation"]):
            angle = math.radians(degrees)
            turned = largest * complex(math.cos(angle), math.sin(angle))
            assert abs(offset(5, index) - turned) < 0.05
            assert abs(offset(1, index) - VALUES["scale"][1] * turned) < 0.07
        areas = [at(full, shape=shape, scale=s, orientation=4, shift_x=0, shift_y=0).sum() for s in range(6)]
        expected = [areas[5] * scale**2 for scale in VALUES["scale"]]
        torch.testing.assert_close(torch.stack(areas), torch.stack(expected), rtol=0.04, atol=0)


def test_areas_are_those_of_the_drawings(full):
    """In units of the radius: an arrow's triangle and shaft, an L's two bars; edges have grey levels between."""
    arrow = at(full, shape=1, scale=5, orientation=0, shift_x=4, shift_y=5)
    ell = at(full, shape=2, scale=5, orientation=0, shift_x=4, shift_y=5)
    assert arrow.sum().item() == pytest.approx(RADIUS**2 * (0.9 * 0.85**2 + 0.56), rel=0.01)
    assert ell.sum().item() == pytest.approx(RADIUS**2 * (0.4 * 1.6 + 0.65 * 0.4), rel=0.02)
    assert ((arrow > 0) & (arrow < 1)).sum() > 10


def test_upright_shapes_point_the_way_one_expects(full):
    heart, arrow, ell = (at(full, shape=s, scale=5, orientation=0, shift_x=4, shift_y=4) for s in range(3))
    rows = heart.sum(1).nonzero()
    assert heart[rows[0]].sum() > heart[rows[-1]].sum(), "the tip of the heart is at the bottom"
    widest = arrow.sum(1).argmax()
    assert 6 < widest < 13, "the arrow points up"
    assert ell.sum(1).argmax() > 14, "the foot of the L is at the bottom"
    assert ell.sum(0).argmax() < 14, "and to the right of its stem"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "faces"}, "train, test, full for shapes, got 'faces'"),
        ({"split": "test", "num_images": 2161}, "2160"),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("shapes", **arguments)
