"""No lesson in the new form scrolls sideways in JupyterLab, with its outputs, in windows of two widths."""

import shutil
from collections.abc import Iterator

import nbformat
import pytest
from jupyterlab_pages import OVERFLOWS, PATIENCE_MS, ROOT, open_notebook, seen, serving, settings_of_its_own
from playwright.sync_api import Page, expect

LESSONS = (
    "00_start_here",
    "01_autoencoders",
    "02_denoising_sparse_anomalies",
    "03_latent_variables_elbo",
    "04_reparameterization",
    "05_variational_autoencoder",
    "06_latent_space",
)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on the lessons as committed; a learner's copies, which ``course lab`` makes, have no outputs."""
    home = tmp_path_factory.mktemp("widths")
    clone = home / "clone"
    for folder in (clone / "notebooks", clone / "workspace" / "notebooks"):
        folder.mkdir(parents=True)
    for lesson in LESSONS:
        shutil.copy(ROOT / "notebooks" / f"{lesson}.ipynb", clone / "workspace" / "notebooks")
    shutil.copy(ROOT / "notebooks" / f"{LESSONS[0]}.ipynb", clone / "notebooks")
    shutil.copy(ROOT / "pyproject.toml", clone)
    with serving(clone, settings_of_its_own(home)) as address:
        yield address


@pytest.mark.parametrize("width", [1280, 1024])
@pytest.mark.parametrize("lesson", LESSONS)
def test_nothing_in_a_lesson_scrolls_sideways(lab: str, page: Page, lesson: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 860})
    notebook = open_notebook(page, lab, f"{lesson}.ipynb")
    expect(page.locator(".jp-FileBrowser")).to_be_visible()
    cells = notebook.locator(".jp-Notebook .jp-Cell")
    committed = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4).cells
    expect(cells).to_have_count(len(committed), timeout=PATIENCE_MS)
    found = [
        f"cell {index}: {what}, {excess} pixels"
        for index in range(cells.count())
        for what, excess in cells.nth(index).evaluate(OVERFLOWS)
    ]
    seen(page, f"{lesson}-{width}")
    assert not found, "\n".join(found)
