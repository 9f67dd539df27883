"""The map of the course: every lesson has one place on it, and its title and minutes are its own."""

import re
from pathlib import Path

import pytest
from conftest import write_notebook

from course_lib.lessons.find import notebooks_in
from course_lib.lessons.paths import CORE, DEEP, course_list, course_paths
from course_lib.viz import course_diagram
from course_lib.viz.diagrams.course import Stop

ROOT = Path(__file__).resolve().parents[2]


def test_every_lesson_has_one_place() -> None:
    """If this fails: put the new lesson into CORE or DEEP of course_lib/lessons/paths.py."""
    there = [path.name[:2] for path in notebooks_in(ROOT / "notebooks")]
    assert [number for number in there if number not in CORE and number not in DEEP] == []
    assert not set(CORE) & set(DEEP)
    assert set(DEEP.values()) <= set(CORE)


def test_the_map_is_read_off_the_lessons(tmp_path: Path) -> None:
    time = "**Time:** about {} minutes to read, code included"
    for name, title, minutes in [
        ("09_c", "09 · The VAE-GAN", 45),
        ("05_b", "05 · The VAE", 50),
        ("03_d", "03 · The ELBO", 40),
        ("01_a", "01 · Autoencoders", 55),
    ]:
        write_notebook(tmp_path / "notebooks" / f"{name}.ipynb", title=f"{title}\n\n{time.format(minutes)}")
    core, deep = course_paths(tmp_path)
    assert core == [Stop("01", "Autoencoders", 55), Stop("05", "The VAE", 50), Stop("09", "The VAE-GAN", 45)]
    assert deep == {"05": [Stop("03", "The ELBO", 40)]}
    text = course_list(tmp_path, core, deep).data
    assert re.findall(r"\((\d\d_\w\.ipynb)\)", text) == ["01_a.ipynb", "05_b.ipynb", "09_c.ipynb", "03_d.ipynb"]
    assert "| deep, beside 05 | [03 The ELBO](03_d.ipynb) | 40 |" in text
    assert "about 2.5 hours on the core path and 0.5 hours on the deep one" in text


def test_the_map_is_drawn_with_all_its_arrows() -> None:
    core = [Stop(number, "A lesson with a long title, in three lines", 50) for number in ("00", "01", "05")]
    figure = course_diagram(core, {"05": [Stop("03", "Deeper", 30), Stop("04", "Deepest", 30)]})
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    assert [text.get_text() for text in texts[::2]] == ["00", "01", "05", "03", "04"]
    for box in boxes:
        assert figure.bbox.y0 <= box.y0
        assert box.x1 <= figure.bbox.x1
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    with pytest.raises(ValueError, match=r"core lessons \(00, 01, 05\), got 07"):
        course_diagram(core, {"07": core[:1]})
