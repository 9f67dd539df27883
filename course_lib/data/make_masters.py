"""Render the master glyphs that ``load("glyphs")`` warps; run once, and the result is committed.

    python -m course_lib.data.make_masters

Font rendering differs between FreeType builds, and a data set must not: the loader therefore reads the stored
masters and checks their SHA-256. Every face is set so that its digit ``0`` is ``DIGIT_HEIGHT`` pixels high; a
character that would be larger than ``MAX_EXTENT`` in width or height (such as ``W``) is set smaller: at scale
1 both are 20 pixels of the final image, MNIST's box.
"""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from course_lib.data.glyphs import CHARACTERS, FACES, MASTER_SIZE, MASTERS_FOLDER

DIGIT_HEIGHT = 72  # pixels of the 96-pixel master
MAX_EXTENT = 72
OVERSAMPLING = 4  # glyphs are drawn this many times larger and averaged, which FreeType's hinting can't disturb


def _height(font: ImageFont.FreeTypeFont, character: str) -> float:
    _, top, _, bottom = font.getmask(character).getbbox() or (0, 0, 0, 0)
    return bottom - top


def render(font_file: Path, character: str) -> np.ndarray:
    """One character, centred by its bounding box: (MASTER_SIZE, MASTER_SIZE) uint8, bright on black."""
    canvas = MASTER_SIZE * OVERSAMPLING
    probe = 200
    size = probe * DIGIT_HEIGHT * OVERSAMPLING / _height(ImageFont.truetype(font_file, probe), "0")
    left, top, right, bottom = _bounding_box(font_file, size, character, canvas)
    size *= min(1.0, MAX_EXTENT * OVERSAMPLING / max(right - left, bottom - top))
    left, top, right, bottom = _bounding_box(font_file, size, character, canvas)
    image = _draw(font_file, size, character, canvas * 3, canvas, canvas)
    x0 = (left + right - canvas) / 2
    y0 = (top + bottom - canvas) / 2
    image = image.crop((round(x0), round(y0), round(x0) + canvas, round(y0) + canvas))
    return np.asarray(image.resize((MASTER_SIZE, MASTER_SIZE), Image.Resampling.BOX))


def _draw(font_file: Path, size: float, character: str, canvas: int, x: int, y: int) -> Image.Image:
    image = Image.new("L", (canvas, canvas), 0)
    ImageDraw.Draw(image).text((x, y), character, fill=255, font=ImageFont.truetype(font_file, size))
    return image


def _bounding_box(font_file: Path, size: float, character: str, canvas: int) -> tuple[int, int, int, int]:
    box = _draw(font_file, size, character, canvas * 3, canvas, canvas).getbbox()
    if box is None:
        raise ValueError(
            f"{font_file.name} must have letters and digits, got nothing for {character!r}; choose another face"
        )
    return box


def make(folder: Path = MASTERS_FOLDER) -> Path:
    """Render every face and character; write ``glyphs.npz`` and ``SHA256`` to ``folder``; return the path."""
    import matplotlib

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    masters = np.stack([[render(fonts / f"{face}.ttf", c) for c in CHARACTERS] for face in FACES])
    path = folder / "glyphs.npz"
    np.savez_compressed(path, masters=masters, faces=np.array(FACES), characters=np.array(list(CHARACTERS)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "SHA256").write_text(f"{digest}  {path.name}\n")
    print(f"{path.name}: {masters.shape}, {path.stat().st_size / 1e6:.2f} MB, SHA-256 {digest}")
    return path


if __name__ == "__main__":
    make()
