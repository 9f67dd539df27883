"""MNIST (LeCun et al., 1998) and Fashion-MNIST (Xiao et al., 2017): files found on disk or downloaded once.

Files are looked for in the folder that ``COURSE_DATA`` names, under the names and in the folders that unpackers make,
then in the user's cache, then on the network. MNIST's
content is checked by the SHA-256 of its *uncompressed* bytes, whatever the compression. Fashion-MNIST has published
hashes of the original ``.gz`` files only: those are checked. If a file is packed in another way, its structure and its
balanced labels are checked instead, with a warning.
"""

import gzip
import hashlib
import math
import os
import struct
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from course_lib.data.images import ImageSet, check_split, take
from course_lib.data.integrity import check_sha256
from course_lib.data.unpack import unpacked


@dataclass(frozen=True)
class IDXSet:
    """Where an image set in the IDX format comes from, and how its files are recognised."""

    url: str
    folders: tuple[str, ...]  # sub-folders of COURSE_DATA that may hold its files
    class_names: tuple[str, ...]
    gz_sha256: dict[str, str]  # of the original compressed files, which are the ones downloaded
    sha256: dict[str, str]  # of the uncompressed content, where it is published


TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = {"train": (TRAIN_IMAGES, TRAIN_LABELS), "test": (TEST_IMAGES, TEST_LABELS)}
NUM_IMAGES = {"train": 60_000, "test": 10_000}
_REMEDY = "the file is damaged or is another one: delete it, or take the original"

SETS = {
    "mnist": IDXSet(
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        folders=("mnist", "MNIST", "MNIST/raw"),
        class_names=tuple("0123456789"),
        gz_sha256={
            TRAIN_IMAGES: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            TRAIN_LABELS: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            TEST_IMAGES: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            TEST_LABELS: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
        sha256={
            TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion_mnist": IDXSet(
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        folders=("fashion-mnist", "fashion_mnist", "FashionMNIST", "FashionMNIST/raw"),
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        gz_sha256={
            TRAIN_IMAGES: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            TRAIN_LABELS: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            TEST_IMAGES: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            TEST_LABELS: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
        sha256={},
    ),
}


def load_idx(name: str, split: str, num_images: int | None) -> ImageSet:
    """MNIST or Fashion-MNIST, grey levels 0 to 255 scaled to [0, 1], in the order of the published files.

    Raises ``FileNotFoundError`` naming the file and the places tried, ``HashMismatch`` for other content than the
    published one, ``ValueError`` for a file that isn't in the IDX format.
    """
    check_split(name, split, FILES)
    images, labels = (parse_idx(find(name, file), file) for file in FILES[split])
    count = NUM_IMAGES[split]
    if images.shape != (count, 28, 28) or labels.shape != (count,):
        raise ValueError(
            f"{name} {split} must hold {count} images of 28 x 28 and as many labels, got "
            f"{images.shape} and {labels.shape}; delete the files and take the original ones"
        )
    number = take(num_images, count, name, split)
    x = torch.from_numpy(images[:number, None].astype(np.float32) / 255)
    y = torch.from_numpy(labels[:number].astype(np.int64))
    return ImageSet(x, y, SETS[name].class_names, name, split)


def find(name: str, file: str) -> bytes:
    """The verified, uncompressed content of one file of the set ``name``."""
    for path in places(name, file):
        if path.is_file():
            raw, content = unpacked(path)
            if not _belongs_to_another(name, file, raw, content):
                _verify(name, file, path, raw, content)
                return content
    try:
        return gzip.decompress(_download(name, file).read_bytes())
    except (OSError, ValueError) as error:  # no network, no permission; ValueError: pooch got other content
        folders = "\n  ".join(map(str, dict.fromkeys((*_folders(name), _cache() / name))))
        raise FileNotFoundError(
            f"{name} needs the file {file}.gz or {file}. It is in none of these folders:\n  {folders}\n"
            f"and could not be downloaded from {SETS[name].url} ({type(error).__name__}). Either put it into a "
            "folder and name that folder in the environment variable COURSE_DATA, or use "
            'load("glyphs"), which needs no file and no network.'
        ) from error


def places(name: str, file: str) -> Iterator[Path]:
    """Where a file of the set ``name`` is looked for, in this order: ``COURSE_DATA``, then the user's cache.

    Unpackers write ``train-images.idx3-ubyte`` too, or a folder of the file's own name around it.
    """
    names = [f"{stem}{ending}" for stem in (file, file.replace("-idx", ".idx")) for ending in (".gz", "")]
    for folder in _folders(name):
        for found in names:
            yield from (folder / found, folder / found / found, folder / file / found)
    yield _cache() / name / f"{file}.gz"


def _folders(name: str) -> Iterator[Path]:
    chosen = os.environ.get("COURSE_DATA")
    if chosen:
        root = Path(chosen).expanduser()
        for folder in (*(root / own for own in SETS[name].folders), root):
            yield from (folder / inner for inner in ("", "raw", SETS[name].folders[-1]))


def _cache() -> Path:
    import pooch

    try:
        return Path(pooch.os_cache("course_lib")).expanduser()
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / "course_lib"


def _download(name: str, file: str) -> Path:
    import pooch

    known = f"sha256:{SETS[name].gz_sha256[file]}"
    url = f"{SETS[name].url}{file}.gz"
    downloader = pooch.HTTPDownloader(timeout=30)
    return Path(pooch.retrieve(url, known, f"{file}.gz", _cache() / name, downloader=downloader))


def _belongs_to_another(name: str, file: str, raw: bytes, content: bytes) -> bool:
    """Both sets' files bear the same names: MNIST in COURSE_DATA isn't Fashion-MNIST, nor is it MNIST."""
    others = [other for key, other in SETS.items() if key != name]
    return any(
        hashlib.sha256(content).hexdigest() in other.sha256.values()
        or hashlib.sha256(raw).hexdigest() == other.gz_sha256[file]
        for other in others
    )


def _verify(name: str, file: str, path: Path, raw: bytes, content: bytes) -> None:
    if file in SETS[name].sha256:
        check_sha256(content, SETS[name].sha256[file], f"the uncompressed {path}", _REMEDY)
    elif hashlib.sha256(raw).hexdigest() != SETS[name].gz_sha256[file]:
        array = parse_idx(content, file)
        counts = np.bincount(array) if array.ndim == 1 else np.zeros(0)
        if array.ndim == 1 and (len(counts) != 10 or len(set(counts.tolist())) > 1):
            raise ValueError(f"{path} must hold as many labels of each of 10 classes, got {counts}; {_REMEDY}")
        warnings.warn(
            f"{path} is not packed like the original, so its content can't be verified; only its format was checked.",
            stacklevel=4,
        )


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """The uint8 array in an IDX file: two zero bytes, type 8, number of dimensions, sizes (big-endian), data."""
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        start = content[:4].hex(" ")
        raise ValueError(f"{name} must be an IDX file of bytes, which starts 00 00 08, got {start}")
    num_dimensions = content[3]
    start_of_data = 4 + 4 * num_dimensions
    if len(content) < start_of_data:
        raise ValueError(f"{name} must have a header of {start_of_data} bytes, got {len(content)} in all")
    shape = struct.unpack(f">{num_dimensions}I", content[4:start_of_data])
    expected, found = math.prod(shape), len(content) - start_of_data
    if found != expected:
        raise ValueError(f"{name} must hold {expected} values for its shape {shape}, got {found}")
    return np.frombuffer(content, np.uint8, offset=start_of_data).reshape(shape)
