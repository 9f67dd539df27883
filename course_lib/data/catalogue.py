"""``load``: every data set of the course by its name."""

from typing import Literal, overload

from course_lib.data.breast_cancer import TableSet, load_breast_cancer
from course_lib.data.digits import load_digits
from course_lib.data.glyphs import load_glyphs
from course_lib.data.idx import SETS, load_idx
from course_lib.data.images import ImageSet
from course_lib.data.shapes import load_shapes
from course_lib.data.signals import SignalSet, load_signals

NAMES = ("glyphs", "digits", "shapes", *SETS, "signals", "breast_cancer")


@overload  # the third one takes any other name, also one known only at run time, for that of an image set
def load(  # type: ignore[overload-overlap]
    name: Literal["signals"], split: str = "train", num_images: int | None = None, *, seed: int = 0
) -> SignalSet: ...


@overload
def load(  # type: ignore[overload-overlap]
    name: Literal["breast_cancer"], split: str = "train", num_images: int | None = None
) -> TableSet: ...


@overload
def load(
    name: str,
    split: str = "train",
    num_images: int | None = None,
    *,
    characters: str = "0123456789",
    seed: int = 0,
) -> ImageSet: ...


def load(
    name: str,
    split: str = "train",
    num_images: int | None = None,
    *,
    characters: str = "0123456789",
    seed: int = 0,
) -> ImageSet | SignalSet | TableSet:
    """The data set called ``name``. Images: ``glyphs`` (rendered, the default of every lesson), ``digits`` (8 x 8,
    real), ``shapes`` (every factor known), ``mnist`` or ``fashion_mnist`` (from the folder in ``COURSE_DATA``, the
    cache, or a download). Others: ``signals`` (windows with planted faults), ``breast_cancer`` (a real table).

    ``split``: ``"train"`` or ``"test"``; glyphs also ``"faces"``, whose faces occur in neither of the two, shapes
    also ``"full"``, every combination of factors.
    ``num_images``: how many images, windows or rows, from the start of the set; glyphs (default 20,000, tests 4,000)
    and signals (8,000 and 2,000) make any number.
    ``seed``: for glyphs and signals, which are random; the same seed gives the same. ``characters``: for glyphs,
    which digits and letters (``y`` counts in that order). The other sets are what they are and ignore both.

    Raises ``ValueError`` for an unknown name or split, or a ``num_images`` that the set doesn't have;
    ``FileNotFoundError`` and ``HashMismatch`` for files.
    """
    if name == "glyphs":
        return load_glyphs(split, num_images, characters, seed)
    if name == "digits":
        return load_digits(split, num_images)
    if name == "shapes":
        return load_shapes(split, num_images)
    if name in SETS:
        return load_idx(name, split, num_images)
    if name == "signals":
        return load_signals(split, num_images, seed)
    if name == "breast_cancer":
        return load_breast_cancer(split, num_images)
    raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}")
