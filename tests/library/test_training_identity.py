"""What makes a run this run: settings that stand in functions, objects and layers, in this process and in another."""

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.models import TopK
from course_lib.models.autoencoder import Autoencoder
from course_lib.training import AutoencoderStep, VAEStep, fit
from course_lib.training.identity import described, settings_of

SCALE = 1.0
RUN = {"batch_size": 4, "progress": False}


class Ramp:
    """A schedule as people write them: an object that is called, or whose method is."""

    def __init__(self, top):
        self.top = top

    def __call__(self, step):
        return self.top * step

    def at(self, step):
        return self(step)


@dataclass(slots=True)
class Slotted:
    top: float

    def __call__(self, step):
        return self.top * step


def closing_over(value):
    return lambda step: value


def with_default(value):
    def schedule(step, *, top=value):
        return top * step

    return schedule


def of_a_function(top):
    def inner(step):
        return top * step

    return lambda step: inner(step) + 1


def calling_itself(top):
    def schedule(step):
        return top if step < 1 else schedule(step - 1)

    return schedule


def of_a_global(value):
    scope = {"TOP": value}
    exec("beta = lambda step: sum(TOP * s for s in range(step))", scope)  # as a cell of a notebook
    return scope["beta"]


MADE = [
    Ramp, Slotted, with_default, of_a_function, calling_itself, of_a_global, closing_over,
    lambda v: Ramp(v).at,
    lambda v: partial(Ramp(v).at, 3),
    lambda v: closing_over([0.0, v]),
    lambda v: closing_over({"top": (v, 1)}),
    lambda v: closing_over(np.full(3, v)),
    lambda v: closing_over(torch.full((3,), v)),
    lambda v: closing_over(Ramp(v)),
    lambda v: {"late": with_default(v)},
]  # fmt: skip


@pytest.mark.situation(
    "Long runs",
    "a schedule whose numbers stand in a notebook's variable, an object or a list, and were changed",
    "Its run isn't gone on from unnoticed; in another process, with the same numbers, it is.",
)
@pytest.mark.parametrize("make", MADE)
def test_a_changed_number_is_another_setting(make):
    assert described(make(2.0)) == described(make(2.0))
    assert described(make(2.0)) != described(make(3.0))


def test_a_run_notices_a_changed_variable_of_the_notebook(tmp_path):
    def step(top):
        torch.manual_seed(0)
        return VAEStep(tiny(), beta=of_a_global(top))

    def tiny():
        from course_lib.models import MLPVAE

        return MLPVAE(6, 4, 2)

    x = torch.rand(8, 6)
    fit(step(2.0), x, num_steps=2, checkpoint=tmp_path / "run", **RUN)
    with pytest.raises(ValueError, match="differ in beta: "):
        fit(step(3.0), x, num_steps=4, checkpoint=tmp_path / "run", **RUN)
    fit(step(2.0), x, num_steps=4, checkpoint=tmp_path / "run", **RUN)


LAYERS = [
    lambda v: nn.Sequential(nn.Linear(6, 4), nn.Dropout(v)),
    lambda v: nn.Sequential(nn.Linear(6, 4), nn.LeakyReLU(v)),
    lambda v: nn.Sequential(nn.Linear(6, 4), nn.Tanh() if v < 0.25 else nn.ReLU()),
    lambda v: nn.Sequential(nn.Linear(6, 4), TopK(int(10 * v))),
]


@pytest.mark.situation(
    "Long runs",
    "a run resumed with a network of the same weights and other layers: dropout, a slope, how much of a code is kept",
    "Refused, naming the layer.",
)
@pytest.mark.parametrize("encoder", LAYERS)
def test_a_networks_own_settings_are_the_runs(tmp_path, encoder):
    def step(value):
        torch.manual_seed(0)
        return AutoencoderStep(Autoencoder(encoder(value), nn.Linear(4, 6)))

    x = torch.rand(8, 6)
    run = {"checkpoint": tmp_path / "run", **RUN}
    fit(step(0.2), x, num_steps=2, **run)
    with pytest.raises(ValueError, match=r"differ in model\.encoder\.1\.(is|k): .* in the file"):
        fit(step(0.3), x, num_steps=4, **run)
    fit(step(0.2), x, num_steps=4, **run)


def test_the_same_settings_are_the_same_in_another_process():
    """The order of a set and the place of an object are others there."""
    code = textwrap.dedent(
        """
        from course_lib.training.identity import described, settings_of
        class Thing:
            size = 3
        def helper(x):
            return x
        KINDS = {"warm", "cold", "late", "early"}
        def schedule(step, thing=Thing(), also=helper, *, names=frozenset({"a", "b", "c"})):
            return 1.0 if step in {"one", "two", "three", "four"} else float(step in KINDS)
        print(described([schedule, KINDS, Thing(), object(), print, Thing, max]))
        """
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(said) == 1
    assert " at 0x" not in said.pop()


def test_what_hangs_together_endlessly_is_described_all_the_same():
    class Node:
        def __init__(self, others):
            self.others, self.again = others, others

    node = Node([])
    for _ in range(60):
        node = Node([node, node])
    node.others.append(node)
    knot: list[object] = []
    knot.append(knot)
    assert described([node, knot, closing_over(node)])
    assert described(nn.Sequential(nn.Linear(2, 2))) != described(nn.Sequential(nn.Linear(2, 3)))


def test_a_compiled_step_and_odd_globals_are_described():
    from course_lib.models import MLPVAE
    from course_lib.training.accelerate import compile_step

    steps = [compile_step(VAEStep(MLPVAE(6, 4, 2)), backend="eager") for _ in range(2)]
    before = [settings_of(step) for step in steps]
    assert before[0] == before[1]
    assert before[0]["objective"] == "compiled VAEStep.objective"
    steps[0](torch.rand(4, 6))
    assert settings_of(steps[0]) == before[0]
    odd = {"classes": torch.classes, "modules": torch, "ufunc": np.add, "source": torch.Generator(), "this": sys}
    code = "f = lambda s: (" + ", ".join(odd) + ")"
    exec(code, odd)
    assert described(odd["f"]).startswith("<lambda> ")
