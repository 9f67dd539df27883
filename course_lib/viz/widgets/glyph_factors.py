"""The widget of the data set: one glyph, and a control for each number that it is made from."""

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.data.glyphs import FACES, HELD_OUT_FACES, MASTER_SIZE, PIXEL, RANGES, masters, warp
from course_lib.viz.images import image_rows
from course_lib.viz.widgets.host import Widget, packed

_CHARACTERS = tuple("0123456789")
_SIDE = 28
_STILLS = 7  # values of each number in the picture that stands in
_START: dict[str, Any] = {
    "character": 2,
    "face": FACES.index("DejaVuSerif"),
    "rotation": 0.0,
    "scale": 0.9,
    "shear": 0.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
}
_CAPTION = (
    "One glyph, drawn anew as one of its numbers runs from its least to its greatest value: its face, then rotation, "
    "scale, shear, and the two shifts."
)
# faces of a family: upright, bold, slanted, both; as many of them as there are
_FAMILIES = {
    "DejaVu Sans": FACES[0:4],
    "DejaVu Sans Mono": FACES[4:8],
    "DejaVu Serif": FACES[8:12],
    "STIX General": FACES[12:16],
    "Computer Modern": FACES[16:19],
    "Computer Modern Sans": FACES[19:20],
    "Computer Modern Typewriter": FACES[20:21],
}


class GlyphFactors(Widget):
    """What :func:`glyph_factors` returns; ``value`` holds the factors: two whole numbers, an index into the ten digits
    and one into ``FACES``, and five in the units of ``RANGES``."""

    @property
    def x(self) -> Tensor:
        """The glyph as it stands there, float32 (1, 1, 28, 28) in [0, 1]."""
        return drawn(self.value)


def glyph_factors() -> GlyphFactors:
    """A glyph of the data set ``glyphs`` with a control for each of its factors, drawn in the browser.

    Let it be the last expression of a cell; ``.x`` is the glyph that was made.
    """
    cropped, left, top = _cropped()
    data = {
        "masters": packed(cropped),
        "place": {"left": left, "top": top, "size": MASTER_SIZE, "side": _SIDE, "pixel": PIXEL},
        "faces": [
            {
                "name": face,
                "family": family,
                "bold": i % 2 == 1,
                "slanted": i > 1,
                "held_out": face in HELD_OUT_FACES,
            }
            for family, faces in _FAMILIES.items()
            for i, face in enumerate(faces)
        ],
        "characters": list(_CHARACTERS),
        "ranges": {name: list(ends) for name, ends in RANGES.items()},
        "start": _START,
    }
    return GlyphFactors("glyph_factors", data, dict(_START), _still, _CAPTION)


def drawn(factors: dict[str, Any]) -> Tensor:
    """The glyph of these factors, float32 (1, 1, 28, 28): ``character`` and ``face`` as whole numbers, the others in
    the units of ``RANGES``."""
    others = {name: torch.tensor([float(factors[name])]) for name in RANGES}
    return warp(masters()[[factors["face"]], [factors["character"]]], **others)


def _cropped() -> tuple[Tensor, int, int]:
    """The masters of the ten digits without the black around all of them, and how much was cut off left and above."""
    digits = masters()[:, : len(_CHARACTERS)]
    ink = digits.amax((0, 1)) > 0
    rows, columns = ink.any(1).nonzero()[:, 0], ink.any(0).nonzero()[:, 0]
    top, left = int(rows[0]), int(columns[0])
    return digits[:, :, top : int(rows[-1]) + 1, left : int(columns[-1]) + 1], left, top


def _still() -> Figure:
    seen = [i for i, face in enumerate(FACES) if face not in HELD_OUT_FACES]
    faces = [seen[i * (len(seen) - 1) // (_STILLS - 1)] for i in range(_STILLS)]
    rows = {"face": torch.cat([drawn(_START | {"face": face}) for face in faces])}
    for name, (low, high) in RANGES.items():
        values = torch.linspace(low, high, _STILLS).tolist()
        rows[name.replace("_", " ")] = torch.cat([drawn(_START | {name: value}) for value in values])
    return image_rows(rows)
