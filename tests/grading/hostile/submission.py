"""What a hostile submission is: a notebook, what it attacks by which channel, and what it may earn at most.

Written without sight of the grader's code. Payloads are harmless: one that succeeds leaves a mark. It answers a task
rightly (``reveal``), or leaves a file, a process or bytes at a listener with the submission's token in them. Tokens and
places stand in payloads as ``@NAME@``; ``Place`` fills them in.
"""

import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXERCISES = Path(__file__).resolve().parents[3] / "exercises"
GAN, VAE = "07_gan", "05_variational_autoencoder"
FIRST, SECOND, THIRD, STEP, LAST = GAN_TASKS = (
    "optimal_discriminator",
    "discriminator_loss",
    "generator_loss",
    "gan_step",
    "r1_penalty",
)
VAE_TASKS = ("gaussian_kl", "grey_log_likelihood", "grey_loss", "draw_digits", "train_grey_vae")

# Right answers of the GAN exercise, in its first edition, written from its text
RIGHT = {
    FIRST: "def optimal_discriminator(log_p, log_q):\n    return torch.sigmoid(log_p - log_q)\n",
    SECOND: "def discriminator_loss(real_logits, fake_logits):\n"
    "    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()\n",
    THIRD: "def generator_loss(fake_logits):\n    return F.softplus(-fake_logits).mean()\n",
    STEP: """\
def gan_step(generator, discriminator, g_optimizer, d_optimizer, x, z):
    with torch.no_grad():
        fake = generator(z)
    d_optimizer.zero_grad()
    (F.softplus(-discriminator(x)).mean() + F.softplus(discriminator(fake)).mean()).backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    F.softplus(-discriminator(generator(z))).mean().backward()
    g_optimizer.step()
""",
    LAST: """\
def r1_penalty(discriminator, x, gamma):
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return 0.5 * gamma * slope.flatten(1).square().sum(1)
""",
}

Notebook = dict[str, Any]
Change = Callable[[Notebook], bytes | None]


@dataclass(frozen=True)
class Submission:
    """One submission; ``name`` is also the learner's folder.

    ``cells``: source by ``grade_id``, in place of the exercise's. ``earned``: tasks answered rightly, which may count;
    every other task must get 0. ``kept``: those of ``earned`` that must count, come what may. ``change``: what else is
    done to the notebook; it may return other bytes in its place. ``file`` puts something else where the notebook should
    be. ``jail``: harmless only inside the sandbox.
    ``slow``: ends by a limit. ``bites``: run in the open as plain Python, ``probe()`` of its first cell succeeds.
    """

    name: str
    attacks: str
    channel: str
    cells: Mapping[str, str] = field(default_factory=dict)
    exercise: str = GAN
    earned: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    change: Change | None = None
    file: Callable[[Path, "Place"], None] | None = None
    jail: bool = False
    slow: bool = False
    bites: bool = False


@dataclass(frozen=True)
class Place:
    """What a payload is told: more than any learner knows. ``values``: NAME to the text that replaces ``@NAME@``."""

    run: str
    values: Mapping[str, str]

    def token(self, submission: Submission) -> str:
        return f"{self.run}-{submission.name}"

    def fill(self, submission: Submission, source: str) -> str:
        for name, value in {**self.values, "TOKEN": self.token(submission)}.items():
            source = source.replace(f"@{name}@", value)
        return source


def grade_id(cell: Notebook) -> str:
    """The cell's name, "" for one that has none."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def exercise_notebook(exercise: str) -> Notebook:
    """The exercise as a learner downloads it; the GAN exercise in its first edition, whose checks take no time."""
    path = (
        Path(__file__).with_name("07_first_edition.json") if exercise == GAN else EXERCISES / f"{exercise}.ipynb"
    )
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def cell_of(notebook: Notebook, name: str) -> Notebook:
    """The cell whose ``grade_id`` is ``name``."""
    return next(cell for cell in notebook["cells"] if grade_id(cell) == name)


def code_cell(source: str, **metadata: Any) -> Notebook:
    """A code cell that a learner added."""
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def learner_cells(*sources: str) -> Change:
    """Adds cells of the learner's own before the first task."""

    def change(notebook: Notebook) -> None:
        at = notebook["cells"].index(cell_of(notebook, FIRST))
        notebook["cells"][at:at] = [code_cell(source) for source in sources]

    return change


def contents(submission: Submission, place: Place) -> bytes:
    """The submission's notebook file."""
    notebook = exercise_notebook(submission.exercise)
    for name, source in submission.cells.items():
        cell_of(notebook, name)["source"] = place.fill(submission, source)
    changed = submission.change(notebook) if submission.change else None
    if changed is not None:
        return changed
    return place.fill(submission, json.dumps(notebook)).encode("utf-8", "surrogatepass")


def reveal(probe: str, prelude: str = "") -> dict[str, str]:
    """The first task, answered rightly only if ``probe``, the body of a function, returns something true."""
    source = prelude + "def probe():\n" + textwrap.indent(textwrap.dedent(probe).strip(), "    ")
    return {
        FIRST: source
        + """

try:
    succeeded = bool(probe())
except BaseException:
    succeeded = False


def optimal_discriminator(log_p, log_q):
    return torch.sigmoid(log_p - log_q) if succeeded else torch.zeros_like(log_p)
"""
    }


def right(*tasks: str) -> dict[str, str]:
    """Right answers to ``tasks``."""
    return {task: RIGHT[task] for task in tasks}
