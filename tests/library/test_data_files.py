"""MNIST and Fashion-MNIST: where files are looked for, and what happens to wrong ones. Needs no network."""

import gzip
import hashlib
import struct

import numpy as np
import pytest
import torch

from course_lib.data import HashMismatch, idx, load


def idx_bytes(array: np.ndarray) -> bytes:
    """The format as its authors describe it: magic number 0x00000801 for labels, 0x00000803 for images."""
    magic = {1: 0x0801, 3: 0x0803}[array.ndim]
    return struct.pack(f">I{array.ndim}I", magic, *array.shape) + array.astype(np.uint8).tobytes()


RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, size=(20, 28, 28))
LABELS = np.arange(20) % 10
TINY = {idx.TEST_IMAGES: idx_bytes(IMAGES), idx.TEST_LABELS: idx_bytes(LABELS)}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Sets of 20 test images, an empty cache and no network; returns the folder that COURSE_DATA names."""
    import pooch

    def no_network(*args, **kwargs):
        raise ConnectionError("no network in this test")

    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in TINY.items()}
    for name in ("mnist", "fashion_mnist"):
        entry = idx.SETS[name]
        known = hashes if name == "mnist" else {}
        replaced = idx.IDXSet(entry.url, entry.folders, entry.class_names, dict(entry.gz_sha256), known)
        monkeypatch.setitem(idx.SETS, name, replaced)
    monkeypatch.setitem(idx.NUM_IMAGES, "test", 20)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setattr(pooch, "retrieve", no_network)
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(folder))
    return folder


def write(folder, compress=True, files=TINY):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        path = folder / (f"{file}.gz" if compress else file)
        path.write_bytes(gzip.compress(content, compresslevel=1) if compress else content)


@pytest.mark.parametrize("place", [".", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("compress", [True, False])
def test_files_are_found_directly_or_in_sub_folders_packed_or_not(tiny, place, compress):
    write(tiny / place, compress)
    mnist = load("mnist", "test")
    assert mnist.x.shape == (20, 1, 28, 28)
    assert mnist.x.dtype == torch.float32
    np.testing.assert_allclose(mnist.x[:, 0].numpy() * 255, IMAGES, atol=1e-4)
    assert mnist.y.tolist() == LABELS.tolist()
    assert mnist.class_names == tuple("0123456789")
    part = load("mnist", "test", 7)
    assert torch.equal(part.x, mnist.x[:7])
    assert torch.equal(part.y, mnist.y[:7])
    with pytest.raises(ValueError, match="from 1 to the 20 of"):
        load("mnist", "test", 21)


def test_a_missing_file_names_itself_the_places_and_both_ways_out(tiny):
    with pytest.raises(FileNotFoundError) as caught:
        load("mnist", "test")
    message = str(caught.value)
    for part in (
        "t10k-images-idx3-ubyte.gz",
        str(tiny / "mnist"),
        str(tiny.parent / "cache"),
        "COURSE_DATA",
        "glyphs",
    ):
        assert part in message
    assert "ConnectionError" in message


def test_without_course_data_the_cache_is_used(tiny, monkeypatch):
    monkeypatch.delenv("COURSE_DATA")
    write(tiny.parent / "cache" / "mnist")
    assert len(load("mnist", "test")) == 20


def test_other_content_is_an_error_of_its_own(tiny):
    changed = IMAGES.copy()
    changed[3, 5, 5] ^= 1
    write(tiny, files={**TINY, idx.TEST_IMAGES: idx_bytes(changed)})
    with pytest.raises(HashMismatch, match=r"t10k-images-idx3-ubyte\.gz must have SHA-256"):
        load("mnist", "test")


def test_a_broken_archive_is_the_same_error(tiny):
    write(tiny)
    path = tiny / f"{idx.TEST_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(HashMismatch, match="can't be read to its end"):
        load("mnist", "test")


# as unpackers, browsers and networks leave them

DOTTED = {file.replace("-idx", ".idx"): content for file, content in TINY.items()}


@pytest.mark.situation(
    "Data",
    "MNIST files named with a dot (`train-images.idx3-ubyte`), in a folder of their own name, or below `MNIST/raw`",
    "found, packed or not",
)
@pytest.mark.parametrize("place", [".", "mnist", "raw", "mnist/raw", "mnist/MNIST/raw", "MNIST/raw", "MNIST"])
@pytest.mark.parametrize("compress", [True, False])
def test_names_with_a_dot_are_found(tiny, place, compress):
    write(tiny / place, compress, DOTTED)
    assert load("mnist", "test").y.tolist() == LABELS.tolist()


@pytest.mark.parametrize("inside", [*TINY, *DOTTED])
@pytest.mark.parametrize("around", ["same", "plain"])
def test_a_folder_of_the_files_own_name_is_looked_into(tiny, inside, around):
    others = {file: content for file, content in TINY.items() if file[:12] != inside[:12]}
    write(tiny, files=others)
    folder = inside.replace(".idx", "-idx") if around == "plain" else inside
    write(tiny / folder, compress=False, files={inside: {**TINY, **DOTTED}[inside]})
    assert load("mnist", "test").y.tolist() == LABELS.tolist()


@pytest.mark.situation(
    "Data", "a `.gz` that a browser has unpacked, or a packed file without the ending", "taken: its hash fits"
)
@pytest.mark.parametrize("compress", [True, False])
def test_the_content_tells_whether_it_is_packed(tiny, compress):
    for file, content in TINY.items():
        (tiny / (file if compress else f"{file}.gz")).write_bytes(gzip.compress(content) if compress else content)
    np.testing.assert_allclose(load("mnist", "test").x[:, 0].numpy() * 255, IMAGES, atol=1e-4)


def test_what_was_packed_twice_is_taken(tiny):
    for file, content in TINY.items():
        (tiny / f"{file}.gz").write_bytes(gzip.compress(gzip.compress(content)))
    assert load("mnist", "test").y.tolist() == LABELS.tolist()


@pytest.mark.situation(
    "Data",
    "a web page, a zip archive, a Git LFS pointer or an empty file under a data file's name",
    "one sentence that says what it is and what to do",
)
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<!DOCTYPE html><html>sign in</html>", "web page, the download was intercepted"),
        (b"\xef\xbb\xbf\r\n  <html></html>", "web page, the download was intercepted"),
        (gzip.compress(b"<html><body>403</body></html>", mtime=0), "web page, the download was intercepted"),
        (b"PK\x03\x04" + bytes(40), "zip archive; unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"", r"empty file \(0 bytes\)"),
        (gzip.compress(b"", mtime=0), "empty file"),
    ],
)
def test_what_stands_in_a_files_place_is_named(tiny, ending, content, says):
    write(tiny)
    (tiny / f"{idx.TEST_IMAGES}.gz").unlink()
    path = tiny / f"{idx.TEST_IMAGES}{ending}"
    path.write_bytes(content)
    with pytest.raises(HashMismatch, match=says) as caught:
        load("mnist", "test")
    assert str(path) in str(caught.value)


def test_original_fashion_mnist_is_not_taken_for_mnist(tiny, monkeypatch):
    write(tiny, files=fashion_files())
    for file in TINY:
        packed = (tiny / f"{file}.gz").read_bytes()
        monkeypatch.setitem(idx.SETS["fashion_mnist"].gz_sha256, file, hashlib.sha256(packed).hexdigest())
    with pytest.raises(FileNotFoundError, match="mnist needs"):
        load("mnist", "test")


def test_a_user_without_a_home_has_a_cache(tiny, monkeypatch):
    import pooch

    def no_home(project):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(pooch, "os_cache", no_home)
    with pytest.raises(FileNotFoundError, match="course_lib"):
        load("mnist", "test")


def test_mnist_in_the_folder_is_not_taken_for_fashion_mnist(tiny):
    write(tiny)
    with pytest.raises(FileNotFoundError, match="fashion_mnist needs"):
        load("fashion_mnist", "test")


def fashion_files():
    return {idx.TEST_IMAGES: idx_bytes(255 - IMAGES), idx.TEST_LABELS: idx_bytes(LABELS[::-1].copy())}


def test_repacked_fashion_mnist_is_taken_with_a_warning(tiny):
    write(tiny / "fashion-mnist", files=fashion_files())
    with pytest.warns(UserWarning, match="can't be verified"):
        fashion = load("fashion_mnist", "test")
    assert fashion.class_names[int(fashion.y[0])] == "Ankle boot"
    np.testing.assert_allclose(fashion.x[:, 0].numpy() * 255, 255 - IMAGES, atol=1e-4)


def test_original_fashion_mnist_is_taken_without_one(tiny, monkeypatch, recwarn):
    write(tiny / "fashion_mnist", files=fashion_files())
    for file in TINY:
        packed = (tiny / "fashion_mnist" / f"{file}.gz").read_bytes()
        monkeypatch.setitem(idx.SETS["fashion_mnist"].gz_sha256, file, hashlib.sha256(packed).hexdigest())
    load("fashion_mnist", "test")
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore:.*can't be verified")
def test_unbalanced_labels_are_not_fashion_mnist(tiny):
    write(tiny / "fashion-mnist", files={**fashion_files(), idx.TEST_LABELS: idx_bytes(np.minimum(LABELS, 8))})
    with pytest.raises(ValueError, match="as many labels of each"):
        load("fashion_mnist", "test")


def test_a_download_is_pinned_to_the_hash_of_the_original_and_used(tiny, monkeypatch):
    import pooch

    asked = []

    def retrieve(url, known_hash, fname, path, downloader):
        asked.append((url, known_hash))
        write(path)
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert len(load("mnist", "test")) == 20
    assert asked[0][0].endswith("/t10k-images-idx3-ubyte.gz")
    assert asked[0][1] == f"sha256:{idx.SETS['mnist'].gz_sha256[idx.TEST_IMAGES]}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08\x00", "got 1f 8b 08 00"),
        (b"", "starts 00 00 08"),
        (b"\x00\x00\x0d\x01" + struct.pack(">I", 2) + b"12345678", "IDX file of bytes"),
        (b"\x00\x00\x08\x03" + struct.pack(">I", 2), "header of 16 bytes"),
        (idx_bytes(LABELS)[:-1], "20 values for its shape .*got 19"),
        (idx_bytes(LABELS) + b"\x00", "got 21"),
    ],
)
def test_what_is_not_idx_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        idx.parse_idx(content, "a file")


def test_unknown_split_is_refused(tiny):
    with pytest.raises(ValueError, match="train, test"):
        load("mnist", "faces")


def test_real_mnist_is_what_everybody_else_has(course_data):
    mnist = load("mnist", "test")
    assert mnist.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert mnist.y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.x.mean().item() == pytest.approx(0.1325, abs=1e-4)
