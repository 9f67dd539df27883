"""The pictures of the README, one a lesson, taken out of the committed outputs: ``make images``.

A lesson chooses its picture by the tag ``readme`` on the cell that shows it; the first PNG of that cell is taken.
``--check`` writes nothing and exits with 1 if a picture isn't the lesson's (tests/project/test_readme.py does it too).
"""

import base64
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

from course_lib.lessons.find import notebooks_in
from course_lib.lessons.outputs import read_notebook

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
TAG = "readme"
MAX_WIDTH = 640  # px; the README shows them at half of that, sharp on dense screens too


def picture_of(lesson: Path) -> bytes | None:
    """The PNG of the cell that is tagged, at most `MAX_WIDTH` wide; None if no cell is tagged."""
    for cell in read_notebook(lesson).cells:
        if TAG in cell.metadata.get("tags", []):
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    return shrunk(base64.b64decode(output.data["image/png"]))
    return None


def shrunk(png: bytes) -> bytes:
    image = Image.open(BytesIO(png)).convert("RGB")
    if image.width > MAX_WIDTH:
        image = image.resize((MAX_WIDTH, round(image.height * MAX_WIDTH / image.width)), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def pixels(png: bytes) -> bytes:
    return Image.open(BytesIO(png)).convert("RGB").tobytes()


def main(check: bool) -> list[str]:
    """The names of the lessons whose picture was missing or another; without `check` they are put right."""
    changed = []
    for lesson in notebooks_in(ROOT / "notebooks"):
        png = picture_of(lesson)
        if png is None:
            continue
        path = IMAGES / f"{lesson.stem}.png"
        if not path.exists() or pixels(path.read_bytes()) != pixels(png):
            changed.append(lesson.stem)
            if not check:
                IMAGES.mkdir(parents=True, exist_ok=True)
                path.write_bytes(png)
    return changed


if __name__ == "__main__":
    only_look = "--check" in sys.argv[1:]
    names = main(only_look)
    print("\n".join(names) or "every picture is its lesson's")
    sys.exit(1 if names and only_look else 0)
