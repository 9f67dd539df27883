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
    "kl_divergence": [
        (
            "0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)",
            "-0.5 * torch.sum(1 + logvar - mu**2 - torch.exp(logvar), dim=-1)",
        ),
        ("    return 0.5", "    variance = logvar.exp()\n    return 0.5"),
    ],
    "reparameterize": [
        ("torch.exp(0.5 * logvar) * eps", "(logvar / 2).exp() * eps"),
        ("mu + torch.exp(0.5 * logvar) * eps", "torch.addcmul(mu, logvar.mul(0.5).exp(), eps)"),
    ],
    "bernoulli_log_likelihood": [
        (
            '-F.binary_cross_entropy_with_logits(logits, x, reduction="none")',
            "x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)",
        ),
    ],
    "negative_elbo": [
        (
            "(kl_divergence(mu, logvar) - bernoulli_log_likelihood(logits, x)).mean()",
            "kl_divergence(mu, logvar).mean() - bernoulli_log_likelihood(logits, x).mean()",
        ),
    ],
    "train_vae": [("lr=3e-3", "lr=2.5e-3"), ("(128,)", "(120,)")],
}
WRONG = [
    ("kl_divergence", ".sum(dim=1)", ".mean(dim=1)"),
    ("reparameterize", "0.5 * logvar", "logvar"),
    ("bernoulli_log_likelihood", ".sum(dim=1)", ".mean(dim=1)"),
    ("negative_elbo", ".mean()", ".sum()"),
]


def is_right(number: int) -> bool:
    return number % 5 != 4


def submission(number: int, *, trained: bool = True, shown: bool = True) -> NotebookNode:
    """The notebook of learner ``number``, the same whenever it is made.

    ``trained``: with the last task, which trains a network for about a second; left as a stub otherwise.
    ``shown``: with the last cell, which isn't marked and trains once more to show pictures.
    """
    notebook = deepcopy(nbformat.read(SOLUTION, as_version=4))
    if not shown:
        notebook.cells.pop()
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
        if name == "train_vae" and not trained:
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
