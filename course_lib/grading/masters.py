"""The masters: the exercises as handed out, which say what is the learner's in a submission and what is ours."""

from functools import cache
from pathlib import Path

from nbformat import NotebookNode

from course_lib.grading.build import read_notebook, stamp, strip
from course_lib.tasks.registry import exercises

_ROOT = Path(__file__).parents[2]


@cache
def load_masters(solutions: Path | None = None) -> dict[str, NotebookNode]:
    """The exercises by name, built from ``solutions`` (by default, those of the repository this package is in).

    Raises ``FileNotFoundError`` if there are none.
    """
    folder = solutions or _ROOT / "solutions"
    names = [name for name in exercises() if (folder / f"{name}.ipynb").is_file()]
    if not names:
        raise FileNotFoundError(
            f"no solutions such as 05_variational_autoencoder.ipynb in {folder}: name the folder that holds them, "
            "or install the package from its repository with pip install -e"
        )
    return {name: strip(stamp(read_notebook(folder / f"{name}.ipynb"), name)) for name in names}


def answer_ids(master: NotebookNode) -> list[str]:
    """The names of the tasks in a master, in order: the ``grade_id`` of its answer cells."""
    return [cell.metadata.nbgrader.grade_id for cell in master.cells if cell.metadata.nbgrader.solution]
