"""What a class hands in for exercise 05: right answers written in several ways, and one in five with a mistake."""

from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

EXERCISE = "05_variational_autoencoder"
SOLUTION = Path(__file__).parents[1] / "solutions" / f"{EXERCISE}.ipynb"
_MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")

# by the answer's name: lines of the reference, and what a learner may have written there
RIGHT = {
    "gaussian_kl": [
        ("torch.exp(logvar_q - logvar_p)", "logvar_q.exp() / logvar_p.exp()"),
        (".square() * torch.exp(-logvar_p)", ".pow(2) / logvar_p.exp()"),
    ],
    "grey_log_likelihood": [
        (
            '-F.cross_entropy(logits, x, reduction="none")',
            "logits.log_softmax(1).gather(1, x.unsqueeze(1))",
        ),
    ],
    "grey_loss": [
        ("price.clamp(min=free_nats).sum()", "torch.relu(price - free_nats).add(free_nats).sum()"),
        ("grey_log_likelihood(logits, x).mean()", "grey_log_likelihood(logits, x).sum() / len(x)"),
    ],
    "draw_digits": [
        ("torch.exp(0.5 * logvar_p) * eps", "(logvar_p / 2).exp() * eps"),
        ("(p * grey[:, None]).sum(dim=1)", "(p.movedim(1, 2) @ grey)"),
    ],
    "train_grey_vae": [("lr=3e-3", "lr=2.5e-3"), ("(128,)", "(120,)")],
}
WRONG = [
    ("gaussian_kl", "return 0.5 * ", "return "),
    ("grey_log_likelihood", ".sum(dim=1)", ".mean(dim=1)"),
    ("grey_loss", "image = grey_log_likelihood(logits, x).mean()", "image = grey_log_likelihood(logits, x).sum()"),
    ("draw_digits", "0.5 * logvar_p", "logvar_p"),
]


def is_right(number: int) -> bool:
    return number % 5 != 4


def submission(number: int, *, trained: bool = True, shown: bool = True) -> NotebookNode:
    """The notebook of learner ``number``, the same whenever it is made.

    ``trained``: with the last task, which trains a network for some seconds; left as a stub otherwise.
    ``shown``: with the cells that aren't marked, the last of which train once more to show pictures.
    """
    notebook = deepcopy(nbformat.read(SOLUTION, as_version=4))
    if not shown:
        notebook.cells = [c for c in notebook.cells if c.metadata.get("course", {}).get("graded", True)]
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        name = cell.metadata.nbgrader.grade_id
        if name not in RIGHT:
            continue
        if is_right(number):
            ways = [("", ""), *RIGHT[name]]
            cell.source = _replaced(cell.source, *ways[(number + 3 * list(RIGHT).index(name)) % len(ways)])
        elif name == WRONG[number // 5 % len(WRONG)][0]:
            cell.source = _replaced(cell.source, *WRONG[number // 5 % len(WRONG)][1:])
        if name == "train_grey_vae" and not trained:
            cell.source = cell.source[: cell.source.index(_MARKS[0])] + "raise NotImplementedError"
        lines = (line for line in cell.source.splitlines() if not line.strip().startswith(_MARKS))
        cell.source = "\n".join(lines) + f"\n# {learner(number)}"
    return notebook


def learner(number: int) -> str:
    return f"learner{number:05}"


def deserved(scores: dict[str, float], numbers: range) -> int:
    """How many learners got full marks for a right submission, or less for a wrong one."""
    best = max(scores.values(), default=0.0)
    return sum((scores.get(learner(number), -1.0) == best) == is_right(number) for number in numbers)


def hand_in(folder: Path, numbers: range, **kind: bool) -> None:
    """Write ``LEARNER/EXERCISE/EXERCISE.ipynb`` for each number; ``kind`` as for :func:`submission`."""
    for number in numbers:
        path = folder / learner(number) / EXERCISE / f"{EXERCISE}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text(number, **kind), encoding="utf-8")


def text(number: int, **kind: bool) -> str:
    """The file of :func:`submission`."""
    written: str = nbformat.writes(submission(number, **kind))
    return written


def _replaced(source: str, old: str, new: str) -> str:
    if old not in source:
        raise ValueError(f"the reference has changed; {old!r} is not in it any more")
    return source.replace(old, new) if old else source
