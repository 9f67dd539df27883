"""``load``: every image set of the course by its name."""

from course_lib.data.digits import load_digits
from course_lib.data.glyphs import load_glyphs
from course_lib.data.idx import SETS, load_idx
from course_lib.data.images import ImageSet
from course_lib.data.shapes import load_shapes

NAMES = ("glyphs", "digits", "shapes", *SETS)


def load(
    name: str,
    split: str = "train",
    num_images: int | None = None,
    *,
    characters: str = "0123456789",
    seed: int = 0,
) -> ImageSet:
    """The image set called ``name``: ``glyphs`` (rendered, the default of every lesson), ``digits`` (8 x 8, real),
    ``shapes`` (every factor known), ``mnist`` or ``fashion_mnist`` (from the folder in ``COURSE_DATA``, the cache, or
    a download).

    ``split``: ``"train"`` or ``"test"``; glyphs also ``"faces"``, whose faces occur in neither of the two, shapes
    also ``"full"``, every combination of factors.
    ``num_images``: how many, from the start of the set; glyphs make any number (default 20,000, tests 4,000).
    ``characters``, ``seed``: for glyphs which digits and letters (``y`` counts in that order) and which random
    warps; the same seed gives the same images. The other sets are what they are and ignore both.

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
    raise ValueError(f"name should be one of {', '.join(NAMES)}, but is {name!r}.")
