"""A cell of a lesson that is interrupted, in a real kernel: what is said of it, and what the cells after it claim."""

import re
from collections.abc import Iterator

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from course_lib.lessons.kernels import OwnPython

PARAMETERS = """
from course_lib.claims import Settings, claim
NUM_STEPS = 1_000_000
settings = Settings(globals())
"""
SETUP = """
import torch
from course_lib.models import MLPVAE
from course_lib.training import VAEStep, fit
settings.small(NUM_STEPS=3)
x = torch.rand(100, 16)
"""
TRAINED = """
model = MLPVAE(16, 8, 2)
history = fit(VAEStep(model), x, num_steps=NUM_STEPS, batch_size=10, num_records=NUM_STEPS)
"""
BY_HAND = """
done = 0
print("step 0")
while done < NUM_STEPS * 1_000_000:
    done += 1
"""
CLAIM = "claim('one', 1, above=0)"
STOPPED = "This cell was stopped before its end"


class Notebook:
    """Cells run one after the other; ``stop``: interrupted once the cell has printed a step."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def run(self, source: str, cell: str, stop: bool = False) -> str:
        """All that the cell printed, its error included."""
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        seen = ""
        while True:
            answer = self.client.get_iopub_msg(timeout=120)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "stream":
                seen += content["text"]
            elif kind == "error":
                seen += re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return seen
            if stop and "step" in seen:
                stop = False
                self.manager.interrupt_kernel()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Notebook]:
    manager = KernelManager(kernel_spec_manager=OwnPython())
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    yield Notebook(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook(kernel: Notebook) -> Notebook:
    assert kernel.run(PARAMETERS, "parameters") == kernel.run(SETUP, "setup") == ""
    assert "✓ one: 1" in kernel.run(CLAIM, "claim")
    return kernel


@pytest.mark.slow
@pytest.mark.situation(
    "Lessons",
    "a training cell of a lesson that is interrupted",
    "It says after which step, and that the cell has to be run again; until it has, nothing is claimed.",
)
def test_fit_says_where_it_stopped_and_nothing_is_claimed_until_it_ran(notebook: Notebook) -> None:
    said = notebook.run(TRAINED, "train", stop=True)
    assert re.search(r"KeyboardInterrupt: stopped after step \d+ of 1000000; the networks keep", said)
    assert "autograd" not in said, "where in a step it was is of no interest"
    assert STOPPED in said
    assert "· one: 1 (not claimed: a cell was stopped before its end; run it again)" in notebook.run(
        CLAIM, "claim"
    )
    assert notebook.run("print(next(model.parameters()).isfinite().all().item())", "look") == "True\n"
    assert STOPPED not in notebook.run(TRAINED.replace("NUM_STEPS", "4"), "train")
    assert "✓ one: 1" in notebook.run(CLAIM, "claim")


@pytest.mark.slow
def test_a_loop_written_out_is_told_apart_from_one_that_ended(notebook: Notebook) -> None:
    assert STOPPED in notebook.run(BY_HAND, "loop", stop=True)
    assert "not claimed" in notebook.run(CLAIM, "claim")
    assert STOPPED not in notebook.run("1 / 0", "another")  # an error is no interruption
    assert "not claimed" in notebook.run(CLAIM, "claim")
    notebook.run(BY_HAND.replace("NUM_STEPS * 1_000_000", "5"), "loop")
    assert "✓ one: 1" in notebook.run(CLAIM, "claim")
