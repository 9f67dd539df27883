"""Glyphs: known factors that mean what they say, streams that never meet, masters that can't change unnoticed."""

import hashlib
import itertools
import math
import shutil

import numpy as np
import pytest
import torch

from course_lib.data import HashMismatch, check_images, load
from course_lib.data import glyphs as module
from course_lib.data.glyphs import CHARACTERS, FACES, HELD_OUT_FACES, MASTERS_FOLDER, PIXEL, RANGES, masters, warp

PINNED_ROTATIONS = [-9.8765, 3.1754, 4.744, 8.9797]
PINNED_MEAN = 0.108643


@pytest.fixture(scope="module")
def train():
    return load("glyphs", num_images=3000)


def test_a_set_is_what_the_contract_says(train):
    check_images(train.x)
    assert train.x.shape == (3000, 1, 28, 28)
    assert train.x.dtype == torch.float32
    assert train.y.dtype == torch.int64
    assert len(train) == 3000
    assert train.class_names == tuple("0123456789")
    assert set(train.factors) == {"character", "face", *RANGES}
    assert all(len(values) == 3000 for values in train.factors.values())
    assert train.x.amax(dim=(1, 2, 3)).min() > 0.6, "every image has a bright stroke"
    assert 0.05 < train.x.mean() < 0.2, "strokes are bright on black"


def test_default_sizes_need_no_rendering_to_be_known():
    assert module.SPLITS == {"train": 20_000, "test": 4_000, "faces": 4_000}
    assert len(load("glyphs", "test")) == 4_000


def test_factors_fill_their_ranges_and_are_independent(train):
    names = [*RANGES, "y", "face"]
    columns = [train.factors.get(name, train.y) for name in names]
    for name, (low, high) in RANGES.items():
        values = train.factors[name]
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
        assert values.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.05)
    off_diagonal = np.corrcoef(torch.stack([c.double() for c in columns]).numpy()) - np.eye(len(columns))
    assert np.abs(off_diagonal).max() < 4 / math.sqrt(3000)


def test_labels_count_in_the_order_asked_for():
    digits = load("glyphs", num_images=500, characters="30A")
    assert digits.class_names == ("3", "0", "A")
    assert digits.y.unique().tolist() == [0, 1, 2]
    drawn = [CHARACTERS[i] for i in digits.factors["character"].tolist()]
    assert drawn == ["30A"[i] for i in digits.y.tolist()]


def test_all_classes_and_faces_are_about_equally_frequent(train):
    for values, count in ((train.y, 10), (train.factors["face"], len(FACES) - len(HELD_OUT_FACES))):
        frequencies = values.bincount()[values.unique()]
        assert len(frequencies) == count
        assert frequencies.min() > 3000 / count - 5 * math.sqrt(3000 / count)


def test_same_seed_same_images_and_a_longer_draw_begins_with_the_shorter(train):
    again = load("glyphs", num_images=1700)  # also crosses the borders of the chunks in which images are warped
    assert torch.equal(again.x, train.x[:1700])
    assert torch.equal(again.y, train.y[:1700])
    assert not torch.equal(load("glyphs", num_images=50, seed=1).x, train.x[:50])


def test_the_data_stay_what_they_were(train):
    """Written down when the set was made; whoever changes it changes every committed figure and weight."""
    assert train.y[:10].tolist() == [4, 8, 2, 9, 1, 0, 5, 4, 5, 6]
    expected = torch.tensor(PINNED_ROTATIONS)
    torch.testing.assert_close(train.factors["rotation"][:4], expected, rtol=0, atol=1e-4)
    assert train.x[:1000].double().mean().item() == pytest.approx(PINNED_MEAN, abs=1e-5)


def test_streams_of_splits_and_seeds_never_meet():
    draws = [load("glyphs", split, 60, seed=seed) for split in module.SPLITS for seed in (0, 1, 2, 3)]
    for a, b in itertools.combinations(draws, 2):
        shared = set(a.factors["rotation"].tolist()) & set(b.factors["rotation"].tolist())
        assert len(shared) <= 1, f"{a.split} and {b.split} draw the same random numbers"


def test_faces_split_has_only_faces_that_the_others_never_use():
    held_out = {FACES.index(face) for face in HELD_OUT_FACES}
    assert set(load("glyphs", "faces", 400).factors["face"].tolist()) == held_out
    for split in ("train", "test"):
        assert not held_out & set(load("glyphs", split, 400).factors["face"].tolist())


def test_a_warp_moves_a_point_as_its_factors_say():
    """Oracle: the point is sheared, scaled, rotated and shifted forward, one step after the other."""
    row, column, width = 30.0, 70.0, 5.0  # a round blob, in the units of the master
    ticks = torch.arange(96) + 0.5
    squared = (ticks[:, None] - row).square() + (ticks[None] - column).square()
    master = (255 * torch.exp(-squared / (2 * width**2))).round().byte()[None]
    rotation, scale, shear, shift_x, shift_y = 11.0, 0.9, 0.13, 1.2, -0.7

    right, up = (column - 48) / PIXEL, (48 - row) / PIXEL
    right += shear * up  # a positive shear leans to the right at the top
    moved = scale * complex(right, up) * complex(math.cos(math.radians(11)), math.sin(math.radians(11)))
    expected = (14 + moved.real + shift_x, 14 - moved.imag + shift_y)  # shifts: right, down

    factors = [torch.tensor([value]) for value in (rotation, scale, shear, shift_x, shift_y)]
    image = warp(master, *factors)[0, 0].double()
    centers = torch.arange(28, dtype=torch.float64) + 0.5
    mass = image.sum()
    found = ((image.sum(dim=0) * centers).sum() / mass, (image.sum(dim=1) * centers).sum() / mass)
    assert found[0].item() == pytest.approx(expected[0], abs=0.03)
    assert found[1].item() == pytest.approx(expected[1], abs=0.03)
    assert mass.item() == pytest.approx(2 * math.pi * (width * scale / PIXEL) ** 2, rel=0.02), (
        "area shrinks with the square of scale"
    )


def test_no_digit_is_cropped_at_any_corner_of_the_ranges():
    digits = masters()[:, :10].reshape(-1, 96, 96)
    ranges = {**RANGES, "scale": RANGES["scale"][1:]}
    for corner in itertools.product(*ranges.values()):
        x = warp(digits, *(torch.full((len(digits),), value) for value in corner))
        border = torch.cat([x[..., 0, :], x[..., -1, :], x[..., :, 0], x[..., :, -1]], dim=-1)
        assert border.max() < 0.06


def test_masters_are_the_committed_file_with_all_glyphs_different():
    recorded = (MASTERS_FOLDER / "SHA256").read_text().split()[0]
    path = MASTERS_FOLDER / "glyphs.npz"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == recorded
    assert path.stat().st_size < 1_100_000
    glyphs = masters()
    assert glyphs.shape == (len(FACES), len(CHARACTERS), 96, 96)
    assert 18 <= len(FACES) <= 21
    per_face = [len({glyph.numpy().tobytes() for glyph in face}) for face in glyphs]
    assert per_face == [62] * len(FACES), "a face without letters draws the same box for all of them"
    assert (glyphs.flatten(2).amax(dim=2) == 255).all()


def test_a_changed_masters_file_is_refused(tmp_path, monkeypatch):
    shutil.copytree(MASTERS_FOLDER, tmp_path / "masters")
    damaged = bytearray((tmp_path / "masters" / "glyphs.npz").read_bytes())
    damaged[5000] ^= 1
    (tmp_path / "masters" / "glyphs.npz").write_bytes(damaged)
    monkeypatch.setattr(module, "MASTERS_FOLDER", tmp_path / "masters")
    with pytest.raises(HashMismatch, match=r"glyphs\.npz must have SHA-256"):
        masters.__wrapped__()


def test_the_command_renders_what_was_committed():
    """Up to the differences between font renderers: a few grey levels at edges."""
    from pathlib import Path

    import matplotlib

    from course_lib.data.make_masters import render

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for face, character in (("cmr10", "5"), ("DejaVuSans-Bold", "W"), ("STIXGeneralItalic", "g")):
        stored = masters()[FACES.index(face), CHARACTERS.index(character)].numpy().astype(float)
        drawn = render(fonts / f"{face}.ttf", character).astype(float)
        assert np.abs(drawn - stored).mean() < 4


def test_licences_of_the_fonts_are_beside_the_masters():
    for name, word in (("DEJAVU", "Bitstream"), ("STIX", "STIX"), ("BAKOMA", "Malyshev")):
        assert word in (MASTERS_FOLDER / f"LICENSE_{name}").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "validation"}, "train, test, faces"),
        ({"num_images": 0}, "at least 1"),
        ({"characters": "0Ä"}, "different digits and letters"),
        ({"characters": ""}, "different digits and letters"),
        ({"characters": "00"}, "different digits and letters"),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("glyphs", **arguments)
