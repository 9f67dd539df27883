"""``load``: every image set of the course by its name."""

from course_lib.data.glyphs import load_glyphs
from course_lib.data.images import ImageSet

NAMES = ("glyphs",)


def load(
    name: str,
    split: str = "train",
    num_images: int | None = None,
    *,
    characters: str = "0123456789",
    seed: int = 0,
) -> ImageSet:
    """The image set called ``name``.

    ``split``: ``"train"`` or ``"test"``; glyphs also ``"faces"``, whose faces occur in neither of the two.
    ``num_images``: how many, from the start of the set; glyphs make any number (default 20,000, tests 4,000).
    ``characters``, ``seed``: only for glyphs, which are rendered: which digits and letters (``y`` counts in
    that order), and which random warps. The same seed gives the same images.

    Raises ``ValueError`` for an unknown name or split, or a ``num_images`` that the set doesn't have.
    """
    if name == "glyphs":
        return load_glyphs(split, num_images, characters, seed)
    raise ValueError(f"name should be one of {', '.join(NAMES)}, but is {name!r}.")
