"""JupyterLab on a folder of notebooks, and what tests do in it: open one, run it, look at it."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from course_lib.grading.sandbox.processes import kill_descendants

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
TOKEN = "a-token-for-tests"
PATIENCE_MS = 60_000  # for a kernel to start on a busy machine
COURSE = Path(sys.executable).with_name("course")
# What can be scrolled sideways in a cell, once JupyterLab has rendered it: [what, pixels too many].
OVERFLOWS = """async cell => {
  cell.scrollIntoView({ block: "center" });
  const frame = () => new Promise(requestAnimationFrame);
  for (let i = 0; i < 200 && !cell.querySelector(".cm-line, .jp-RenderedHTMLCommon"); i++) await frame();
  for (let i = 0; i < 5; i++) await frame();
  return [...cell.querySelectorAll("*")]
    .filter(node => node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0)
    .filter(node => ["auto", "scroll"].includes(getComputedStyle(node).overflowX))
    .map(node => [node.className, node.scrollWidth - node.clientWidth]);
}"""


def settings_of_its_own(home: Path) -> dict[str, str]:
    """An environment in which JupyterLab keeps its settings in ``home``, so that the user's stay out of it."""
    folders = {"JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_RUNTIME_DIR"}
    return os.environ | {name: str(home / name.lower()) for name in folders}


@contextmanager
def serving(clone: Path, env: dict[str, str]) -> Iterator[str]:
    """The address of ``course lab`` in the folder ``clone``, until the block is left."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [COURSE, "lab", "--no-browser", "--port", str(port), f"--IdentityProvider.token={TOKEN}"]
    log = clone.parent / "log"
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=clone, env=env, stdout=output, stderr=output)
        try:
            wait_for(f"{address}/api/status?token={TOKEN}", server, log)
            yield address
        finally:
            kill_descendants(server.pid, itself=True)
            server.wait()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):  # five minutes, on a loaded machine
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert server.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.25)
    pytest.fail(f"JupyterLab didn't answer: {log.read_text(encoding='utf-8')}")


def seen(page: Page | Locator, name: str) -> np.ndarray:
    """What is on the screen, as RGB, also kept as a file."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    picture = page.screenshot(path=SCREENSHOTS / f"{name}.png")
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB")).astype(int)


def ready(page: Page) -> None:
    """Wait for the kernel; to run a cell before it is there brings up a question which one to take."""
    expect(page.get_by_text(re.compile(r"Python 3 .*Idle")).first).to_be_visible(timeout=PATIENCE_MS)


def open_notebook(page: Page, lab: str, name: str) -> Locator:
    page.goto(f"{lab}/lab/tree/notebooks/{name}?token={TOKEN}&reset")
    expect(page.get_by_role("tab", name=name).first).to_be_visible(timeout=PATIENCE_MS)
    ready(page)
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def run_all(page: Page) -> None:
    """Run all cells of the notebook in front."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
