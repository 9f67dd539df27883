"""What the README promises: its files, its pictures, its commands."""

import importlib.util
import re
from pathlib import Path

import pytest
from typer.main import get_command

from course_lib.cli import app
from course_lib.lessons.find import notebooks_in
from course_lib.lessons.minutes import stated_minutes

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_file_it_points_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)", README) + re.findall(r'src="([^"]+)"', README)
    local = [target for target in targets if not target.startswith("http")]
    assert len(local) >= 5
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_every_picture_has_an_alternative_text() -> None:
    pictures = re.findall(r"<img [^>]*>", README)
    assert pictures
    assert all(re.search(r'alt="[^"]{20,}"', picture) for picture in pictures)


def test_every_lesson_is_listed() -> None:
    assert [path.name for path in notebooks_in(ROOT / "notebooks") if f"notebooks/{path.name}" not in README] == []


def test_it_says_how_long_each_lesson_takes() -> None:
    for lesson in notebooks_in(ROOT / "notebooks"):
        row = next(line for line in README.splitlines() if line.startswith(f"| [{lesson.name[:2]} "))
        assert row.endswith(f"| {stated_minutes(lesson)} minutes |")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_command_it_gives_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.S) + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text))
    commands = set(re.findall(r"\bcourse ([a-z]+)\b", code))
    targets = set(re.findall(r"\bmake ([a-z-]+)\b", code))
    makefile = (ROOT / "Makefile").read_text()
    assert commands
    assert commands <= set(get_command(app).commands)  # type: ignore[attr-defined]
    assert targets
    assert [
        target for target in targets if not re.search(rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:", makefile, re.M)
    ] == []


def test_its_pictures_are_those_of_the_lessons() -> None:
    """If this fails: ``make images``, look at them, commit."""
    spec = importlib.util.spec_from_file_location("make_images", ROOT / "docs" / "make_images.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(check=True) == []
