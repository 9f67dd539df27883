"""What passes a check does well in the cell at the exercise's end, and what ruined it there is refused."""

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from answers import HANDED_IN, SOLUTIONS, judged, read_answers

from course_lib.exercises.build import read_notebook

BANK = [a for a in read_answers() if a.exercise in ("07", "09")]
RULED = """\
gradient left in           KL   feature error    fool    tell
encoder                  1.00            1.00    0.00    0.00
decoder                  0.00            0.10    1.00    0.00
discriminator            0.00            0.00    0.00    1.00
"""


def solved(exercise: str, beginning: str, folder: Path = SOLUTIONS) -> tuple[dict[str, Any], str]:
    """The names that the cells above the one with that ``beginning`` define, checks left out, and its source."""
    (path,) = folder.glob(f"{exercise}_*.ipynb")
    cells = [cell for cell in read_notebook(path).cells if cell.cell_type == "code"]
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        if cell.source.startswith(beginning):
            return namespace, cell.source
        if not cell.metadata.nbgrader.grade:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, f"<{path.stem}>", "exec"), namespace)
    raise ValueError(f"{path.name} has no cell that begins with {beginning}")


def modes(code: str, seed: int) -> int:
    """How many of the eight clusters the last cell of exercise 07's first edition finds with the answer in ``code``."""
    namespace, last = solved("07", "from course_lib import smoke", HANDED_IN)
    exec(code, namespace)
    training = last[: last.index("print(")].replace(
        "SEED, GAMMA, NUM_STEPS = 0", f"SEED, GAMMA, NUM_STEPS = {seed}"
    )
    with contextlib.redirect_stdout(io.StringIO()):
        exec(training, namespace)
    found: int = namespace["coverage"].modes
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer", [a for a in BANK if a.right and a.task in ("gan_step", "r1_penalty")], ids=lambda a: a.what
)
def test_right_steps_and_penalties_find_every_cluster(answer: Any) -> None:
    assert modes(answer.code, seed=1) == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "what"),
    [
        ("r1_penalty", "backward(create_graph=True) and x.grad"),
        ("gan_step", "one sum of both losses, both optimisers"),
        ("gan_step", "the logits are detached, not the images"),
    ],
)
def test_what_finds_no_cluster_is_refused(task: str, what: str) -> None:
    (answer,) = (a for a in BANK if (a.task, a.what) == (task, what))
    assert modes(answer.code, seed=1) == 0
    assert judged(answer).outcome == "named"


@pytest.mark.parametrize(
    "answer", [a for a in BANK if a.right and a.task == "repaired_step"], ids=lambda a: a.what
)
def test_right_repairs_print_the_twelve_numbers(answer: Any) -> None:
    torch.manual_seed(0)
    namespace, last = solved("09", "print_factors(repaired_step)")
    exec(answer.code, namespace)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(last, namespace)
    assert printed.getvalue() == RULED
