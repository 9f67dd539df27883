"""the zip that grades on Gradescope: the course, its grader and the secret, for one exercise.

Its files follow https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

import stat
import zipfile
from pathlib import Path

from course_lib.grading.reports import autograder
from course_lib.grading.reports.formats import Format, Request, Written


def write_autograder(path: Path, root: Path, secret: bytes, exercise: str) -> None:
    """The zip that Gradescope takes for an assignment: the grader of ``exercise``, the course at ``root``, the secret.

    Whoever has the zip has the secret. Raises ``FileNotFoundError`` if ``root`` is no clone of the course.
    """
    needed = [root / name for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE")]
    for file in (*needed, root / "solutions" / f"{exercise}.ipynb"):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing: the autograder is made from a clone of the course")
    folders = (root / "course_lib", root / "solutions")
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if _belongs(file)]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", _program("setup.sh"), 0o755)
        _add(archive, "run_autograder", _program("run_autograder.sh"), 0o755)
        _add(archive, "run_autograder.py", _program("run_autograder.py"), 0o644)
        _add(archive, "exercise", exercise + "\n", 0o644)
        _add(archive, "secret", secret.decode() + "\n", 0o600)
        for file in (*needed, *files):
            archive.write(file, file.relative_to(root).as_posix())
    unfinished.chmod(0o600)
    unfinished.replace(path)


def _program(name: str) -> str:
    return (Path(autograder.__file__).parent / name).read_text(encoding="utf-8")


def _belongs(file: Path) -> bool:
    return file.is_file() and not file.is_symlink() and "__pycache__" not in file.parts


def _add(archive: zipfile.ZipFile, name: str, text: str, mode: int) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.external_attr = (stat.S_IFREG | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)


def _write(request: Request) -> Written:
    names = sorted({record.exercise for record in request.records if record.exercise})
    if not request.exercise and len(names) != 1:
        raise ValueError(f"an autograder is for one exercise: give --exercise, one of {', '.join(names)}")
    path = request.folder / "autograder.zip"
    write_autograder(path, request.course, request.secret, request.exercise or names[0])
    return Written(path, "keep it to yourself, the secret is in it")


FORMAT = Format(_write, frozenset({"names", "course", "secret"}))
