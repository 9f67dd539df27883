"""Notebooks from other hosts, and settings made for all that follows: who doesn't depend on them loses nothing."""

from pathlib import Path

import nbformat
import pytest
import torch
from conftest import needs_bubblewrap
from nbformat.v4 import new_code_cell

from course_lib.exercises.catalogue import Catalogue
from course_lib.grading.grade import grade_bytes
from course_lib.grading.intake.read import read_submission
from course_lib.grading.results import Result
from course_lib.grading.sandbox import Limits
from course_lib.probes import settings
from course_lib.probes.calls import observe, unwrapped
from course_lib.tasks.find import find_task

NAME = "07_gan"
SOLUTION = Path(__file__).parents[1] / "exercises" / "handed_in" / "07_first_edition.ipynb"  # no training: quick
CATALOGUE = Catalogue()
TASKS = CATALOGUE.exercise(NAME, read_submission(SOLUTION.read_bytes()).version).tasks
FULL = sum(task.points for task in TASKS)

HABITS = {
    "colab": "from google.colab import drive, files\ndrive.mount('/content/drive')\nfiles.upload()",
    "colab-deep": "from google.colab.patches import cv2_imshow\nimport google.colab.output as o\no.clear()",
    "kaggle": "from kaggle_secrets import UserSecretsClient\nUserSecretsClient().get_secret('key')",
    "pip": "%pip install -q some_package_that_is_nowhere",
    "bang-pip": "!pip install some_package_that_is_nowhere",
    "nvidia-smi": "!nvidia-smi",
    "captured": "gpu = !nvidia-smi -L\nprint(len(gpu))",
    "widget": "%matplotlib widget",
    "magic": "%load_ext autoreload\n%autoreload 2\n%tensorflow_version 2.x",
    "float64": "import torch\ntorch.set_default_dtype(torch.float64)",
    "no-grad": "import torch\ntorch.set_grad_enabled(False)",
    "cuda-device": "import torch\ntorch.set_default_device('cuda')",
    "deterministic": "import torch\ntorch.use_deterministic_algorithms(True)",
    "warnings": "import warnings\nwarnings.simplefilter('error')",
    "input": "name = input('your name? ')\nimport getpass\ngetpass.getpass()",
    "exit": "import sys\nsys.exit()",
    "quit": "quit()",
    "cuda": "device = 'cuda'\nx = torch.zeros(3, device=device)",
    "download": "import urllib.request\nurllib.request.urlopen('https://example.org/data.zip')",
    "wget": "!wget -q https://example.org/x.zip && unzip x.zip\n%cd x",
    "folder": "import os\nos.chdir('/content/drive/MyDrive')",
    "own module": "import sys\nsys.path.append('/content/drive/MyDrive')\nimport helpers_of_mine",
    "gpu wanted": "import torch\nassert torch.cuda.is_available(), 'Runtime > Change runtime type'",
    "apple": "import torch\ny = torch.zeros(2, device=torch.device('mps'))",
    "tensor type": "import torch\ntorch.set_default_tensor_type('torch.cuda.FloatTensor')",
    "autocast": "import torch\ntorch.autocast('cpu', torch.bfloat16).__enter__()",
    "threads": "import torch\ntorch.set_num_threads(64)\ntorch.set_num_interop_threads(8)",
    "secrets": "from google.colab import userdata\nkey = userdata.get('KEY') + 'x'",
    "upload": "from google.colab import files\nfor name in files.upload().keys():\n    print(name)",
    "tracker": "import wandb\nwandb.init(project='x')",
    "bar": "from tqdm.notebook import tqdm\nfor i in tqdm(range(3)):\n    pass",
    "typed": "import sys\nname = sys.stdin.readline()",
    "request": "import requests\nrequests.get('https://example.org', timeout=None)",
    "socket": "import socket\nsocket.create_connection(('8.8.8.8', 53))",
    "numpy": "import numpy as np\nnp.seterr(all='raise')",
    "shell": "get_ipython().system('nvidia-smi')\nget_ipython().run_line_magic('matplotlib', 'ipympl')",
    "silent": "import os, sys\nsys.stdout = open(os.devnull, 'w')",
    "subprocess-pip": "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'nowhere'])",
}


def graded(notebook: nbformat.NotebookNode, sandbox: str) -> Result:
    data = nbformat.writes(notebook).encode()
    result, _ = grade_bytes(data, "anna", CATALOGUE, NAME, secret=b"s", limits=Limits(), sandbox=sandbox)
    return result


def with_habit(habit: str, where: str) -> nbformat.NotebookNode:
    notebook = nbformat.read(SOLUTION, as_version=4)
    tasks = {task.name for task in TASKS}
    cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") in tasks]
    assert len(cells) == len(tasks)
    if where == "own cell":
        for cell in cells:
            notebook.cells.insert(notebook.cells.index(cell), new_code_cell(habit))
    else:
        for cell in cells:
            cell.source = f"{habit}\n{cell.source}"
    return notebook


@needs_bubblewrap
@pytest.mark.slow
@pytest.mark.situation(
    "Uploads",
    "cells made for Colab or another host: `drive.mount`, `%pip`, `!nvidia-smi`, `%matplotlib widget`, `input()`",
    "passed over, in a cell of their own or above an answer; what doesn't depend on them keeps its points",
)
@pytest.mark.parametrize("where", ["own cell", "first line"])
@pytest.mark.parametrize("habit", HABITS)
def test_a_hosts_habits_cost_nothing(habit: str, where: str) -> None:
    result = graded(with_habit(HABITS[habit], where), "forked")
    assert result.score == FULL, [v.message for v in result.verdicts]
    assert result.seconds < 60
    if where == "first line" and habit in ("exit", "quit", "cuda", "download"):
        assert "stopped with" in " ".join(result.notes)


@pytest.mark.slow
def test_a_whole_cell_in_a_magic_of_an_extension_is_run() -> None:
    notebook = with_habit("%%wandb", "first line")
    assert graded(notebook, "none").score == FULL


@pytest.mark.slow
def test_an_answer_that_depends_on_its_host_is_told_the_line() -> None:
    notebook = nbformat.read(SOLUTION, as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "generator_loss")
    cell.source = f"device = 'cuda'\n{cell.source}".replace("return ", "return torch.ones(1, device=device) * ")
    result = graded(notebook, "none")
    verdict = next(v for v in result.verdicts if v.task == "generator_loss")
    assert verdict.points == 0
    assert "torch.ones(1, device=device)" in verdict.message


def test_the_page_names_the_line_where_a_cell_stopped() -> None:
    notebook = nbformat.read(SOLUTION, as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "generator_loss")
    cell.source = "import torch\nrate = torch.load('weights.pt')\ngenerator_loss = make(rate)"
    result = graded(notebook, "none")
    verdict = next(v for v in result.verdicts if v.task == "generator_loss")
    assert "in line 2: rate = torch.load('weights.pt')" in verdict.message


ACCUMULATED = """
def gan_step(generator, discriminator, g_optimizer, d_optimizer, x, z):
    d_optimizer.zero_grad()
    for real, noise in zip(x.split({d}), z.split({d})):
        with torch.no_grad():
            fake = generator(noise)
        loss = discriminator_loss(discriminator(real), discriminator(fake))
        (loss * len(real) / len(x)).backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    for noise in z.split({g}):
        (generator_loss(discriminator(generator(noise))) * len(noise) / len(z)).backward()
    g_optimizer.step()
"""


@pytest.mark.situation(
    "Uploads",
    "a step whose gradients are gathered over parts of the batch, for a small GPU",
    "marked as the step that it is",
)
@pytest.mark.parametrize(("d", "g"), [(1000, 1), (1, 1000), (1, 1), (3, 2)])
def test_a_step_that_gathers_its_gradients_is_right(d: int, g: int) -> None:
    notebook = nbformat.read(SOLUTION, as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "gan_step")
    cell.source = ACCUMULATED.format(d=d, g=g)
    result = graded(notebook, "none")
    verdict = next(v for v in result.verdicts if v.task == "gan_step")
    assert verdict.points == verdict.max_points, verdict.message


# settings for all that follows


@pytest.mark.parametrize(
    "change",
    [
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_device("meta"),
        lambda: torch.set_grad_enabled(False),
        lambda: torch.use_deterministic_algorithms(True),
        lambda: torch.autograd.set_detect_anomaly(True),
        lambda: torch.set_autocast_enabled("cpu", True),
        lambda: torch.no_grad().__enter__(),
        lambda: torch.set_default_tensor_type("torch.DoubleTensor"),
    ],
)
@pytest.mark.parametrize("name", ["gan_step", "generator_loss", "draw_digits", "repaired_step", "feature_error"])
def test_an_answer_is_called_without_the_notebooks_settings(change, name) -> None:
    task = find_task(name)
    case = task.public_cases()[0]
    wanted = observe(task.probe, task.reference, case)
    assert not wanted.error
    state = lambda: (  # noqa: E731
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
    )
    try:
        change()
        before = state()
        found = observe(task.probe, task.reference, case)
        assert state() == before
    finally:
        settings.reset()
    assert not found.error
    for key, value in wanted.outputs.items():
        assert found.outputs[key].dtype == value.dtype
        torch.testing.assert_close(found.outputs[key], value)


@pytest.mark.situation(
    "Uploads",
    "a trained network inside `torch.compile`, `DataParallel` or `AveragedModel`",
    "marked as the network that it holds",
)
@pytest.mark.parametrize(
    "wrap",
    [
        torch.compile,
        torch.nn.DataParallel,
        torch.optim.swa_utils.AveragedModel,
        lambda m: torch.compile(torch.nn.DataParallel(m)),
        lambda m: torch.optim.swa_utils.AveragedModel(torch.compile(m)),
    ],
)
def test_a_wrapped_network_is_the_network(wrap) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())
    found = unwrapped(wrap(network)).state_dict()
    assert found.keys() == network.state_dict().keys()
    torch.testing.assert_close(found["0.weight"], network[0].weight.detach())
