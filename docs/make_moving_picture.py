"""Makes the README's moving picture again: the code map of lesson 01 as the cross is dragged over it.

    python docs/make_moving_picture.py

It needs what the browser tests need, Chromium with playwright, and Pillow.
"""

import math
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from course_lib.viz import code_map

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "browser"))
from widget_page import write_page  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "code_map.gif"
FRAMES, MILLISECONDS, WIDTH = 48, 90, 470


def path_of_the_cross(time: float) -> tuple[float, float]:
    """A closed way over the map, 0 to 1, in units of half its width."""
    angle = 2 * math.pi * time
    return 0.30 * math.sin(angle) + 0.1 * math.sin(2 * angle), 0.42 * math.cos(angle)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 640, "height": 800})
        page.goto(write_page(code_map(), Path(folder) / "map.html").as_uri())
        plot = page.locator("#widget svg").first
        box = plot.bounding_box()
        assert box is not None
        middle, half = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), box["width"] / 2
        frames = []
        for number in range(FRAMES):
            x, y = path_of_the_cross(number / FRAMES)
            page.mouse.move(middle[0] + half * x, middle[1] - half * y)
            if number == 0:
                page.mouse.down()
            page.wait_for_timeout(30)
            shot = page.screenshot(clip={"x": 0, "y": box["y"] - 8, "width": 630, "height": box["height"] + 16})
            frame = Image.open(BytesIO(shot)).convert("RGB")
            frames.append(
                frame.resize((WIDTH, round(WIDTH * frame.height / frame.width)), Image.Resampling.LANCZOS)
            )
        browser.close()
    palette = frames[0].quantize(200)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    first.save(PICTURE, save_all=True, append_images=others, duration=MILLISECONDS, loop=0, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB, {FRAMES} frames")


if __name__ == "__main__":
    main()
